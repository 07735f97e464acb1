"""The doctor: every rule fires where it should, keeps silent on a near miss, and says nothing of a healthy run."""

import inspect
import re

import numpy as np
import pytest

import nncore
from nncore.doctor import RULES, SEVERITIES, Diagnosis, diagnose
from nncore.doctor import curve_rules as curves
from nncore.doctor import data_rules as data
from nncore.doctor import layer_rules as layers
from nncore.history import History
from nncore.history.layers import FIELDS, WIDTH

EPOCHS = 30
FALLING = np.exp(-np.arange(EPOCHS) / 3)  # by the end it has settled
NETWORK = [("dense_0", "Dense", "relu"), ("dense_1", "Dense", "tanh"), ("dense_2", "Dense", "softmax")]
WITH_DROPOUT = [NETWORK[0], ("dropout_1", "Dropout", "identity"), ("dense_2", "Dense", "softmax")]
USUAL = {
    "gradient_norm": 0.5,
    "update_ratio": 1e-3,
    "weight_mean": 0.01,
    "weight_std": 0.2,
    "weight_min": -0.7,
    "weight_max": 0.8,
    "activation_mean": 0.4,
    "activation_std": 0.6,
    "dead": 0.05,
    "saturated": 0.1,
}
INPUTS = {
    "rows": 500,
    "features": 4,
    "min": -3.0,
    "max": 3.5,
    "mean_min": -0.1,
    "mean_max": 0.1,
    "std_min": 0.8,
    "std_max": 1.2,
    "narrowest": 1,
    "widest": 2,
    "constant": 0,
}
BLURRED = {"blurred": 2, "blur": 1.1 * data.BLURRED, "values": 75, "values_left": 10}
TARGETS = {"rows": 500, "counts": [150.0, 200.0, 150.0], "baseline": 1.09}


def columns(loss=0.1 + FALLING, **others):
    """Return columns of a healthy run, some of them replaced; None leaves one out."""
    loss = np.asarray(loss, float)
    usual = {"loss": loss, "val_loss": 1.1 * loss + 0.02, "learning_rate": np.full(len(loss), 0.01)}
    return {name: values for name, values in {**usual, **others}.items() if values is not None}


def healthy(changes=(), *, first_epoch=0, network=NETWORK, every=1, **replaced):
    """Return a run with nothing to complain of, but for `changes`: {(layer, field): values} and replaced columns."""
    history = History()
    filled = columns(**replaced)
    n = len(filled["loss"])
    history.extend(first_epoch, filled)
    records = np.ones((n, len(network), WIDTH))
    records[:, :, : len(FIELDS)] = [USUAL[field] for field in FIELDS]
    for (name, field), values in dict(changes).items():
        records[:, [layer[0] for layer in network].index(name), FIELDS.index(field)] = values
    epochs = first_epoch + np.arange(n)
    history.record_layers(network, epochs[::every], records[::every])
    history.note_data(INPUTS, TARGETS)
    return history


def sampled(**replaced):
    """Return a healthy run on more rows than are looked at."""
    history = healthy(**replaced)
    history.note_data(INPUTS, {**TARGETS, "rows": 4000})
    return history


def with_facts(inputs=(), targets=(), symmetric=(), diverged=None):
    history = healthy()
    history.note_data({**INPUTS, **dict(inputs)}, {**TARGETS, **dict(targets)})
    history.symmetric, history.diverged = symmetric, diverged
    return history


def noise(size, n=EPOCHS):
    """Return factors around 1 that go up and down."""
    return 1 + size * np.where(np.arange(n) % 2, 1, -1)


def dead(share, records=EPOCHS):
    """Every unit is silent at some time, but only `share` of them in all of the last records."""
    values = np.full(EPOCHS, 0.95)
    values[-records:][::7] = share
    return {("dense_0", "dead"): values}


NOT_LEARNT = np.full(EPOCHS, 0.9) + 0.1 * FALLING  # a loss that stays high
ZERO = {("dense_0", "weight_mean"): 0, ("dense_0", "weight_std"): [0] + [0.1] * (EPOCHS - 1)}
NEARLY_ZERO = {**ZERO, ("dense_0", "weight_std"): [1e-3] + [0.1] * (EPOCHS - 1)}
DIVERGED = {"epoch": EPOCHS, "batch": 3, "last_finite_loss": 1e30, "learning_rate": 10.0}
JUMPY = 0.5 + 0.5 * FALLING
STEADY = np.linspace(1, 0.8, EPOCHS)
LATE = np.concatenate([FALLING[:10], np.full(20, FALLING[9])]) + 0.1  # falls until epoch 9


def rising_validation(rise, start=10):
    """Falls to 0.5 until `start`, then rises by the share `rise`."""
    return np.concatenate([np.linspace(1, 0.5, start), np.linspace(0.5, 0.5 * (1 + rise), EPOCHS - start)])


def leaping(factor):
    """Leaps early to `factor` times the first loss, and settles as low as a healthy run."""
    values = 0.1 + FALLING
    values[2] = factor * values[0]
    return values


def still_falling(fall):
    """Has settled at 0.5, but falls by the share `fall` from one half of the last six epochs to the other."""
    values = 0.5 + 0.5 * FALLING
    values[-3:] *= 1 - fall - 1e-3 * np.arange(3)
    return values


CASES = [
    # rule, severity, layer, what fires, near misses
    (
        "vanishing_gradients",
        "warning",
        "dense_0",
        lambda: healthy({("dense_0", "gradient_norm"): 0.9 * layers.VANISHED * 0.5}),
        [
            lambda: healthy({("dense_0", "gradient_norm"): 1.1 * layers.VANISHED * 0.5}),
            lambda: healthy({(name, "gradient_norm"): 1e-9 for name, _, _ in NETWORK}),  # all small: it has converged
            lambda: healthy({("dense_0", "gradient_norm"): [1e-9] * 27 + [0.5] * 3}),  # that was long ago
            lambda: healthy({("dense_0", "gradient_norm"): np.nan}),  # has no parameters
            lambda: healthy(  # cut off by zeros, not vanished
                {
                    ("dense_0", "gradient_norm"): 0,
                    ("dense_1", "activation_mean"): 0,
                    ("dense_1", "activation_std"): 0,
                }
            ),
        ],
    ),
    (
        "vanishing_gradients",
        "severe",
        "dense_0",
        lambda: healthy({("dense_0", "gradient_norm"): 1e-8, ("dense_1", "gradient_norm"): 1e-5}),
        [],
    ),
    (
        "exploding_gradients",
        "severe",
        "dense_1",
        lambda: healthy({("dense_1", "gradient_norm"): 1.1 * layers.EXPLODED * 0.5}),
        [lambda: healthy({("dense_1", "gradient_norm"): 0.9 * layers.EXPLODED * 0.5})],
    ),
    (
        "exploding_gradients",
        "severe",
        "dense_1",
        lambda: healthy({("dense_1", "gradient_norm"): [0.5] * 28 + [np.inf, 0.5]}),
        [lambda: healthy({("dense_1", "gradient_norm"): [0.5] * 28 + [300, 0.5]})],  # one batch
    ),
    (
        "exploding_gradients",
        "severe",
        None,
        lambda: healthy(
            {(name, "gradient_norm"): np.geomspace(0.1, 50, EPOCHS) for name, _, _ in NETWORK},
            loss=0.5 + 0.02 * np.linspace(0, 1, EPOCHS),
            learning_rate=None,
        ),
        [
            lambda: healthy({(name, "gradient_norm"): np.geomspace(0.1, 50, EPOCHS) for name, _, _ in NETWORK}),
            lambda: healthy(
                {(name, "gradient_norm"): np.geomspace(0.1, 8, EPOCHS) for name, _, _ in NETWORK},
                loss=0.5 + 0.02 * np.linspace(0, 1, EPOCHS),
                learning_rate=None,
            ),
        ],
    ),
    (
        "dead_relus",
        "warning",
        "dense_0",
        lambda: healthy(dead(layers.MANY_DEAD + 0.01, 10)),
        [
            lambda: healthy(dead(layers.MANY_DEAD - 0.01, 10)),
            lambda: healthy({("dense_1", "dead"): 0.9}),  # a tanh that gives 0 is alive
        ],
    ),
    ("dead_relus", "severe", "dense_0", lambda: healthy(dead(layers.NEARLY_ALL_DEAD)), []),
    (
        "dead_relus",
        "severe",
        "dense_0",
        lambda: healthy({("dense_0", "dead"): np.repeat([0.1, 0.97, 1.0], 10)}, every=10),  # three records
        [lambda: healthy({("dense_0", "dead"): np.repeat([0.1, 0.3, 1.0], 10)}, every=10)],
    ),
    (
        "saturation",
        "warning",
        "dense_1",
        lambda: healthy({("dense_1", "saturated"): layers.MANY_SATURATED}, loss=0.5 + 0.5 * FALLING),
        [
            lambda: healthy({("dense_1", "saturated"): layers.MANY_SATURATED - 0.01}, loss=0.5 + 0.5 * FALLING),
            lambda: healthy({("dense_0", "saturated"): 0.7}, loss=0.5 + 0.5 * FALLING),  # a ReLU has one flat side
            lambda: healthy({("dense_2", "saturated"): 0.9}, loss=0.5 + 0.5 * FALLING),  # the output is sure
            lambda: healthy({("dense_1", "saturated"): 0.9}, loss=0.05 + 0.95 * FALLING),  # it has learnt
        ],
    ),
    (
        "saturation",
        "severe",
        "dense_1",
        lambda: healthy({("dense_1", "saturated"): layers.NEARLY_ALL_SATURATED}, loss=0.5 + 0.5 * FALLING),
        [],
    ),
    ("symmetric_start", "severe", "dense_0", lambda: healthy(ZERO), [lambda: healthy(NEARLY_ZERO)]),
    (
        "symmetric_start",
        "severe",
        "dense_1",
        lambda: with_facts(symmetric=("dense_1",)),
        [lambda: healthy({("dense_2", "weight_mean"): 0, ("dense_2", "weight_std"): 0})],  # an output may begin at 0
    ),
    (
        "divergence",
        "severe",
        None,
        lambda: with_facts(diverged=DIVERGED),
        [lambda: with_facts(diverged={**DIVERGED, "epoch": EPOCHS - 1})],  # training went on after that
    ),
    (
        "divergence",
        "severe",
        None,
        lambda: healthy(loss=np.linspace(1, 2.2, EPOCHS)),
        [lambda: healthy(loss=np.concatenate([np.linspace(1, 3, 10), np.linspace(3, 0.5, 20)[:-4], [0.4] * 4]))],
    ),
    ("divergence", "severe", None, lambda: healthy(loss=[*FALLING[:-1], np.nan]), []),
    (
        "learning_rate_too_high",
        "warning",
        None,
        lambda: healthy(loss=np.linspace(1, 1.1, EPOCHS)),
        [lambda: healthy(loss=np.linspace(1, 1.04, EPOCHS), first_epoch=5)],
    ),
    (
        "learning_rate_too_high",
        "warning",
        None,
        lambda: healthy(loss=JUMPY * noise(0.06)),
        [
            lambda: healthy(loss=JUMPY * noise(0.04)),
            lambda: healthy(loss=(0.01 + FALLING) * noise(0.3)),  # jumps, but has learnt
            lambda: healthy(loss=(JUMPY * noise(0.06))[:9]),  # too few to tell
        ],
    ),
    (
        "learning_rate_too_high",
        "warning",
        None,
        lambda: healthy({(name, "update_ratio"): 0.11 for name, _, _ in NETWORK}, loss=JUMPY * noise(0.02)),
        [
            lambda: healthy({(name, "update_ratio"): 0.09 for name, _, _ in NETWORK}, loss=JUMPY * noise(0.02)),
            lambda: healthy({(name, "update_ratio"): 0.11 for name, _, _ in NETWORK}),  # large steps, and it learns
        ],
    ),
    (
        "learning_rate_too_high",
        "warning",
        None,
        lambda: healthy(loss=leaping(curves.LEAP)),
        [
            lambda: healthy(loss=leaping(0.9 * curves.LEAP)),
            lambda: healthy(loss=leaping(curves.LEAP), learning_rate=None),
        ],
    ),
    (
        "learning_rate_too_high",
        "warning",
        None,
        lambda: healthy(loss=1.03 * TARGETS["baseline"] * (1 + FALLING) * noise(0.001)),  # worse than one answer
        [
            lambda: healthy(loss=1.01 * TARGETS["baseline"] * (1 + FALLING) * noise(0.001)),
            lambda: healthy(loss=1.03 * TARGETS["baseline"] * (1 + FALLING)),  # it falls still
            lambda: healthy(loss=1.03 * TARGETS["baseline"] * (1 + FALLING) * noise(0.001), network=WITH_DROPOUT),
            lambda: healthy(loss=1.03 * TARGETS["baseline"] * (1 + FALLING) * noise(0.00001)),  # it is stuck
            lambda: sampled(loss=1.03 * TARGETS["baseline"] * (1 + FALLING) * noise(0.001)),
        ],
    ),
    (
        "learning_rate_too_high",
        "severe",
        None,
        lambda: healthy(loss=curves.DIVERGED * 1.01 * TARGETS["baseline"] * (1 + FALLING) * noise(0.001)),
        [],
    ),
    (
        "learning_rate_too_low",
        "warning",
        None,
        lambda: healthy({(name, "update_ratio"): 9e-6 for name, _, _ in NETWORK}, loss=STEADY),
        [
            lambda: healthy({(name, "update_ratio"): 1.1e-5 for name, _, _ in NETWORK}, loss=STEADY),
            lambda: healthy({("dense_0", "update_ratio"): 9e-6}, loss=STEADY),  # the other layers learn
            lambda: healthy({(name, "update_ratio"): 9e-6 for name, _, _ in NETWORK}),  # low enough already
            lambda: healthy(  # a schedule that ends near 0
                {(name, "update_ratio"): np.geomspace(1e-2, 1e-8, EPOCHS) for name, _, _ in NETWORK}, loss=STEADY
            ),
        ],
    ),
    (
        "learning_rate_zero",
        "warning",
        None,
        lambda: healthy(learning_rate=[0.01] * (EPOCHS - curves.IDLE_EPOCHS) + [0] * curves.IDLE_EPOCHS),
        [
            lambda: healthy(learning_rate=[0] + [0.01] * (EPOCHS - 1)),  # a warm-up
            lambda: healthy(learning_rate=[0.01] * (EPOCHS - 2) + [1e-30] * 2),
            lambda: healthy(learning_rate=None),
        ],
    ),
    (
        "unseen_class",
        "warning",
        None,
        lambda: with_facts(targets={"counts": [200.0, 200.0], "validation_counts": [0.0, 0.0, 100.0]}),
        [
            lambda: with_facts(targets={"counts": [100.0, 100.0, 5.0], "validation_counts": [50.0, 45.0, 20.0]}),
            lambda: with_facts(targets={"counts": [100.0, 100.0], "validation_counts": [50.0, 50.0, 1.0]}),
            lambda: with_facts(targets={"validation_counts": [50.0, 50.0, 1.0]}),
        ],
    ),
    (
        "sorted_rows",
        "warning",
        None,
        lambda: with_facts(targets={"counts": [50.0, 35.0], "validation_counts": [0.0, 15.0], "sorted": 1}),
        [
            lambda: with_facts(targets={"counts": [50.0, 35.0], "validation_counts": [0.0, 15.0]}),
            lambda: with_facts(targets={"counts": [50.0, 0.0], "validation_counts": [0.0, 15.0], "sorted": 1}),
        ],
    ),
    (
        "overfitting",
        "warning",
        None,
        lambda: healthy(loss=0.4 + 0.6 * FALLING, val_loss=rising_validation(0.13)),
        [
            lambda: healthy(loss=0.4 + 0.6 * FALLING, val_loss=rising_validation(0.05)),
            lambda: healthy(loss=LATE * 0 + 0.45, val_loss=rising_validation(0.13), learning_rate=None),
            lambda: healthy(loss=0.4 + 0.6 * FALLING[:4], val_loss=[1, 0.5, 0.6, 0.7]),
            lambda: healthy(loss=1.1 + 0.6 * FALLING, val_loss=2 * rising_validation(0.13)),  # has learnt nothing
        ],
    ),
    (
        "overfitting",
        "hint",
        None,
        lambda: healthy(val_loss=0.23 + FALLING),
        [
            lambda: healthy(val_loss=0.19 + FALLING),
            lambda: healthy(loss=0.01 + FALLING, val_loss=0.03 + FALLING),  # both nearly 0
            lambda: healthy(loss=1.1 + FALLING, val_loss=3 + FALLING),  # has learnt nothing
        ],
    ),
    (
        "underfitting",
        "warning",
        None,
        lambda: healthy(loss=1 + 0.09 * FALLING),
        [
            lambda: healthy(loss=0.97 + 0.12 * FALLING),
            lambda: healthy(loss=[1.09, 1.0, 1.0, 1.0]),  # too early to say
        ],
    ),
    (
        "still_improving",
        "hint",
        None,
        lambda: healthy(loss=still_falling(0.06)),
        [lambda: healthy(loss=still_falling(0.03))],
    ),
    (
        "still_improving",
        "hint",
        None,
        lambda: healthy(loss=np.linspace(1, 0.3, EPOCHS), val_loss=None),
        [
            lambda: healthy(loss=np.linspace(1, 0.3, EPOCHS), val_loss=np.full(EPOCHS, 0.4)),  # validation counts
            lambda: healthy(loss=np.exp(-np.arange(EPOCHS))),  # halves for ever, from nearly 0
            lambda: healthy(loss=np.linspace(1, 0.9, 9), val_loss=None, first_epoch=3),
        ],
    ),
    (
        "rounded_inputs",
        "warning",
        None,
        lambda: with_facts(inputs=BLURRED),
        [
            lambda: with_facts(inputs={**BLURRED, "blur": 0.9 * data.BLURRED}),
            lambda: with_facts(),  # of a model of float32, or of an older version
        ],
    ),
    (
        "unscaled_inputs",
        "hint",
        None,
        lambda: with_facts(inputs={"std_max": 1.1 * data.FAR}),
        [lambda: with_facts(inputs={"std_max": 0.9 * data.FAR})],
    ),
    (
        "unscaled_inputs",
        "warning",
        None,
        lambda: with_facts(inputs={"mean_min": -1.1 * data.VERY_FAR}),
        [lambda: with_facts(inputs={"mean_min": -0.9 * data.FAR})],
    ),
    (
        "unscaled_inputs",
        "hint",
        None,
        lambda: with_facts(inputs={"std_min": 1e-3, "std_max": 1.1}),
        [
            lambda: with_facts(inputs={"std_min": 1e-3, "std_max": 0.9}),
            lambda: with_facts(inputs={"std_min": 0.0, "std_max": 0.0}),  # nothing but constants: another trouble
        ],
    ),
    (
        "unscaled_inputs",
        "hint",
        None,
        lambda: with_facts(inputs={"std_min": 1e-3, "std_max": 0.9 * data.TINY}),
        [lambda: with_facts(inputs={"std_min": 1e-3, "std_max": 1.1 * data.TINY})],
    ),
    (
        "label_imbalance",
        "hint",
        None,
        lambda: with_facts(targets={"counts": [100.0, 10.0]}),
        [
            lambda: with_facts(targets={"counts": [99.0, 10.0]}),
            lambda: with_facts(targets={"counts": [100.0, 0.0]}),  # one class only: nothing to compare with
        ],
    ),
    ("label_imbalance", "warning", None, lambda: with_facts(targets={"counts": [900.0, 9.0, 500.0]}), []),
]


@pytest.mark.parametrize(("rule", "severity", "layer", "run", "_"), CASES)
def test_rule_fires(rule, severity, layer, run, _):
    found = {finding.rule: finding for finding in run().doctor()}
    assert list(found) == [rule]
    assert (found[rule].severity, found[rule].layer) == (severity, layer)
    assert re.search(r"\d|too large for a number|same weights", found[rule].seen)
    assert len(found[rule].why) > 40 and len(found[rule].remedy) > 40


@pytest.mark.parametrize(("rule", "miss"), [(rule, miss) for rule, _, _, _, misses in CASES for miss in misses])
def test_rule_is_silent_on_a_near_miss(rule, miss):
    assert rule not in [finding.rule for finding in miss().doctor()]


def test_every_rule_has_its_cases():
    rules = {rule.__name__ for rule in RULES}
    assert {case[0] for case in CASES} == rules == {case[0] for case in CASES if case[4]}


@pytest.mark.parametrize("every", [1, 7])
def test_nothing_is_found_in_a_healthy_run(every):
    diagnosis = healthy(every=every).doctor()
    assert list(diagnosis) == [] and not diagnosis
    assert str(diagnosis) == "nothing found in 30 epochs"


def test_nothing_is_found_in_noise_that_is_usual():
    random = np.random.default_rng(0)
    loss = (0.3 + 0.7 * FALLING) * random.normal(1, 0.02, EPOCHS)
    val_loss = (0.35 + 0.7 * FALLING) * random.normal(1, 0.02, EPOCHS)
    spread = {
        (name, field): np.exp(random.normal(np.log(USUAL[field]), 0.5, EPOCHS))
        for name, _, _ in NETWORK
        for field in ("gradient_norm", "update_ratio")
    }
    assert list(healthy(spread, loss=loss, val_loss=val_loss).doctor()) == []


@pytest.mark.parametrize("n", [0, 1, 4])
def test_short_and_partial_records_are_no_reason_to_fail(n):
    """Every prefix of every case, without one part after another."""
    for *_, run, _ in CASES:
        for without in ("layers", "inputs", "targets", "val_loss", "loss", "learning_rate"):
            whole = run().to_dict()
            whole.pop(without, None)
            layer_records = whole.pop("layers", {})
            shorter = {k: v[:n] if isinstance(v, list) and len(v) == EPOCHS else v for k, v in whole.items()}
            if all(len(v) == len(shorter["epoch"]) for k, v in shorter.items() if k in ("loss", "val_loss")):
                cut = {
                    name: {k: v[:n] if isinstance(v, list) else v for k, v in layer.items()}
                    for name, layer in layer_records.items()
                }
                str(diagnose(History.from_dict({**shorter, **({"layers": cut} if cut else {})})))


def test_an_empty_history():
    diagnosis = History().doctor()
    assert list(diagnosis) == []
    assert "not recorded, and so not judged: loss, validation loss, layers, inputs, targets" in str(diagnosis)


# ---- what rules have in common


def test_only_the_present_network_counts():
    history = healthy({("dense_0", "gradient_norm"): 1e-9})
    assert [finding.rule for finding in history.doctor()] == ["vanishing_gradients"]
    other = [("dense_0", "Dense", "elu"), ("dense_1", "Dense", "softmax")]
    history.extend(EPOCHS, {name: values[-1:] for name, values in columns().items()})
    history.record_layers(other, [EPOCHS], np.full((1, 2, WIDTH), 0.1))
    assert list(history.doctor()) == []


@pytest.mark.parametrize("before", [[], [("dropout_0", "Dropout", "identity")]], ids=["first", "behind a dropout"])
def test_a_network_that_begins_with_a_norm_takes_any_inputs(before):
    network = [*before, ("batch_norm_1", "BatchNorm", "identity"), *NETWORK]
    history = healthy(network=network)
    history.note_data({**INPUTS, "std_max": 1e4}, TARGETS)
    assert list(history.doctor()) == []


def test_without_a_baseline_the_first_epoch_tells_of_underfitting():
    def run(first_epoch):
        history = healthy(loss=0.5 + 0.02 * FALLING, first_epoch=first_epoch)
        history.note_data(INPUTS, None)
        return [finding.rule for finding in history.doctor()]

    assert run(0) == ["underfitting"]
    assert run(7) == []  # training that went on from good weights looks the same


def test_a_loss_without_a_floor_of_its_own_need_not_fall_far():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (300, 1))
    for loss, last, y in (
        ("poisson", nncore.Dense(1, "exponential"), rng.poisson(np.exp(0.5 * X))),
        ("gaussian_negative_log_likelihood", nncore.Dense(2), 1.5 * X + 2.5 * rng.standard_normal((300, 1))),
    ):
        model = nncore.Sequential([last], seed=0)
        model.compile(nncore.Adam(0.02), loss)
        model.build(1)
        model.parameters[:] = 0.1
        history = model.fit(X, y, epochs=100)
        assert 0.9 * history.loss[0] < history.loss[-1] < history.loss[0] or loss != "poisson"
        assert "underfitting" not in [finding.rule for finding in history.doctor()]


@pytest.mark.parametrize("noisy", [False, True])
def test_a_loss_above_that_of_one_answer_is_no_reason_for_a_larger_rate(noisy):
    loss = 1.03 * TARGETS["baseline"] * (1 + FALLING[:8]) * (noise(0.05, 8) if noisy else 1)
    (finding,) = [found for found in healthy(loss=loss).doctor() if found.rule == "underfitting"]
    assert ("larger learning_rate" in finding.remedy) is not noisy


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.9])
@pytest.mark.parametrize("order", [1, -1])
def test_validation_split_of_sorted_rows_is_noticed(share, order):
    X, y = (rows[::order] for rows in nncore.datasets.load_iris())
    model = nncore.Sequential([nncore.Dense(3, "softmax")])
    with pytest.warns(
        UserWarning, match=f"validation_split={share:g}: .* class.*; shuffle the rows of X and y"
    ) as said:
        history = model.fit(X, y, epochs=20, validation_split=share)
    assert [warning.filename for warning in said] == [__file__]
    found = {finding.rule for finding in History.from_dict(history.to_dict()).doctor()}
    assert len(found & {"unseen_class", "sorted_rows"}) == 1
    assert "unseen_class" not in [finding.rule for finding in model.fit(X, y, epochs=20).doctor()]


def test_of_sorted_numbers_many_of_which_are_equal_both_say_what_works():
    """A cut among equal ones was silent, and a split by class is refused where most numbers are different."""
    X, y = nncore.datasets.load_diabetes()
    order = np.argsort(y)
    model, largest = nncore.Sequential([nncore.Dense(1)]), y[order][-60]
    with pytest.warns(UserWarning, match=r"all above .*, or equal to the largest; .*train_test_split\(X, y\)") as said:
        history = model.fit(X[order], np.minimum(y[order], largest), validation_split=0.1)
    (finding,) = [found for found in history.doctor() if found.rule == "sorted_rows"]
    for text in (str(said[0].message), finding.remedy):
        eval(re.search(r"nncore\.datasets\.train_test_split\(.*?\)", text).group(), {"nncore": nncore, "X": X, "y": y})


@pytest.mark.parametrize("share", [0.02, 0.1, 0.2, 0.33, 0.5, 0.8])
@pytest.mark.parametrize("seed", range(5))
def test_validation_split_of_shuffled_rows_is_no_finding(share, seed):
    X, y = nncore.datasets.load_iris()
    order = np.random.default_rng(seed).permutation(len(X))
    history = nncore.Sequential([nncore.Dense(3, "softmax")]).fit(X[order], y[order], validation_split=share)
    assert not {"unseen_class", "sorted_rows"} & {finding.rule for finding in history.doctor()}
    for column in range(4):
        nncore.Sequential([nncore.Dense(1)]).fit(X[order], X[order, column], validation_split=share)


def test_a_schedule_that_has_run_out_is_noticed():
    X, y = nncore.datasets.load_iris()
    model = nncore.Sequential([nncore.Dense(3, "softmax")])
    model.compile(nncore.Adam(nncore.CosineDecay(0.01, epochs=10)))
    rules = [[finding.rule for finding in model.fit(X, y, epochs=10).doctor()] for _ in range(2)]
    assert ["learning_rate_zero" in found for found in rules] == [False, True]


@pytest.mark.parametrize("rate", [5, 20, 100])
def test_a_rate_far_too_high_is_named(rate):
    X, y = nncore.datasets.load_digits()
    model = nncore.Sequential([nncore.Dense(64, "relu"), nncore.Dense(10, "softmax")])
    model.compile(nncore.SGD(rate))
    found = {finding.rule: finding for finding in model.fit(X / 16, y, epochs=15).doctor()}
    assert "above the 2.3 of one and the same answer" in found["learning_rate_too_high"].seen
    assert not any("larger learning_rate" in finding.remedy for finding in found.values())


def test_the_worst_layer_is_named_and_the_others_are_listed():
    network = [(f"dense_{i}", "Dense", "sigmoid") for i in range(8)]
    history = healthy({(f"dense_{i}", "gradient_norm"): 10.0 ** (i - 12) for i in range(7)}, network=network)
    (finding,) = history.doctor()
    assert finding.layer == "dense_0"
    assert finding.seen == "its gradient is 2e-12 times that of dense_7; also dense_1, dense_2, dense_3 and 3 more"


def test_severe_findings_come_first():
    history = healthy({("dense_0", "gradient_norm"): 1e-9}, loss=np.linspace(1, 0.3, EPOCHS), val_loss=None)
    history.note_data(INPUTS, {**TARGETS, "counts": [1000.0, 1.0]})
    found = [(finding.rule, finding.severity) for finding in history.doctor()]
    assert found == [
        ("vanishing_gradients", "severe"),
        ("label_imbalance", "warning"),
        ("still_improving", "hint"),
    ]
    assert [severity for _, severity in found] == list(SEVERITIES)


def test_a_diagnosis_is_a_sequence_and_a_text():
    diagnosis = healthy({("dense_0", "gradient_norm"): 1e-9}).doctor()
    assert isinstance(diagnosis, Diagnosis)
    assert len(diagnosis) == 1 and diagnosis[0] in diagnosis and diagnosis[:1] == (diagnosis[0],)
    lines = str(diagnosis).splitlines()
    assert repr(diagnosis) == str(diagnosis)
    assert lines[:4] == [
        "1 finding in 30 epochs",
        "",
        "severe: vanishing gradients in dense_0",
        "  seen  its gradient is 2e-09 times that of dense_2",
    ]
    assert max(map(len, lines)) <= 110


def test_figures_have_three_digits():
    for *_, run, _ in CASES:
        for finding in run().doctor():
            for text in (finding.seen, finding.remedy):
                for figure in re.findall(r"\d[\d.]*", text):
                    assert len(figure.replace(".", "").lstrip("0")) <= 3, text


def test_remedies_can_be_followed():
    """Every class, option and name in them exists."""
    texts = {finding.remedy for *_, run, _ in CASES for finding in run().doctor()}
    patterns = r"\b([A-Z]\w+)\((?:\.\.\., )?([a-z]\w*)?", r"fit\(\.\.\., (\w+)=", r'weight_initializer="(\w+)"'
    classes, options, names = ({found for text in texts for found in re.findall(p, text)} for p in patterns)
    known = {"Adam", "BatchNorm", "CosineDecay", "Dense", "Dropout", "EarlyStopping", "Residual", "Standardizer"}
    known |= {"Normalization"}
    assert {name for name, _ in classes} == known
    for name, option in classes:
        found = getattr(nncore, name, None) or getattr(nncore.datasets, name)
        assert not option or option in inspect.signature(found).parameters
    assert (
        options
        == {"callbacks", "class_weight", "validation_data"}
        <= set(inspect.signature(nncore.Sequential.fit).parameters)
    )
    assert names <= set(nncore.initializers.INITIALIZERS) and len(names) == 2


def test_thresholds_are_ordered():
    assert layers.VANISHED_WHOLLY < layers.VANISHED < 1 < layers.EXPLODED
    assert curves.SMALL_UPDATE < curves.LARGE_UPDATE
    assert data.TINY < 1 < data.FAR < data.VERY_FAR


# ---- real trainings


def dense(*sizes, activation, **options):
    hidden = [nncore.Dense(size, activation, **options) for size in sizes]
    return [*hidden, nncore.Dense(10, "softmax", **options)]


@pytest.mark.parametrize(
    ("network", "optimizer", "scale", "rules"),
    [
        (dense(64, 32, activation="relu"), nncore.Adam(), 1, []),
        (dense(32, 32, 32, 32, activation="tanh"), nncore.Adam(), 1, []),
        (dense(*[32] * 20, activation="sigmoid"), nncore.Adam(), 1, ["vanishing_gradients", "underfitting"]),
        (
            dense(16, activation="tanh", weight_initializer="zeros"),
            nncore.Adam(),
            1,
            ["symmetric_start", "underfitting"],
        ),
        (dense(16, activation="sigmoid", weight_initializer="zeros"), nncore.Adam(), 1, ["symmetric_start"]),
        (
            dense(64, 64, 64, activation="tanh", weight_initializer=nncore.RandomNormal(stddev=1.0)),
            nncore.SGD(0.005),
            1,
            ["saturation", "still_improving"],
        ),
        (dense(64, 32, activation="relu"), nncore.SGD(2.0), 1, ["dead_relus", "underfitting"]),
        (dense(64, activation="relu"), nncore.SGD(1e-6), 1, ["learning_rate_too_low", "underfitting"]),
        (dense(64, activation="relu"), nncore.Adam(), 100, ["unscaled_inputs"]),
    ],
    ids=["relu", "tanh", "20 sigmoids", "zeros", "zeros, sigmoid", "large", "fast", "slow", "unscaled"],
)
def test_digits(network, optimizer, scale, rules):
    digits = nncore.datasets.load_digits()
    model = nncore.Sequential(network, seed=1)
    model.compile(optimizer)
    history = model.fit(scale * (digits.X - digits.X.mean(0)) / (digits.X.std(0) + 1e-6), digits.y, epochs=25)
    assert [finding.rule for finding in history.doctor()] == rules
