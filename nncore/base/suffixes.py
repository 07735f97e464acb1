"""Ends of file names that promise the format of somebody else."""

from __future__ import annotations

import os

from nncore.base.elsewhere import table

SUFFIXES = table(
    {
        ".ckpt": "a checkpoint of TensorFlow or Lightning",
        ".csv": "CSV",
        ".dill": "dill",
        ".gz": "gzip",
        ".h5 .hdf5": "HDF5",
        ".joblib": "joblib",
        ".json": "JSON",
        ".keras": "Keras",
        ".mat": "MATLAB",
        ".npy .npz": "NumPy",
        ".onnx": "ONNX",
        ".p .pickle .pkl .sav": "pickle",
        ".pmml": "PMML",
        ".pt .pth .torch": "PyTorch",
        ".pb .tf": "TensorFlow",
        ".tar": "tar",
        ".tflite": "TensorFlow Lite",
        ".yaml .yml": "YAML",
        ".zip": "zip",
    }
)


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
