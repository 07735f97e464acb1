"""Training with full-batch solvers: what they reach, how they fit into `fit`, and what they refuse."""

import os
import threading
from itertools import product

import numpy as np
import pytest
import scipy.optimize

import nncore
from nncore import (
    STOP,
    Activation,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    GaussianNoise,
    LayerNorm,
    Residual,
    Sequential,
    reference,
)
from nncore.arrays import Data
from nncore.base import memory
from nncore.callbacks import EarlyStopping
from nncore.program import lower
from nncore.program.penalties import l2_factors
from nncore.solvers import LBFGS, LM, blas, equations, levenberg_marquardt
from nncore.solvers.jacobian import jacobian, outputs
from nncore.solvers.objective import Objective
from nncore.training.state import program_for

SOLVERS = ("lbfgs", "lm")
TO_ROUNDING = (LBFGS(tol=0), LM(tol=0))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.stack([np.sin(X[:, 0]) * X[:, 1], X[:, 2] ** 2], axis=1)
WEIGHT = RNG.random(60) + 0.1
LINE = np.linspace(-1, 1, 100)[:, None]


def regressor(dtype="float64", seed=1, **options):
    return Sequential([Dense(10, "tanh", **options), Dense(2)], dtype=dtype, seed=seed)


def least_squares(A, y, weight, l2):
    """The closed form of ridge regression, its bias not penalised."""
    A = np.hstack([A, np.ones((len(A), 1))])
    W = weight[:, None] / (len(A) * y.shape[1])
    penalty = np.diag([l2] * (A.shape[1] - 1) + [0.0])
    return np.linalg.solve(A.T @ (W * A) + penalty, A.T @ (W * y))


# ---- when they end


def scipys_objective(model):
    """The objective of a model's fit, as SciPy's L-BFGS-B is asked to minimise it."""
    model.build(X.shape[1])
    return Objective(model._state.network, Data(X, Y, None))


@pytest.mark.parametrize("tol", [None, 1e-3, 1e-6])
@pytest.mark.parametrize("l2", [0.0, 1e-3])
def test_lbfgs_ends_where_scipy_does(tol, l2):
    objective = scipys_objective(regressor(l2=l2))
    start = objective.network.get_parameters()
    options = {"maxiter": 5000, "maxcor": 30}
    found = scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", tol=tol, options=options)
    model = regressor(l2=l2)
    history = model.fit(X, Y, solver=LBFGS(tol=tol), epochs=5000)
    assert found.success and len(history) == found.nit
    assert np.array_equal(model.parameters, found.x)
    end = "no derivative" if "GRADIENT" in found.message else "the loss falls by"
    assert history.message.startswith(f"converged: {end}")
    longer = regressor(l2=l2).fit(X, Y, solver=LBFGS(tol=0), epochs=len(history) + 5)
    assert longer.loss[: len(history)].tolist() == history.loss.tolist() and len(longer) > len(history)


def test_lbfgs_by_name_is_lbfgs_with_scipys_tolerances():
    named, given = regressor(), regressor()
    history = named.fit(X, Y, solver="lbfgs", epochs=5000)
    assert history.message == given.fit(X, Y, solver=LBFGS(), epochs=5000).message
    assert np.array_equal(named.parameters, given.parameters)


def test_gradient_tol_is_scipys_gtol_and_leaves_the_other_alone():
    objective = scipys_objective(regressor())
    options = {"maxiter": 5000, "maxcor": 30, "gtol": 1e-2}
    found = scipy.optimize.minimize(
        objective, objective.network.get_parameters(), jac=True, method="L-BFGS-B", options=options
    )
    model = regressor()
    history = model.fit(X, Y, solver=LBFGS(gradient_tol=1e-2), epochs=5000)
    assert np.array_equal(model.parameters, found.x) and len(history) == found.nit
    assert history.message == "converged: no derivative of the loss is larger than 0.01"
    assert len(history) < len(regressor().fit(X, Y, solver=LBFGS(), epochs=5000))


def test_max_fun_ends_lbfgs():
    history = regressor().fit(X, Y, solver=LBFGS(max_fun=9), epochs=100)
    assert 4 <= len(history) <= 9 and history.message == "not converged within max_fun=9 evaluations of the loss"


TABLES = [  # rows, targets, units, l2: noise, so that the residuals do not vanish, and penalties
    (X[:, :2].copy(), np.sin(2 * X[:, :1]) * X[:, 1:2] + 0.1 * RNG.normal(size=(60, 1)), 5, 1e-4),
    (LINE, np.sin(3 * LINE) + 0.05 * RNG.normal(size=(100, 1)), 4, 1e-3),
    (LINE, abs(LINE) + 0.05 * RNG.normal(size=(100, 1)), 6, 1e-2),
]


def penalised(units, l2, seed):
    return Sequential([Dense(units, "tanh", l2=l2), Dense(1, l2=l2)], seed=seed, dtype="float64")


def steps_of_scipy(model, rows, targets, method):
    """How many Jacobians ``least_squares`` takes from the weights of a model."""
    program, scale = model.program, np.full(len(rows), len(rows) ** -0.5)
    root = np.diag(np.sqrt(l2_factors(program)))

    def residuals(x):
        return np.concatenate([(outputs(program, x, rows) - targets)[:, 0] * scale, root @ x])

    def derivatives(x):
        return np.vstack([jacobian(program, x, rows, scale)[1][0], root])

    return scipy.optimize.least_squares(residuals, model.parameters, derivatives, method=method).njev


def test_lm_takes_about_as_many_steps_as_scipy_on_penalised_tables():
    """Together: from one start each may come to another minimum."""
    ours, theirs = 0, {"lm": 0, "trf": 0}
    for rows, targets, units, l2 in TABLES:
        for seed in (1, 2, 3):
            model = penalised(units, l2, seed)
            model.build(rows.shape[1])
            for method in theirs:
                theirs[method] += steps_of_scipy(model, rows, targets, method)
            history = model.fit(rows, targets, solver="lm", epochs=1000)
            assert history.message == "converged: the loss falls by no more than 1e-08 of it in an iteration"
            ours += len(history)
    assert ours <= 1.25 * max(theirs.values())


@pytest.mark.parametrize("table", range(3))
def test_what_lm_leaves_to_the_rounding(table):
    rows, targets, units, l2 = TABLES[table]
    short, long = penalised(units, l2, 1), penalised(units, l2, 1)
    history = short.fit(rows, targets, solver="lm", epochs=1000)
    further = long.fit(rows, targets, solver=LM(tol=0), epochs=1000)
    assert len(history) < len(further) < 1000 and further.message.startswith("converged")
    assert history.loss.tolist() == further.loss[: len(history)].tolist()
    first, last = (each.loss[-1] + each.penalty[-1] for each in (history, further))
    assert first == pytest.approx(last, rel=1e-5)


# ---- what they reach


@pytest.mark.parametrize("solver", TO_ROUNDING)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_linear_model_reaches_the_closed_form(solver, dtype):
    model = Sequential([Dense(2, l2=0.05)], dtype=dtype)
    history = model.fit(X, Y, sample_weight=WEIGHT, solver=solver, epochs=200)
    found = np.vstack([model.get_weights()[0], model.get_weights()[1][None]])
    tolerance = 1e-7 if dtype == "float64" else 1e-3
    np.testing.assert_allclose(found, least_squares(X, Y, WEIGHT, 0.05), rtol=tolerance, atol=tolerance)
    assert history.message.startswith("converged")
    assert len(history) < 200
    np.testing.assert_allclose(history.loss[-1], model.evaluate(X, Y, sample_weight=WEIGHT)["loss"], rtol=1e-12)
    np.testing.assert_allclose(history.penalty[-1], 0.05 * (model.get_weights()[0] ** 2).sum(), rtol=1e-6)


@pytest.mark.parametrize("solver", TO_ROUNDING)
def test_reaches_what_adam_does_not_in_fifty_times_the_gradients(solver):
    """Five units learn a function of three units, which they can represent exactly; Adam at the better of two rates."""
    teacher = Sequential([Dense(3, "tanh"), Dense(1)], dtype="float64", seed=9)
    teacher.build(3)
    rows = np.random.default_rng(0).normal(size=(200, 3))
    targets = teacher.predict(rows)
    reached = []
    for rate in (1e-2, 1e-3):
        model = Sequential([Dense(5, "tanh"), Dense(1)], dtype="float64", seed=1)
        model.compile(Adam(rate))
        reached.append(model.fit(rows, targets, epochs=50 * 400, batch_size=200).loss.min())
    model = Sequential([Dense(5, "tanh"), Dense(1)], dtype="float64", seed=1)
    history = model.fit(rows, targets, solver=solver, epochs=400)
    assert history.loss[-1] < 1e-18 < 1e-12 < min(reached)
    assert history.message.startswith("converged")


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_loss_never_rises(solver):
    history = regressor().fit(X, Y, solver=solver, epochs=50)
    assert len(history) == 50
    assert (np.diff(history.loss) <= 0).all()
    assert history.message == "not converged within 50 epochs"


def test_lbfgs_learns_classes():
    labels = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    model = Sequential([Dense(8, "tanh", l2=1e-3), Dense(3, "softmax")])
    model.compile(metrics=["accuracy"])
    history = model.fit(X, labels, solver="lbfgs", epochs=100)
    assert history.accuracy[-1] == 1
    assert history.accuracy[-1] == model.evaluate(X, labels)["accuracy"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_layer_norm_and_residual(solver):
    layers = [Dense(6, "tanh"), Residual([LayerNorm(), Dense(6, "silu", l2=1e-5)]), LayerNorm(), Dense(2)]
    history = Sequential(layers, dtype="float64", seed=1).fit(X, Y, solver=solver, epochs=100)
    assert history.loss[-1] < 0.01 < 0.1 < history.loss[0]
    assert (np.diff(history.loss + history.penalty) <= 0).all()


def test_two_calls_go_on_where_the_first_ended():
    model = regressor()
    first = model.fit(X, Y, solver="lm", epochs=5)
    second = model.fit(X, Y, solver="lbfgs", epochs=5)
    assert second.loss[0] <= first.loss[-1]
    assert model.history.epochs.tolist() == list(range(10))
    assert model.epoch == 10
    assert np.isnan(model.history.damping[5:]).all() and (first.damping > 0).all()


def test_the_optimizer_is_left_alone():
    model = regressor()
    model.fit(X, Y, epochs=2)
    before = model._state.network.state()[2:]
    history = model.fit(X, Y, solver="lbfgs", epochs=3)
    after = model._state.network.state()[2:]
    assert np.array_equal(before[0], after[0]) and before[1] == after[1]
    assert "learning_rate" not in history and history.message
    assert model.fit(X, Y).message == ""


# ---- the objective and the Jacobian


def deep_program(loss="mse"):
    layers = [
        Dense(4, "tanh"),
        Residual([LayerNorm(), Dense(4, "sigmoid"), Dense(4)]),
        Activation("softmax"),
        Residual([Dense(3, "silu"), LayerNorm(affine=False)]),
        Residual([Residual([Dense(3, use_bias=False)]), Activation("tanh")]),
        Dense(2),
    ]
    return lower(layers, 3, loss)


def central_differences(function, x, h=1e-6):
    columns = []
    for i in range(len(x)):
        step = np.zeros_like(x)
        step[i] = h
        columns.append((function(x + step) - function(x - step)) / (2 * h))
    return np.stack(columns, axis=-1)


def test_jacobian_agrees_with_differences_for_every_operation():
    program = deep_program()
    parameters = RNG.normal(size=program.n_parameters) / 2
    scale = np.linspace(1, 2, 7)
    prediction, derivatives = jacobian(program, parameters, X[:7], scale)
    assert {row.op for row in program.rows} == {"dense", "activation", "layernorm", "add"}
    np.testing.assert_array_equal(prediction, outputs(program, parameters, X[:7]))
    expected = central_differences(lambda p: outputs(program, p, X[:7]), parameters)
    assert abs(expected).max(axis=(0, 1)).min() > 1e-5  # every parameter counts
    np.testing.assert_allclose(derivatives, (expected * scale[:, None, None]).transpose(1, 0, 2), atol=1e-8)


def test_a_skip_from_the_data_itself():
    program = lower([Residual([Dense(3, "tanh")]), Dense(1)], 3, "mse")
    parameters = RNG.normal(size=program.n_parameters)
    derivatives = jacobian(program, parameters, X[:5], np.ones(5))[1]
    expected = central_differences(lambda p: outputs(program, p, X[:5]), parameters)
    np.testing.assert_allclose(derivatives, expected.transpose(1, 0, 2), atol=1e-8)


def test_jacobian_reads_the_oracles_predictions():
    program = lower([Dense(5, "elu"), Activation("gelu"), Dense(2)], 3, "mse")
    parameters = RNG.normal(size=program.n_parameters)
    np.testing.assert_allclose(outputs(program, parameters, X), reference.forward(program, parameters, X), rtol=1e-14)


def built(**options):
    model = regressor(**options)
    model.build(3)
    return model, Objective(model._state.network, Data(X, Y, WEIGHT))


def test_objective_agrees_with_differences_and_with_the_residuals():
    model, objective = built(l2=0.3)
    x = model.parameters.copy()
    value, gradient = objective(x)
    np.testing.assert_allclose(gradient, central_differences(lambda p: objective(p)[0], x), atol=1e-8)
    residuals = levenberg_marquardt.Residuals(objective)
    normal = residuals.normal(x)
    np.testing.assert_allclose([residuals.value(x), normal.value], value, rtol=1e-13)
    np.testing.assert_allclose(2 * normal.slope, gradient, rtol=1e-10, atol=1e-14)


def test_the_normal_equations_do_not_depend_on_the_chunks(monkeypatch):
    model, objective = built(l2=0.3)
    whole = levenberg_marquardt.Residuals(objective).normal(model.parameters)
    monkeypatch.setattr(levenberg_marquardt, "CHUNK_BYTES", 7 * 8 * 2 * model.n_parameters)
    parts = levenberg_marquardt.Residuals(objective)
    assert len(list(parts._chunks())) == 9
    parts = parts.normal(model.parameters)
    np.testing.assert_allclose(parts.curvature, whole.curvature, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(parts.slope, whole.slope, rtol=1e-12, atol=1e-15)


# ---- part of fit


@pytest.mark.parametrize("solver", SOLVERS)
def test_validation_metrics_and_callbacks_see_every_iteration(solver):
    seen = []

    def look(model, epoch, logs):
        seen.append((epoch, logs["loss"], model.evaluate(X[:40], Y[:40])["loss"], logs["val_loss"], logs["val_r2"]))
        return STOP if epoch == 6 else None

    model = regressor()
    model.compile(metrics=["r2"])
    history = model.fit(X, Y, solver=solver, epochs=50, validation_split=1 / 3, callbacks=look)
    assert [epoch for epoch, *_ in seen] == list(range(7))
    assert [loss for _, loss, *_ in seen] == history.loss.tolist()
    np.testing.assert_allclose([row[1] for row in seen], [row[2] for row in seen], rtol=1e-12)
    assert (np.diff(history.r2) > 0).all() and not np.isnan(history.val_r2).any() and (history.seconds > 0).all()
    assert history.message == model.history.message == "stopped by a callback"
    assert model.evaluate(X[40:], Y[40:])["loss"] == history.val_loss[-1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_epochs_begin_as_often_as_they_end(solver):
    class Count:
        def __init__(self, last):
            self.last, self.began, self.ended = last, [], []

        def on_epoch_begin(self, model, epoch):
            self.began.append(epoch)
            return STOP if epoch == self.last else None

        def on_epoch_end(self, model, epoch, logs):
            self.ended.append(epoch)

    count = Count(last=None)
    regressor().fit(X, Y, solver=solver, epochs=4, callbacks=count)
    assert count.began == count.ended == [0, 1, 2, 3]
    count = Count(last=2)
    assert regressor().fit(X, Y, solver=solver, epochs=4, callbacks=count).message == "stopped by a callback"
    assert count.began == [0, 1, 2] and count.ended == [0, 1]
    assert len(regressor().fit(X, Y, solver=solver, epochs=4, callbacks=Count(last=0))) == 0


@pytest.mark.parametrize("solver", SOLVERS)
def test_early_stopping_brings_the_best_weights_back(solver):
    model = regressor()
    stopping = EarlyStopping(patience=3, restore_best_weights=True)
    history = model.fit(X, Y, solver=solver, epochs=500, validation_split=0.5, callbacks=stopping)
    assert len(history) < 500 and history.message == "stopped by a callback"
    np.testing.assert_allclose(model.evaluate(X[30:], Y[30:])["loss"], history.val_loss.min(), rtol=1e-12)


def test_class_weights_count():
    labels = (X[:, 0] > 1).astype(int)
    model = Sequential([Dense(2, "softmax", l2=1e-3)], dtype="float64")
    history = model.fit(X, labels, solver="lbfgs", epochs=200, class_weight="balanced")
    weight = np.where(labels, 30 / labels.sum(), 30 / (1 - labels).sum())
    other = Sequential([Dense(2, "softmax", l2=1e-3)], dtype="float64")
    assert history.loss[-1] == other.fit(X, labels, solver="lbfgs", epochs=200, sample_weight=weight).loss[-1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_weights_restored_by_the_callback_that_stops_are_kept(solver):
    kept = {}

    def restore(model, epoch, logs):
        if epoch == 3:
            kept["weights"] = model.get_weights()
        if epoch == 8:
            model.set_weights(kept["weights"])
            return STOP
        return None

    model = regressor()
    model.fit(X, Y, solver=solver, epochs=50, callbacks=restore)
    assert all(map(np.array_equal, model.get_weights(), kept["weights"]))


@pytest.mark.parametrize("solver", SOLVERS)
def test_training_may_end_before_it_begins(solver):
    class Never:
        def on_train_begin(self, model):
            return STOP

    model = regressor()
    assert len(model.fit(X, Y, solver=solver, callbacks=Never())) == 0
    assert model.built


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_interrupt_keeps_the_best_so_far(solver, monkeypatch):
    """Struck while a point is tried, which may be worse than the last one accepted."""
    model, calls = regressor(), []

    def strike(objective, *arguments, original=Objective.__call__):
        result = original(objective, *arguments)
        calls.append(result)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return result

    def strike_lm(residuals, x, original=levenberg_marquardt.Residuals.value):
        calls.append(x)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return original(residuals, x)

    monkeypatch.setattr(Objective, "__call__", strike)
    monkeypatch.setattr(levenberg_marquardt.Residuals, "value", strike_lm)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, solver=solver, epochs=50)
    assert model.history.message == "interrupted"
    assert len(model.history) == model.epoch > 5
    np.testing.assert_allclose(model.evaluate(X, Y)["loss"], model.history.loss[-1], rtol=1e-12)
    model.fit(X, Y, solver=solver)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_start_that_is_the_minimum_is_recorded(solver):
    model = Sequential([Dense(1)], dtype="float64")
    model.build(1)
    model.parameters[:] = [2, 1]
    history = model.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], solver=solver)
    assert history.loss.tolist() == [0.0]
    assert history.message.startswith("converged")
    assert model.parameters.tolist() == [2, 1]


def test_predictions_that_depend_on_nothing_are_said_to_do_so(monkeypatch):
    """All outputs lie where relu is flat: no step lowers anything, and no damping helps."""
    model, solved = Sequential([Dense(1, "relu")], dtype="float64"), []
    model.build(1)
    model.parameters[:] = [0, -1]
    monkeypatch.setattr(levenberg_marquardt, "_solve", lambda *arguments: solved.append(arguments))
    history = model.fit(
        [[0.0], [1.0]], [1.0, 2.0], solver="lm", epochs=9, callbacks=EarlyStopping("damping", mode="min")
    )
    assert history.message.startswith("no step: the predictions do not depend on the parameters")
    assert solved == []
    assert history.loss.tolist() == [2.5] and np.isnan(history.damping).all()


def test_callbacks_may_watch_the_columns_of_a_solver():
    stopping = EarlyStopping("damping", mode="min", patience=50)
    history = regressor().fit(X, Y, solver="lm", epochs=5, callbacks=stopping)
    assert stopping.best == history.damping.min()
    with pytest.raises(ValueError, match="needs 'damping', which this training does not record"):
        regressor().fit(X, Y, solver="lbfgs", callbacks=stopping)


@pytest.mark.parametrize("solver", TO_ROUNDING)
def test_a_parameter_without_influence(solver):
    """A relu that is dead for every row makes J'J singular; the damping solves it all the same."""
    model = Sequential([Dense(2, "relu"), Dense(1)], dtype="float64", seed=2)
    model.build(1)
    model.set_weights([[[1.0, 1.0]], [0.5, -9.0], [[1.0], [1.0]], [0.0]])
    model.fit(LINE + 1, 3 * LINE, solver=solver, epochs=100)
    assert model.evaluate(LINE + 1, 3 * LINE)["loss"] < 1e-12
    assert model.get_weights()[1][1] == -9


def test_trial_points_that_overflow_are_stepped_back_from():
    """Inputs of size 1e8: the first step of the line search leads out of float32."""
    model = Sequential([Dense(4, "relu"), Dense(4, "relu"), Dense(1)], seed=3)
    big = X * 1e8
    start = model.fit(big, 1e8 * Y[:, :1], epochs=1, solver="lbfgs").loss[0]
    history = model.fit(big, 1e8 * Y[:, :1], epochs=20, solver="lbfgs")
    assert np.isfinite(history.loss).all() and history.loss[-1] <= start


# ---- bad input

BAD = [
    ({"solver": "adam"}, ValueError, "solver 'adam' is an optimizer: give it to compile, and leave solver out"),
    ({"solver": "lbfsg"}, ValueError, "unknown solver 'lbfsg'; did you mean 'lbfgs'"),
    ({"solver": LM}, TypeError, r"solver is the class LM; expected LM\(\), or 'lm'"),
    ({"solver": LBFGS(tol=1), "batch_size": 3}, ValueError, "solver='lbfgs' uses all rows at once"),
    ({"solver": 3}, TypeError, "solver must be a name"),
    ({"solver": "lm", "batch_size": 8}, ValueError, "solver='lm' uses all rows at once: leave batch_size=8 out"),
    ({"solver": "lbfgs", "shuffle": False}, ValueError, "solver='lbfgs' uses all rows at once: leave shuffle=False"),
    ({"solver": "lbfgs", "epochs": 0}, ValueError, "epochs must be an integer >= 1"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD)
def test_bad_arguments(options, error, message):
    model = regressor()
    with pytest.raises(error, match=message):
        model.fit(X, Y, **options)
    assert not model.built


REFUSED = [
    ("lbfgs", [Dense(2, l1=0.1)], "needs a smooth penalty, and l1 is not at 0; use l2"),
    ("lm", [Dense(2, l1=0.1)], "cannot penalise by l1, which is no square; use l2"),
    ("lm", [Dense(2, max_norm=1)], r"cannot keep max_norm=1 of layer 0; use l2"),
    ("lbfgs", [Dense(2, weight_decay=0.1)], r"weight_decay=0.1 of layer 0 to act in; use l2"),
    ("lm", [Dense(99, "relu"), Dense(99), Dense(2)], "solves 10,496 equations.* at most 5,000: use solver='lbfgs'"),
    ("lbfgs", [Dense(2), BatchNorm(), Dense(2)], "cannot train layer 1: batchnorm depends on how .*; use LayerNorm"),
    ("lm", [Dense(4), Dropout(0.5), Dense(2)], "cannot train layer 1: dropout makes the loss random; remove it"),
    ("lbfgs", [GaussianNoise(0.5), Dense(2)], "cannot train layer 0: noise makes the loss random; remove it"),
]


@pytest.mark.parametrize(("solver", "layers", "message"), REFUSED)
def test_networks_that_a_solver_cannot_train(solver, layers, message):
    from nncore.solvers import SOLVERS as TABLE
    from nncore.solvers.strategy import _check_program

    program = lower(layers, 3, "mse")
    with pytest.raises(ValueError, match=message):
        _check_program(program, solver)
        TABLE[solver].check(program)


@pytest.mark.parametrize("clip", [{"clip_value": 0.5}, {"clip_norm": 2.0}])
def test_a_solver_cannot_clip(clip):
    model = Sequential([Dense(2)])
    model.compile(Adam(**clip))
    with pytest.raises(ValueError, match=r"solver='lbfgs' cannot clip: compile an optimizer without clip_\w+=\d"):
        model.fit(X, Y, solver="lbfgs")


def test_lm_wants_squared_errors():
    model = Sequential([Dense(2)])
    model.compile(loss="huber")
    with pytest.raises(ValueError, match="solver='lm' minimises squared errors only, this model's loss is huber"):
        model.fit(X, Y, solver="lm")
    assert not model.built


def test_lm_wants_memory_for_its_equations(monkeypatch):
    program = program_for(regressor()._state, 3)
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    with pytest.raises(ValueError, match=r"solver='lm' needs 101 MB for 62 parameters, but .* may use 1 MB"):
        levenberg_marquardt.check(program)


@pytest.mark.parametrize("solver", SOLVERS)
def test_weights_that_are_broken_already(solver):
    model = regressor()
    model.build(3)
    model.parameters[0] = np.nan
    with pytest.raises(ValueError, match="cannot start: the loss of the model's weights is nan; standardise X"):
        model.fit(X, Y, solver=solver)


@pytest.mark.parametrize("solver", SOLVERS)
def test_weights_whose_loss_hides_that_they_are_broken(solver):
    """Units that are saturated hide an infinite weight, and float64 holds squares whose slope float32 does not."""
    model = Sequential([Dense(4, "tanh"), Dense(1)])
    model.fit(X, Y[:, :1])
    model.parameters[0] = np.inf
    before = model.parameters.tobytes()
    with pytest.raises(ValueError, match="cannot start: the model's weights are not finite, though the loss is"):
        model.fit(X, Y[:, :1], solver=solver)
    assert model.epoch == 1 and model.parameters.tobytes() == before
    with pytest.raises(ValueError, match="cannot start: the gradient is not finite, though the loss is"):
        Sequential([Dense(1)]).fit(X * 1e5, Y[:, :1] * 1e36, solver=solver)
    large = Sequential([Dense(1)]).fit(X, 1e26 * X[:, :1], solver="lm", epochs=20)
    assert large.loss[-1] < 1e-6 * large.loss[0]  # a loss that float32 does not hold was taken for settled


def test_no_training_within_training():
    def again(model, epoch, logs):
        model.fit(X, Y, solver="lm")

    with pytest.raises(RuntimeError, match="a callback cannot train"):
        regressor().fit(X, Y, solver="lbfgs", callbacks=again)


def test_the_threads_of_blas_are_bounded_while_a_solver_runs():
    """They spin while they wait: on a busy machine L-BFGS took three times as long, Levenberg-Marquardt twenty."""
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def of_blas():
        return {library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}

    found, limit = {}, nncore.get_num_threads()
    nncore.set_num_threads(2)
    try:
        with threadpoolctl.threadpool_limits(limits=4, user_api="blas"):
            for case in product(("lbfgs", "lm"), (255, 256)):  # units: 1021 parameters, and 1025
                model = Sequential([Dense(case[1], "tanh"), Dense(1)])
                look = {"callbacks": lambda *_, case=case: found.setdefault(case, of_blas())}
                model.fit([[1, 2], [3, 4], [5, 7]], [1, 2, 3], solver=case[0], **look)
            of_lbfgs = {("lbfgs", 255): {1}, ("lbfgs", 256): {1}}
            assert found == {**of_lbfgs, ("lm", 255): {1}, ("lm", 256): {2}} and of_blas() == {4}
        with threadpoolctl.threadpool_limits(limits=1, user_api="blas"), blas.limited():
            assert of_blas() == {1}, "never raised"
    finally:
        nncore.set_num_threads(limit)


def test_the_threads_of_blas_stay_bounded_until_the_last_of_several_solvers_ends():
    """One that ended gave them all back while others ran, whose sums then had other bits."""
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def of_blas():
        return {library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}

    def elsewhere(call, *arguments):
        thread = threading.Thread(target=call, args=arguments)
        thread.start()
        thread.join()

    limit = nncore.get_num_threads()
    nncore.set_num_threads(3)
    try:
        with threadpoolctl.threadpool_limits(limits=4, user_api="blas"):
            first, second, third = blas.limited(1), blas.limited(1), blas.limited(2)
            elsewhere(first.__enter__)
            elsewhere(third.__enter__)
            second.__enter__()
            elsewhere(first.__exit__, None, None, None)
            assert of_blas() == {1}
            elsewhere(second.__exit__, None, None, None)
            assert of_blas() == {2}
            third.__exit__(None, None, None)
            assert of_blas() == {4}
    finally:
        nncore.set_num_threads(limit)


def test_an_interrupt_on_the_way_in_or_out_leaves_no_bound(monkeypatch):
    """Every later solver was held to the number of threads of one that was long gone."""
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def of_blas():
        return {library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"}

    def interrupted():
        apply()
        raise KeyboardInterrupt

    nncore.set_num_threads(2)
    apply = blas._apply
    try:
        with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
            monkeypatch.setattr(blas, "_apply", interrupted)
            with pytest.raises(KeyboardInterrupt), blas.limited(1):
                pass
            monkeypatch.setattr(blas, "_apply", apply)
            assert not blas._held
            with blas.limited(1):
                assert of_blas() == {1}
            assert of_blas() == {2}
    finally:
        nncore.set_num_threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_begins_without_the_bounds_of_threads_that_it_has_not():
    with blas.limited(1):
        if not (child := os.fork()):
            os._exit(bool(blas._held or blas._lock.locked()))
        assert os.waitpid(child, 0)[1] == 0 and list(blas._held.values()) == [1]


@pytest.mark.parametrize("p", [1, 7, equations.WHOLE, equations.WHOLE + 1, equations.WHOLE + 300])
def test_equations_are_solved_in_blocks_as_in_one_piece(p):
    rng = np.random.default_rng(p)
    J, x = rng.normal(size=(2 * p, p)), rng.normal(size=p)
    A = np.asfortranarray(np.eye(p) * 3.0)
    A = equations.add_gram(A, J[: p // 2])
    A = equations.add_gram(A, J[p // 2 :])
    whole = J.T @ J + np.eye(p) * 3.0
    assert np.allclose(np.tril(A), np.tril(whole), rtol=1e-12, atol=1e-10)
    assert np.allclose(equations.solve(A, whole @ x), x, rtol=0, atol=1e-9)
    indefinite = np.asfortranarray(whole)
    indefinite[-1, -1] = -1.0
    assert equations.solve(indefinite, x) is None


def test_large_equations_can_be_interrupted(monkeypatch):
    """Each block is a call of its own, after which Python runs the handlers of signals."""
    seen = []
    real = equations.solve_triangular
    monkeypatch.setattr(equations, "solve_triangular", lambda *a, **o: seen.append(a[1].shape) or real(*a, **o))
    p = equations.WHOLE + 1
    equations.solve(np.asfortranarray(np.eye(p)), np.ones(p))
    assert len(seen) == -(-p // equations.BLOCK) and max(max(shape) for shape in seen) < p
