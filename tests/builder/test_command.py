"""``nncore builder``: what the page begins with, and what is said where it cannot begin."""

import base64
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.parse
import urllib.request
import webbrowser
from pathlib import Path

import numpy as np
import pytest

import nncore
from nncore.builder import server
from nncore.builder.messages import Request, carry_out
from nncore.cli import builder
from nncore.cli.main import main
from nncore.cli.parser import parse

RUN_BUILDER = "import sys; from nncore.cli.main import main; sys.exit(main(['builder']))"
CSV = "size,colour,price\n" + "".join(f"{i % 7}.5,{'red' if i % 2 else 'blue'},{i * 1.25}\n" for i in range(40))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "flats.csv"
    path.write_text(CSV)
    return str(path)


def session(*words):
    return builder.session_for(parse(["builder", *words]))


def script(found):
    scope = {}
    exec(builder_script(found), scope)
    return scope["model"]


def builder_script(found):
    from nncore.builder.export import export

    return export(found.run, "script", found.path)["text"]


def trained(found, epochs=3):
    found.run.fit(epochs, lambda *_: None)
    return found


def test_it_begins_with_the_first_starting_point():
    assert session().run.setup.source.name == "xor"


def test_data_of_ones_own(table):
    found = trained(session("--data", table, "--target", "colour", "--ignore", "price"))
    assert found.run.prepared.dataset.feature_names == ("size",)
    assert found.run.setup.layers[-1].units == 2
    assert np.array_equal(script(found).parameters, found.run.model.parameters)


def test_arrays_of_ones_own(tmp_path):
    path = str(tmp_path / "points.npz")
    np.savez(path, X=np.random.default_rng(0).normal(size=(30, 2)), y=np.arange(30) % 3)
    found = trained(session("--data", path))
    assert np.array_equal(script(found).parameters, found.run.model.parameters)


@pytest.mark.parametrize("name", ["iris", "spiral", "diabetes"])
def test_a_named_data_set(name):
    assert trained(session("--data", name)).run.model.epoch == 3


def test_a_model_goes_on_where_it_stopped(tmp_path, capsys):
    path = str(tmp_path / "iris.safetensors")
    assert main(["train", "iris", "--epochs", "4", "--seed", "3", "-o", path, "--quiet"]) == 0
    found = session(path)
    model = nncore.load(path)
    assert found.run.setup.source.name == "iris"
    assert np.array_equal(found.run.model.parameters, model.parameters)
    assert found.run.prepared.noted
    assert main(["evaluate", path, "iris", "--held-out", "--json"]) == 0
    assert len(found.run.prepared.held_out) == 30
    trained(found)
    assert found.run.model.epoch == 7
    assert np.array_equal(script(found).parameters, found.run.model.parameters)
    assert "load(" in builder_script(found)
    assert f"# It reads {path!a}: run it where that is." in builder_script(found)


def test_a_model_from_a_file_says_at_once_how_well_it_does(tmp_path, capsys):
    path = str(tmp_path / "iris.safetensors")
    main(["train", "iris", "--epochs", "30", "-o", path, "--quiet"])
    found = session(path)
    frame = found.state()["frame"]
    model, run = nncore.load(path), found.run
    model.compile(model.optimizer, model.loss, ["accuracy"])
    for part, prefix in (("train", ""), ("held_out", "val_")):
        expected = model.evaluate(*run.part(part))
        assert (frame[f"{prefix}loss"], frame[f"{prefix}accuracy"]) == (expected["loss"], expected["accuracy"])
    trained(found)
    assert found.state()["frame"]["loss"] == run.model.history["loss"][-1]


def test_what_is_saved_does_not_take_the_place_of_the_file_it_began_with(tmp_path, monkeypatch):
    """Its script, too, notices when it finds another model than that one."""
    monkeypatch.chdir(tmp_path)
    main(["train", "iris", "--epochs", "4", "-o", "model.safetensors", "--quiet"])
    found = trained(session("model.safetensors"))
    saved = carry_out(found, Request(1, "export", {"kind": "model"}))
    assert saved["name"] == "model-7-epochs.safetensors"
    (tmp_path / "model.safetensors").write_bytes(base64.b64decode(saved["base64"]))
    with pytest.raises(AssertionError, match="the run began with a model of 4 epochs, not of 7"):
        exec(builder_script(found), {})


def test_reset_and_undo_of_a_loaded_model(tmp_path):
    path = str(tmp_path / "iris.safetensors")
    main(["train", "iris", "--epochs", "4", "-o", path, "--quiet"])
    found = trained(session(path))
    later = found.run.model.parameters.copy()
    carry_out(found, Request(1, "reset", {}))
    assert np.array_equal(found.run.model.parameters, nncore.load(path).parameters)
    carry_out(found, Request(1, "undo", {}))
    assert np.array_equal(found.run.model.parameters, later)


@pytest.mark.parametrize(
    "words, message",
    [
        (["--data", "irsi"], "no such data set or file: irsi"),
        (["--data", "TABLE", "--target", "cost"], "there is no column 'cost'"),
        (
            ["--data", "iris", "--target", "species"],
            "--target is for tables of one's own; iris has a target",
        ),
        (["--data", "missing.csv"], "missing.csv: No such file"),
        (["MODEL", "--data", "TABLE", "--target", "price"], "expects 4 features, the data have 3"),
        (["--data", "FAR"], "X spreads too wide in column 'size'"),
        (["--data", "mnist:TABLE"], "is no folder"),
        (["MODEL", "--data", "xor"], "expects 4 features, the data have 2"),
        (["PLAIN"], "does not say what it was trained on; name the data with --data"),
        (["--port", "99999"], "expected a whole number from 0 to 65535"),
        (["--open"], "unknown option '--open'"),
    ],
)
def test_what_cannot_begin(words, message, table, tmp_path, capsys):
    files = {name: str(tmp_path / f"{name}.safetensors") for name in ("MODEL", "PLAIN")}
    main(["train", "iris", "--epochs", "1", "-o", files["MODEL"], "--quiet"])
    model = nncore.Sequential([nncore.Dense(3, "softmax")])
    model.build(4)
    model.save(files["PLAIN"])
    far = tmp_path / "far.csv"
    far.write_text("size,price\n" + "1e300,1\n-1e300,2\n" * 9)
    places = {"TABLE": table, "FAR": str(far), **files}
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    assert main(["builder", "--no-browser", *words]) in (1, 2)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_a_model_of_any_dtype_goes_on_in_its_own(dtype, tmp_path):
    path = str(tmp_path / "model.safetensors")
    assert main(["train", "iris", "--epochs", "1", "--dtype", dtype, "-o", path, "--quiet"]) == 0
    found = trained(session(path), 2)
    assert found.run.setup.dtype == found.run.model.dtype_policy == dtype
    assert np.array_equal(script(found).parameters, found.run.model.parameters)


def test_a_missing_extra_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(server, "NEEDED", ("no_such_package",))
    assert main(["builder"]) == 1
    assert capsys.readouterr().err.endswith("install with: pip install no_such_package\n")


def test_it_opens_the_browser_and_serves(monkeypatch, capsys):
    """Others may read a command line: there is a file on it, which only this user can read, and that goes again."""
    opened = []

    def look(address):
        file = Path(urllib.request.url2pathname(urllib.parse.urlparse(address).path))
        modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (file, file.parent)]
        opened.append((address, file, file.read_text(encoding="utf-8"), modes))

    monkeypatch.setattr(webbrowser, "open", look)
    monkeypatch.setattr(server.Server, "run", lambda self: self._socket.close())
    assert main(["builder"]) == 0
    ((address, file, text, modes),) = opened
    printed = capsys.readouterr().out
    assert address.startswith("file:///") and "code" not in address
    assert os.name == "nt" or modes == [0o600, 0o700]
    code = re.search(r"#code=([\w-]+)", text)[1]
    assert f'url=http://127.0.0.1:{printed.partition(":")[2].split(":")[1].split("/")[0]}/#code={code}"' in text
    assert code not in printed
    assert printed.partition("#token=")[2].split()[0] not in text
    assert not file.parent.exists()
    assert main(["builder", "--no-browser"]) == 0
    assert len(opened) == 1


def test_the_file_for_the_browser_goes_also_after_an_error_and_without_a_home(monkeypatch, tmp_path):
    def fail(running):
        running._socket.close()
        assert all(folder.exists() for folder in seen)
        raise RuntimeError("the server failed")

    seen = []
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "none"))
    path = urllib.request.url2pathname
    monkeypatch.setattr(webbrowser, "open", lambda url: seen.append(Path(path(urllib.parse.urlparse(url).path)).parent))
    monkeypatch.setattr(server.Server, "run", fail)
    with pytest.raises(RuntimeError, match="the server failed"):
        main(["builder"])
    assert seen and not seen[0].exists()


def test_every_server_has_a_port_of_its_own_unless_one_is_named(monkeypatch, capsys):
    """A browser gives what it stores for an address to whoever has its port: another user's program may have had it."""
    monkeypatch.setattr(server.Server, "run", lambda self: open_ones.append(self))

    def start(*words):
        assert main(["builder", "--no-browser", *words]) == 0
        return re.search(r":(\d+)/#token=(.+)", capsys.readouterr().out).groups()

    open_ones = []
    first, second = start(), start("--port", "0")
    assert first[0] != second[0] and first[1] != second[1]
    for running in open_ones:
        running._socket.close()
    assert start("--port", first[0])[0] == first[0]
    open_ones[-1]._socket.close()


def test_a_port_that_is_taken_is_one_sentence(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["builder", "--no-browser", "--port", port]) == 2
    assert f"cannot listen on port {port}: Address already in use; leave --port out" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_the_command_serves_until_ctrl_c():
    command = [sys.executable, "-m", "nncore", "builder", "--no-browser"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **options) as process:
        address = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(address) as response:
            assert response.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_a_model_of_features_that_the_builder_does_not_make_says_so(tmp_path, capsys):
    table, model = str(tmp_path / "sold.csv"), str(tmp_path / "sold.safetensors")
    rows = "".join(f"2024-{1 + i % 12:02d}-{1 + i % 28:02d},{i % 7},{i % 2}\n" for i in range(60))
    (tmp_path / "sold.csv").write_text(f"day,price,sold\n{rows}")
    assert main(["train", table, "--epochs", "1", "-o", model, "--quiet", "--date-parts", "weekday"]) == 0
    capsys.readouterr()
    assert main(["builder", model, "--no-browser"]) == 2
    assert "parts of the dates in column" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals for another process")
@pytest.mark.parametrize("name, code", [("SIGTERM", 143), ("SIGHUP", 129)])
def test_the_file_for_the_browser_goes_with_whatever_ends_the_command(tmp_path, name, code):
    environment = {**os.environ, "HOME": str(tmp_path), "BROWSER": "true"}
    command = [sys.executable, "-c", f"import signal; signal.signal(signal.{name}, signal.SIG_DFL); {RUN_BUILDER}"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen(command, **options) as process:
        address = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(address) as response:  # it runs, so the browser has been started
            assert response.status == 200
        assert len(list(tmp_path.glob("nncore-builder-*/open.html"))) == 1
        process.send_signal(getattr(signal, name))
        assert process.wait(20) == code
        assert process.stderr.read() == f"nncore: terminated by {name}\n"
    assert list(tmp_path.glob("nncore-builder-*")) == []
