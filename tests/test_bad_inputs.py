"""Every mistake of a caller: which error it gives, what the message says, and that nothing is lost by it."""

import numpy as np
import pytest

import nncore
from nncore import (
    SGD,
    Activation,
    Adam,
    AdamW,
    CSVLogger,
    Dense,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    RMSprop,
    Sequential,
    StepDecay,
    losses,
)
from nncore.metrics import accuracy

X = np.random.default_rng(0).normal(size=(12, 4))
LABELS = np.arange(12) % 3


def seconds(y_true, y_pred):
    return 0.0


def new_model():
    model = Sequential([Dense(5, "relu"), Dense(3, "softmax")], seed=1)
    model.compile(Adam(0.01), metrics=["accuracy"])
    model.fit(X, LABELS, epochs=2)
    return model


def state(model):
    network = model._state.network
    parameters, statistics, slots, iterations = network.state()
    settings = (model.epoch, model.optimizer, model.loss, model.metrics, model.layers, model.name, iterations)
    return settings, parameters.tobytes(), statistics.tobytes(), slots.tobytes(), repr(model.history.to_dict())


def with_hole(value):
    bad = X.copy()
    bad[7, 2] = value
    return bad


def fit(*arguments, **options):
    return lambda model: model.fit(*(arguments or (X, LABELS)), **options)


INTEGER = "must be an integer >= 1"

FIT = [
    (fit(epochs=0), ValueError, f"epochs {INTEGER}, got 0"),
    (fit(epochs=-3), ValueError, f"epochs {INTEGER}, got -3"),
    (fit(epochs=2.5), TypeError, f"epochs {INTEGER}, got 2.5 of type float"),
    (fit(epochs="10"), TypeError, f"epochs {INTEGER}, got '10' of type str"),
    (fit(epochs=True), TypeError, f"epochs {INTEGER}, got True of type bool"),
    (fit(epochs=None), TypeError, f"epochs {INTEGER}"),
    (fit(epochs=2**64), ValueError, f"epochs {INTEGER} and at most 9007199254740992, got 18446744073709551616"),
    (fit(batch_size=0), ValueError, f"batch_size {INTEGER}, got 0"),
    (fit(batch_size=-1), ValueError, f"batch_size {INTEGER}, got -1"),
    (fit(batch_size=32.0), TypeError, f"batch_size {INTEGER}"),
    (fit(shuffle="yes"), ValueError, "shuffle must be True or False, .* got 'yes'"),
    (fit(verbose="loud"), ValueError, "verbose must be 'auto', True, False, 0, 1 or 2, got 'loud'"),
    (fit(verbose=3), ValueError, "verbose must be 'auto', True, False, 0, 1 or 2, got 3"),
    (fit(callbacks="early"), TypeError, "or an object with one of .*; got 'early'$"),
    (fit(callbacks=[1]), TypeError, r"callbacks\[0\] must be a function"),
    (fit(validation_split=1.0), ValueError, "validation_split must be a finite number >= 0 and < 1, got 1.0"),
    (fit(validation_split=-0.1), ValueError, "validation_split must be a finite number >= 0"),
    (fit(validation_split=float("nan")), ValueError, "validation_split must be a finite number"),
    (fit(validation_split=0.99), ValueError, r"validation_split=0.99 of 12 sample\(s\) leaves an empty part: 0"),
    (fit(X[:1], LABELS[:1], validation_split=0.2), ValueError, r"validation_split=0.2 of 1 sample\(s\) leaves an"),
    (fit(validation_split=0.5, validation_data=(X, LABELS)), ValueError, "validation_data or validation_split=0.5"),
    (fit(validation_data=X), ValueError, r"validation_data must be \(X, y\) or \(X, y, sample_weight\), got array"),
    (fit(validation_data=(X,)), ValueError, r"must be \(X, y\) or \(X, y, sample_weight\), got a tuple of 1$"),
    (fit(validation_data=[X, LABELS, None, 1]), ValueError, r"or \(X, y, sample_weight\), got a list of 4$"),
    (fit(validation_data=(X[:, :2], LABELS)), ValueError, "validation_data: X has 2 features, but the model expects 4"),
    (fit(validation_data=(X, LABELS + 1)), ValueError, "validation_data: y contains the label 3 at row 2"),
    (fit(validation_data=(with_hole(np.nan), LABELS)), ValueError, "validation_data: Input X contains NaN"),
    (fit(validation_data=(X, LABELS, [1, 2])), ValueError, "validation_data: X and sample_weight have inconsistent"),
    (fit(sample_weight=[1.0] * 11), ValueError, "X and sample_weight have inconsistent numbers of samples: 12 and 11"),
    (fit(sample_weight=[-1.0] * 12), ValueError, "sample_weight must be >= 0, got -1 at row 0"),
    (fit(sample_weight=[0.0] * 12), ValueError, "the sum of weights is zero"),
    (fit(X, LABELS, LABELS), TypeError, "fit takes X, y by place; give .* by name"),
    (fit(X, None), TypeError, "missing 1 required positional argument: 'y'"),
    (fit(iter([(X, LABELS)]), None), TypeError, "argument: 'y'; rows .* are given as nncore.data.Batches"),
]

WRONG_DATA = [
    ((X[:, 0], LABELS), ValueError, "Expected 2D array X"),
    ((X[:0], LABELS[:0]), ValueError, r"X has 0 sample\(s\)"),
    ((X[:, :3], LABELS), ValueError, "X has 3 features, but the model expects 4"),
    ((with_hole(np.nan), LABELS), ValueError, r"Input X contains NaN: 1 value\(s\), the first at row 7, column 2"),
    ((with_hole(-np.inf), LABELS), ValueError, r"infinity .* the first at row 7, column 2, -inf"),
    ((with_hole(1e300), LABELS), ValueError, r"too large for dtype\('float32'\): 1 value\(s\), .* 1e\+300"),
    ((X * 1j, LABELS), ValueError, "Complex data not supported"),
    ((X.astype(str), LABELS), ValueError, "could not convert X to numbers: it holds text"),
    ((X, LABELS[:-1]), ValueError, "X and y have inconsistent numbers of samples: 12 and 11"),
    ((X, LABELS + 1), ValueError, "y contains the label 3 at row 2, .* 3 outputs: labels must be 0..2"),
    ((X, LABELS - 1), ValueError, "y contains the label -1 at row 0"),
    ((X, LABELS + 0.5), ValueError, "class labels must be whole numbers 0..2, got 0.5 at row 0"),
    ((X, LABELS.astype(str)), ValueError, r"numbers: .* stored as text: y.astype\(float\) makes"),
    ((X, np.eye(2)[LABELS % 2]), ValueError, r"y has shape \(12, 2\), expected \(12,\) class indices or \(12, 3\)"),
]

CALLS_WITH_DATA = {
    "fit": lambda model, X, y: model.fit(X, y),
    "train_on_batch": lambda model, X, y: model.train_on_batch(X, y),
    "evaluate": lambda model, X, y: model.evaluate(X, y),
    "loss_and_gradient": lambda model, X, y: model.loss_and_gradient(X, y),
}


def compiled(*arguments, **options):
    return lambda model: model.compile(*arguments, **options)


def assign(name, value):
    return lambda model: setattr(model, name, value)


OTHERS = [
    (lambda m: m.predict(X[:, :3]), ValueError, "X has 3 features, but the model expects 4"),
    (lambda m: m.predict(X[0]), ValueError, r"Expected 2D array X .* X.reshape\(1, -1\) if it is one sample"),
    (lambda m: m.predict(with_hole(np.nan)), ValueError, "Input X contains NaN"),
    (lambda m: m.predict_proba(X[:, :3]), ValueError, "X has 3 features"),
    (lambda m: m.predict_classes(X[:, :3]), ValueError, "X has 3 features"),
    (lambda m: m.build(5), ValueError, "n_features is 5, but the model is built for 4"),
    (lambda m: m.add(Dense(3)), RuntimeError, "cannot add Dense.* the model is built already"),
    (lambda m: m.set_weights(m.get_weights()[:-1]), ValueError, "weights must be a list of 4 arrays, got 3"),
    (lambda m: m.set_weights([np.zeros(3)] * 4), ValueError, r"weights\[0\] \(dense_0.weight\) must have shape \(4,"),
    (
        lambda m: m.set_weights([w * np.nan for w in m.get_weights()]),
        ValueError,
        r"Input weights\[0\] \(dense_0.weight\) contains NaN: 20 value\(s\), the first at row 0, column 0",
    ),
    (compiled("adma"), ValueError, "unknown optimizer 'adma'; did you mean 'adam'?"),
    (compiled(Adam), TypeError, "optimizer must be"),
    (compiled(3), TypeError, "optimizer must be"),
    (compiled(loss="mean_sqared_error"), ValueError, "unknown loss 'mean_sqared_error'; did you mean"),
    (compiled(loss=losses.Huber), TypeError, "loss must be"),
    (compiled(loss="binary_crossentropy"), ValueError, "expects the last layer's activation to be 'sigmoid'"),
    (compiled(metrics=["acuracy"]), ValueError, "unknown metric 'acuracy'; did you mean 'accuracy'"),
    (compiled(metrics=[3]), TypeError, "metric must be a name"),
    (compiled(metrics=3), TypeError, "metrics must be a list of names and functions, got 3"),
    (
        compiled(metrics=["accuracy", "acc", "accuracy"]),
        ValueError,
        r"metrics must have different names, and metrics\[0\] and metrics\[2\] are both 'accuracy'; leave one out",
    ),
    (compiled(metrics=[accuracy, "accuracy"]), ValueError, r"metrics\[0\] and metrics\[1\] are both 'accuracy'"),
    (compiled(metrics=[lambda y_true, y_pred: 0.0, lambda *_: 0.0]), ValueError, "are both '<lambda>'"),
    (compiled(metrics=["mae", seconds]), ValueError, r"names of their own, none of .*, and metrics\[1\] is 'seconds'"),
    (assign("optimizer", "sgdd"), ValueError, "unknown optimizer 'sgdd'"),
    (assign("optimizer", 0.1), TypeError, "optimizer must be"),
    (assign("epoch", 3), AttributeError, "epoch"),
    (assign("layers", ()), AttributeError, "layers"),
    (lambda m: m.save("model", {1: "a"}), TypeError, "metadata must map str to str, got 1: 'a'"),
    (lambda m: m.save(""), OSError, "it exists and is not a regular file"),
    (lambda m: m.save(None), TypeError, "path must be .*, got None of type NoneType"),
]


def unchanged(call, error, message):
    model = new_model()
    before, prediction = state(model), model.predict(X)
    with pytest.raises(error, match=message):
        call(model)
    assert state(model) == before
    assert np.array_equal(model.predict(X), prediction)
    untouched = new_model()
    model.fit(X, LABELS)
    untouched.fit(X, LABELS)
    assert np.array_equal(model.parameters, untouched.parameters)


@pytest.mark.parametrize(("call", "error", "message"), FIT, ids=[row[2][:50] for row in FIT])
def test_fit(call, error, message):
    unchanged(call, error, message)


@pytest.mark.parametrize("method", CALLS_WITH_DATA)
@pytest.mark.parametrize(("data", "error", "message"), WRONG_DATA, ids=[row[2][:40] for row in WRONG_DATA])
def test_wrong_data(method, data, error, message):
    unchanged(lambda model: CALLS_WITH_DATA[method](model, *data), error, message)


@pytest.mark.parametrize(("call", "error", "message"), OTHERS, ids=[row[2][:50] for row in OTHERS])
def test_other_calls(call, error, message):
    unchanged(call, error, message)


WRONG_ANYWHERE = [row for row in WRONG_DATA if "but the model expects" not in row[2]]


@pytest.mark.parametrize("method", ["fit", "train_on_batch"])
@pytest.mark.parametrize(("data", "error", "message"), WRONG_ANYWHERE, ids=[row[2][:40] for row in WRONG_ANYWHERE])
def test_wrong_data_does_not_build_a_model(method, data, error, message):
    model = Sequential([Dense(5, "relu"), Dense(3, "softmax")], seed=1)
    with pytest.raises(error, match=message):
        CALLS_WITH_DATA[method](model, *data)
    assert not model.built and model.epoch == 0


CONSTRUCTION = [
    (lambda: Sequential(seed=-1), ValueError, "seed must be an integer from 0 to 18446744073709551615, got -1"),
    (lambda: Sequential(seed=2**64), ValueError, "seed must be an integer from 0"),
    (lambda: Sequential(seed=1.0), TypeError, "seed must be an integer from 0"),
    (lambda: Sequential(seed="0"), TypeError, "seed must be an integer from 0"),
    (
        lambda: Sequential(dtype="float16"),
        ValueError,
        "dtype must be 'float32', .* or 'mixed_bfloat16', got 'float16'; d",
    ),
    (lambda: Sequential(dtype="real"), ValueError, "dtype must be 'float32', .* or 'mixed_bfloat16', got 'real'$"),
    (lambda: Sequential(dtype=None), ValueError, "dtype must be 'float32', .* or 'mixed_bfloat16', got None$"),
    (lambda: Sequential(dtype=">f4"), ValueError, "dtype must be 'float32', .* or 'mixed_bfloat16', got '>f4'"),
    (lambda: Sequential(name=3), TypeError, "name must be a str or None, got 3 of type int"),
    (lambda: Sequential(Dense(3)), TypeError, "layers must be a list of layers, got Dense"),
    (lambda: Sequential("relu"), TypeError, "layers must be a list of layers, got 'relu'"),
    (lambda: Sequential([Dense(3), "relu"]), TypeError, r"layers\[1\] must be one of Dense, .*, got 'relu'"),
    (lambda: Sequential([Dense]), TypeError, r"layers\[0\] must be one of Dense, Activation"),
    (lambda: Sequential([64, 32]), TypeError, r"layers\[0\] must be one of Dense, .*, got 64 of type int"),
    (lambda: Dense(0), ValueError, "units must be an integer from 1"),
    (lambda: Dense(-1), ValueError, "units must be an integer from 1"),
    (lambda: Dense(2**63), ValueError, "units must be an integer from 1"),
    (lambda: Dense(2.5), TypeError, "units must be an integer from 1"),
    (lambda: Dense("10"), TypeError, "units must be an integer from 1"),
    (lambda: Dense(3, "rleu"), ValueError, "unknown activation 'rleu'; did you mean 'relu'?"),
    (lambda: Dense(3, weight_initializer="he"), ValueError, "unknown weight_initializer 'he'"),
    (lambda: Activation("Softmax"), ValueError, "unknown activation 'Softmax'; did you mean 'softmax'?"),
    (lambda: Adam(learning_rate=float("nan")), ValueError, "learning_rate must be a finite number >= 0, got nan"),
    (lambda: Adam(learning_rate=float("inf")), ValueError, "learning_rate must be a finite number >= 0, got inf"),
    (lambda: SGD(-0.1), ValueError, "learning_rate must be a finite number >= 0, got -0.1"),
    (lambda: SGD(0.1, momentum=1.5), ValueError, "momentum must be a finite number"),
    (lambda: RMSprop("fast"), TypeError, "learning_rate must be a finite number"),
    (lambda: AdamW(True), TypeError, "learning_rate must be a finite number"),
    (lambda: Sequential().build(3), ValueError, "layers must hold at least one Dense layer, got an empty list"),
    (lambda: Sequential().fit(X, LABELS), ValueError, "layers must hold at least one Dense layer"),
    (lambda: Sequential([Activation("relu")]).fit(X, LABELS), ValueError, "layers must hold at least one Dense"),
    (lambda: Sequential([Dense(3)]).build(0), ValueError, "n_features must be an integer from 1"),
    (lambda: Sequential([Dense(3)]).build("4"), TypeError, "n_features must be an integer from 1"),
    (lambda: Sequential([Dense(10**6), Dense(10**6)]).build(3), ValueError, r"needs at least [\d.e+]+ TB"),
    (lambda: Sequential([Dense(2**31 - 1)]).build(2**31 - 1), ValueError, r"needs at least [\d.e+]+ TB"),
    (lambda: Sequential([Dense(1, "softmax")]).build(3), ValueError, "softmax over 1 output is always 1; use sigmoid"),
    (lambda: nncore.load("no such file"), FileNotFoundError, "no such file"),
]


@pytest.mark.parametrize(("call", "error", "message"), CONSTRUCTION, ids=[row[2][:50] for row in CONSTRUCTION])
def test_construction(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_metrics_that_cannot_be_computed_are_refused_before_training():
    model = Sequential([Dense(3, "softmax")])
    with pytest.raises(ValueError, match="metric 'mse' cannot compare class probabilities with the class indices"):
        model.compile(metrics=["mse"])
    assert model.metrics == ()
    model.compile(loss="categorical_crossentropy", metrics=["mse"])
    assert "mse" in model.fit(X, LABELS)


# ---- fit refuses when callbacks hear of it, or at the first step, and yet nothing has changed


def refuse(*arguments):
    raise ValueError("refused")


HUGE = np.full((12, 4), 3e38)
LATE = [
    (
        {"callbacks": ReduceLROnPlateau("loss")},
        StepDecay(0.1, 0.5, 10),
        ValueError,
        "the optimizer has a schedule already",
    ),
    (
        {"callbacks": LearningRateScheduler(lambda epoch: 0.1)},
        StepDecay(0.1, 0.5, 10),
        ValueError,
        "has a schedule already",
    ),
    ({"callbacks": LearningRateScheduler(lambda epoch: -1.0)}, 0.1, ValueError, r"schedule\(\d\) must be a finite"),
    (
        {"callbacks": [LearningRateScheduler(lambda epoch: 0.5), LambdaCallback(on_epoch_begin=refuse)]},
        0.1,
        ValueError,
        "refused",
    ),
    ({"callbacks": CSVLogger("no/such/folder/log.csv")}, 0.1, FileNotFoundError, "no/such"),
    ({"callbacks": ModelCheckpoint("/dev/null/model", "loss")}, 0.1, OSError, "/dev/null"),
    ({"callbacks": LambdaCallback(on_train_begin=refuse)}, 0.1, ValueError, "refused"),
    ({"callbacks": LambdaCallback(on_epoch_begin=refuse), "solver": "lbfgs"}, 0.1, ValueError, "refused"),
    ({"X": HUGE, "solver": "lbfgs"}, 0.1, ValueError, "solver='lbfgs' cannot start: the loss .* is (inf|nan)"),
]


@pytest.mark.parametrize(("options", "rate", "error", "message"), LATE, ids=[row[3] for row in LATE])
@pytest.mark.parametrize("is_built", [False, True])
def test_what_fit_refuses_late_leaves_the_model_as_it_was(options, rate, error, message, is_built):
    model = Sequential([Dense(3)], seed=1)
    if is_built:
        model.fit(X, np.eye(3)[LABELS], epochs=2)
        model.history.message, model.stop_training = "kept", True
    model.compile(SGD(rate))
    before, stop = state(model) if is_built else None, model.stop_training
    X_, others = options.get("X", X), {name: value for name, value in options.items() if name != "X"}
    with pytest.raises(error, match=message):
        model.fit(X_, np.eye(3)[LABELS], epochs=3, **others)
    assert model.built is is_built and model.optimizer == SGD(rate) and model.stop_training is stop
    if is_built:
        assert state(model) == before and model.history.message == "kept"
        assert model._state.network.optimizer == SGD(rate)
    else:
        assert model.epoch == 0 and not model.history.knows_data and not len(model.history)
    model.compile("sgd")
    model.fit(X, np.eye(3)[LABELS])  # and it can be trained all the same


def test_a_solver_that_callbacks_lead_to_where_it_cannot_start_says_so():
    model = Sequential([Dense(3)])
    spoil = LambdaCallback(on_epoch_begin=lambda model, epoch: model.set_weights([np.full((4, 3), 3e38), np.zeros(3)]))
    with pytest.raises(ValueError, match="solver='lbfgs' cannot start: the loss of the model's weights is inf"):
        model.fit(X, np.eye(3)[LABELS], solver="lbfgs", callbacks=spoil)
