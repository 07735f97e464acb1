"""Rules about the course of the loss: does it fall, how, and does it fall where it counts."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nncore.arrays.facts import MOST_TARGETS
from nncore.base.protocols import Record
from nncore.base.typing import Floats
from nncore.doctor.findings import Finding
from nncore.doctor.series import RECENT, column, current_layers, end, finite, percent, short

TREND_EPOCHS = 5  # fewer tell no trend
SHAPE_EPOCHS = 10  # fewer do not show how a curve runs
DIVERGED = 2.0  # times the first loss: no noise of batches doubles the mean of an epoch
RISEN = 1.05  # times the first loss: 5 % is more than the noise of an epoch's mean usually is

LEAP = 10.0  # times the first loss, at the worst of a run that came down again: no batch of odd rows does that
OFTEN = 0.3  # share of the epochs in which the loss rises, in the second half of the run
JUMP = 0.1  # mean change of the loss from epoch to epoch, relative to the loss itself
LARGE_UPDATE = 0.1
"""Change of a weight in one step, relative to the weight. About 1e-3 is usual, more means too high and less too low a
rate (Karpathy, CS231n, Neural Networks 3, "ratio of weights:updates"); a hundredfold is beyond doubt."""
SMALL_UPDATE = 1e-5  # likewise a hundredth of what is usual: 100,000 steps to change a weight by its own size
IDLE_EPOCHS = 2  # one alone may be the first of a warm-up, or the last of a decay
STEADILY = 0.8  # share of epochs in which the loss falls
HIGH = 0.5  # share of the first loss: less than half the way is done
NEARLY_LEARNT = 0.1  # share of the first loss below which jumps do not matter any more

OVERFIT_RISE = 0.1  # of the validation loss above its lowest; Prechelt (1998) stops at 1 to 5 % already
OVERFIT_PATIENCE = 3  # epochs since then: one or two may be chance
GAP = 2.0  # validation loss in times the training loss
NOTABLE = 0.1  # share of the first validation loss that the gap must have, for nearly 0 against nearly 0 is no gap

ABOVE = 1.02  # times the loss of the best constant answer, which any last bias can give: more is not chance
ABOVE_SAMPLED = 1.1  # likewise where that loss is known from a sample of the rows, within some percent
MOVING = 1e-4  # relative change of the loss from epoch to epoch: below, an output is stuck at the end of its range

UNDERFIT = 0.9  # share of the loss of the best constant answer: hardly anything of the inputs is used

IMPROVING = 0.05  # relative fall of the loss within the last tenth of the epochs
IMPROVING_AT_ALL = 0.01  # the same in shares of the first loss: halving a loss of nearly 0 gains nothing


def divergence(history: Record) -> Iterator[Finding]:
    """Report training that ended in numbers that are not finite, or at a loss well above the first."""
    stopped, loss = history.diverged, column(history, "loss")
    if stopped is not None and stopped["epoch"] >= history.next_epoch:
        rate = stopped["learning_rate"]
        seen = (
            f"loss, weights or optimizer were no longer finite in epoch {stopped['epoch']}, batch {stopped['batch']} "
            f"(last finite loss {short(stopped['last_finite_loss'])}, learning rate {short(rate)})"
        )
    elif "loss" in history and len(history) and not math.isfinite(history["loss"][-1]):
        rate, seen = _rate(history), f"the loss of epoch {history.epochs[-1]} is {history['loss'][-1]}"
    elif len(loss) > 1 and end(loss) >= DIVERGED * loss[0] > 0:
        rate, seen = _rate(history), f"the loss rose from {short(loss[0])} to {short(end(loss))}"
    else:
        return
    smaller = "" if math.isnan(rate) else f" such as {short(rate / 10)}"
    yield Finding(
        "divergence",
        "severe",
        None,
        seen,
        "Steps that are too long lead to larger gradients, and so to steps that are longer still, without end.",
        f"a smaller learning_rate{smaller}; standardised inputs, and targets if these are large numbers; clipping: "
        "compile(Adam(clip_norm=1.0)).",
    )


def learning_rate_too_high(history: Record) -> Iterator[Finding]:
    """Report a loss that rises, leaps or jumps about, and large steps that go with it."""
    loss, rate = _loss(history), _rate(history)
    if not rate > 0 or len(loss) < TREND_EPOCHS or not 0 < end(loss) < DIVERGED * loss[0]:
        return
    half = loss[len(loss) // 2 :]
    steps = np.diff(half)
    rises = float((steps > 0).mean())
    restless = len(loss) >= SHAPE_EPOCHS and rises >= OFTEN and np.median(half) >= NEARLY_LEARNT * loss[0]
    update, severity = _update_ratio(history), "warning"
    if _hovers_above_one_answer(history):
        seen = (
            f"the loss stays at {short(end(loss))}, above the {short(_one_answer(history))} of one and the same "
            f"answer, and rose in {percent(rises)} of the epochs of the second half"
        )
        severity = "severe" if end(loss) >= DIVERGED * _one_answer(history) else "warning"
    elif end(loss) >= RISEN * loss[0]:
        seen = f"the loss rose from {short(loss[0])} to {short(end(loss))}"
    elif loss.max() >= LEAP * loss[0]:
        seen = f"the loss leapt from {short(loss[0])} to {short(loss.max())} before it came down again"
    elif restless and np.abs(steps).mean() >= JUMP * np.median(half):
        jump = percent(float(np.abs(steps).mean() / np.median(half)))
        seen = f"in the second half the loss rose in {percent(rises)} of the epochs and changed by {jump} each time"
    elif restless and update >= LARGE_UPDATE:
        seen = f"a step changes the weights by {percent(update)}, and the loss rose in {percent(rises)} of the epochs"
    else:
        return
    yield Finding(
        "learning_rate_too_high",
        severity,
        None,
        f"{seen} (learning rate {short(rate)})",
        "Steps that are too long jump over the minimum again and again instead of into it.",
        f"a learning rate 3 to 10 times smaller, for example compile(Adam(learning_rate={short(rate / 10)})) with your "
        "optimizer; one that falls in the course of training; a larger batch_size.",
    )


def learning_rate_zero(history: Record) -> Iterator[Finding]:
    """Report epochs that changed nothing, for the learning rate was 0."""
    rates = column(history, "learning_rate")
    zeros = int((rates == 0).sum())
    if zeros >= IDLE_EPOCHS or 0 < zeros == len(rates):
        yield Finding(
            "learning_rate_zero",
            "warning",
            None,
            f"the learning rate was 0 in {zeros} of {len(rates)} epochs",
            "Such an epoch costs its time and changes no weight. A schedule counts the epochs of all calls of fit, and "
            "once it has run out, it stays at its last rate.",
            "a schedule as long as all epochs together, or one that ends above 0: CosineDecay(..., final_rate=1e-5); "
            "or before the next fit, compile with a constant rate.",
        )


def learning_rate_too_low(history: Record) -> Iterator[Finding]:
    """Report steps so small that a steadily falling loss is still high."""
    loss, rate = column(history, "loss"), _rate(history)
    if math.isnan(rate) or len(loss) < TREND_EPOCHS:
        return
    largest = max((_largest_update(layer["update_ratio"]) for layer in current_layers(history)), default=math.nan)
    falls = float((np.diff(loss) < 0).mean())
    if largest < SMALL_UPDATE and falls >= STEADILY and HIGH * loss[0] <= end(loss) < loss[0]:
        yield Finding(
            "learning_rate_too_low",
            "warning",
            None,
            f"a step changes the weights by at most {short(largest)} of their size, and the loss went only from "
            f"{short(loss[0])} to {short(end(loss))} in {len(loss)} epochs (learning rate {short(rate)})",
            "The direction is right, but at this pace training takes many times the epochs it needs to.",
            f"a learning rate 10 times larger, for example compile(Adam(learning_rate={short(10 * rate)})) with your "
            "optimizer.",
        )


def _largest_update(ratios: Floats) -> float:
    known = finite(ratios)
    return float(np.quantile(known, 0.9)) if len(known) else 0.0  # not the very first steps, nor one odd batch


def _update_ratio(history: Record) -> float:
    """Return the update ratio of a typical layer at the end; NaN if none was recorded."""
    ratios = finite(np.array([end(layer["update_ratio"]) for layer in current_layers(history)]))
    return float(np.median(ratios)) if len(ratios) else math.nan


def _one_answer(history: Record) -> float:
    """Return the loss of the best constant answer; NaN if it is not known."""
    return float((history.targets or {}).get("baseline", math.nan))


def _above_one_answer(history: Record) -> bool:
    """Return whether the loss ended clearly above that of the best constant answer.

    With Dropout it may, with the right learning rate, too: some of its noise is in the loss.
    """
    if any(layer.kind == "Dropout" for layer in current_layers(history)):
        return False
    rows = (history.targets or {}).get("rows", 0)
    margin = ABOVE if rows <= MOST_TARGETS // 2 else ABOVE_SAMPLED  # of fewer rows, all are known
    return bool(end(_loss(history)) >= margin * _one_answer(history) > 0)


def _hovers_above_one_answer(history: Record) -> bool:
    """Return whether the loss goes up and down above that of the best constant answer, as too long steps have it."""
    loss = _loss(history)
    half = loss[len(loss) // 2 :]
    if len(loss) < SHAPE_EPOCHS or not _above_one_answer(history):
        return False
    steps = np.diff(half)
    return bool((steps > 0).mean() >= OFTEN and np.abs(steps).mean() >= MOVING * np.median(half))


def _loss(history: Record) -> Floats:
    """Return the loss of each epoch; where an epoch has a part of the rows, means over those that have all of them.

    Other rows have another loss, so that it goes up and down whatever the steps do.
    """
    loss, parts = column(history, "loss"), int((history.targets or {}).get("parts", 1))
    whole = len(loss) - len(loss) % parts
    if parts == 1 or not len(loss):
        return loss
    return loss[-whole:].reshape(-1, parts).mean(axis=1) if whole else loss[-1:]


def _rate(history: Record) -> float:
    rates = column(history, "learning_rate")
    return float(rates[-1]) if len(rates) else math.nan


def overfitting(history: Record) -> Iterator[Finding]:
    """Report a validation loss that rises, or stays high, while the training loss falls.

    A network that has learnt nothing has nothing by heart: it says nothing while one and the same answer is as good.
    """
    if "val_loss" not in history or "loss" not in history:
        return
    both = np.isfinite(history["loss"]) & np.isfinite(history["val_loss"])
    loss, val, epochs = history["loss"][both], history["val_loss"][both], history.epochs[both]
    if end(loss) >= _one_answer(history):
        return
    if len(val) < TREND_EPOCHS or min(val.min(), loss.min()) < 0:  # ratios say nothing about negative losses
        return
    best = int(val.argmin())
    lowest = float(np.median(val[max(0, best - 1) : best + 2]))  # with its neighbours: one low value may be luck
    since, now, train = len(val) - 1 - best, end(val), end(loss)
    rises = since >= OVERFIT_PATIENCE and now >= (1 + OVERFIT_RISE) * lowest and train < loss[best]
    gap = now >= GAP * train and now - train >= NOTABLE * val[0] and loss[-1] < loss[0]
    if rises:
        seen = (
            f"the validation loss rose from {short(val[best])} in epoch {epochs[best]} to {short(now)}, while the "
            f"training loss fell from {short(loss[best])} to {short(train)}"
        )
    elif gap:
        seen = f"the validation loss is {short(now)}, {short(now / train)} times the training loss of {short(train)}"
    else:
        return
    yield Finding(
        "overfitting",
        "warning" if rises else "hint",
        None,
        seen,
        "The network learns the training rows by heart instead of what they have in common with others.",
        "stop at the best epoch: fit(..., callbacks=[EarlyStopping(patience=10)]); Dropout(0.3) after the hidden "
        "layers, Dense(..., l2=1e-4), fewer units; more rows.",
    )


def underfitting(history: Record) -> Iterator[Finding]:
    """Report a training loss that is hardly below that of a constant answer, or below the first epoch's."""
    loss, baseline = column(history, "loss"), _one_answer(history)
    if len(loss) < TREND_EPOCHS or end(loss) >= RISEN * loss[0]:
        return
    if _rate(history) > 0 and _hovers_above_one_answer(history):
        return  # the learning rate is to blame, and has been
    now = end(loss)
    if baseline > 0:
        seen, level = f"the loss is {short(now)}; one and the same answer would give {short(baseline)}", baseline
    elif history.epochs[0] == 0 and not (history.targets or {}).get("floorless"):
        # not of a training that went on from good weights, which would look the same
        seen, level = f"in {len(loss)} epochs the loss only went from {short(loss[0])} to {short(now)}", loss[0]
    else:
        return
    if now >= UNDERFIT * level > 0:
        falls = float((np.diff(loss) < 0).mean())
        rate = "a larger learning_rate, or a smaller one if the loss has jumped"
        if _above_one_answer(history) and falls < STEADILY:
            rate = "a smaller learning_rate: even the best constant answer has not been found"
        yield Finding(
            "underfitting",
            "warning",
            None,
            seen,
            "The network has learnt next to nothing from the inputs: it is too small, not trained long enough, badly "
            "conditioned, or the inputs say nothing about the target.",
            f"{rate}; more epochs, more units or a hidden layer more, standardised inputs, and targets if these are "
            "large numbers, less Dropout and l2; and see whether each row of X still belongs to its row of y.",
        )


def still_improving(history: Record) -> Iterator[Finding]:
    """Report training that ended while the loss that counts was still falling."""
    name = "val_loss" if len(column(history, "val_loss")) >= SHAPE_EPOCHS else "loss"
    values = column(history, name)
    if len(values) < SHAPE_EPOCHS or int(values.argmin()) < len(values) - RECENT // 2:
        return
    last = values[-max(6, len(values) // 5) :]
    before, after = np.median(last[: len(last) // 2]), np.median(last[len(last) // 2 :])
    if before - after >= max(IMPROVING * before, IMPROVING_AT_ALL * values[0]) > 0:
        what = "validation loss" if name == "val_loss" else "training loss"
        yield Finding(
            "still_improving",
            "hint",
            None,
            f"the {what} fell by {percent(float(1 - after / before))} within the last {len(last) // 2} epochs, to "
            f"{short(values[-1])}",
            "Training ended before the network had learnt what it can learn.",
            "call fit again, it goes on where it stopped; or more epochs with EarlyStopping, which ends by itself.",
        )
