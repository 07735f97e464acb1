"""Folds, and models scored on rows that they have not seen."""

import copy

import numpy as np
import pytest
from many_networks import equal

from nncore import Adam, Dense, EarlyStopping, Sequential, cross_validate
from nncore.datasets import load_iris
from nncore.many.folds import folds_of

X, Y = load_iris()


def classifier(seed=0):
    model = Sequential([Dense(8, "tanh"), Dense(3, "softmax")], seed=seed)
    model.compile(Adam(0.01), metrics=["accuracy"])
    return model


@pytest.mark.parametrize("classes", [None, np.arange(103) % 4])
@pytest.mark.parametrize("k", [2, 5, 10])
def test_every_row_is_held_out_once_in_each_repetition(classes, k):
    folds = folds_of(103, k, 3, 7, classes)
    assert len(folds) == 3 * k
    for repeat in range(3):
        part = folds[repeat * k : (repeat + 1) * k]
        assert sorted(np.concatenate([held for _, held in part])) == list(range(103))
        for train, held in part:
            assert sorted([*train, *held]) == list(range(103))
            assert 103 // k <= len(held) <= 103 // k + 1
            if classes is not None:
                assert np.ptp(np.bincount(classes[held], minlength=4)) <= 2
    assert not np.array_equal(folds[0][1], folds[k][1])
    again = folds_of(103, k, 3, 7, classes)
    assert all(np.array_equal(one[1], other[1]) for one, other in zip(folds, again, strict=True))


def test_each_fold_is_the_models_own_fit_and_evaluate():
    model = classifier(3)
    found = cross_validate(model, X, Y, folds=4, repeats=2, epochs=5)
    assert not model.built and len(found.models) == 8
    for k, (train, held) in enumerate(found.folds):
        other = classifier(3)
        history = other.fit(X[train], Y[train], epochs=5, validation_data=(X[held], Y[held]))
        equal(other, found.models[k])
        assert np.array_equal(history.val_accuracy, found.histories[k].val_accuracy)
        scores = dict(other.evaluate(X[held], Y[held]))
        assert scores == {name: found.scores[name][k] for name in scores}
    assert found.mean["loss"] == found.scores["loss"].mean() and found.std["loss"] == found.scores["loss"].std(ddof=1)
    assert found.table()["rows"] == [len(held) for _, held in found.folds]
    assert repr(found).startswith("CrossValidation(8 folds: loss ")


@pytest.mark.filterwarnings("ignore:the model has been trained:UserWarning")
def test_the_model_is_copied_as_it_is():
    model = classifier()
    model.fit(X, Y, epochs=3)
    before = copy.deepcopy(model)
    found = cross_validate(model, X, Y, epochs=2, curves=False)
    equal(model, before)
    assert found.models[0].epoch == 5 and "val_loss" not in found.histories[0].history


def test_folds_of_others_and_models_of_a_function():
    model_selection = pytest.importorskip("sklearn.model_selection")
    splitter = model_selection.StratifiedKFold(3)
    found = cross_validate(lambda: classifier(2), X, Y, folds=splitter.split(X, Y), epochs=2)
    assert len(found.folds) == 3
    other = classifier(2)
    other.fit(X[found.folds[1][0]], Y[found.folds[1][0]], epochs=2)
    equal(other, found.models[1])


def test_regression_is_not_stratified():
    found = cross_validate(Sequential([Dense(1)]), X, X[:, 0], epochs=1, callbacks=lambda: EarlyStopping())
    assert list(found.scores) == ["loss"] and len(found.folds) == 5


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"folds": 1}, ValueError, "folds must be an integer >= 2"),
        ({"folds": 151}, ValueError, "folds=151 of 150 rows leaves an empty fold: give at most folds=150"),
        ({"folds": 51}, ValueError, "class 0 has 50 rows, so that not each of folds=51 can have one.*stratified=False"),
        ({"folds": []}, ValueError, "folds is empty"),
        ({"folds": [([0], [1]), [3]]}, TypeError, r"folds\[1\] must be \(rows to train on, rows held out\)"),
        ({"folds": [([0], [150])]}, ValueError, r"folds\[0\]\[1\] has row number 150"),
        ({"folds": [([0], [1]), ([], [1])]}, ValueError, r"folds\[1\]\[0\] is empty"),
        ({"repeats": 0}, ValueError, "repeats must be"),
        ({"seed": -1}, ValueError, "seed must be"),
        ({"stratified": 2}, TypeError, "stratified must be True or False"),
        ({"n_splits": 3}, TypeError, "cross_validate has no argument 'n_splits'; here it is folds"),
        ({"model": 3}, TypeError, "model must be a Sequential or a function that makes one"),
        ({"model": lambda: 3}, TypeError, "the function must return a Sequential"),
        ({"model": Sequential([Dense(2, "softmax")])}, ValueError, "model: y contains the label 2"),
        (
            {"y": X[:, 0], "model": Sequential([Dense(1)]), "stratified": True},
            ValueError,
            "stratified=True needs classes",
        ),
    ],
)
def test_what_is_wrong(options, kind, message):
    options = {"model": classifier(), "X": X, "y": Y, **options}
    with pytest.raises(kind, match=message):
        cross_validate(options.pop("model"), options.pop("X"), options.pop("y"), **options)


@pytest.mark.parametrize("curves", [True, False])
@pytest.mark.parametrize(
    ("held", "message"),
    [
        ([150], r"folds\[0\]\[1\] has row number 150, but X has 150 rows"),
        ([], r"folds\[0\]\[1\] is empty"),
        (np.ones(149, bool), r"folds\[0\]\[1\] is a mask of 149 rows"),
    ],
)
def test_wrong_folds_of_ones_own_train_nothing(held, message, curves):
    made = []

    def make():
        made.append(Sequential([Dense(3, "softmax")]))
        return made[-1]

    with pytest.raises(ValueError, match=message):
        cross_validate(make, X, Y, folds=[(np.arange(100), held)], curves=curves)
    assert all(model.epoch == 0 for model in made)


def test_folds_in_every_form():
    model = Sequential([Dense(3, "softmax")])
    forms = [
        (slice(0, 100), slice(100, 150)),
        (np.arange(150) < 100, np.arange(150) >= 100),
        (range(100), [*range(100, 150)]),
    ]
    found = cross_validate(model, X, Y, folds=forms)
    assert len({*found.scores["loss"]}) == 1 and [len(held) for _, held in found.folds] == [50, 50, 50]
    one = cross_validate(model, X, Y, folds=forms[:1])
    assert repr(one).startswith("CrossValidation(1 fold: loss ") and np.isnan(one.std["loss"])


def test_what_is_said_of_other_words():
    model = Sequential([Dense(3, "softmax")])
    splitter = type("KFold", (), {"split": None, "__repr__": lambda self: "KFold(5)"})()
    with pytest.raises(TypeError, match=r"of KFold\(5\) give its split\(X, y\)"):
        cross_validate(model, X, Y, folds=splitter)
    with pytest.raises(ValueError, match="repeats=2 cuts rows anew, but folds says which they are"):
        cross_validate(model, X, Y, folds=[(range(100), range(100, 150))], repeats=2)
    model.fit(X, Y, epochs=2)
    with pytest.warns(UserWarning, match="has been trained for 2 epochs already.*scores mean nothing") as told:
        cross_validate(model, X, Y)
    assert told[0].filename == __file__
