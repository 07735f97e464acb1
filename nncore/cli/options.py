"""Groups of options that several commands take, and the types of their values."""

from __future__ import annotations

import argparse
import re

from nncore.activations import ACTIVATIONS
from nncore.base.checks import integer, real
from nncore.cli.hints import on_share
from nncore.datasets.dates import PARTS
from nncore.datasets.labels import MAX_GUESSED_CLASSES
from nncore.optimizers import OPTIMIZERS

DTYPES = ("float32", "float64", "mixed_bfloat16")


def add_network_options(command: argparse.ArgumentParser) -> None:
    """Let a command be told what the network is."""
    network = command.add_argument_group("network")
    network.add_argument(
        "--layers",
        type=sizes,
        metavar="64,32",
        help="units of the hidden layers, or none (default 64,32; mnist 256,128)",
    )
    network.add_argument(
        "--activation",
        default="relu",
        help=f"of the hidden layers: {', '.join(sorted(ACTIVATIONS))} (default %(default)s)",
    )
    network.add_argument("--dtype", default="float32", choices=DTYPES, help="precision (default %(default)s)")
    network.add_argument("--seed", type=seed, default=0, help="decides weights, split and shuffling (default 0)")


def add_training_options(command: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Let a command be told how it is trained; return their group."""
    training = command.add_argument_group("training")
    training.add_argument("--optimizer", default="adam", help=f"{', '.join(OPTIMIZERS)} (default %(default)s)")
    training.add_argument("--loss", help="by name, as huber, pinball (the median), kl_divergence (default: what suits)")
    training.add_argument("--lr", type=number, help="learning rate (default: that of the optimizer)")
    training.add_argument(
        "--class-weight", choices=("balanced",), help="let rare classes count as much as frequent ones"
    )
    training.add_argument("--epochs", type=count, help="default: so many that about 2000 updates are made, 10 to 200")
    training.add_argument("--batch-size", type=count, help="rows per update (default 32; mnist 128)")
    add_metrics_option(training)
    training.add_argument("--test", type=share, help="share of the rows held out to test (default 0.2)")
    training.add_argument("--threads", type=count, help="default: chosen by the size of the network")
    return training


def add_metrics_option(command: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Let a command be told what else to score, beside what it does anyway."""
    text = "what to score besides, as in f1,auc,recall_of_0 or mae,mape; see nncore.metrics"
    command.add_argument("--metrics", type=names, default=(), metavar="A,B", help=text)


def add_table_options(command: argparse.ArgumentParser, *, target: bool = False, missing: bool = False) -> None:
    """Let a command be told how a table is read."""
    group = command.add_argument_group("CSV files")
    if target:
        add_target_options(group)
        _add_column_options(group)
    if missing:
        text = "leave out rows with a missing value (default: fill it in, and mark it by a feature of its own)"
        group.add_argument("--drop-missing", action="store_true", help=text)
    group.add_argument("--header", choices=("yes", "no"), help="whether row 1 names the columns (default: found out)")
    group.add_argument("--delimiter", help="one character, or tab; default: found out")
    group.add_argument("--decimal", choices=(".", ","), help="what stands before decimals; default: found out")
    group.add_argument("--encoding", help="default utf-8")


def add_stream_option(command: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Let a command be told not to hold all rows in memory."""
    text = "read rows part by part, where they do not fit into memory: numbers alone; folders, patterns of files, .npy "
    command.add_argument("--stream", action="store_true", help=f"{text}and .parquet are read so anyway")


def add_target_options(group: argparse._ArgumentGroup) -> None:
    """Let a command be told what a table is to predict."""
    group.add_argument("--target", metavar="COLUMN", help="column to predict (default: the last)")
    group.add_argument(
        "--task",
        choices=("auto", "classification", "regression"),
        help="what the target is, also of an NPZ file (default auto: text, or whole numbers with up to "
        f"{MAX_GUESSED_CLASSES} different values, are classes; other numbers are regression)",
    )
    group.add_argument("--categorical", type=names, default=(), metavar="A,B", help="columns to treat as text")
    group.add_argument("--ignore", type=names, default=(), metavar="A,B", help="columns to leave out")


def _add_column_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--missing-values",
        type=names,
        default=(),
        metavar="A,B",
        help="what else stands for a missing value, as in --missing-values=unknown,-999",
    )
    group.add_argument("--day-first", choices=("yes", "no"), help="whether 03/04/2024 is in April; default: found out")
    group.add_argument(
        "--date-parts", type=names, default=(), metavar="A,B", help=f"what dates become besides: {', '.join(PARTS)}"
    )


def add_output_options(command: argparse.ArgumentParser, text: str) -> None:
    """Let a command be told where the result goes."""
    command.add_argument("-o", "--output", metavar="FILE", help=text)
    command.add_argument("--force", action="store_true", help="overwrite FILE")
    command.add_argument("--quiet", action="store_true", help="say nothing unless something fails")


def sizes(text: str) -> tuple[int, ...]:
    """Return the units of some layers; of "none" none."""
    if text == "none":
        return ()
    try:
        return tuple(_integer(size, 1, 2**31 - 1) for size in text.split(","))
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"expected whole numbers such as 64,32, or none, got {text!r}") from None


def count(text: str) -> int:
    """Return a whole number from 1 on."""
    return _integer(text, 1, 2**31 - 1)


def port(text: str) -> int:
    """Return the number of a port, 0 for any."""
    return _integer(text, 0, 2**16 - 1)


def seed(text: str) -> int:
    """Return a whole number of 64 bits."""
    return _integer(text, 0, 2**64 - 1)


def _integer(text: str, low: int, high: int) -> int:
    try:
        value: int = integer(low, high)("value", int(_plain(text)))
    except ValueError:
        what = f"expected a whole number from {low} to {high}, got {text!r}"
        raise argparse.ArgumentTypeError(f"{what}{_written(text, int)}") from None
    return value


def number(text: str) -> float:
    """Return a number."""
    try:
        return float(_plain(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}{_written(text, float)}") from None


def share(text: str) -> float:
    """Return a number from 0 on, and below 1."""
    try:
        value: float = real(0, 1, below=True)("value", float(_plain(text)))
    except ValueError:
        what = f"expected a share of at least 0 and below 1, got {text!r}"
        raise argparse.ArgumentTypeError(f"{what}{on_share(text)}") from None
    return value


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


def names(text: str) -> tuple[str, ...]:
    """Return the names of some columns."""
    return tuple(name.strip() for name in text.split(","))
