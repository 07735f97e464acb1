"""``nncore doctor RUN``: what is wrong with a training, from the history it left."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from nncore.cli.errors import DONE, blamed_on_the_user
from nncore.cli.output import print_json, print_lines
from nncore.history import History


def run(options: argparse.Namespace) -> int:
    """Carry the command out; return the exit code."""
    with blamed_on_the_user():
        history = History.load(options.history)
    diagnosis = history.doctor()
    if options.json:
        findings = [asdict(finding) for finding in diagnosis]
        print_json({"epochs": diagnosis.n_epochs, "findings": findings, "not_recorded": diagnosis.unknown})
    else:
        print_lines([str(diagnosis)])
    return DONE
