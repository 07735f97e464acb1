"""The IDX reader: what it accepts, and what it says about the rest."""

import gzip
import os

import numpy as np
import pytest
from idx_files import CODES, idx_bytes, write_mnist

from nncore.datasets import load_mnist, read_idx


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_reads_every_type(tmp_path, code, compress):
    array = np.arange(-6, 18).reshape(2, 3, 4).astype(code)
    path = tmp_path / "array"
    path.write_bytes(gzip.compress(idx_bytes(array)) if compress else idx_bytes(array))
    result = read_idx(path)
    assert np.array_equal(result, array) and result.dtype == np.dtype(code) and result.dtype.isnative
    result[0] = 0  # writable


def test_reads_no_rows(tmp_path):
    (tmp_path / "none").write_bytes(idx_bytes(np.zeros((0, 3), np.uint8)))
    assert read_idx(tmp_path / "none").shape == (0, 3)


GOOD = idx_bytes(np.arange(6, dtype=np.uint8).reshape(2, 3))
BAD_FILES = [
    (b"", "not an IDX file .it begins with nothing"),
    (b"\0\0\x08", "not an IDX file"),
    (b"\x89PNG\r\n", "not an IDX file .it begins with 89 50 4e 47"),
    (b"\0\0\x07\x01\0\0\0\0", "not an IDX file"),
    (b"\0\0\x08\x00", "not an IDX file"),
    (GOOD[:9], "cut short inside the header"),
    (GOOD[:-1], r"cut short: \(2, 3\) needs 6 bytes of data, found 5"),
    (GOOD + b"x", "bytes left over after the 6"),
    (b"\0\0\x08\x03" + b"\xff" * 12 + b"abc", "cut short: .* found 3"),
    (gzip.compress(GOOD)[:-9], "damaged gzip file|cut short"),
    (gzip.compress(GOOD)[:-8] + b"12345678", "damaged gzip file"),
    (gzip.compress(GOOD[:-2]), "cut short"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_bad_file(tmp_path, content, message):
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_idx(path)
    assert str(path) in str(error.value)


def test_a_name_that_promises_gzip(tmp_path):
    (tmp_path / "a.gz").write_bytes(GOOD)
    with pytest.raises(ValueError, match=r"named \.gz, but its content is not gzip"):
        read_idx(tmp_path / "a.gz")


def test_no_file_and_no_regular_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "absent")
    with pytest.raises(IsADirectoryError):
        read_idx(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        read_idx(tmp_path / "pipe")


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("separator", ["-", "."])
def test_mnist(tmp_path, suffix, separator):
    images, labels = write_mnist(tmp_path, suffix=suffix, separator=separator)
    train, test = load_mnist(tmp_path)
    assert train.X.shape == (12, 784) and test.X.shape == (5, 784)
    assert train.X.dtype == np.float32 and train.y.dtype == np.int64
    assert np.array_equal(train.X, images.reshape(12, 784).astype(np.float32) / 255)
    assert np.array_equal(train.y, labels)
    assert train.X.min() >= 0 and train.X.max() <= 1
    assert train.target_names == tuple("0123456789") and train.feature_names[29] == "pixel_1_1"


@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_mnist_is_found_by_the_environment(tmp_path, monkeypatch, subfolder):
    folder = tmp_path / subfolder
    folder.mkdir(exist_ok=True)
    write_mnist(folder)
    monkeypatch.setenv("NNCORE_DATA", str(tmp_path))
    assert load_mnist().test.n_samples == 5


def test_mnist_not_found(tmp_path, monkeypatch):
    monkeypatch.delenv("NNCORE_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="NNCORE_DATA"):
        load_mnist()
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        load_mnist(tmp_path)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train-labels-idx1-ubyte", np.zeros(11, np.uint8), "one uint8 label for each of the 12 images"),
        ("train-labels-idx1-ubyte", np.zeros((12, 1), np.uint8), "one uint8 label"),
        ("train-labels-idx1-ubyte", np.full(12, 10, np.uint8), "labels from 0 to 9, got 10"),
        ("train-images-idx3-ubyte", np.zeros((12, 784), np.uint8), r"uint8 images \(n, rows, columns\), got uint8"),
        ("train-images-idx3-ubyte", np.zeros((12, 2, 2), np.int16), "got int16"),
        ("t10k-images-idx3-ubyte", np.zeros((0, 28, 28), np.uint8), r"got uint8 \(0, 28, 28\)"),
    ],
)
def test_mnist_files_that_do_not_fit(tmp_path, name, array, message):
    write_mnist(tmp_path)
    (tmp_path / name).write_bytes(idx_bytes(array))
    with pytest.raises(ValueError, match=message) as error:
        load_mnist(tmp_path)
    assert name in str(error.value)


@pytest.mark.skipif("NNCORE_DATA" not in os.environ, reason="needs the real MNIST: set NNCORE_DATA to its folder")
def test_the_real_mnist():
    train, test = load_mnist()
    assert train.X.shape == (60_000, 784) and test.X.shape == (10_000, 784)
    assert np.bincount(test.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
