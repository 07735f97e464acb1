"""What programs written for Keras say, and what it means here."""

import copy
import json
import pickle

import numpy as np
import pytest

from nncore import SGD, Activation, Adam, Dense, Dropout, Sequential

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


def test_scores_are_a_dict_all_the_same():
    model, _ = trained()
    scores = model.evaluate(X, LABELS)
    plain = {"loss": scores["loss"], "acc": scores["acc"]}
    assert isinstance(scores, dict) and scores == plain and plain == scores and repr(scores) == repr(plain)
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
    ],
)
def test_arguments_by_the_names_of_others(make, said):
    with pytest.raises(TypeError, match=said):
        make()
