"""``nncore builder``: what the page begins with, and what is said where it cannot begin."""

import os
import signal
import subprocess
import sys
import urllib.request
import webbrowser

import numpy as np
import pytest

import nncore
from nncore.builder import server
from nncore.cli import builder
from nncore.cli.main import main
from nncore.cli.parser import parse

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


def test_reset_and_undo_of_a_loaded_model(tmp_path):
    from nncore.builder.messages import Request

    path = str(tmp_path / "iris.safetensors")
    main(["train", "iris", "--epochs", "4", "-o", path, "--quiet"])
    found = trained(session(path))
    later = found.run.model.parameters.copy()
    found.handle(Request(1, "reset", {}))
    assert np.array_equal(found.run.model.parameters, nncore.load(path).parameters)
    found.handle(Request(1, "undo", {}))
    assert np.array_equal(found.run.model.parameters, later)


@pytest.mark.parametrize(
    "words, message",
    [
        (["--data", "irsi"], "no such data set or file: irsi"),
        (["--data", "TABLE", "--target", "cost"], "there is no column 'cost'"),
        (["--data", "iris", "--target", "species"], "unknown option of iris 'target'"),
        (["--data", "missing.csv"], "No such file"),
        (["--data", "mnist:TABLE"], "is no folder"),
        (["MODEL", "--data", "xor"], "expects 4 features, the data have 2"),
        (["PLAIN"], "does not say what it was trained on; name the data with --data"),
        (["DOUBLE", "--data", "iris"], "is of float64; the builder computes in float32"),
        (["--port", "99999"], "expected a whole number from 0 to 65535"),
        (["--open"], "unknown option '--open'"),
    ],
)
def test_what_cannot_begin(words, message, table, tmp_path, capsys):
    files = {name: str(tmp_path / f"{name}.safetensors") for name in ("MODEL", "PLAIN", "DOUBLE")}
    main(["train", "iris", "--epochs", "1", "-o", files["MODEL"], "--quiet"])
    for name, dtype in (("PLAIN", "float32"), ("DOUBLE", "float64")):
        model = nncore.Sequential([nncore.Dense(3, "softmax")], dtype=dtype)
        model.build(4)
        model.save(files[name])
    places = {"TABLE": table, **files}
    for name, place in places.items():
        words = [word.replace(name, place) for word in words]
    assert main(["builder", "--no-browser", *words]) in (1, 2)
    assert message in capsys.readouterr().err


def test_a_missing_extra_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(server, "NEEDED", ("no_such_package",))
    assert main(["builder"]) == 1
    assert capsys.readouterr().err.endswith("install with: pip install 'nncore[builder]'\n")


def test_it_opens_the_browser_and_serves(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(server.Server, "run", lambda self: self._socket.close())
    assert main(["builder"]) == 0
    (address,) = opened
    assert address in capsys.readouterr().out
    assert address.startswith("http://127.0.0.1:") and "/#token=" in address
    assert main(["builder", "--no-browser"]) == 0
    assert len(opened) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_the_command_serves_until_ctrl_c():
    command = [sys.executable, "-m", "nncore", "builder", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(address) as response:
            assert response.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
