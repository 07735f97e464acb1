"""``python -m bench``: run a benchmark, or judge or show what one found. Start it in the repository's root folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

from bench import SECTIONS

if TYPE_CHECKING:
    from bench.record import Run

# Nothing that imports NumPy or nncore may be imported at the top of this file: the limit on threads has to come first,
# and so has `prefer_installed_nncore`.

ROOT = Path(__file__).resolve().parent.parent
CLOCK_HELP = "cpu: count the processor time of one thread, for a machine busy with other work; default: wall"
OUTPUT_HELP = "where the files go; default, for a complete run: the folder of this kind of processor in bench/results"
CHECK_HELP = "exit code 1 if a bound or a limit is missed, a section has no data, or nothing has a bound"
SECTIONS_HELP = f"of {', '.join(SECTIONS)}; default: all"


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


def _step(options: argparse.Namespace) -> int:
    from bench import report, step
    from bench.cases import select
    from bench.timing import Protocol

    with _mistakes_in_one_sentence():
        cases, protocol = select(options.cases), Protocol.of(options.quick, options.clock, options.threads)
        folder = _folder(options)
    run = step.run(cases, protocol)
    _show(run, report.markdown(run), folder)
    return 0


def _layers(options: argparse.Namespace) -> int:
    from bench import bounds, layers
    from bench.timing import Protocol

    counts = _thread_counts(options)
    with _mistakes_in_one_sentence():
        cases, protocol = layers.choose(options.cases), Protocol.of(options.quick, options.clock, max(counts))
        folder = _folder(options)
    run = layers.run(cases, counts, protocol)
    _show(run, layers.markdown(run), folder)
    return 0 if not options.check or bounds.report(layers.ratios(run)) else 1


def _builder(options: argparse.Namespace) -> int:
    from bench import bounds, builder
    from bench.timing import Protocol

    with _mistakes_in_one_sentence():
        starts, protocol, folder = builder.choose(options.cases), Protocol.of(options.quick), _folder(options)
    run = builder.run(starts, protocol)
    _show(run, builder.markdown(run), folder)
    return 0 if not options.check or bounds.report(builder.ratios(run)) else 1


def _estimators(options: argparse.Namespace) -> int:
    from bench import bounds, estimators
    from bench.timing import Protocol

    with _mistakes_in_one_sentence():
        folder = _folder(options)
    run = estimators.run(Protocol.of(options.quick))
    _show(run, estimators.markdown(run, estimators.scores(options.quick)), folder)
    return 0 if not options.check or bounds.report(estimators.ratios(run)) else 1


def _loops(options: argparse.Namespace) -> int:
    from bench import bounds, loops
    from bench.timing import Protocol

    with _mistakes_in_one_sentence():
        folder = _folder(options)
    run = loops.run(Protocol.of(options.quick))
    _show(run, loops.markdown(run), folder)
    return 0 if not options.check or bounds.report(loops.ratios(run)) else 1


def _many(options: argparse.Namespace) -> int:
    from bench import bounds, many

    with _mistakes_in_one_sentence():
        cases, contenders = many.choose(options.cases), many.known(options.peers)
        folder = _folder(options)
    run = many.run(cases, contenders, options.quick)
    _show(run, many.markdown(run), folder)
    return 0 if not options.check or bounds.report(many.ratios(run)) else 1


def _streaming(options: argparse.Namespace) -> int:
    from bench import streaming

    found = streaming.run(options.gigabytes, options.quick)
    print(streaming.markdown(found))
    for wrong in streaming.missed(found):
        print(f"bench: {wrong}", file=sys.stderr)
    return 1 if options.check and streaming.missed(found) else 0


def _folder(options: argparse.Namespace) -> Path | None:
    """Return where the files of `step`, `layers`, `builder`, `estimators`, `many` or `loops` go, if anywhere."""
    from bench.record import make_folder, results_here

    # The stored results are for publishing: a quick run, or a part of one, replaces them only if told to.
    partial = options.quick or options.cases or options.peers or options.threads not in (None, 1)
    folder: Path | None = options.output or (None if partial else results_here())
    if folder is not None:
        make_folder(folder)
    return folder


def _show(run: Run, text: str, folder: Path | None) -> None:
    from bench import report

    print(text)
    if folder is not None:
        report.save(run, text, folder)


def _thread_counts(options: argparse.Namespace) -> list[int]:
    from nncore.engine import available_cpus

    return sorted(set(options.threads or [1, 1 if options.clock == "cpu" else available_cpus()]))


def _peers(options: argparse.Namespace) -> int:
    from bench import peers
    from bench.record import results_here

    counts = _thread_counts(options)
    # Stored results are for publishing: a quick run, or a part of one, replaces them, or its part, only if told to.
    partial = options.quick or options.cases or options.peers or options.threads or set(options.sections) != {*SECTIONS}
    folder = options.output or (None if partial else results_here())
    with _mistakes_in_one_sentence():
        _find_mistakes(options, counts, folder)
    of_training = {"cases": options.cases, "clock": options.clock}
    found = peers.run(options.sections, options.quick, counts, options.peers, folder, **of_training)
    return 0 if not options.check or peers.report_bounds(found) else 1


def _find_mistakes(options: argparse.Namespace, counts: list[int], folder: Path | None) -> None:
    """Find them before anything is timed."""
    from bench import peers
    from bench.record import make_folder
    from bench.timing import Protocol

    peers.check_cases(options.cases, options.sections)
    peers.check_names(options.peers)
    Protocol.of(options.quick, options.clock, max(counts))
    if folder is not None:
        make_folder(folder)
        if (folder / "peers.json").exists() and {*options.sections} != {*SECTIONS}:
            peers.stored(folder / "peers.json")  # into which this run puts its sections


def _check(options: argparse.Namespace) -> int:
    from bench import peers
    from bench.record import results_here

    with _mistakes_in_one_sentence():
        found = peers.stored(options.results or results_here() / "peers.json")
    return 0 if peers.report_bounds(found) else 1


def _readme(options: argparse.Namespace) -> int:
    from bench import readme
    from bench.record import RESULTS

    with _mistakes_in_one_sentence():
        readme.update(options.readme, options.results or sorted(RESULTS.glob("*/peers.json")))
    return 0


def _worker(options: argparse.Namespace) -> int:
    from bench import worker

    worker.serve(worker.Server(options.section, options.contender, options.threads))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(title="commands", required=True)

    def command(name: str, does: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=does, threads=None, peers=None)
        return added

    step = command("step", _step, "time nncore against its NumPy reference (the default)")
    peers = command("peers", _peers, "compare nncore with whichever other package is installed")
    layers = command("layers", _layers, "time networks with BatchNorm, Dropout, Residual, clipping, records")
    builder = command("builder", _builder, "time training in the builder while pages watch")
    estimators = command("estimators", _estimators, "time fits of the estimators beside scikit-learn's, and score them")
    many = command("many", _many, "time many small networks, and a search, trained together")
    streams = command("streaming", _streaming, "train from a file larger than the memory allowed, and from memory")
    streams.add_argument("--gigabytes", type=float, default=4, metavar="N", help="of the file; default: 4")
    streams.add_argument("--quick", action="store_true", help="one round")
    streams.add_argument("--check", action="store_true", help="exit code 1 if it is slower, or takes more memory")
    loops = command("loops", _loops, "time loops of one's own, of reinforcement learning, beside PyTorch's")
    of_cases = "of those in bench/cases.py; default: "
    for benchmark, cases_help in (
        (step, f"{of_cases}all"),
        (peers, f"{of_cases}all"),
        (layers, f"{of_cases}two with 256 hidden units"),
        (builder, "starting points of the builder; default: digits and spiral"),
        (many, "sizes, as in 2-8-8-2, or search; default: all"),
    ):
        benchmark.add_argument("--cases", nargs="+", metavar="NAME", help=cases_help)
    for benchmark in (step, peers, layers, builder, estimators, many, loops):
        benchmark.add_argument("--quick", action="store_true", help="few and short rounds")
        benchmark.add_argument("--output", type=Path, metavar="FOLDER", help=OUTPUT_HELP)
    for benchmark in (step, peers, layers):
        benchmark.add_argument("--clock", choices=("wall", "cpu"), default="wall", help=CLOCK_HELP)
    step.add_argument("--threads", type=_positive, default=1, metavar="N", help="for everyone; default: 1")
    for benchmark in (peers, layers):
        benchmark.add_argument(
            "--threads", type=_positive, nargs="+", metavar="N", help="default: 1, and all processors"
        )
    for benchmark in (peers, layers, builder, estimators, many, loops):
        benchmark.add_argument("--check", action="store_true", help=CHECK_HELP)
    builder.set_defaults(threads=1)
    estimators.set_defaults(threads=1, cases=None)
    loops.set_defaults(threads=1, cases=None)
    many.set_defaults(threads=1)
    peers.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS, metavar="NAME", help=SECTIONS_HELP)
    for benchmark in (peers, many):
        benchmark.add_argument("--peers", nargs="+", metavar="NAME", help="default: all that are installed")
    check = command("check", _check, "compare a stored run with the bounds; exit code 1 as for peers --check")
    check.add_argument("--results", type=Path, metavar="FILE", help="default: that of this kind of processor")
    readme = command("readme", _readme, "put the tables of stored runs into the README, between its two markers")
    readme.add_argument("--results", type=Path, nargs="+", metavar="FILE", help="default: bench/results/*/peers.json")
    readme.add_argument("--readme", type=Path, default=ROOT / "README.md", metavar="FILE", help="or another document")
    worker = command("worker", _worker, "train when asked to on stdin; started by peers")
    worker.add_argument("section")
    worker.add_argument("contender")
    worker.add_argument("threads", type=_positive)
    return parser


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, got {text!r}")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code: 0, 1 failed, 2 usage."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help")):
        words = ["step", *words]
    options = _parser().parse_args(words)
    prefer_installed_nncore()
    from bench import threads

    if isinstance(options.threads, int):  # else workers limit themselves, each to its own number
        threads.limit(options.threads)
    try:
        code: int = options.run(options)
    except ModuleNotFoundError as error:
        if error.name != "nncore":
            raise
        print("bench: nncore is not installed; install it with `pip install .`", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
