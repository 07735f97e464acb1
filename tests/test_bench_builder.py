"""The benchmark of the builder: pages read what they should, it is timed fairly, and its command runs."""

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import bounds, builder, record  # noqa: E402
from bench.__main__ import main  # noqa: E402
from bench.timing import Protocol, Summary, Timing  # noqa: E402


def test_doctests():
    done = doctest.testmod(builder, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert done.attempted and not done.failed


@pytest.mark.parametrize("reads", builder.PAGES.values())
def test_watched_training_is_training(reads):
    """Every turn trains what it says from the same first weights, with as many pages as there should be."""
    alone, seen = builder.Unwatched("xor"), []
    with builder.Watched("xor", reads) as watched:
        publish = watched.session.publish
        watched.session.publish = lambda *told: (seen.append(len(watched.pages._mailboxes)), publish(*told))
        for contender in (alone, watched) * 2:
            slot = contender(7)
            assert slot.wall > 0 and contender.session.run.model.epoch == 7
        losses = [one.session.run.model.history["loss"].tolist() for one in (alone, watched)]
    assert losses[0] == losses[1]
    assert max(seen) == (0 if reads is None else 1)


def test_a_page_that_is_not_let_in_is_an_error(capfd):
    with builder.Watched("xor", "all") as watched:
        watched.server.address = watched.server.address.replace("token=", "token=x")
        with pytest.raises(RuntimeError, match="the page did not open"):
            watched(1)
    assert "4401" in capfd.readouterr().err


def a_run(ratio):
    timings = {
        name: Timing(Summary(*[1e-3] * 3), Summary(*[ratio] * 3), 1.0) for name in (builder.NOBODY, *builder.PAGES)
    }
    return record.Run("builder", record.machine(), Protocol(3, 0.1), record.results_of("digits", "epoch", timings))


@pytest.mark.parametrize(("ratio", "met"), [(1.05, True), (1.06, False), (float("nan"), False)])
def test_bounds(ratio, met, capsys):
    assert bounds.report(builder.ratios(a_run(ratio))) is met
    shown = capsys.readouterr().out
    assert shown.startswith(f"{4 if met else 0} of 4 bounds met\n")
    assert met or f"watched by 5 frames a second, digits: {ratio:.3g}, expected at most 1.05\n" in shown


def test_command(tmp_path):
    """In a process of its own."""
    command = [sys.executable, "-m", "bench", "builder", "--quick", "--cases", "xor", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    run = record.Run.from_dict(json.loads((tmp_path / "builder.json").read_text()))
    assert [(result.case, result.contender) for result in run.results] == [
        ("xor", name) for name in (builder.NOBODY, *builder.PAGES)
    ]
    text = (tmp_path / "builder.md").read_text()
    assert text.startswith("# What it costs to be watched\n") and done.stdout == text + "\n"
    assert re.search(r"\| nobody +\| +[\d.]+ [um]s \(.*\n\| no page +\| +[\d.]+x ", text)


def test_starting_points_need_a_name_that_exists(capsys):
    with pytest.raises(SystemExit):
        main(["builder", "--cases", "and"])
    assert "unknown starting point 'and'; known: xor" in capsys.readouterr().err
