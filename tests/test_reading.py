"""Every reader of a path refuses pipes and devices: the first would keep it waiting, the second never end."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nncore import Dense, History, Sequential, load
from nncore.builder import sources
from nncore.callbacks import CSVLogger
from nncore.cli import main
from nncore.datasets import load_mnist, read_csv, read_idx, read_npz

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")


def go_on_with(path):
    model = Sequential([Dense(1)])
    model.build(1)
    CSVLogger(path, append=True).on_train_begin(model)


READERS = {
    "model": load,
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
    if (reader, special) == ("log", "pipe"):
        keep = os.open("pipe", os.O_RDWR)  # a reader of it, for whom the log may be written
    with pytest.raises(ValueError, match=f"'{special}' is not a regular file but {SPECIAL[special]}; write what it"):
        READERS[reader](special)
    if (reader, special) == ("log", "pipe"):
        os.close(keep)


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
