"""What programs written for Keras say, and what it means here."""

import copy
import dataclasses
import inspect
import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

import nncore
from nncore import (
    SGD,
    Activation,
    Adam,
    Dense,
    Dropout,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    Sequential,
    load,
)
from nncore.base import elsewhere
from nncore.base.moved import MOVED
from nncore.datasets import train_test_split
from nncore.layers import LAYERS
from nncore.losses import BinaryCrossentropy, SparseCategoricalCrossentropy
from nncore.optimizers import OPTIMIZERS

X = np.random.default_rng(0).normal(size=(20, 3))
LABELS = (X[:, 0] > 0).astype(int)


def trained(**options):
    model = Sequential([Dense(2, "softmax")])
    model.compile("adam", metrics=["acc"])
    return model, model.fit(X, LABELS, epochs=3, **options)


def test_history_has_lists_by_name():
    model, history = trained()
    assert history.history["loss"] == history.loss.tolist()
    assert history.history["acc"][-1] == history.acc[-1]
    assert history.epoch == [0, 1, 2]
    assert model.history.history == history.history


@pytest.mark.parametrize(("verbose", "shown"), [(0, False), (1, True), (2, False)])
def test_verbose_may_be_a_number(verbose, shown, capsys):
    trained(verbose=verbose)
    assert ("3/3 epochs" in capsys.readouterr().err) is shown


@pytest.mark.parametrize("options", [{}, {"validation_split": 0.2}])
def test_verbose_2_prints_a_line_for_each_epoch(options, capsys):
    model = Sequential([Dense(2, "softmax", l2=0.01)])
    for epochs in (100, 3):
        history = model.fit(X, LABELS, epochs=epochs, verbose=np.int64(2), **options)
        printed = capsys.readouterr()
        lines = printed.err.splitlines()
        assert printed.out == "" and len(lines) == epochs and "nan" not in printed.err
        for i, (line, loss) in enumerate(zip(lines, history.loss, strict=True)):
            assert line.startswith(f"epoch {i + 1}/{epochs}: loss {loss:.4g}")
        assert ("val_loss" in lines[-1]) is bool(options) and "seconds" not in printed.err


def test_a_summary_is_text_that_shows_itself():
    model, _ = trained()
    summary = model.summary()
    assert repr(summary) == str(summary) == f"{summary}" and summary.splitlines()[1].startswith("layer")
    assert isinstance(summary, str) and pickle.loads(pickle.dumps(summary)) == summary
    assert json.loads(json.dumps(summary)) == summary and copy.deepcopy(summary) == summary


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.h5", "HDF5"),
        ("a.keras", "Keras"),
        ("a.pt", "PyTorch"),
        ("a.onnx", "ONNX"),
        ("a.PKL", "pickle"),
        ("b.weights.h5", "HDF5"),
        ("c.ckpt", "a checkpoint of TensorFlow or Lightning"),
        ("c.safetensors.gz", "gzip"),
    ],
)
def test_a_file_name_that_promises_another_format(name, format, tmp_path):
    model, _ = trained()
    with pytest.warns(
        UserWarning, match=rf"'{name}' is not written as {format}, .*'{name.rpartition('.')[0]}\.safet"
    ) as w:
        model.save(tmp_path / name)
    assert w[0].filename == __file__
    assert np.array_equal(load(tmp_path / name).parameters, model.parameters)
    with pytest.warns(UserWarning, match="not written as"):
        model.fit(X, LABELS, callbacks=ModelCheckpoint(tmp_path / name))


@pytest.mark.parametrize("name", ["a", "a.safetensors", "a.nn", "a.h5.bak", ".h5", "model-0.5"])
@pytest.mark.filterwarnings("error")
def test_a_file_name_that_promises_nothing(name, tmp_path):
    trained()[0].save(tmp_path / name)


def test_predict_and_evaluate_take_what_does_not_matter_here():
    model, _ = trained()
    assert np.array_equal(model.predict(X, batch_size=2, verbose=0), model.predict(X))
    scores = model.evaluate(X, LABELS, batch_size=2, verbose=0, return_dict=True)
    assert scores == model.evaluate(X, LABELS)
    assert scores.keys() == {"loss", "acc"}


def test_scores_unpack_and_index_like_a_list():
    model, _ = trained()
    scores = model.evaluate(X, LABELS)
    loss, acc = scores
    assert 0 < loss < 2 and 0 <= acc <= 1
    assert [loss, acc] == [scores["loss"], scores["acc"]] == list(scores) == list(scores.values()) == scores[:]
    assert (scores[0], scores[1], scores[-1], scores[np.int64(1)], scores[1:]) == (loss, acc, acc, acc, [acc])
    assert list(reversed(scores)) == [acc, loss]
    with pytest.raises(IndexError, match="there are 2 scores, loss, acc; got index 2"):
        scores[2]
    with pytest.raises(KeyError, match="'accuracy' was not scored, only loss, acc"):
        scores["accuracy"]


@pytest.mark.parametrize("head", ["softmax", "logits", "one-hot", "sigmoid"])
def test_evaluate_prints_what_accuracy_hides(head):
    X, y = np.zeros((20, 1)), np.r_[np.zeros(18, int), 1, 1]
    width, activation = (1, "sigmoid") if head == "sigmoid" else (2, "linear" if head == "logits" else "softmax")
    model = Sequential([Dense(width, activation)])
    losses = {
        "logits": SparseCategoricalCrossentropy(from_logits=True),
        "one-hot": "categorical_crossentropy",
    }
    model.compile(loss=losses.get(head), metrics=["accuracy"])
    model.build(1)
    model.parameters[:] = [0.0, -1.0] if head == "sigmoid" else [0.0, 0.0, 1.0, -1.0]  # always class 0
    scores = model.evaluate(X, np.eye(2)[y] if head == "one-hot" else y)
    said = "recall 0: 1.00, 1: 0.00; most frequent class 0: 0.9000 of the rows"
    hint = 'few rows of 1 are found: fit(class_weight="balanced") lets rare classes count as much'
    assert repr(scores) == f"{dict(scores)}  # {said}; {hint}" == str(scores) and scores[1] == 0.9
    assert scores.balance.recall == {"0": 1.0, "1": 0.0} and scores.balance.most_frequent == ("0", 0.9)
    model.compile(loss=losses.get(head), metrics=[])
    alone = model.evaluate(X, np.eye(2)[y] if head == "one-hot" else y)
    assert repr(alone) == repr(dict(alone))  # nothing was predicted


def test_scores_are_a_dict_all_the_same():
    model, _ = trained()
    scores = model.evaluate(X, LABELS)
    plain = {"loss": scores["loss"], "acc": scores["acc"]}
    assert isinstance(scores, dict) and scores == plain and plain == scores
    assert repr(scores).startswith(f"{plain}  # recall ") and eval(repr(scores)) == plain
    assert list(scores.keys()) == ["loss", "acc"] == list(dict(scores)) == list({**scores}) == list(scores.copy())
    assert dict(scores) == {**scores} == dict(**scores) == scores | {} == {} | scores == plain == dict(scores.items())
    assert (len(scores), "acc" in scores, scores["acc"] in scores, scores.get(0)) == (2, True, False, None)
    assert json.loads(json.dumps(scores)) == json.loads(json.dumps(scores, indent=1)) == plain
    for copied in (pickle.loads(pickle.dumps(scores)), copy.deepcopy(scores), copy.copy(scores)):
        assert copied == plain and list(copied) == list(plain.values())


@pytest.mark.parametrize(
    "use",
    [
        float,
        int,
        round,
        abs,
        lambda scores: round(scores, 3),
        lambda scores: f"{scores:.4f}",
        lambda scores: scores < 0.5,
        lambda scores: scores >= 0.5,
        lambda scores: scores * 100,
        lambda scores: 1 - scores,
        lambda scores: scores + scores,
        lambda scores: scores / 2,
        lambda scores: np.float64(1) - scores,
        lambda scores: np.ones(2) * scores,
        lambda scores: np.mean([scores, scores]),
        lambda scores: -scores,
        lambda scores: scores**0.5,
    ],
)
@pytest.mark.parametrize("metrics", [None, ["accuracy"]])
def test_scores_are_no_number(use, metrics):
    model = Sequential([Dense(3, "softmax")])
    model.compile(metrics=metrics)
    model.fit(X, LABELS)
    scores, known = model.evaluate(X, LABELS), "loss, accuracy" if metrics else "loss"
    with pytest.raises(TypeError, match=rf"a dict of {known}: take scores\['loss'\], or .* return_dict=False"):
        use(scores)
    assert f"{scores}" == str(scores) and scores == dict(scores) and {**scores} == scores | {}


def test_return_dict_false_is_what_keras_returns():
    model, _ = trained()
    assert model.evaluate(X, LABELS, return_dict=False) == list(model.evaluate(X, LABELS))
    assert type(model.evaluate(X, LABELS, return_dict=False)) is list
    model.compile("adam")
    assert model.evaluate(X, LABELS, return_dict=False) == model.evaluate(X, LABELS)["loss"]
    with pytest.raises(TypeError, match="return_dict must be True or False, got 'no' of type str"):
        model.evaluate(X, LABELS, return_dict="no")


def test_no_activation_may_be_none():
    assert Dense(3, activation=None) == Dense(3)
    assert Dense(3, activation=None).activation == Activation("identity")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: Dense(3, kernel_initializer="zeros"),
            "Dense has no argument 'kernel_initializer'; here it is weight_in",
        ),
        (lambda: Dense(3, input_shape=(4,)), r"'input_shape'; the first fit tells .* model.build\(n_features\). Known"),
        (
            lambda: Dense(3, activaton="relu"),
            "'activaton'; did you mean 'activation'\\? Known: activation, activity_l1",
        ),
        (lambda: Dropout(p=0.5), "Dropout has no argument 'p'; here it is rate. Known: rate$"),
        (lambda: Adam(lr=0.1), "Adam has no argument 'lr'; here it is learning_rate. Known: amsgrad"),
        (lambda: SGD(eps=0.1), "SGD has no argument 'eps'. Known: clip_norm"),
        (
            lambda: Dense(3, kernel_regularizer="l2"),
            r"'kernel_regularizer'; penalties are numbers, .* Dense\(8, l2=1e-4",
        ),
        (lambda: Dense(3, bias_regularizer="l2"), "'bias_regularizer'; penalties of a bias are numbers, as in Dense"),
        (lambda: Dense(3, kernel_constraint=3), "'kernel_constraint'; here it is max_norm"),
        (
            lambda: EarlyStopping(verbose=1),
            "EarlyStopping has no argument 'verbose'; it prints nothing, so leave it out",
        ),
        (
            lambda: EarlyStopping(patence=5),
            "'patence'; did you mean 'patience'\\? Known: monitor, min_delta, patience",
        ),
        (lambda: ModelCheckpoint("m", verbose=1), "ModelCheckpoint has no argument 'verbose'; it prints nothing"),
        (lambda: ModelCheckpoint("m", save_weights_only=True), "'save_weights_only'; files hold the whole model"),
        (lambda: ReduceLROnPlateau(verbose=1), "ReduceLROnPlateau has no argument 'verbose'; it prints nothing"),
        (lambda: LearningRateScheduler(abs, verbose=1), "LearningRateScheduler has no argument 'verbose'; it prints"),
        (
            lambda: train_test_split(X, LABELS, random_state=0),
            "'random_state'; here it is seed. Known: test_size, seed",
        ),
        (lambda: train_test_split(X, LABELS, train_size=0.8), "'train_size'; give test_size: what is not in the test"),
        (lambda: Dense(3, dtype="float64"), "Dense has no argument 'dtype'; it is the model's, as in Sequential"),
        (lambda: Dense(3, precision="bf16"), "Dense has no argument 'precision'; it is a dtype of the model"),
        (lambda: Sequential(dtype_policy="x"), "Sequential has no argument 'dtype_policy'; here it is dtype"),
        (lambda: Sequential(precision="x"), "Sequential has no argument 'precision'; here it is dtype"),
        (lambda: Sequential().compile(auto_scale_loss=True), "no loss needs scaling, so leave it out"),
        (
            lambda: Dense(3, "relu", True, "auto", "zeros", "d", 0.1),
            "Dense takes units, .*, name by place; give 0.1 by",
        ),
        (
            lambda: Sequential(hidden_layer_sizes=(9,)),
            "Sequential has no argument 'hidden_layer_sizes'; give layers, as",
        ),
        (
            lambda: Sequential([Dense(1)], random_state=0),
            "'random_state'; here it is seed. Known: layers, seed, dtype, name",
        ),
        (lambda: Sequential(Dense(3), Dense(1)), r"Sequential takes layers by place; layers are one list, as in Seq"),
        (lambda: Sequential(max_iter=9), r"'max_iter'; it goes to fit, as in model.fit\(X, y, epochs=10"),
        (
            lambda: trained()[0].fit(x=X, y=LABELS),
            "Sequential.fit has no argument 'x'; here it is X. Known: X, y, epochs",
        ),
        (
            lambda: trained()[0].fit(X, LABELS, 10, 32),
            "Sequential.fit takes X, y by place; give 10, 32 by name. Known: X",
        ),
        (lambda: trained()[0].fit(X, LABELS, n_iter=9), "'n_iter'; here it is epochs"),
        (
            lambda: trained()[0].fit(X, LABELS, test_size=0.2),
            "'test_size'; give validation_split, or cut the rows with",
        ),
        (lambda: trained()[0].fit(X, LABELS, initial_epoch=3), "'initial_epoch'; epochs are counted on over all calls"),
        (
            lambda: trained()[0].fit(X, LABELS, optimizer="adam"),
            r"'optimizer'; it goes to compile, as in model.compile",
        ),
        (lambda: trained()[0].fit(X, LABELS, early_stopping=True), r"fit takes callbacks=EarlyStopping\(patience=10\)"),
        (lambda: trained()[0].fit(X, LABELS, epocs=3), "'epocs'; did you mean 'epochs'"),
        (
            lambda: trained()[0].compile(lr=0.1),
            r"'lr'; it is the optimizer's, as in model.compile\(Adam\(learning_rate",
        ),
        (lambda: trained()[0].evaluate(x=X, y=LABELS), "Sequential.evaluate has no argument 'x'; here it is X"),
        (lambda: trained()[0].save("m", overwrite=True), "'overwrite'; a file holds the whole model in one format"),
        (lambda: trained()[0].build(input_shape=(None, 3)), "'input_shape'; here it is n_features"),
        (lambda: load("m", custom_objects={}), "load has no argument 'custom_objects'; a file holds names and numbers"),
    ],
)
def test_arguments_by_the_names_of_others(make, said):
    with pytest.raises(TypeError, match=said):
        make()


PAGE = Path(__file__).resolve().parent.parent / "docs" / "guide" / "first_model.md"
OF_PYTHON = PAGE.read_text(encoding="utf-8").partition("Python answers by itself")[2]
NOT_MADE_BY_USERS = {"History", "Predictor", "Stepper", "SurgeryReport", *nncore.HOMES["errors"]}


METHODS = [name for name, value in vars(Sequential).items() if inspect.isfunction(value) and not name.startswith("_")]
CLASSES = [name for name in nncore.__all__ if isinstance(getattr(nncore, name), type) and name not in NOT_MADE_BY_USERS]


def trained_by(loss):
    model = Sequential([Dense(1)])
    model.compile(loss=loss)
    model.fit([[1.0], [2.0]], [1.0, 2.0])


@pytest.mark.parametrize("name", METHODS)
def test_what_leaves_wrong_arguments_to_python_is_on_the_page(name):
    with pytest.raises(TypeError, match="no_such_one") as caught:
        getattr(Sequential, name)(Sequential([Dense(1)]), no_such_one=1)
    explains = "has no argument 'no_such_one'" in str(caught.value)
    assert explains is not (f"`{name}`" in OF_PYTHON)


@pytest.mark.parametrize("name", CLASSES)
def test_classes_explain_wrong_arguments(name):
    with pytest.raises(TypeError, match=f"{name} has no argument 'no_such_one'"):
        getattr(nncore, name)(no_such_one=1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Sequential([Dense(1)]).summary(line_length=80), r"print\(model.summary\(\)\) shows the table"),
        (lambda: Sequential().add(Dense(1), name="a"), "Sequential.add has no argument 'name'"),
        (lambda: nncore.Perceptron(eta=0.1), "'eta'; here it is learning_rate"),
        (lambda: nncore.Perceptron().fit(X, LABELS, max_iter=3), "'max_iter'; here it is epochs"),
        (
            lambda: nncore.KLDivergence(label_smoothing=0.1),
            r"it is the loss's, as in .*CategoricalCrossentropy\(label_s",
        ),
        (lambda: Sequential([Dense(1)]).compile(loss_weights=[1]), r"MeanSquaredError\(output_weights=\[1, 0.5\]"),
        (lambda: Sequential([Dense(1)]).compile(mask_missing=True), r"MeanSquaredError\(mask_missing=True\)"),
        (lambda: SparseCategoricalCrossentropy(reduction="mean"), "a loss is the mean over rows, so leave it out"),
        (lambda: SparseCategoricalCrossentropy(pos_weight=3), r"it is the loss's, as in .*BinaryCrossentropy\(pos_w"),
        (lambda: nncore.MeanSquaredError(name="x"), "MeanSquaredError has no argument 'name'; only models and layers"),
        (lambda: Adam(weight_decay=0.1), "AdamW has it, and so has a layer under any optimizer, as in Dense"),
        (lambda: SGD(dampening=0.1), "there is no such variant"),
        (lambda: Adam(betas=(0.9, 0.99)), r"'betas'; they are two numbers, as in Adam\(beta_1=0.9, beta_2=0.999\)"),
        (lambda: Adam(gradient_accumulation_steps=4), r"'gradient_accumulation_steps'; batch_size=32 \* steps in fit"),
        (lambda: Adam(centered=True), "'centered'; RMSprop has it, as in RMSprop"),
        (lambda: nncore.Nadam(amsgrad=True), "'amsgrad'; Adam and AdamW have it"),
        (lambda: Adam(use_ema=True), r"'use_ema'; it is a callback: fit\(X, y, callbacks=ExponentialMovingAv"),
        (lambda: Adam(momentum=0.9), "'momentum'; its momentum is beta_1"),
        (lambda: nncore.RMSprop(alpha=0.9), "'alpha'; here it is rho"),
        (
            lambda: Dense(3, negative_slope=0.2),
            r"'negative_slope'; it is the activation's, as in Dense\(8, Activation\(",
        ),
        (lambda: Dense(3, alpha=0.2), r"'alpha'; it is the activation's, .*; penalties are l1 and l2"),
        (lambda: nncore.BatchNorm(axis=-1), "'axis'; it is the last one, so leave it out"),
        (lambda: nncore.BatchNorm(scale=False), "'scale'; here it is affine, for gamma and beta together"),
        (lambda: nncore.LayerNorm(elementwise_affine=False), "'elementwise_affine'; here it is affine"),
        (lambda: nncore.RandomNormal(mean=0), "'mean'; it is 0, so leave it out"),
        (lambda: nncore.RandomNormal(std=1), "'std'; here it is stddev"),
        (lambda: nncore.RandomUniform(minval=0), "'minval'; it lies around 0"),
        (lambda: nncore.solvers.LBFGS(max_iter=9), "LBFGS has no argument 'max_iter'; it goes to fit"),
        (lambda: Dense(3, bias_initializer=1.0), r"got 1\.0 of type float; write Constant\(1\.0\)$"),
        (lambda: Dense(3, weight_initializer=0), r"got 0 of type int; write Constant\(0\)$"),
        (lambda: Dense(3, weight_initializer=True), r"got True of type bool$"),
        (
            lambda: trained_by(lambda t, p: 0.0),
            r"must return \(losses, gradient\): the loss of every row, of shape \(2",
        ),
        (lambda: trained_by(lambda t, p: ((t - p) ** 2).mean()), r"y_pred, of shape \(2, 1\); got"),
        (lambda: trained_by(lambda t, p: (t - p) ** 2), r"got an array of float64 of shape \(2, 1\)"),
        (lambda: Sequential([Dense(1)]).compile(from_logits=True), "it is the loss's, as in model.compile"),
    ],
)
def test_so_do_losses_initializers_and_solvers(make, said):
    with pytest.raises(TypeError, match=said):
        make()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Dense(3, weight_initializer="random_normal"), "did you mean 'normal'"),
        (lambda: Dense(3, weight_initializer="RandomUniform"), "did you mean 'uniform'"),
        (lambda: Dense(3, bias_initializer="random_normal"), "did you mean 'normal'"),
        (lambda: Dense(3, weight_initializer="identity"), "there is none like it, so give RandomNormal"),
        (lambda: Dense(3, "prelu"), r"it is a layer: Dense\(8\), PReLU\(\)"),
        (lambda: Dense(3, "log_softmax"), "end with softmax: the loss reads the logits"),
        (lambda: Dense(3, "glu"), "it is not here; nearest is gelu"),
        (lambda: Sequential([Dense(1)]).compile("adamax"), "it is not here; nearest is adam"),
        (lambda: Sequential([Dense(1)]).compile("Rprop"), "it is not here; nearest is rmsprop"),
        (lambda: Sequential([Dense(1)]).compile(loss="mape"), "unknown loss 'mape'; no loss here is like it"),
        (lambda: Sequential([Dense(1)]).compile(loss="msle"), r"train on numpy.log1p\(y\) with 'mse'"),
        (lambda: Sequential([Dense(1)]).compile(loss="rmse"), "'mse' is least for the same weights"),
    ],
)
def test_what_is_not_here_is_not_taken_for_another(make, said):
    with pytest.raises(ValueError, match=said) as caught:
        make()
    assert ("did you mean" in said) is ("did you mean" in str(caught.value))


def test_smoothed_targets_are_keras_label_smoothing():
    model = Sequential([Dense(1, "sigmoid")], dtype="float64")
    model.build(3)
    p = model.predict(X)[:, 0]
    smooth = LABELS * (1 - 0.2) + 0.5 * 0.2
    expected = np.mean(-smooth * np.log(p) - (1 - smooth) * np.log(1 - p))
    assert model.evaluate(X, LABELS * (1 - 0.2) + 0.2 / 2)["loss"] == pytest.approx(expected, rel=1e-12)
    model.compile(loss=BinaryCrossentropy(label_smoothing=0.2))
    assert model.evaluate(X, LABELS)["loss"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Sequential([Dense(1)]).compile("Adam"), "unknown optimizer 'Adam'; did you mean 'adam'"),
        (lambda: Sequential([Dense(1)]).compile("RMS-prop"), "unknown optimizer 'RMS-prop'; did you mean 'rmsprop'"),
        (lambda: Sequential([Dense(1)]).compile("L-BFGS"), r"optimizer 'L-BFGS' is a solver: .* fit\(solver='lbfgs'\)"),
        (lambda: Sequential([Dense(1)]).compile("lm"), r"optimizer 'lm' is a solver: .* fit\(solver='lm'\)"),
        (
            lambda: Sequential([Dense(1)]).fit(X, LABELS, solver="L-BFGS"),
            "unknown solver 'L-BFGS'; did you mean 'lbfgs'",
        ),
        (lambda: Sequential([Dense(1)]).fit(X, LABELS, solver="Adam"), "solver 'Adam' is an optimizer"),
        (lambda: Sequential([Dense(1)]).compile(loss="MSE"), "unknown loss 'MSE'; did you mean 'mse'"),
        (lambda: Sequential([Dense(1)]).compile(loss="MSELoss"), "unknown loss 'MSELoss'; did you mean 'mse'"),
        (lambda: Sequential([Dense(1)]).compile(loss="BinaryCrossentropy"), "did you mean 'binary_crossentropy'"),
        (lambda: Sequential([Dense(1)]).compile(loss="log_loss"), "did you mean 'binary_crossentropy'"),
        (lambda: Sequential([Dense(1)]).compile(metrics=["R2"]), "unknown metric 'R2'; did you mean 'r2'"),
        (lambda: Sequential(dtype="bfloat16"), "'mixed_bfloat16', got 'bfloat16'; did you mean 'mixed_bfloat16'"),
        (lambda: Sequential(dtype="bf16"), "did you mean 'mixed_bfloat16'"),
        (lambda: Sequential(dtype="mixed_float16"), "did you mean 'mixed_bfloat16'"),
        (lambda: Sequential(dtype=np.float16), "did you mean 'mixed_bfloat16'"),
        (lambda: Sequential(dtype="fp64"), "did you mean 'float64'"),
        (lambda: Dense(3, "Relu"), "unknown activation 'Relu'; did you mean 'relu'"),
        (lambda: Dense(3, "RELU"), "did you mean 'relu'"),
        (lambda: Dense(3, "LeakyReLU"), "did you mean 'leaky_relu'"),
        (lambda: Dense(3, "Swish"), "did you mean 'swish'"),
        (lambda: Dense(3, "logistic"), "did you mean 'sigmoid'"),
        (lambda: Dense(3, weight_initializer="GlorotUniform"), "did you mean 'glorot_uniform'"),
        (lambda: Dense(3, weight_initializer="xavier_normal"), "did you mean 'glorot_normal'"),
    ],
)
def test_names_are_suggested_by_what_they_mean(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("weights", "'Sequential' object has no attribute 'weights'; weights are in model.get_weights()"),
        ("count_params", "model.n_parameters is their number"),
        ("bfloat16", "another one takes the weights: other = Sequential(model.layers, dtype='mixed_bfloat16')"),
        ("half", "other = Sequential(model.layers, dtype='mixed_bfloat16')"),
        ("astype", "other = Sequential(model.layers, dtype='float32')"),
        ("double", "other = Sequential(model.layers, dtype='float64')"),
        ("predict_on_batch", "model.predict(X) takes any number of rows"),
        ("save_weights", "model.save(path) writes the whole model"),
        ("load_weights", "nncore.load(path) reads a whole model"),
        ("to_json", "json.dumps(model.get_config())"),
        ("forward", "model.predict(X) returns the outputs"),
        ("score", "model.evaluate(X, y) returns loss and metrics"),
        ("reset_parameters", "model.reset() forgets"),
        ("coefs_", "weights are in model.get_weights()"),
        ("state_dict", "nncore.load(path) reads it"),
        ("n_classes", "model.program.n_outputs is their number"),
        ("gradients", "model.loss_and_gradient(X, y) returns loss and gradient"),
        ("requires_grad_", "model.freeze(layer)"),
    ],
)
def test_attributes_by_the_names_of_others(name, said):
    model, _ = trained()
    assert not hasattr(model, name) and not hasattr(Sequential, name)
    with pytest.raises(AttributeError, match=re.escape(said)):
        getattr(model, name)


def test_a_subclass_may_have_what_a_model_has_not():
    class Own(Sequential):
        forward = Sequential.predict

        @property
        def weights(self):
            return self.missing_one

    model = Own([Dense(1)])
    model.fit(X, LABELS)
    assert model.forward(X).shape == (20, 1)
    with pytest.raises(AttributeError, match="'Own' object has no attribute 'missing_one'"):  # not that of `weights`
        _ = model.weights


def test_hints_are_no_attributes():
    model, _ = trained()
    assert not callable(model) and "weights" not in dir(model)
    for one in (model, model.layers[0], model.optimizer):
        for protocol in ("__array__", "__iter__", "_repr_png_", "__sklearn_tags__", "__wrapped__"):
            assert not hasattr(one, protocol)
        assert repr(copy.copy(one)) == repr(copy.deepcopy(one)) == repr(pickle.loads(pickle.dumps(one))) == repr(one)


@pytest.mark.parametrize(
    ("get", "said"),
    [
        (
            lambda model: model.layers[0].get_weights,
            "'Dense' object has no attribute 'get_weights'; a layer says what is",
        ),
        (lambda model: model.layers[0].kernel, "holds no numbers; model.get_weights(layer) returns its own"),
        (lambda model: model.optimizer.lr, "'Adam' object has no attribute 'lr'; optimizer.learning_rate is it"),
        (lambda model: model.optimizer.param_groups, "optimizer.learning_rate is the rate of all parameters"),
        (lambda model: nncore.load_model, "module 'nncore' has no attribute 'load_model'; nncore.load(path) reads"),
        (lambda model: nncore.Input, "leave it out: the first fit tells the number of features"),
        (lambda model: nncore.BatchNormalization, "use BatchNorm"),
        (lambda model: nncore.Relu, "Dense(8, 'relu') or Activation('relu')"),
        (lambda model: nncore.dense, "did you mean 'Dense'?"),
        (
            lambda model: nncore.layers.BatchNormalization,
            "'nncore.layers' has no attribute 'BatchNormalization'; use B",
        ),
        (lambda model: nncore.layers.dense, "did you mean 'Dense'?"),
        (lambda model: nncore.losses.CrossEntropyLoss, "use SparseCategoricalCrossentropy for numbers of classes"),
        (lambda model: nncore.optimizers.LBFGS, "model.fit(X, y, solver='lbfgs'), or from nncore.solvers import LBFGS"),
        (lambda model: nncore.LM, "model.fit(X, y, solver='lm'), or from nncore.solvers import LM"),
        (lambda model: nncore.Module, "Dense(k, 'softmax')]) is a model for k classes, Sequential("),
        (
            lambda model: nncore.metrics.fbeta_score,
            "give a function: def own(y_true, y_pred): return sklearn.metrics",
        ),
        (lambda model: nncore.schedules.StepLR, "use StepDecay"),
        (lambda model: nncore.CosineAnnealingWarmRestarts, "use CosineDecayRestarts"),
        (lambda model: nncore.schedules.ExponentialLR, "use StepDecay(rate, factor=gamma, every=1)"),
        (lambda model: nncore.schedules.LinearLR, "use PolynomialDecay"),
        (lambda model: nncore.optimizers.Adamax, "of optimizers there are SGD, RMSprop, Adagrad, Adam"),
        (lambda model: nncore.f1_score, "see nncore.metrics"),
        (lambda model: nncore.losses.CategoricalHinge, "no loss here is like it; classes take a crossentropy"),
        (lambda model: nncore.activations.prelu, "it is a layer: Dense(8), PReLU()"),
        (lambda model: nncore.AlphaDropout, "of layers there are Dense, Activation"),
    ],
)
def test_attributes_of_layers_optimizers_and_the_package(get, said):
    model, _ = trained()
    with pytest.raises(AttributeError, match=re.escape(said)):
        get(model)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("learning_rate", "model.optimizer = dataclasses.replace(model.optimizer, learning_rate=0.01)"),
        ("lr", "model.optimizer = dataclasses.replace(model.optimizer, learning_rate=0.01)"),
        ("trainable", "model.freeze(layer)"),
        ("weights", "model.set_weights(list of arrays)"),
    ],
)
def test_what_would_have_no_effect_is_not_set(name, said):
    class Own(Sequential):
        pass

    model, _ = trained()
    with pytest.raises(AttributeError, match=re.escape(said)):
        setattr(model, name, 0.1)
    model.note = "one's own"
    assert pickle.loads(pickle.dumps(model)).note == "one's own"
    own = Own([Dense(1)])
    setattr(own, name, 0.1)
    assert getattr(own, name) == 0.1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("loss", "model.compile('adam', loss='mse', metrics=['mae']) sets it"),
        ("metrics", "model.compile('adam', loss='mse', metrics=['mae']) sets it"),
        ("layers", "model.add, insert, remove, move and replace change them"),
        ("parameters", "model.parameters[:] = vector sets them"),
        ("seed", "it is set when the model is made, as in Sequential(layers, seed=0"),
        ("dtype", "it is set when the model is made"),
        ("dtype_policy", "it is set when the model is made"),
        ("epoch", "epoch counts what was trained; model.train_on_batch(X, y, epoch=...) takes the time of an update"),
    ],
)
def test_what_a_model_only_tells_is_not_set(name, said):
    model, _ = trained()
    before = getattr(model, name)
    with pytest.raises(AttributeError, match=re.escape(f"{name!r} of 'Sequential' object is not to be set; {said}")):
        setattr(model, name, "mse")
    assert np.all(getattr(model, name) == before)


def test_every_property_can_be_set_or_says_what_sets_it():
    model, _ = trained()
    for name in [name for name, value in vars(Sequential).items() if isinstance(value, property)]:
        try:
            setattr(model, name, getattr(model, name))
        except AttributeError as error:
            assert "; " in str(error), error


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda layers: layers.append(Dense(1)),
            "model.add(layer) appends one, model.insert(index, layer) puts one in",
        ),
        (lambda layers: layers.insert(0, Dense(1)), "model.insert(index, layer) puts one in"),
        (lambda layers: layers.pop(), "model.remove(index) takes one out"),
        (lambda layers: layers.extend([Dense(1)]), "model.add(layer) appends one"),
        (lambda layers: layers.__setitem__(0, Dense(1)), "model.replace(index, layer) puts another in its place"),
        (lambda layers: layers.__delitem__(0), "model.remove(index) takes one out"),
    ],
)
def test_the_layers_of_a_model_are_no_list(change, said):
    layers = Sequential([Dense(2), Dense(1)]).layers
    with pytest.raises((AttributeError, TypeError), match=re.escape(f"the layers of a model are no list; {said}")):
        change(layers)
    assert layers == (Dense(2), Dense(1)) and layers[:1] == (Dense(2),) and repr(layers) == "(Dense(2), Dense(1))"
    assert not hasattr(layers, "append") and not hasattr(layers, "other") and hash(layers) == hash(tuple(layers))
    for plain in (pickle.loads(pickle.dumps(layers)), copy.deepcopy(layers), copy.copy(layers)):
        assert type(plain) is tuple and plain == layers


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda model: model.insert(-1, Dense(1)), "index=2"),
        (lambda model: model.replace(-1, Dense(1)), "index=2"),
        (lambda model: model.remove(-3), "index=0"),
        (lambda model: model.move(-1, 0), "from_index=2"),
        (lambda model: model.move(0, -1), "to_index=2"),
    ],
)
def test_places_are_not_counted_from_the_end(change, said):
    model = Sequential([Dense(3), Dense(2), Dense(1)])
    said = rf"from 0 to \d, got -\d; places are not counted from the end, and the last layer is number 2: {said}$"
    with pytest.raises(ValueError, match=said):
        change(model)
    with pytest.raises(ValueError, match=r"from 0 to \d, got -9$"):
        model.remove(-9)
    assert len(model.layers) == 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Sequential([Dense(1)]).compile(Adam), r"optimizer must be a name \(str\), .*; write Adam\(\)"),
        (lambda: Dense(3, np.tanh), "activation must be .*; did you mean 'tanh'"),
        (lambda: Dense(3, len), r"activation must be .* of type builtin_function_or_method$"),
    ],
)
def test_what_is_given_for_a_name(make, said):
    with pytest.raises(TypeError, match=said):
        make()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("from nncore import load_model", "cannot import 'load_model' from 'nncore'; nncore.load(path) reads what"),
        ("from nncore import Dense, Input", "leave it out: the first fit tells the number of features"),
        ("from nncore import BatchNormalization", "use BatchNorm"),
        ("from nncore.models import Sequential", "the package is flat: from nncore import Dense, Sequential, load"),
        ("import nncore.keras", "the package is flat"),
        ("from nncore.layers import Dense, InputLayer", "'InputLayer'; leave it out: the first fit tells"),
        ("from nncore.callbacks import EarlyStopping, Callback", "any object with hooks is one, such as on_epoch_end"),
        ("from nncore.callbacks import EarlyStoping", "did you mean 'EarlyStopping'"),
        ("from nncore.initializers import HeNormal", "name it: Dense(8, weight_initializer='he_normal')"),
        ("from nncore.activations import ReLU", "activations go by name: Dense(8, 'relu')"),
        ("from nncore.losses import CrossEntropyLoss", "use SparseCategoricalCrossentropy"),
        ("from nncore.schedules import CosineAnnealingWarmRestarts", "use CosineDecayRestarts"),
        ("from nncore.optimizers import LBFGS", "from nncore.solvers import LBFGS"),
        ("from nncore import set_global_policy", "as in Sequential(layers, dtype='mixed_bfloat16')"),
        ("from nncore import GradScaler", "no loss needs scaling, so leave it out"),
        ("from nncore.optimizers import LossScaleOptimizer", "no loss needs scaling, so leave it out"),
        ("from nncore import set_default_dtype", "it is the model's, as in Sequential(layers, seed=0, dtype="),
        ("from nncore.metrics import fbeta_score", "give a function: def own"),
        ("from nncore.layers import Dens", "module 'nncore.layers' has no attribute 'Dens'; did you mean 'Dense'?"),
        ("from nncore import Sequentia", "cannot import name 'Sequentia' from 'nncore'"),
    ],
)
def test_imports_by_the_names_of_others(line, said):
    with pytest.raises(ImportError, match=re.escape(said)):
        exec(line, {})


@pytest.mark.parametrize(
    ("name", "loss"), [("MLPClassifier", "sparse_categorical_crossentropy"), ("MLPRegressor", "mse")]
)
def test_the_model_of_scikit_learn_is_of_its_kind(name, loss):
    """The hint for a classifier used to be a regression, which takes the numbers of classes for quantities."""
    with pytest.raises(AttributeError, match=r"Sequential\(.*\]\)") as caught:
        getattr(nncore, name)
    written = re.search(r"Sequential\(.*?\]\)", str(caught.value)).group()
    assert eval(written, {"Sequential": Sequential, "Dense": Dense, "k": 3}).loss == nncore.losses.get(loss)
    with pytest.raises(
        TypeError, match=r"Dense\(k, 'softmax'\)\]\) for k classes, Sequential.*Dense\(1\)\]\) for quantities"
    ):
        Sequential(hidden_layer_sizes=(64,))


def test_no_word_of_others_hides_what_there_is():
    assert not [word for word in elsewhere.OF_THE_PACKAGE if word in (*nncore.__all__, *nncore.MODULES, *MOVED)]
    model, _ = trained()
    assert not [word for word in elsewhere.OF_A_MODEL if hasattr(model, word)]
    assert not [word for word in elsewhere.OF_A_LAYER for layer in LAYERS.values() if hasattr(layer, word)]
    assert not [word for word in elsewhere.OF_AN_OPTIMIZER for one in OPTIMIZERS.values() if hasattr(one, word)]


@pytest.mark.parametrize("name", ["f2_score", "Jaccard", "cohen_kappa_score"])
def test_a_metric_that_is_none_here_comes_with_the_function_to_write(name):
    model = Sequential([Dense(1, "sigmoid")])
    with pytest.raises(ValueError, match=f"unknown metric '{name}'; give a function: def own") as caught:
        model.compile(metrics=[name])
    written = re.search(r"def own.*?(?=\. Known)", str(caught.value)).group()
    exec(f"import sklearn.metrics\n{written}", scope := {})
    model.compile(metrics=[scope["own"]])
    assert 0 <= model.fit(X, LABELS).own[0] <= 1


def test_so_does_one_of_numbers():
    model = Sequential([Dense(1)])
    with pytest.raises(ValueError, match="give a function: def own") as caught:
        model.compile(metrics=["MedianAbsoluteError"])
    exec(f"import sklearn.metrics\n{re.search(r'def own.*?(?=. Known)', str(caught.value)).group()}", scope := {})
    model.compile(metrics=[scope["own"]])
    assert model.fit(X, X[:, 0]).own[0] >= 0


@pytest.mark.parametrize("name", ["AUC", "F1-Score", "MCC", "Precision", "RMSE", "ROC_AUC", "LogLoss"])
def test_names_of_metrics_in_other_letters_are_found(name):
    with pytest.raises(ValueError, match=f"unknown metric '{name}'; did you mean '(.*?)'") as caught:
        Sequential([Dense(1)]).compile(metrics=[name])
    meant = re.search("did you mean '(.*?)'", str(caught.value)).group(1)
    assert elsewhere.bare(meant) == elsewhere.bare(name)


def test_a_field_of_an_optimizer_or_layer_is_not_assigned_to():
    model, _ = trained()
    with pytest.raises(dataclasses.FrozenInstanceError, match="'learning_rate' of Adam, which never changes") as caught:
        model.optimizer.learning_rate = 0.1
    exec(str(caught.value).split(": ")[-1], {"model": model, "dataclasses": dataclasses})  # the mend
    assert model.optimizer == Adam(0.1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="nor has it that field; here it is learning_rate"):
        model.optimizer.lr = 0.1
    with pytest.raises(dataclasses.FrozenInstanceError, match=r"model.replace\(index, .*units=3\)\)") as caught:
        model.layers[0].units = 3
    exec(str(caught.value).split(": ")[-1], {"model": model, "dataclasses": dataclasses, "index": 0})
    assert model.layers == (Dense(3, "softmax"),)


def test_nor_to_one_of_a_loss_or_schedule():
    model = Sequential([Dense(1)])
    model.compile(Adam(nncore.CosineDecay(0.1, epochs=3)), loss=nncore.losses.Huber())
    for thing, field, value in ((model.loss, "delta", 2.0), (model.optimizer.learning_rate, "epochs", 4.0)):
        with pytest.raises(dataclasses.FrozenInstanceError, match="which never changes; for another one: ") as caught:
            setattr(thing, field, value)
        exec(str(caught.value).split("another one: ")[1], {"model": model, "dataclasses": dataclasses})  # the mend
    assert model.loss == nncore.losses.Huber(2.0) and model.optimizer == Adam(nncore.CosineDecay(0.1, epochs=4))


@pytest.mark.parametrize(
    ("labels", "layer", "said"),
    [
        (np.arange(20) % 3 + 1, Dense(3, "softmax"), "labels must be 0..2; if they are 1..3, subtract 1: y = y - 1"),
        (np.arange(20) % 2 + 1, Dense(2, "softmax"), "if they are 1..2, subtract 1: y = y - 1"),
        (np.arange(20) % 2 + 1.0, Dense(1, "sigmoid"), "make the labels 1 and 2 into 0 and 1, subtract 1: y = y - 1"),
        (2 * LABELS - 1, Dense(2, "softmax"), "make the labels -1 and 1 into 0 and 1"),
        (
            np.arange(20) % 3 * 10,
            Dense(3, "softmax"),
            "if the classes are 0, 10, 20, number them: names, y = numpy.uni",
        ),
        (np.arange(20), Dense(3, "softmax"), "labels must be 0..2$"),
        (
            np.arange(20) % 3 + 1,
            Dense(1, "sigmoid"),
            r'for classes 1, 2, 3 subtract 1: y = y - 1, and end with Dense\(3, "softmax"\) instead$',
        ),
        (
            np.arange(20) % 4 * 10 + 10.0,
            Dense(1, "sigmoid"),
            r'for classes 10, 20, 30, 40 number them: names, y = .*, and end with Dense\(4, "softmax"\) instead$',
        ),
        (np.arange(20) % 3, Dense(1, "sigmoid"), r'for the classes 0..2 end with Dense\(3, "softmax"\) instead$'),
    ],
)
def test_labels_that_are_counted_otherwise(labels, layer, said):
    with pytest.raises(ValueError, match=said):
        Sequential([layer]).fit(X, labels)


def test_what_is_said_of_logits_works():
    """The row of the guide is "cross-entropy from logits"; it used to say that there is no from_logits."""
    model = Sequential([Dense(1)])
    with pytest.raises(ValueError, match="or no activation there and loss=Binary") as caught:
        model.compile(loss="binary_crossentropy")
    written = re.search(r"loss=(\w+\(from_logits=True\)), with which predict gives logits", str(caught.value))[1]
    model.compile(loss=eval(written, {"BinaryCrossentropy": BinaryCrossentropy}))
    model.fit(X, LABELS)


def test_a_share_that_is_given_as_an_array():
    with pytest.raises(ValueError, match=r"single value 0\.2; give the share of the test rows by name: test_size=0\.2"):
        train_test_split(X, LABELS, 0.2)
    with pytest.raises(ValueError, match=r"a row per sample, got the single value 3$"):
        train_test_split(3)
