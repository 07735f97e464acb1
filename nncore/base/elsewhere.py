"""What programs written for Keras, PyTorch and scikit-learn say, and what to write here instead."""

from __future__ import annotations

import os

SUFFIXES = {
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".joblib": "joblib",
    ".json": "JSON",
    ".keras": "Keras",
    ".mat": "MATLAB",
    ".npy": "NumPy",
    ".npz": "NumPy",
    ".onnx": "ONNX",
    ".p": "pickle",
    ".pb": "TensorFlow",
    ".pickle": "pickle",
    ".pkl": "pickle",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".sav": "pickle",
    ".tf": "TensorFlow",
    ".tflite": "TensorFlow Lite",
    ".zip": "zip",
}
"""Ends of file names that promise the format of somebody else."""


def suffix_of_others(path: str | os.PathLike[str]) -> str:
    """Return what is to be said of a model file whose name promises another format; nothing if it does not.

    Examples
    --------
    >>> print(suffix_of_others("runs/m.h5"))
    'm.h5' is not written as HDF5, but in nncore's own format, which nncore.load reads: call it 'm.safetensors'
    >>> suffix_of_others("m.safetensors"), suffix_of_others("m")
    ('', '')
    """
    name = os.path.basename(os.fsdecode(path))
    stem, suffix = os.path.splitext(name)
    if suffix.lower() not in SUFFIXES:
        return ""
    what = f"{name!r} is not written as {SUFFIXES[suffix.lower()]}, but in nncore's own format, which nncore.load reads"
    return f"{what}: call it {stem + '.safetensors'!r}"
