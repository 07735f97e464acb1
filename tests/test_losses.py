"""Loss dataclasses, their wire form, and the oracle's losses against closed forms and identities."""

import dataclasses
import json
import math

import numpy as np
import pytest

from nncore import losses
from nncore.losses import (
    LOSSES,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    GaussianNegativeLogLikelihood,
    Hinge,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanSquaredError,
    Pinball,
    Poisson,
    SparseCategoricalCrossentropy,
)
from nncore.reference.losses import LOSS, LOSS_GRADIENT

ALL = [
    MeanSquaredError(),
    MeanAbsoluteError(),
    Huber(),
    Huber(0.25),
    BinaryCrossentropy(),
    BinaryCrossentropy(from_logits=True),
    CategoricalCrossentropy(True),
    SparseCategoricalCrossentropy(),
    *(cls() for cls in dict.fromkeys(LOSSES.values())),
    BinaryCrossentropy(label_smoothing=0.1, pos_weight=[1, 2], output_weights=np.ones(2), mask_missing=True),
    BinaryFocalCrossentropy(alpha=0.3, gamma=0, apply_class_balancing=True),
    CategoricalFocalCrossentropy(alpha=[1, 2]),
    GaussianNegativeLogLikelihood(epsilon=0.1),
    Pinball([0.1, 0.9]),
    Poisson(log_input=True),
]
HUGE = [1e4, 3e38]


def test_table_and_oracle_know_the_same_kernels():
    kernels = sorted({cls.kernel for cls in LOSSES.values()})
    assert kernels == sorted(LOSS) == sorted(LOSS_GRADIENT)


def test_losses_are_named_by_their_keys_but_for_aliases():
    aliases = {key: cls.name for key, cls in LOSSES.items() if key != cls.name}
    assert aliases == {"mse": "mean_squared_error", "mae": "mean_absolute_error"}


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_wire_form_round_trips(loss):
    assert losses.from_dict(json.loads(json.dumps(losses.to_dict(loss)))) == loss


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_get_takes_every_name(name):
    assert losses.get(name) == LOSSES[name]()


def test_get_returns_a_loss_as_it_is():
    loss = Huber(3)
    assert losses.get(loss) is loss
    assert loss.parameter == 3.0 and isinstance(loss.delta, float)


def test_losses_are_immutable_and_comparable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Huber().delta = 2.0
    assert Huber(1) == Huber(np.float32(1)) != Huber(2)
    assert MeanSquaredError() != MeanAbsoluteError()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Huber(0), ValueError, "delta must be a finite number > 0, got 0.0"),
        (lambda: Huber(float("nan")), ValueError, "delta .* got nan"),
        (lambda: Huber(float("inf")), ValueError, "delta .* got inf"),
        (lambda: Huber(10**400), ValueError, "delta .* got an integer of 1329 bits"),
        (lambda: Huber(True), TypeError, "delta .* got True of type bool"),
        (lambda: Huber("1"), TypeError, "delta .* got '1' of type str"),
        (lambda: Huber(1j), TypeError, "delta .* of type complex"),
        (lambda: Pinball(1), ValueError, r"quantiles must be a finite number > 0 and < 1, got 1.0"),
        (lambda: Pinball([0.5, 0.1]), ValueError, r"quantiles must be ascending, got \(0.5, 0.1\)"),
        (lambda: Pinball([]), ValueError, "quantiles must be a number or a list of them, got an empty list"),
        (lambda: Pinball(quantile=0.9), TypeError, "Pinball has no argument 'quantile'; here it is quantiles"),
        (lambda: Pinball([0.1, 0.9]).reading(3), ValueError, r"needs 2 outputs for each target, got 3 .*Dense\(2\)"),
        (lambda: GaussianNegativeLogLikelihood().reading(1), ValueError, r"needs 2 outputs .* end with Dense\(2\)"),
        (
            lambda: LogCosh(output_weights=2),
            TypeError,
            "output_weights must be a list, a weight for each output, got 2",
        ),
        (lambda: LogCosh(output_weights=[0, 0]), ValueError, "output_weights must not all be 0"),
        (
            lambda: LogCosh(output_weights=[-1]),
            ValueError,
            r"output_weights\[0\] must be a finite number >= 0, got -1.0",
        ),
        (lambda: LogCosh(output_weights=[1, 2]).reading(3), ValueError, "a value for each target, 3 of them, got 2"),
        (lambda: BinaryCrossentropy(pos_weight=0), ValueError, "pos_weight must be a finite number > 0, got 0.0"),
        (lambda: BinaryCrossentropy(pos_weight=[1, 2]).reading(1), ValueError, "each output, 1 of them, got 2"),
        (lambda: CategoricalCrossentropy(label_smoothing=1), ValueError, "label_smoothing must be .* < 1, got 1.0"),
        (lambda: BinaryCrossentropy(1), TypeError, "from_logits must be True or False, got 1 of type int"),
        (lambda: losses.get("msee"), ValueError, "unknown loss 'msee'; did you mean 'mse'"),
        (lambda: losses.get(None), TypeError, r"loss must be a name \(str\), got None"),
        (lambda: losses.get(Huber), TypeError, r"loss must be a name \(str\)"),
        (lambda: losses.to_dict("mse"), TypeError, "loss must be one of .*, got 'mse' of type str"),
        (lambda: losses.from_dict("mse"), TypeError, "loss must be described by a dict, got 'mse'"),
        (lambda: losses.from_dict({}), ValueError, "loss has no key 'type'; expected one of BinaryCrossentropy"),
        (lambda: losses.from_dict({"type": "Hubert"}), ValueError, "unknown loss type 'Hubert'; did you mean 'Huber'"),
        (lambda: losses.from_dict({"type": ["Huber"]}), TypeError, "loss type must be a name"),
        (lambda: losses.from_dict({"type": "Huber", "d": 1}), ValueError, "unknown key of Huber 'd'"),
        (lambda: losses.from_dict({"type": "Huber", "name": "x"}), ValueError, "unknown key of Huber 'name'"),
        (lambda: losses.from_dict({"type": "Huber", "delta": -1}), ValueError, "delta must be"),
        (lambda: losses.from_dict({"type": "Huber", "delta": {"type": "Huber"}}), ValueError, "unknown delta type"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("last_activation", "loss"),
    [
        ("softmax", SparseCategoricalCrossentropy()),
        ("sigmoid", BinaryCrossentropy()),
        ("identity", MeanSquaredError()),
        ("relu", MeanSquaredError()),
        ("exponential", Poisson()),
    ],
)
def test_inferred_loss(last_activation, loss):
    assert losses.infer_loss(last_activation) == loss


def value(kernel, z, target, parameter=0.0):
    return LOSS[kernel](np.array(z, dtype=float), np.array(target), parameter)


@pytest.mark.parametrize(
    ("kernel", "z", "target", "parameter", "expected"),
    [
        ("squared_error", [[1, 2], [0, 4]], [[1, 4], [0, 1]], 0.0, [2.0, 4.5]),
        ("absolute_error", [[1, 2], [0, 4]], [[1, 4], [0, 1]], 0.0, [1.0, 1.5]),
        ("huber", [[0.5, 3]], [[0, 0]], 1.0, [(0.125 + 2.5) / 2]),
        ("huber", [[0.5, -3]], [[0, 0]], 2.0, [(0.125 + 4) / 2]),
        ("sigmoid_crossentropy", [[0, math.log(3)]], [[1, 1]], 0.0, [(math.log(2) + math.log(4 / 3)) / 2]),
        ("sigmoid_crossentropy", [[math.log(3)]], [[0.25]], 0.0, [0.25 * math.log(4 / 3) + 0.75 * math.log(4)]),
        ("softmax_crossentropy", [np.log([1, 2, 5])], [[0, 0.5, 0.5]], 0.0, [(math.log(4) + math.log(8 / 5)) / 2]),
        ("sparse_softmax_crossentropy", [np.log([1, 2, 5])] * 2, [0, 2], 0.0, [math.log(8), math.log(8 / 5)]),
        ("sparse_softmax_crossentropy", [[7] * 10], [3], 0.0, [math.log(10)]),
    ],
)
def test_closed_form(kernel, z, target, parameter, expected):
    np.testing.assert_allclose(value(kernel, z, target, parameter), expected, rtol=1e-14)


def test_what_is_usual_is_not_written():
    assert losses.to_dict(BinaryCrossentropy()) == {"type": "BinaryCrossentropy", "from_logits": False}
    assert repr(BinaryCrossentropy()) == "BinaryCrossentropy(from_logits=False)"
    assert repr(Hinge(mask_missing=True)) == "Hinge(mask_missing=True)"


@pytest.mark.parametrize("kernel", ["squared_error", "absolute_error", "huber", "log_cosh", "pinball"])
def test_perfect_prediction_costs_nothing_and_has_no_slope(kernel):
    z = np.random.default_rng(0).normal(size=(5, 3))
    assert (LOSS[kernel](z, z, 1.0) == 0).all()
    assert (LOSS_GRADIENT[kernel](z, z, 1.0) == 0).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("z", HUGE)
@pytest.mark.parametrize(("target", "sign"), [(1, 1), (0, -1)])
def test_sigmoid_crossentropy_of_huge_logits_is_true(z, target, sign):
    assert value("sigmoid_crossentropy", [[sign * z]], [[target]]) == 0
    assert value("sigmoid_crossentropy", [[-sign * z]], [[target]]) == z
    assert value("sigmoid_crossentropy", [[sign * z]], [[0.5]]) == z / 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("z", HUGE)
def test_softmax_crossentropy_of_huge_logits_is_true(z):
    assert value("sparse_softmax_crossentropy", [[z, -z, 0]] * 3, [0, 1, 2]).tolist() == [0, 2 * z, z]
    assert value("softmax_crossentropy", [[z, -z, 0]], [[0.5, 0.5, 0]]) == z


def test_small_crossentropy_is_not_rounded_away():
    tiny = math.exp(-50)
    assert value("sigmoid_crossentropy", [[50]], [[1]])[0] == pytest.approx(tiny, rel=1e-14)
    assert value("sparse_softmax_crossentropy", [[50, 0, 0]], [0])[0] == pytest.approx(2 * tiny, rel=1e-14)


def test_sparse_equals_one_hot():
    z, labels = np.random.default_rng(1).normal(size=(6, 4)), np.array([0, 1, 2, 3, 3, 0])
    for table in (LOSS, LOSS_GRADIENT):
        sparse = table["sparse_softmax_crossentropy"](z, labels, 0.0)
        np.testing.assert_array_equal(sparse, table["softmax_crossentropy"](z, np.eye(4)[labels], 0.0))


def test_two_class_softmax_equals_sigmoid():
    z = np.random.default_rng(2).normal(size=(8, 1)) * 5
    labels = np.arange(8) % 2
    two = LOSS["sparse_softmax_crossentropy"](np.hstack([np.zeros_like(z), z]), labels, 0.0)
    np.testing.assert_allclose(two, LOSS["sigmoid_crossentropy"](z, labels[:, None], 0.0), rtol=1e-14)


@pytest.mark.parametrize("kernel", sorted(LOSS))
def test_gradient_agrees_with_central_differences(kernel):
    rng = np.random.default_rng(3)
    z, delta, h = rng.normal(size=(6, 4)) * 2, 0.7, 1e-3
    target = rng.integers(4, size=6) if kernel.startswith("sparse") else rng.random((6, 4))
    if kernel in ("absolute_error", "huber", "pinball"):  # keep clear of the kinks at 0 and delta
        z = target + rng.choice([-1, 1], size=z.shape) * rng.choice([0.3, 1.2], size=z.shape)
    if "hinge" in kernel:
        target = np.round(target)
        z = (2 * target - 1) * rng.choice([0.3, 1.2], size=z.shape)
    if kernel == "gaussian":
        target = target[:, :2]
    numeric = np.empty_like(z)
    for j in range(4):
        step = h * np.eye(4)[j]

        def f(k, step=step):
            return LOSS[kernel](z + k * step, target, delta)

        numeric[:, j] = (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * h)
    np.testing.assert_allclose(LOSS_GRADIENT[kernel](z, target, delta), numeric, rtol=1e-9, atol=1e-12)
