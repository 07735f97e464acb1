"""The command line itself: commands, options, their types and help texts."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from nncore.activations import ACTIVATIONS
from nncore.base.checks import integer, real
from nncore.base.names import did_you_mean
from nncore.cli.completion import SHELLS, PrintCompletion
from nncore.cli.errors import UsageError
from nncore.cli.hints import on_choice, on_command, on_option, on_share
from nncore.datasets.dates import PARTS
from nncore.datasets.labels import MAX_GUESSED_CLASSES
from nncore.optimizers import OPTIMIZERS
from nncore.version import __version__

DATA_HELP = "a name from 'nncore data list', mnist:FOLDER, or a .csv or .npz file"


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one sentence, and which takes no abbreviated options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "allow_abbrev": False})

    @property
    def known_options(self) -> Collection[str]:
        """All options, as they are written."""
        return self._option_string_actions

    def error(self, message: str) -> NoReturn:
        choice = re.search(r"argument (\S+): invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if choice:
            kind, given, known = choice[1].lower(), choice[2], choice[3].replace("'", "").split(", ")
            near = (kind == "command" and on_command(given)) or did_you_mean(given, known) or "."
            message = f"unknown {kind} {given!r}{near} Known: {', '.join(known)}{on_choice(kind)}"
        raise UsageError(f"{message}; see {self.prog} --help")


if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[_Parser]

DTYPES = ("float32", "float64", "mixed_bfloat16")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the options of `argv`; ``.run`` is the function that carries the command out.

    Raises
    ------
    UsageError
        If a command, option or value is wrong; the message suggests the nearest right one.
    SystemExit
        After --help and --version, code 0.
    """
    parser = build_parser()
    if argv[:1] == ["help"]:
        argv = [*argv[1:], "--help"]
    first, known = "".join(argv[:1]).split("=")[0], parser.known_options
    if first.startswith("-") and first not in known:  # argparse would only miss the command
        raise UsageError(f"unknown option {first!r}{did_you_mean(first, known) or ';'} see nncore --help")
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        given = unknown[0].split("=")[0]
        what = "unknown option" if given.startswith("-") else "unexpected argument"
        near = on_option(given, arguments.known_options) if given.startswith("-") else ";"
        raise UsageError(f"{what} {given!r}{near} see nncore {arguments.command} --help")
    return arguments


def build_parser() -> _Parser:
    """Return the parser of the whole command line."""
    parser = _Parser("nncore", description="Train and run small neural networks, fast, on the CPU.")
    parser.epilog = "nncore help COMMAND tells the options of a command."
    completion = f"print what completes words by the tab key; in ~/.bashrc: {SHELLS['bash']}"
    parser.add_argument("--completion", choices=SHELLS, action=PrintCompletion, help=completion)
    parser.add_argument("--version", action="version", version=f"nncore {__version__}")
    commands: _Commands = parser.add_subparsers(parser_class=_Parser, dest="command", required=True, metavar="COMMAND")
    for add in (_add_train, _add_predict, _add_evaluate, _add_summary, _add_doctor, _add_builder, _add_data, _add_info):
        add(commands)
    return parser


def _add_train(commands: _Commands) -> None:
    command = _command(commands, "train", _later("train"), "train a network and test it on rows held out")
    command.add_argument("data", metavar="DATA", help=DATA_HELP)
    network = command.add_argument_group("network")
    network.add_argument(
        "--layers",
        type=_sizes,
        metavar="64,32",
        help="units of the hidden layers, or none (default 64,32; mnist 256,128)",
    )
    network.add_argument(
        "--activation",
        default="relu",
        help=f"of the hidden layers: {', '.join(sorted(ACTIVATIONS))} (default %(default)s)",
    )
    network.add_argument("--dtype", default="float32", choices=DTYPES, help="precision (default %(default)s)")
    network.add_argument("--seed", type=_seed, default=0, help="decides weights, split and shuffling (default 0)")
    training = command.add_argument_group("training")
    training.add_argument("--optimizer", default="adam", help=f"{', '.join(OPTIMIZERS)} (default %(default)s)")
    training.add_argument("--lr", type=_number, help="learning rate (default: that of the optimizer)")
    training.add_argument(
        "--schedule", choices=("constant", "linear"), help="of the learning rate (default constant; mnist linear)"
    )
    training.add_argument(
        "--class-weight", choices=("balanced",), help="let rare classes count as much as frequent ones"
    )
    training.add_argument("--epochs", type=_count, help="default: so many that about 2000 updates are made, 10 to 200")
    training.add_argument("--batch-size", type=_count, help="rows per update (default 32; mnist 128)")
    training.add_argument("--test", type=_share, help="share of the rows held out to test (default 0.2)")
    training.add_argument(
        "--val", type=_share, help="share of the other rows that chooses the best epoch (default 0; regression 0.2)"
    )
    training.add_argument("--threads", type=_count, help="default: chosen by the size of the network")
    _add_table_options(command, target=True, missing=True)
    _add_output_options(command, "save the model, with all that prediction needs, to this file")
    command.add_argument("--history", metavar="FILE", help="save what training recorded, for nncore doctor (JSON)")
    command.add_argument("--plot", metavar="PICTURE", help="draw the training into this .png, .svg or .pdf file")


def _add_predict(commands: _Commands) -> None:
    command = _command(commands, "predict", _later("predict", "run_predict"), "write a prediction for each row as CSV")
    command.add_argument("model", metavar="MODEL", help="a file saved by nncore train")
    command.add_argument("data", metavar="DATA", help=f"{DATA_HELP}; - is a table from standard input")
    command.add_argument("--proba", action="store_true", help="write the probability of every class")
    command.add_argument("--id", metavar="COLUMN", help="write this column of a CSV file in front of the predictions")
    _add_table_options(command)
    _add_output_options(command, "write to this file instead of stdout")


def _add_evaluate(commands: _Commands) -> None:
    command = _command(commands, "evaluate", _later("predict", "run_evaluate"), "compare predictions with the target")
    command.add_argument("model", metavar="MODEL", help="a file saved by nncore train")
    command.add_argument("data", metavar="DATA", help=f"{DATA_HELP}; - is a table from standard input")
    command.add_argument("--held-out", action="store_true", help="only the rows that training on this DATA held out")
    _add_table_options(command, missing=True)


def _add_summary(commands: _Commands) -> None:
    command = _command(commands, "summary", _later("summary"), "show the layers of a model and what it was trained on")
    command.add_argument("model", metavar="MODEL")


def _add_doctor(commands: _Commands) -> None:
    command = _command(commands, "doctor", _later("doctor"), "say in plain words what went wrong in a training")
    command.add_argument("history", metavar="RUN", help="a file written by nncore train --history, or History.save")


def _add_builder(commands: _Commands) -> None:
    text = "build and train networks in the browser; needs starlette, uvicorn, websockets, plotly"
    command = commands.add_parser("builder", help=text, description=text[0].upper() + text[1:] + ".")
    command.set_defaults(run=_later("builder"), known_options=command.known_options)
    command.add_argument("model", metavar="MODEL", nargs="?", help="go on with a model from a file")
    command.add_argument("--data", metavar="DATA", help=DATA_HELP)
    port = "default: 0, any that is free; pages that are open find a server again that is started anew at their port"
    command.add_argument("--port", type=_port, default=0, help=port)
    command.add_argument("--no-browser", action="store_true", help="print the address, and open nothing")
    group = command.add_argument_group("CSV files")
    _add_target_options(group)
    group.add_argument("--drop-missing", action="store_true", help="leave out rows with a missing value")


def _add_data(commands: _Commands) -> None:
    command = commands.add_parser("data", help="list the data sets that come with nncore, or show one")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    _command(actions, "list", _later("data", "run_list"), "list the data sets that come with nncore")
    show = _command(actions, "show", _later("data", "run_show"), "show columns and classes of a data set")
    show.add_argument("data", metavar="DATA", help=DATA_HELP)
    _add_table_options(show, target=True, missing=True)


def _add_info(commands: _Commands) -> None:
    _command(commands, "info", _later("info"), "show the processor, what a core of it reaches, threads and versions")


def _later(module: str, function: str = "run") -> Callable[[argparse.Namespace], int]:
    """Return the function of a command, whose module is imported when it is carried out: the others need not wait."""

    def run(options: argparse.Namespace) -> int:
        code: int = getattr(importlib.import_module(f"nncore.cli.{module}"), function)(options)
        return code

    return run


def _command(commands: _Commands, name: str, run: object, text: str) -> _Parser:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    command.add_argument("--json", action="store_true", help="write one JSON object to stdout")
    command.set_defaults(run=run, known_options=command.known_options)
    return command


def _add_table_options(command: argparse.ArgumentParser, *, target: bool = False, missing: bool = False) -> None:
    group = command.add_argument_group("CSV files")
    if target:
        _add_target_options(group)
        _add_column_options(group)
    if missing:
        text = "leave out rows with a missing value (default: fill it in, and mark it by a feature of its own)"
        group.add_argument("--drop-missing", action="store_true", help=text)
    group.add_argument("--header", choices=("yes", "no"), help="whether row 1 names the columns (default: found out)")
    group.add_argument("--delimiter", help="default: found out")
    group.add_argument("--decimal", choices=(".", ","), help="what stands before decimals; default: found out")
    group.add_argument("--encoding", help="default utf-8")


def _add_target_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--target", metavar="COLUMN", help="column to predict (default: the last)")
    group.add_argument(
        "--task",
        choices=("auto", "classification", "regression"),
        help="what the target is, also of an NPZ file (default auto: text, or whole numbers with up to "
        f"{MAX_GUESSED_CLASSES} different values, are classes; other numbers are regression)",
    )
    group.add_argument("--categorical", type=_names, default=(), metavar="A,B", help="columns to treat as text")
    group.add_argument("--ignore", type=_names, default=(), metavar="A,B", help="columns to leave out")


def _add_column_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--missing-values",
        type=_names,
        default=(),
        metavar="A,B",
        help="what else stands for a missing value, as in --missing-values=unknown,-999",
    )
    group.add_argument("--day-first", choices=("yes", "no"), help="whether 03/04/2024 is in April; default: found out")
    group.add_argument(
        "--date-parts", type=_names, default=(), metavar="A,B", help=f"what dates become besides: {', '.join(PARTS)}"
    )


def _add_output_options(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("-o", "--output", metavar="FILE", help=text)
    command.add_argument("--force", action="store_true", help="overwrite FILE")
    command.add_argument("--quiet", action="store_true", help="say nothing unless something fails")


def _sizes(text: str) -> tuple[int, ...]:
    if text == "none":
        return ()
    try:
        return tuple(_integer(size, 1, 2**31 - 1) for size in text.split(","))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"expected whole numbers such as 64,32, or none, got {text!r}") from None


def _count(text: str) -> int:
    return _integer(text, 1, 2**31 - 1)


def _port(text: str) -> int:
    return _integer(text, 0, 2**16 - 1)


def _seed(text: str) -> int:
    return _integer(text, 0, 2**64 - 1)


def _integer(text: str, low: int, high: int) -> int:
    try:
        value: int = integer(low, high)("value", int(_plain(text)))
    except ValueError:
        what = f"expected a whole number from {low} to {high}, got {text!r}"
        raise argparse.ArgumentTypeError(f"{what}{_written(text, int)}") from None
    return value


def _number(text: str) -> float:
    try:
        return float(_plain(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}{_written(text, float)}") from None


def _share(text: str) -> float:
    try:
        share: float = real(0, 1, below=True)("value", float(_plain(text)))
    except ValueError:
        what = f"expected a share of at least 0 and below 1, got {text!r}"
        raise argparse.ArgumentTypeError(f"{what}{on_share(text)}") from None
    return share


def _plain(text: str) -> str:
    """Return a number as it is written; Python would read 1_000 and the digits of any script."""
    if not text.isascii() or "_" in text:
        raise ValueError(text)
    return text


def _written(text: str, kind: type[int] | type[float]) -> str:
    """Return how to write a number that has other digits than 0 to 9, or something between them."""
    try:
        value = kind(re.sub(r"(?<=\d)[_'’\s](?=\d)", "", text))
        return "" if text.isascii() and repr(value) == text else f"; write it as {value}"
    except ValueError:
        return ""


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))
