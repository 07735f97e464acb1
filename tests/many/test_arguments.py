"""What is wrong is said with the number of the model, and nothing is trained."""

import copy
import pickle
import threading

import numpy as np
import pytest

from nncore import (
    Adam,
    BatchNorm,
    Dense,
    EarlyStopping,
    Perceptron,
    Sequential,
    TrainingDiverged,
    cross_validate,
    fit_many,
    search,
)

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.arange(40) % 2


def new(seed=0, width=3, **options):
    model = Sequential([Dense(4, "tanh"), Dense(2, "softmax")], seed=seed, **options)
    model.build(width)
    return model


def three():
    return [new(k) for k in range(3)]


TWICE = new()
BAD = {
    "no list": (lambda: new(), {}, TypeError, "models must be a list of models"),
    "none": (list, {}, ValueError, "models is empty"),
    "no model": (lambda: [new(), Perceptron()], {}, TypeError, r"models\[1\] must be a Sequential"),
    "twice": (lambda: [TWICE, new(), TWICE], {}, ValueError, r"models\[2\] is models\[0\] once more.*copy.deepcopy"),
    "another width": (lambda: [new(), new(width=5)], {}, ValueError, r"models\[1\]: X has 3 features.* expects 5"),
    "no layers": (lambda: [new(), Sequential()], {}, ValueError, r"models\[1\]: "),
    "labels": (three, {"y": Y + 1}, ValueError, r"models\[0\]: y contains the label 2"),
    "nan": (three, {"X": np.where(X > 2, np.nan, X)}, ValueError, "Input X contains NaN"),
    "nothing to validate on": (
        three,
        {"callbacks": lambda: EarlyStopping()},
        ValueError,
        r"models\[0\]: .* val_\* values need validation_data=... or validation_rows=...; recorded: loss, seconds",
    ),
    "nan to validate": (
        three,
        {"validation_data": (X * np.nan, Y)},
        ValueError,
        r"models\[0\]: validation_data: .*NaN",
    ),
    "validation": (three, {"validation_data": X}, ValueError, r"validation_data must be \(X, y\)"),
    "both": (three, {"validation_data": (X, Y), "validation_rows": [0]}, ValueError, "not both"),
    "out of range": (
        three,
        {"rows": [None, [0, 40], None]},
        ValueError,
        r"rows\[1\] has row number 40, but X has 40 rows",
    ),
    "below range": (three, {"rows": [None, [0, -41], None]}, ValueError, r"rows\[1\] has row number -41"),
    "of all": (three, {"rows": np.array([41])}, ValueError, r"rows has row number 41"),
    "empty": (three, {"rows": [None, None, []]}, ValueError, r"rows\[2\] is empty"),
    "empty mask": (three, {"rows": [None, None, X[:, 0] > 9]}, ValueError, r"rows\[2\] is empty"),
    "empty slice": (three, {"rows": slice(3, 3)}, ValueError, "rows is empty"),
    "short mask": (
        three,
        {"rows": [[True] * 39, None, None]},
        ValueError,
        r"rows\[0\] is a mask of 39 rows, but X has 40",
    ),
    "fractions": (three, {"rows": [[0.5], None, None]}, TypeError, r"rows\[0\] must be row numbers or a mask"),
    "class": (three, {"class_weight": {2: 1.0}}, ValueError, r"models\[0\]: class_weight has the class 2"),
    "class of one model alone": (
        lambda: [Sequential([Dense(3, "softmax")]), new()],
        {"class_weight": {2: 1.0}},
        ValueError,
        r"models\[1\]: class_weight has the class 2",
    ),
    "class of no row": (
        three,
        {"class_weight": {0: 0.0}, "rows": [None, Y == 0, None]},
        ValueError,
        r"models\[1\]: class_weight is zero for every class|models\[1\]: class_weight times",
    ),
    "two of three": (three, {"rows": [[1], [2]]}, ValueError, "rows has 2 entries for 3 models"),
    "no rows at all": (three, {"rows": 7}, TypeError, "rows must be an array of row numbers"),
    "to validate": (
        three,
        {"validation_rows": [None, [50], None]},
        ValueError,
        r"validation_rows\[1\] has row number 50",
    ),
    "epochs": (three, {"epochs": [1, -1, 1]}, ValueError, r"epochs\[1\] must be an integer >= 0, got -1"),
    "one epoch too few": (three, {"epochs": [1, 2]}, ValueError, "epochs has 2 entries for 3 models"),
    "batch": (three, {"batch_size": [1, 2, 2.5]}, TypeError, r"batch_size\[2\] must be an integer"),
    "weights": (three, {"sample_weight": np.where(Y, 1, -1)}, ValueError, r"models\[0\]: sample_weight must be >= 0"),
    "no weight": (
        three,
        {"sample_weight": [None, Y, None], "rows": [None, Y == 0, None]},
        ValueError,
        r"models\[1\]: sample_weight is zero",
    ),
    "weights of two": (three, {"sample_weight": [Y, None]}, ValueError, "sample_weight has 2 entries for 3 models"),
    "shared": (
        three,
        {"callbacks": EarlyStopping("loss")},
        TypeError,
        r"EarlyStopping would watch models\[0\] and models\[1\]",
    ),
    "shared in lists": (
        three,
        {"callbacks": [[STOP := EarlyStopping("loss")], None, [STOP]]},
        TypeError,
        r"would watch models\[0\] and models\[2\]",
    ),
    "a list for all": (
        three,
        {"callbacks": [EarlyStopping("loss")]},
        ValueError,
        "callbacks has 1 entries for 3 models",
    ),
    "not recorded": (three, {"callbacks": EarlyStopping}, ValueError, r"models\[0\]: callbacks\[0\].*'val_loss'"),
    "on error": (three, {"on_error": "kepe"}, ValueError, "on_error must be 'raise' or 'keep'.*did you mean 'keep'"),
    "verbose": (three, {"verbose": "loud"}, ValueError, "verbose must be"),
    "solver": (three, {"solver": "adam"}, ValueError, r"models\[0\]: solver 'adam' is an optimizer"),
    "solver and batches": (three, {"solver": "lbfgs", "batch_size": 9}, ValueError, r"models\[0\]: .*batch_size=9"),
    "batch of one": (
        lambda: [new(), Sequential([BatchNorm(), Dense(2, "softmax")])],
        {"batch_size": 1},
        ValueError,
        r"models\[1\]: .*BatchNorm|models\[1\]: .*batch",
    ),
    "unknown": (three, {"n_epochs": 3}, TypeError, "fit_many has no argument 'n_epochs'; here it is epochs"),
}


@pytest.mark.parametrize("name", BAD)
def test_nothing_is_trained(name):
    make, options, kind, message = BAD[name]
    models = make()
    with pytest.raises(kind, match=message):
        fit_many(models, options.pop("X", X), options.pop("y", Y), **options)
    for model in models if isinstance(models, list) else [models]:
        assert not isinstance(model, Sequential) or (model.epoch == 0 and len(model.history) == 0)


def test_a_model_that_is_being_trained():
    model = new()

    def meanwhile(inner, epoch, logs):
        with pytest.raises(RuntimeError, match=r"models\[1\]: model is being trained: a callback cannot"):
            fit_many([new(1), model], X, Y)
        found = []

        def elsewhere():
            try:
                fit_many([new(1), model], X, Y)
            except RuntimeError as error:
                found.append(str(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert found and found[0].startswith("models[1]: model is being trained in another thread")

    model.fit(X, Y, callbacks=meanwhile)


def test_a_callback_can_train_others_together():
    inner = [new(7), new(8)]
    fit_many(
        [new(0), new(1)], X, Y, callbacks=[lambda model, epoch, logs: fit_many(inner, X, Y, epochs=2) and None, None]
    )
    other = new(8)
    other.fit(X, Y, epochs=2)
    assert np.array_equal(other.parameters, inner[1].parameters)


def diverging(seed=0):
    model = Sequential([Dense(8, "relu"), Dense(1)], seed=seed)
    model.compile("sgd")
    model.optimizer = type(model.optimizer)(1e4)
    return model


def test_one_that_diverges_hurts_no_other():
    models = [Sequential([Dense(1)]), diverging(), Sequential([Dense(1)], seed=2), diverging(1)]
    apart = [copy.deepcopy(model) for model in models]
    histories = fit_many(models, X, X[:, 0], epochs=40, on_error="keep")
    for k, (one, other) in enumerate(zip(models, apart, strict=True)):
        try:
            other.fit(X, X[:, 0], epochs=40)
        except ArithmeticError as error:
            assert type(histories[k].error) is type(error) and str(histories[k].error) == str(error)
            assert histories[k].diverged == other.history.diverged
            assert histories[k].error.model_index == k
        else:
            assert histories[k].error is None
        assert np.array_equal(one.parameters, other.parameters) and one.epoch == other.epoch


@pytest.mark.parametrize("rows", [slice(20, 40), np.arange(39, 19, -1), np.arange(len(X)) >= 20, [20, 20, 21, 25, 39]])
def test_an_error_names_the_rows_of_the_whole_table(rows):
    rows, numbers = (np.asarray(rows) if isinstance(rows, list) else rows), np.arange(len(X))[rows]
    alone, model, target = diverging(), diverging(), X[:, 0]
    with pytest.raises(TrainingDiverged) as apart:
        alone.fit(X[numbers], target[numbers], epochs=40)
    with pytest.raises(TrainingDiverged) as caught:
        fit_many([Sequential([Dense(1)]), model], X, target, rows=[None, rows], epochs=40)
    assert caught.value.rows and caught.value.rows == tuple(sorted({int(numbers[row]) for row in apart.value.rows}))
    assert f"row{'s'[: len(caught.value.rows) > 1]} {caught.value.rows[0]}" in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.rows == caught.value.rows and str(again) == str(caught.value)


def test_the_first_error_is_raised_once_the_others_are_trained():
    models = [Sequential([Dense(1)]), diverging(), Sequential([Dense(1)], seed=2), diverging(1)]
    with pytest.raises(ArithmeticError) as found:
        fit_many(models, X, X[:, 0], epochs=40)
    assert found.value.model_index == 1
    assert [model.epoch for model in (models[0], models[2])] == [40, 40]
    if hasattr(found.value, "__notes__"):
        assert found.value.__notes__ == [
            "models[1] failed; so did the training of 1 more; all others are trained to their end"
        ]


def test_an_error_in_a_callback_or_a_metric_hurts_no_other():
    def wrong(*arguments):
        raise LookupError("mine")

    models = three()
    models[2].compile(Adam(), metrics=[wrong])
    histories = fit_many(models, X, Y, epochs=3, callbacks=[None, wrong, None], on_error="keep")
    assert [type(history.error) for history in histories] == [type(None), LookupError, LookupError]
    assert [model.epoch for model in models] == [3, 1, 0]


def test_models_need_not_be_compiled():
    assert len(fit_many([Sequential([Dense(1)]), Sequential([Dense(1)], seed=1)], X, X[:, 0])) == 2


def test_masked_numbers_of_rows_are_refused():
    """The mask used to be passed over, and what it hides taken."""
    rows = np.ma.masked_equal(np.arange(10), 4)
    for given in (rows, [rows] * 3, [None, list(rows), None]):
        with pytest.raises((ValueError, TypeError), match="mask"):
            fit_many(three(), X, Y, rows=given)
        with pytest.raises((ValueError, TypeError), match="mask"):
            fit_many(three(), X, Y, validation_rows=given)
    with pytest.raises(ValueError, match="masked"):
        cross_validate(three()[0], X, Y, folds=[(rows, np.arange(10, 20))])
    with pytest.raises(ValueError, match="masked"):
        search(three()[0], {"seed": [1]}, X, Y, validation_rows=rows)
