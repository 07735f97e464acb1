"""Names of columns: the first table that a model is trained on decides them and their order; later tables follow."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

import nncore
from nncore import Dense, Perceptron, Sequential
from nncore.base.tables import column_names, order_for
from nncore.datasets import Standardizer, train_test_split

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(RNG.normal(size=(60, 3)), columns=["a", "b", "c"])
Y = 3 * FRAME["a"] - FRAME["b"]
TURNED = FRAME[["c", "b", "a"]]


def trained(X=FRAME, **options):
    model = Sequential([Dense(4, "tanh"), Dense(1)], seed=1)
    model.fit(X, Y, epochs=3, **options)
    return model


MODEL = trained()
DOORS = {
    "predict": lambda m, X: m.predict(X).tolist(),
    "evaluate": lambda m, X: m.evaluate(X, Y)["loss"],
    "loss_and_gradient": lambda m, X: m.loss_and_gradient(X, Y)[1].tolist(),
    "fit": lambda m, X: m.fit(X, Y, epochs=2).loss.tolist(),
    "fit a solver": lambda m, X: m.fit(X, Y, epochs=2, solver="lbfgs").loss.tolist(),
    "validation": lambda m, X: m.fit(FRAME, Y, validation_data=(X, Y))["val_loss"].tolist(),
    "train_on_batch": lambda m, X: [m.train_on_batch(X, Y), m.parameters.tolist()],
    "explain_step": lambda m, X: m.explain_step(X, Y).loss,
    "predictor": lambda m, X: m.predictor()(X).tolist(),
    "predictor from a pickle": lambda m, X: pickle.loads(pickle.dumps(m.predictor()))(X).tolist(),
    "predictor of a copy": lambda m, X: copy.deepcopy(m.predictor())(X).tolist(),
}


def pair_of(m):
    return [m, copy.deepcopy(m)]


def scores_of_search(X):
    space, model = {"hidden.units": [2, 3]}, Sequential([Dense(2), Dense(1)])
    return [one.score for one in nncore.search(model, space, FRAME, Y, validation_data=(X, Y)).candidates]


def of_folds(X):
    return nncore.cross_validate(Sequential([Dense(1)]), FRAME, Y, folds=2).models[0].predict(X).tolist()


DOORS |= {
    "stepper": lambda m, X: [m.stepper()(X, Y), m.parameters.tolist()],
    "fit_many": lambda m, X: nncore.fit_many(pair_of(m), X, Y, epochs=2)[1].loss.tolist(),
    "validation of fit_many": lambda m, X: nncore.fit_many(pair_of(m), FRAME, Y, validation_data=(X, Y))[
        1
    ].val_loss.tolist(),
    "predict_many": lambda m, X: nncore.predict_many(m, [m.parameters, 2 * m.parameters], X).tolist(),
    "models of cross_validate": lambda m, X: of_folds(X),
    "validation of search": lambda m, X: scores_of_search(X),
    "Ensemble": lambda m, X: nncore.Ensemble(pair_of(m)).predict(X).tolist(),
    "evaluate of Ensemble": lambda m, X: dict(nncore.Ensemble(pair_of(m)).evaluate(X, Y)),
    "predictor of Ensemble": lambda m, X: nncore.Ensemble(pair_of(m)).predictor()(X).tolist(),
}


@pytest.mark.parametrize("door", DOORS)
def test_columns_are_taken_by_name_in_any_order(door):
    expected = DOORS[door](copy.deepcopy(MODEL), FRAME)
    assert DOORS[door](copy.deepcopy(MODEL), TURNED) == expected
    assert DOORS[door](copy.deepcopy(MODEL), FRAME.to_numpy()) == expected


def test_a_row_of_a_table_names_its_values_in_its_index():
    policy = MODEL.predictor()
    for _, row in TURNED.iloc[:3].iterrows():
        assert policy(row).tolist() == policy(row[["a", "b", "c"]].to_numpy()).tolist()
    with pytest.raises(ValueError, match="x lacks 'a' and has 'd'"):
        policy(row.rename({"a": "d"}))
    assert policy(pd.Series([1.0, 2.0, 3.0])).tolist() == policy([1.0, 2.0, 3.0]).tolist()


@pytest.mark.parametrize("door", DOORS)
def test_other_columns_are_refused_by_name(door):
    with pytest.raises(
        ValueError, match=r"x? lacks 'a' and has 'd', which the model has not seen; .* 'a', 'b', 'c', in"
    ):
        DOORS[door](copy.deepcopy(MODEL), FRAME.rename(columns={"a": "d"}))


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (FRAME[["a", "b"]], r"^X lacks 'c'; the columns of the model are 'a', 'b', 'c', in any order$"),
        (FRAME.assign(y=Y), r"^X has 'y', which the model has not seen; .*, in any order: X\[\['a', 'b', 'c'\]\]$"),
        (FRAME.assign(who="x"), "^X has 'who', which the model has not seen"),
        (
            FRAME.rename(columns=str.upper),
            r"^X lacks 'a', 'b', 'c' and has 'A', .* numpy.asarray\(X\), whose columns go",
        ),
        (pd.concat([FRAME, FRAME[["a"]]], axis=1), "^X has two columns of one name"),
    ],
)
def test_what_is_wrong_with_the_columns_is_said(X, said):
    with pytest.raises(ValueError, match=said):
        MODEL.predict(X)


TARGETS = pd.DataFrame({"u": Y, "v": FRAME["c"]})


def test_columns_of_the_targets_are_taken_by_name_as_well(tmp_path):
    model = Sequential([Dense(2)], seed=1)
    model.fit(FRAME, TARGETS, validation_data=(FRAME, TARGETS[["v", "u"]]))
    assert model.history["val_loss"][0] == model.evaluate(FRAME, TARGETS)["loss"]
    model.save(tmp_path / "m.safetensors")
    for m in (model, pickle.loads(pickle.dumps(model)), nncore.load(tmp_path / "m.safetensors")):
        assert m.evaluate(FRAME, TARGETS[["v", "u"]]) == m.evaluate(FRAME, TARGETS.to_numpy())
        with pytest.raises(ValueError, match=r"^y lacks 'u' and has 'w', which the model has not seen"):
            m.evaluate(FRAME, TARGETS.rename(columns={"u": "w"}))
        with pytest.raises(ValueError, match=r"y contains NaN: 1 value\(s\), the first at row 7, column 1 \('u'\)"):
            m.evaluate(FRAME, TARGETS[["v", "u"]].replace(Y[7], np.nan))
    model.replace(0, Dense(3))
    model.save(tmp_path / "m.safetensors")
    assert nncore.load(tmp_path / "m.safetensors").feature_names == ("a", "b", "c")
    model.fit(FRAME, TARGETS.assign(w=Y))
    assert model.evaluate(FRAME, TARGETS.assign(w=Y)[["w", "v", "u"]]) == model.evaluate(FRAME, TARGETS.assign(w=Y))


def test_one_hot_targets_of_a_table_and_one_column_of_labels():
    model = Sequential([Dense(3, "softmax")], seed=1)
    labels = pd.Series(["red", "blue", "green"] * 20)
    model.fit(FRAME, one_hot := pd.get_dummies(labels))
    expected = model.evaluate(FRAME, one_hot)
    assert model.evaluate(FRAME, one_hot[["red", "blue", "green"]]) == expected
    assert model.evaluate(FRAME, pd.DataFrame({"colour": labels.astype("category").cat.codes})) == expected


def test_columns_of_one_name_go_in_their_order_only():
    twice = FRAME.set_axis(["a", "b", "a"], axis=1)
    with pytest.warns(UserWarning, match="X has 2 columns called 'a'"):
        model = trained(twice)
    assert model.predict(twice).tolist() == model.predict(twice.to_numpy()).tolist()
    with pytest.raises(ValueError, match="X has two columns called 'a', and its columns stand in another order"):
        model.predict(twice.iloc[:, [1, 0, 2]])


@pytest.mark.parametrize(
    ("train", "name"),
    [
        (lambda model, X: model.fit(X, Y), "X"),
        (lambda model, X: model.fit(X, Y, validation_data=(X, Y)), "X"),
        (lambda model, X: model.fit(X, Y, validation_split=0.2, solver="lbfgs"), "X"),
        (lambda model, X: model.train_on_batch(X, Y), "X"),
        (lambda model, X: model.fit(FRAME, X), "y"),
        (lambda model, X: Standardizer().fit(X), "X"),
        (lambda model, X: Perceptron().fit(X, Y > 0), "X"),
    ],
)
def test_columns_of_one_name_are_said_once(train, name):
    """They used to be taken without a word, as after a merge that went wrong."""
    twice = pd.concat([FRAME, FRAME[["b"]], FRAME[["b"]]], axis=1)
    model = Sequential([Dense(5 if name == "y" else 1)])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        train(model, twice)
        if model.built:
            train(model, twice)
            model.evaluate(*((FRAME, twice) if name == "y" else (twice, Y)))
    assert [str(one.message).partition(":")[0] for one in said] == [f"{name} has 3 columns called 'b'"]
    assert said[0].filename == __file__


def test_numbers_are_names_where_they_are_the_same_numbers():
    numbered = FRAME.set_axis([0, 1, 2], axis=1)
    model, by_position = trained(numbered), MODEL.predict(FRAME).tolist()
    assert model.predict(numbered[[2, 1, 0]]).tolist() == by_position
    for X in (numbered.set_axis([5, 3, 7], axis=1), FRAME, FRAME.to_numpy()):
        assert model.predict(X).tolist() == by_position
    with pytest.raises(ValueError, match="X lacks '2020' and has '2022', which the model has not seen"):
        trained(numbered.set_axis(["2020", "2021", "a"], axis=1)).predict(
            numbered.set_axis(["2022", "2021", "a"], axis=1)
        )
    assert MODEL.predict(numbered).tolist() == by_position
    picked = trained(numbered.set_axis([2, 1, 0], axis=1))
    assert picked.predict(numbered).tolist() == picked.predict(FRAME.to_numpy()[:, ::-1]).tolist()


def test_numbers_give_way_to_the_names_of_a_later_table():
    """Named columns used to go by position for ever, where the first table's were only counted."""
    numbered = FRAME.set_axis([0, 1, 2], axis=1)
    model = trained(numbered)
    model.fit(numbered[[2, 1, 0]], Y)  # the same names, in another order
    assert model.feature_names == ("0", "1", "2")
    model.fit(FRAME, Y)
    assert model.feature_names == ("a", "b", "c")
    assert model.predict(TURNED).tolist() == model.predict(FRAME).tolist() == model.predict(numbered).tolist()


def test_a_model_trained_on_arrays_takes_the_names_of_the_first_table():
    model = trained(FRAME.to_numpy())
    assert model.feature_names is None
    model.evaluate(TURNED, Y)  # which is not training
    assert model.feature_names is None
    model.train_on_batch(FRAME, Y)
    assert model.feature_names == ("a", "b", "c")
    model.fit(TURNED, Y)
    assert model.feature_names == ("a", "b", "c")


def test_a_refused_fit_names_nothing():
    for model in (Sequential([Dense(1)]), trained(FRAME.to_numpy())):
        with pytest.raises(ValueError, match="inconsistent"):
            model.fit(FRAME, Y[:5])
        with pytest.raises(RuntimeError, match="not today"):
            model.fit(FRAME, Y, callbacks=[Refusing()])
        assert model.feature_names is None


class Refusing:
    def on_train_begin(self, model):
        raise RuntimeError("not today")


def test_validation_follows_the_rows_to_train_on_of_the_same_fit():
    model = Sequential([Dense(1)], seed=1)
    scores = model.fit(FRAME, Y, validation_data=(TURNED, Y))["val_loss"].tolist()
    assert scores == [model.evaluate(FRAME, Y)["loss"]]
    with pytest.raises(ValueError, match=r"^validation_data: X lacks 'a'"):
        Sequential([Dense(1)]).fit(FRAME, Y, validation_data=(FRAME.add_suffix("2"), Y))


def test_files_pickles_and_copies_keep_the_names(tmp_path):
    MODEL.save(tmp_path / "m.safetensors")
    again = (nncore.load(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(MODEL)), copy.deepcopy(MODEL))
    for model in again:
        assert model.feature_names == ("a", "b", "c")
        assert model.predict(TURNED).tolist() == MODEL.predict(FRAME).tolist()


def test_a_file_without_names_is_of_the_first_version(tmp_path):
    trained(FRAME.to_numpy()).save(tmp_path / "m.safetensors")
    content = (tmp_path / "m.safetensors").read_bytes()
    assert b'"format_version\\": 1,' in content and b"feature_names" not in content


def test_names_that_a_file_has_no_room_for_are_left_out_aloud(tmp_path):
    wide = pd.DataFrame(np.zeros((2, 3)), columns=["a" * 2**19, "b", "c"])
    model = Sequential([Dense(1)])
    model.fit(wide, [0, 1])
    with pytest.warns(UserWarning, match="names of 3 columns are too long for a model file and are not kept"):
        model.save(tmp_path / "m.safetensors")
    assert nncore.load(tmp_path / "m.safetensors").feature_names is None


def test_names_of_any_letters_survive_a_file(tmp_path):
    names = ['say "x"', "\N{SNOWMAN}\N{GRINNING FACE}" * 3000, "a\nb\\"]
    model = trained(FRAME.set_axis(names, axis=1))
    model.save(tmp_path / "m.safetensors")
    assert nncore.load(tmp_path / "m.safetensors").feature_names == tuple(names)


def test_perceptron_and_standardizer_take_columns_by_name_as_well():
    neuron = Perceptron().fit(FRAME, Y > 0)
    assert neuron.predict(TURNED).tolist() == neuron.predict(FRAME).tolist()
    scaled = Standardizer().fit(FRAME * [1, 2, 3])
    for standardizer in (scaled, Standardizer.from_dict(scaled.to_dict())):
        assert standardizer.transform(TURNED).tolist() == standardizer.transform(FRAME).tolist()
        assert standardizer.transform(FRAME.to_numpy()).tolist() == standardizer.transform(FRAME).tolist()
    with pytest.raises(ValueError, match="X lacks 'a' and has 'd', which the standardizer has not seen"):
        scaled.transform(FRAME.rename(columns={"a": "d"}))
    assert "feature_names" not in Standardizer().fit(FRAME.to_numpy()).to_dict()


def test_what_has_columns_need_not_be_a_table():
    class Odd:
        columns = 3

        def __array__(self, dtype=None, copy=None):
            return FRAME.to_numpy()

    assert column_names(Odd()) is None and column_names(np.zeros((2, 2))) is None
    assert MODEL.predict(Odd()).tolist() == MODEL.predict(FRAME).tolist()
    assert order_for(("a", "b"), {"b": [1], "a": [2]}) is None


def check_split(X, turned, y=Y):
    """Names must survive: what is trained on one part takes the other in any order of columns."""
    parts = train_test_split(X, y, seed=3)
    arrays = train_test_split(np.asarray(X), np.asarray(y), seed=3)
    for part, array in zip(parts, arrays, strict=True):
        assert np.array_equal(np.asarray(part), array)
    X_train, X_test, y_train, _ = parts
    assert type(X_train) is type(X_test) is type(X) and type(y_train) is np.ndarray
    model = Sequential([Dense(1)], seed=1)
    model.fit(X_train, y_train)
    assert model.feature_names == ("a", "b", "c")
    other = train_test_split(turned, y, seed=3)[1]
    assert model.predict(other).tolist() == model.predict(X_test).tolist() == model.predict(arrays[1]).tolist()


def test_a_split_keeps_the_names():
    check_split(FRAME, TURNED)
    check_split(FRAME.set_index(RNG.permutation(60)), TURNED)
    train, test, y_train, _ = train_test_split(FRAME, TARGETS, stratify=[0, 1] * 30)
    assert column_names(train) == column_names(test) == ("a", "b", "c") and column_names(y_train) == ("u", "v")
    names = Standardizer().fit(train).feature_names_
    assert names == ("a", "b", "c")


@pytest.mark.parametrize("package", ["polars", "pyarrow"])
def test_a_split_of_other_packages_keeps_the_names(package):
    module = pytest.importorskip(package)
    make = module.DataFrame if package == "polars" else module.table
    check_split(*(make({name: frame[name].to_numpy() for name in frame}) for frame in (FRAME, TURNED)))


@pytest.mark.parametrize("package", ["polars", "pyarrow"])
def test_tables_of_other_packages(package):
    module = pytest.importorskip(package)
    make = module.DataFrame if package == "polars" else module.table
    table, turned = (make({name: frame[name].to_numpy() for name in frame}) for frame in (FRAME, TURNED))
    model = trained(table)
    assert model.feature_names == ("a", "b", "c")
    assert model.predict(turned).tolist() == model.predict(TURNED).tolist() == MODEL.predict(FRAME).tolist()
    with pytest.raises(ValueError, match="X lacks 'a' and has 'd'"):
        model.predict(make({"d": [1.0], "b": [2.0], "c": [3.0]}))


def test_nothing_is_said_of_tables_that_fit():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MODEL.evaluate(TURNED, Y)
