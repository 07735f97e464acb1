"""The command line itself: commands, options, their types and help texts."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from nncore.base.names import did_you_mean
from nncore.cli import options
from nncore.cli.completion import SHELLS, PrintCompletion
from nncore.cli.errors import UsageError
from nncore.cli.hints import on_choice, on_command, on_option
from nncore.version import __version__

DATA_HELP = "a name from 'nncore data list', mnist:FOLDER, or a .csv or .npz file"
STREAM_HELP = f"{DATA_HELP}; a folder of .npy, .npz, .csv or .parquet files, a pattern of them, or one"


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
    for add in (
        _add_train,
        _add_search,
        _add_predict,
        _add_evaluate,
        _add_summary,
        _add_doctor,
        _add_builder,
        _add_data,
        _add_info,
    ):
        add(commands)
    return parser


def _add_train(commands: _Commands) -> None:
    command = _command(commands, "train", _later("train"), "train a network and test it on rows held out")
    command.add_argument("data", metavar="DATA", help=STREAM_HELP)
    options.add_network_options(command)
    training = options.add_training_options(command)
    training.add_argument(
        "--schedule", choices=("constant", "linear"), help="of the learning rate (default constant; mnist linear)"
    )
    training.add_argument(
        "--val",
        type=options.share,
        help="share of the other rows that chooses the best epoch (default 0; regression 0.2)",
    )
    training.add_argument(
        "--folds",
        type=options.count,
        metavar="K",
        help="cross-validate: score a network on each of K folds of the rows",
    )
    training.add_argument(
        "--ensemble", type=options.count, metavar="N", help="train networks of N seeds together, which answer as one"
    )
    options.add_stream_option(command)
    options.add_table_options(command, target=True, missing=True)
    options.add_output_options(command, "save the model, with all that prediction needs, to this file")
    command.add_argument("--history", metavar="FILE", help="save what training recorded, for nncore doctor (JSON)")
    command.add_argument("--plot", metavar="PICTURE", help="draw the training into this .png, .svg or .pdf file")


def _add_search(commands: _Commands) -> None:
    command = _command(commands, "search", _later("search"), "try many networks together, and test the best")
    command.add_argument("data", metavar="DATA", help=DATA_HELP)
    searching = command.add_argument_group("search")
    searching.add_argument(
        "--space",
        action="append",
        required=True,
        metavar="NAME=VALUES",
        help="what to vary, once for each: hidden.units=16,64, hidden.activation=relu,tanh, layers=none/32/64,32, "
        "optimizer.learning_rate=1e-4..0.1:log (a range, of which --trials are drawn), batch_size=16,32",
    )
    searching.add_argument(
        "--trials", type=options.count, metavar="N", help="random combinations (default: all there are)"
    )
    searching.add_argument(
        "--halving",
        type=options.count,
        metavar="K",
        help="let the best of K go on for K times as many epochs, the others not",
    )
    searching.add_argument("--score", default="loss", help="what decides: loss, accuracy, f1, rmse... (default loss)")
    searching.add_argument(
        "--folds",
        type=options.count,
        metavar="K",
        help="score by K folds (default: by a fifth of the rows that are trained on)",
    )
    searching.add_argument("--table", metavar="FILE", help="write all that were tried to this CSV file")
    options.add_network_options(command)
    options.add_training_options(command)
    command.set_defaults(val=0.0, schedule="constant")
    options.add_table_options(command, target=True, missing=True)
    options.add_output_options(
        command, "save the best model, trained on all rows but those held out to test, to this file"
    )


def _add_predict(commands: _Commands) -> None:
    command = _command(commands, "predict", _later("predict", "run_predict"), "write a prediction for each row as CSV")
    command.add_argument("model", metavar="MODEL", help="a file saved by nncore train")
    command.add_argument("data", metavar="DATA", help=f"{STREAM_HELP}; - is a table from standard input")
    command.add_argument("--proba", action="store_true", help="write the probability of every class")
    command.add_argument("--id", metavar="COLUMN", help="write this column of a CSV file in front of the predictions")
    options.add_stream_option(command)
    options.add_table_options(command)
    options.add_output_options(command, "write to this file instead of stdout")


def _add_evaluate(commands: _Commands) -> None:
    command = _command(commands, "evaluate", _later("predict", "run_evaluate"), "compare predictions with the target")
    command.add_argument("model", metavar="MODEL", help="a file saved by nncore train")
    command.add_argument("data", metavar="DATA", help=f"{STREAM_HELP}; - is a table from standard input")
    command.add_argument("--held-out", action="store_true", help="only the rows that training on this DATA held out")
    options.add_metrics_option(command)
    options.add_stream_option(command)
    options.add_table_options(command, missing=True)


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
    command.add_argument("--port", type=options.port, default=0, help=port)
    command.add_argument("--no-browser", action="store_true", help="print the address, and open nothing")
    group = command.add_argument_group("CSV files")
    options.add_target_options(group)
    group.add_argument("--drop-missing", action="store_true", help="leave out rows with a missing value")


def _add_data(commands: _Commands) -> None:
    command = commands.add_parser("data", help="list the data sets that come with nncore, or show one")
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    _command(actions, "list", _later("data", "run_list"), "list the data sets that come with nncore")
    show = _command(actions, "show", _later("data", "run_show"), "show columns and classes of a data set")
    show.add_argument("data", metavar="DATA", help=DATA_HELP)
    options.add_table_options(show, target=True, missing=True)


def _add_info(commands: _Commands) -> None:
    _command(commands, "info", _later("info"), "show the processor, what a core of it reaches, threads and versions")


def _later(module: str, function: str = "run") -> Callable[[argparse.Namespace], int]:
    """Return the function of a command, whose module is imported when it is carried out: the others need not wait."""

    def run(given: argparse.Namespace) -> int:
        code: int = getattr(importlib.import_module(f"nncore.cli.{module}"), function)(given)
        return code

    return run


def _command(commands: _Commands, name: str, run: object, text: str) -> _Parser:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    command.add_argument("--json", action="store_true", help="write one JSON object to stdout")
    command.set_defaults(run=run, known_options=command.known_options)
    return command
