"""What programs written for Keras say, and what it means here."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest

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
)
from nncore.datasets import train_test_split
from nncore.losses import SparseCategoricalCrossentropy

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


@pytest.mark.parametrize(("verbose", "shown"), [(0, False), (1, True), (2, True)])
def test_verbose_may_be_a_number(verbose, shown, capsys):
    trained(verbose=verbose)
    assert ("3/3 epochs" in capsys.readouterr().err) is shown


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
        (lambda: Dense(3, activaton="relu"), "'activaton'; did you mean 'activation'\\?. Known: activation, bias"),
        (lambda: Dropout(p=0.5), "Dropout has no argument 'p'; here it is rate. Known: rate$"),
        (lambda: Adam(lr=0.1), "Adam has no argument 'lr'; here it is learning_rate. Known: beta_1"),
        (lambda: SGD(eps=0.1), "SGD has no argument 'eps'. Known: clip_norm"),
        (
            lambda: Dense(3, kernel_regularizer="l2"),
            r"'kernel_regularizer'; penalties are numbers, .* Dense\(8, l2=1e-4",
        ),
        (lambda: Dense(3, bias_regularizer="l2"), "'bias_regularizer'; biases are not penalised. Known"),
        (lambda: Dense(3, kernel_constraint=3), "'kernel_constraint'; here it is max_norm"),
        (
            lambda: EarlyStopping(verbose=1),
            "EarlyStopping has no argument 'verbose'; it prints nothing, so leave it out",
        ),
        (
            lambda: EarlyStopping(start_from_epoch=5),
            "'start_from_epoch'; call fit once without it for the first epochs",
        ),
        (
            lambda: EarlyStopping(patence=5),
            "'patence'; did you mean 'patience'\\?. Known: monitor, min_delta, patience",
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
    ],
)
def test_arguments_by_the_names_of_others(make, said):
    with pytest.raises(TypeError, match=said):
        make()


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
    ],
)
def test_labels_that_are_counted_otherwise(labels, layer, said):
    with pytest.raises(ValueError, match=said):
        Sequential([layer]).fit(X, labels)


def test_a_share_that_is_given_as_an_array():
    with pytest.raises(ValueError, match=r"single value 0\.2; give the share of the test rows by name: test_size=0\.2"):
        train_test_split(X, LABELS, 0.2)
    with pytest.raises(ValueError, match=r"a row per sample, got the single value 3$"):
        train_test_split(3)
