"""Penalties of outputs, `activity_l1` and `activity_l2`: their gradient, and where they count or are refused."""

import numpy as np
import pytest

from nncore import SGD, Activation, Adam, Dense, Residual, Sequential, fit_many, load, losses, reference
from nncore.engine.lanes import shape
from nncore.layers import from_dict, to_dict
from nncore.program import lower
from nncore.program.unfused import unfused
from nncore.reference import Training, tape

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 4))
Y = np.sin(X[:, :2])
LAYERS = [
    Dense(9, "tanh", activity_l1=0.1, activity_l2=0.2),
    Residual([Dense(9, "gelu", activity_l2=0.3)]),
    Dense(5, "softmax", activity_l2=0.7),
    Dense(5, activity_l1=0.2),
    Activation("tanh"),
    Dense(2, "softplus", activity_l2=0.4),
]


def objective(program, flat):
    """The loss of X, and the penalties of what the rows write, each a mean over the rows."""
    records = tape(program, flat, X, Training())
    total = reference.loss(program, flat, X, Y)
    for row, (_, _, y) in zip(program.rows, records, strict=True):
        total += (row.activity_l1 * abs(y).sum() + row.activity_l2 * (y**2).sum()) / len(X)
    return total


def test_the_gradient_is_that_of_loss_and_penalties(variant):
    program = lower(LAYERS, 4, "mse")
    flat = 0.5 * np.random.default_rng(3).standard_normal(program.n_parameters)
    h = 1e-6 * np.eye(len(flat))
    expected = np.array([objective(program, flat + e) - objective(program, flat - e) for e in h]) / 2e-6
    loss, gradient = reference.loss_and_gradient(program, flat, X, Y)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)
    assert loss == reference.loss(program, flat, X, Y)  # what is reported is without them
    plan, found = variant.Plan(program), np.empty(len(flat), variant.DTYPE)
    plan.set_parameters(flat.astype(variant.DTYPE))
    value = plan.loss_and_gradient(X.astype(variant.DTYPE), Y.astype(variant.DTYPE), None, found)
    tolerance = 1e-12 if variant.DTYPE == "float64" else 1e-5
    np.testing.assert_allclose(found, gradient, rtol=tolerance, atol=tolerance)
    assert value == pytest.approx(loss, rel=tolerance)


def test_a_relu_whose_slope_a_product_takes_over_is_penalised_the_same():
    """Once in the product that makes its delta, once in a row of its own: y is 0 where the slope is, and so is both."""
    layers = [Dense(33, "relu", activity_l1=0.1, activity_l2=0.2), Dense(2)]
    fused = lower(layers, 4, "mse")
    apart = unfused(fused, layers)
    assert [row.activity_l1 for row in apart.rows] == [0.0, 0.1, 0.0]
    found = []
    for program in (fused, apart):
        model = Sequential(layers, seed=1)
        model.build(4)
        plan = type(model._state.network.ready_plan())(program)
        plan.set_parameters(model.parameters.copy())
        gradient = np.empty(program.n_parameters, np.float32)
        plan.loss_and_gradient(X.astype(np.float32), Y.astype(np.float32), None, gradient)
        found.append(gradient.tobytes())
    assert found[0] == found[1]


def trained(layers=LAYERS, **options):
    model = Sequential(layers, seed=2)
    model.compile(Adam(0.01), loss=options.pop("loss", "mse"))
    model.fit(X, Y, epochs=2, batch_size=16, **options)
    return model


def test_bits_do_not_depend_on_threads_or_company_and_files_keep_them(threads, tmp_path):
    found = set()
    for n in (1, 2):
        threads(n)
        found.add(trained().parameters.tobytes())
    models = [Sequential(LAYERS, seed=2) for _ in range(3)]
    for model in models:
        model.compile(Adam(0.01))
    fit_many(models, X, Y, epochs=2, batch_size=16)
    assert {model.parameters.tobytes() for model in models} == found
    assert shape(lower(LAYERS, 4, "mse"), Adam()) is None
    models[0].save(tmp_path / "model")
    assert load(tmp_path / "model").layers == tuple(LAYERS)
    assert "activity" not in str(to_dict(Dense(3))) and from_dict(to_dict(LAYERS[0])) == LAYERS[0]


def test_own_losses_and_own_loops_have_them_too():
    def squares(y_true, y_pred):
        return ((y_pred - y_true) ** 2).mean(axis=1), 2 * (y_pred - y_true) / y_true.shape[1]

    built_in, own = trained(), trained(loss=losses.CustomLoss(squares))
    np.testing.assert_allclose(own.parameters, built_in.parameters, rtol=1e-4, atol=1e-6)
    one, other = (Sequential(LAYERS, seed=2) for _ in range(2))
    for model in (one, other):
        model.compile(SGD(0.1), loss="mse")
        model.build(4)
    slope = lambda y: 2 * (y - Y.astype(np.float32)) / y.size  # noqa: E731
    without = one.backward(X, slope, training=False)
    gradient = one.backward(X, slope)
    assert not np.allclose(without, gradient)
    one.apply_gradient(gradient)
    other.train_on_batch(X, Y)
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-5, atol=1e-7)


def test_an_activation_behind_is_none_of_the_outputs():
    """`Dense(..., activity_l2)` and then `Activation`: the sums are penalised, and weights begin as before it."""
    layers = [Dense(6, activity_l2=1.0), Activation("relu"), Dense(3, activity_l1=0.5), Activation("softmax")]
    program = lower(layers, 4, "categorical_crossentropy")
    assert [(row.op, row.activation) for row in program.rows] == [
        ("dense", "identity"),
        ("activation", "relu"),
        ("dense", "identity"),
    ]
    assert program.parameters[0].activation == "relu" and program.link == "softmax"


BAD = [
    (lambda: Dense(3, activity_l1=-1), "activity_l1 must be a finite number >= 0, got -1.0"),
    (lambda: Dense(3, activity_l2=float("nan")), "activity_l2 must be a finite number >= 0, got nan"),
    (
        lambda: lower([Dense(3, "softmax", activity_l2=0.1)], 4, "categorical_crossentropy"),
        r"of the last layer cannot be of its softmax, which the loss takes over; .*put Activation\('softmax'\) behind",
    ),
    (
        lambda: Sequential(LAYERS).fit(X, Y, solver="lbfgs"),
        "solver='lbfgs' minimises .* not the activity_l1 and activity_l2 of layer 0",
    ),
]


@pytest.mark.parametrize(("make", "said"), BAD)
def test_bad_arguments_are_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_keras_word_for_it():
    with pytest.raises(TypeError, match=r"penalties of outputs are numbers, as in Dense\(8, activity_l2=1e-4\)"):
        Dense(8, activity_regularizer="l2")
