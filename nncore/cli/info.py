"""``nncore info``: what a bug report needs."""

from __future__ import annotations

import argparse

from nncore import engine
from nncore.cli.errors import DONE
from nncore.cli.output import print_json, print_lines


def run(options: argparse.Namespace) -> int:
    """Carry the command out; return the exit code."""
    config = engine.show_config()
    if options.json:
        print_json(config)
        return DONE
    width = max(map(len, config))
    print_lines(f"{name.ljust(width)}  {_in_words(value)}" for name, value in config.items())
    return DONE


def _in_words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
