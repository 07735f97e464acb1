"""Every reader of a path refuses pipes and devices: the first would keep it waiting, the second never end."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nncore import Dense, Ensemble, History, Sequential, load
from nncore.builder import sources
from nncore.callbacks import CSVLogger, JSONLogger
from nncore.cli import main
from nncore.datasets import load_mnist, read_csv, read_idx, read_npz

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


def go_on_with(path):
    model = Sequential([Dense(1)])
    model.build(1)
    CSVLogger(path, append=True).on_train_begin(model)


READERS = {
    "model": load,
    "ensemble": Ensemble.load,
    "history": History.load,
    "CSV": read_csv,
    "CSV with all options": lambda path: read_csv(path, header=True, delimiter=",", decimal="."),
    "NPZ": read_npz,
    "IDX": read_idx,
    "the builder's file": lambda path: sources._named(str(path), "FILE", {}),
    "log": go_on_with,
}
SPECIAL = {"pipe": "a named pipe", "/dev/zero": "a device"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    return tmp_path


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("reader", READERS)
def test_pipes_and_devices_are_refused(folder, reader, special):
    with pytest.raises(ValueError, match=f"'{special}' is not a regular file but {SPECIAL[special]}; write "):
        READERS[reader](special)


@pytest.mark.parametrize("log", [CSVLogger, JSONLogger])
def test_a_log_does_not_wait_for_a_reader(folder, log):
    with pytest.raises(ValueError, match="'pipe' is not a regular file but a named pipe"):
        Sequential([Dense(1)]).fit([[1.0]], [1.0], callbacks=log("pipe"))


def test_a_file_of_holes_is_refused_by_its_beginning(folder):
    """Reading it would take all the memory there is."""
    for start in (b"", b"NNCOREENSEMBLE1\n\x03", b'{"format": "nncore history", ', b"PK\x03\x04", b"a,b\n1,2\n"):
        with open("holes", "wb") as file:
            file.write(start)
            file.truncate(2**40)
        for name, reader in READERS.items():
            if name != "log":
                with pytest.raises((ValueError, MemoryError), match="holes"):
                    reader("holes")


def test_a_file_whose_reading_would_wait_is_refused(folder, monkeypatch):
    """As some of /proc: regular, empty by what the system says of them, and without an end."""

    def would_wait(*_):
        raise BlockingIOError

    (folder / "kmsg").touch()
    monkeypatch.setattr(os, "pread", would_wait)
    for reader in READERS.values():
        with pytest.raises(ValueError, match="'kmsg' is not a regular file: reading it waits for more"):
            reader("kmsg")


def test_what_is_no_path(folder):
    for reader in READERS.values():
        with pytest.raises((ValueError, FileNotFoundError), match="embedded null"):
            reader("a\0b")


def test_a_folder_with_a_pipe_for_mnist(folder):
    os.rename("pipe", "train-images-idx3-ubyte")
    (folder / "train-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(ValueError, match="train-images-idx3-ubyte' is not a regular file but a named pipe"):
        load_mnist(folder)


COMMANDS = ["doctor {}", "train {} --header yes --target a", "predict {} iris", "summary {}", "builder {} --no-browser"]


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_say_so(folder, capsys, command, special):
    assert main(command.format(special).split()) == 2
    assert "is not a regular file but" in capsys.readouterr().err


def test_the_file_is_closed_again(folder):
    before = os.listdir("/dev/fd")
    for path in ("pipe", "."):
        with pytest.raises((ValueError, IsADirectoryError)):
            History.load(path)
    assert os.listdir("/dev/fd") == before


def test_a_link_to_a_file_and_standard_input_from_a_file_are_read(folder):
    np.savez("data.npz", X=np.zeros((3, 2)), y=[0, 1, 0])
    os.symlink("data.npz", "link.npz")
    assert read_npz("link.npz").X.shape == (3, 2)
    code = "from nncore.datasets import read_npz; print(read_npz('/dev/stdin').X.shape)"
    with open("data.npz", "rb") as file:
        assert subprocess.check_output([sys.executable, "-c", code], stdin=file, text=True) == "(3, 2)\n"
