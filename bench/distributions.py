"""What packages are called where they are installed from, which is not always what is imported."""

from __future__ import annotations

import importlib.metadata

NNCORE = "nncore-mlp"  # the name nncore belongs to another project


def version(distribution: str) -> str:
    """Return the version that is installed; nncore's own also where it runs from a source folder."""
    if distribution != NNCORE:
        return importlib.metadata.version(distribution)
    from nncore.version import __version__  # here: who limits threads does so before nncore is imported

    return __version__
