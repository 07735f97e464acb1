"""``python -m bench``: run a benchmark, or put its table into the README. Start it in the repository's root folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.record import Run
    from bench.timing import Protocol

# Nothing that imports NumPy or nncore may be imported at the top of this file: the limit on threads has to come first,
# and so has `prefer_installed_nncore`.

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, SECONDS_PER_TURN = 15, 0.1
CLOCK_HELP = "cpu: count the processor time of one thread, for a machine busy with other work; default: wall"
QUICK_ROUNDS, QUICK_SECONDS_PER_TURN = 3, 0.01


def prefer_installed_nncore() -> None:
    """Take the root folder off the path of imports unless nncore has been built in it.

    ``python -m bench`` puts the folder it is started in first on that path. The nncore there is only source unless
    someone built it in place, and would hide the installed one, which has the compiled engine. The package `bench` is
    imported already and finds its own modules without the path.
    """
    engine = ROOT / "nncore" / "_engine"
    if not any((engine / f"runtime{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
        sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != ROOT]


@contextmanager
def _mistakes_in_one_sentence() -> Iterator[None]:
    """Turn what is wrong with an argument into exit code 2."""
    try:
        yield
    except (ValueError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _step(options: argparse.Namespace) -> None:
    from bench import step
    from bench.cases import select

    with _mistakes_in_one_sentence():
        cases, protocol = select(options.cases), _protocol(options)
    _finish(step.run(cases, protocol), options)


def _peers(options: argparse.Namespace) -> None:
    from bench import peers
    from bench.cases import select

    with _mistakes_in_one_sentence():
        cases, contenders, protocol = select(options.cases), peers.chosen(options.peers), _protocol(options)
    _finish(peers.run(cases, contenders, protocol), options)


def _protocol(options: argparse.Namespace) -> Protocol:
    from bench.timing import Protocol

    rounds, seconds = (QUICK_ROUNDS, QUICK_SECONDS_PER_TURN) if options.quick else (ROUNDS, SECONDS_PER_TURN)
    return Protocol(rounds, seconds, options.clock, options.threads)


def _finish(run: Run, options: argparse.Namespace) -> None:
    from bench import report
    from bench.record import RESULTS

    print(report.markdown(run))
    # The stored results are for publishing; a quick run replaces them only if told to.
    folder = options.output or (None if options.quick else RESULTS)
    if folder is not None:
        report.save(run, Path(folder))


def _readme(options: argparse.Namespace) -> None:
    from bench import report

    with _mistakes_in_one_sentence():
        report.update_readme(options.readme, options.results)


def _worker(options: argparse.Namespace) -> None:
    from bench import worker

    worker.serve(options.contender, options.threads)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(title="commands", required=True)

    def command(name: str, does: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=does, threads=1)
        return added

    step = command("step", _step, "time nncore against its NumPy reference (the default)")
    peers = command("peers", _peers, "time training against whichever other package is installed")
    for benchmark in (step, peers):
        benchmark.add_argument("--cases", nargs="+", metavar="NAME", help="default: all; see bench/cases.py")
        benchmark.add_argument("--threads", type=_positive, default=1, metavar="N", help="for everyone; default: 1")
        benchmark.add_argument("--quick", action="store_true", help="few and short rounds, and keep no files")
        benchmark.add_argument("--clock", choices=("wall", "cpu"), default="wall", help=CLOCK_HELP)
        benchmark.add_argument("--output", metavar="FOLDER", help="where the files go; default: bench/results")
    peers.add_argument("--peers", nargs="+", metavar="NAME", help="default: all that are installed")
    readme = command("readme", _readme, "put the table of a stored run into the README, between its two markers")
    readme.add_argument("--results", type=Path, metavar="FILE", help="default: bench/results/peers.json, or step.json")
    readme.add_argument("--readme", type=Path, default=ROOT / "README.md", metavar="FILE")
    worker = command("worker", _worker, "train when asked to on stdin; started by peers")
    worker.add_argument("contender")
    worker.add_argument("threads", type=_positive)
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code: 0, 1 failed, 2 usage."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help")):
        words = ["step", *words]
    options = _parser().parse_args(words)
    prefer_installed_nncore()
    from bench import threads

    threads.limit(options.threads)
    try:
        options.run(options)
    except ModuleNotFoundError as error:
        if error.name != "nncore":
            raise
        print("bench: nncore is not installed; install it with `pip install .`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
