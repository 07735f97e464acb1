"""The command ``nncore``: train, predict, evaluate, summary, data, info."""

from nncore.cli.main import main

__all__ = ["main"]
