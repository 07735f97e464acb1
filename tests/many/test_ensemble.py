"""Ensembles: what members say together, and their files."""

import copy
import pickle

import numpy as np
import pytest
from many_networks import equal

import nncore
from nncore import Adam, Dense, Ensemble, GaussianNegativeLogLikelihood, ModelFileError, Sequential
from nncore.data import Batches, Rows
from nncore.datasets import load_iris

X, Y = load_iris()


@pytest.fixture(scope="module")
def trained():
    model = Sequential([Dense(8, "tanh"), Dense(3, "softmax")], seed=4)
    model.compile(Adam(0.02), metrics=["accuracy"])
    ensemble = Ensemble.of(model, 5)
    ensemble.fit(X, Y, epochs=20)
    return ensemble


def test_members_are_those_of_their_seeds(trained):
    for k, model in enumerate(trained.models):
        other = Sequential([Dense(8, "tanh"), Dense(3, "softmax")], seed=4 + k)
        other.compile(Adam(0.02), metrics=["accuracy"])
        other.fit(X, Y, epochs=20)
        equal(model, other)


def test_mean_deviation_quantiles(trained):
    all_ = trained.predict_all(X)
    assert all_.shape == (5, 150, 3) and np.array_equal(all_[2], trained.models[2].predict(X))
    total = sum(one.astype(np.float64) for one in all_)
    assert np.array_equal(trained.predict(X), (total / 5).astype(np.float32))
    assert np.allclose(trained.predict_std(X), all_.std(axis=0), atol=1e-6)
    assert np.array_equal(trained.predict_quantiles(X, 0.5), np.median(all_, axis=0))
    assert trained.predict_quantiles(X, [0.1, 0.9]).shape == (2, 150, 3)
    assert np.array_equal(trained.predict_proba(X), trained.predict(X))
    assert (trained.predict_classes(X) == Y).mean() > 0.9


@pytest.mark.parametrize(
    ("last", "loss", "y"),
    [
        (Dense(3, "softmax"), None, Y),
        (Dense(3, "softmax"), "categorical_crossentropy", Y),
        (Dense(3), nncore.SparseCategoricalCrossentropy(from_logits=True), Y),
        (Dense(1, "sigmoid"), None, Y == 0),
        (Dense(2), "mse", X[:, :2]),
        (Dense(1), nncore.Huber(0.5), X[:, 0]),
    ],
)
def test_scores_are_those_of_the_mean(last, loss, y):
    model = Sequential([Dense(5, "tanh"), last])
    model.compile("adam", loss, metrics=[] if y is not Y or last == Dense(3) else ["accuracy"])
    one = Ensemble([model])
    one.fit(X, y, epochs=3)
    found, alone = one.evaluate(X, y), model.evaluate(X, y)
    assert found.keys() == alone.keys()
    assert all(np.isclose(found[name], alone[name], rtol=1e-5) for name in alone.keys())  # noqa: SIM118
    three = Ensemble.of(model, 3)
    three.fit(X, y, epochs=3)
    assert three.evaluate(X, y)["loss"] < max(model.evaluate(X, y)["loss"] for model in three.models)


def test_questions_of_yes_and_no():
    one = Ensemble.of(Sequential([Dense(4, "tanh"), Dense(1, "sigmoid")]), 3)
    one.fit(X, Y == 0, epochs=30)
    assert one.predict_proba(X).shape == (150, 2)
    assert np.array_equal(one.predict_classes(X), (one.predict(X)[:, 0] > 0.5).astype(int))
    several = Ensemble.of(Sequential([Dense(4, "tanh"), Dense(2, "sigmoid")]), 3)
    several.fit(X, np.column_stack([Y == 0, Y > 0]), epochs=10)
    assert np.array_equal(several.predict_classes(X), (several.predict(X) > 0.5).astype(int))


@pytest.mark.parametrize("dtypes", [("float32",), ("float64",), ("float32", "float64"), ("float64", "float32")])
@pytest.mark.parametrize(("n", "outputs"), [(1, 1), (3, 2), (40, 1), (40, 3)])
def test_a_row_has_the_bits_of_the_mean_of_all_rows(n, outputs, dtypes):
    models = [Sequential([Dense(4, "relu"), Dense(outputs)], seed=k, dtype=dtypes[k % len(dtypes)]) for k in range(n)]
    for model in models:
        model.build(4)
    ensemble, rows = Ensemble(models), np.random.default_rng(n).normal(size=(20, 4))
    rows[0] = 0  # of which all outputs are
    models[0].set_weights([*models[0].get_weights()[:-1], np.full(outputs, -0.0)])
    predictor, expected = ensemble.predictor(), ensemble.predict(rows)
    for row, mean in zip(rows, expected, strict=True):
        found = predictor(row)
        assert found.dtype == mean.dtype and found.tobytes() == mean.tobytes()
    assert predictor(rows).tobytes() == expected.tobytes() and predictor(list(rows[3])).shape == (outputs,)


def test_predictor(trained):
    predictor = trained.predictor()
    assert np.array_equal(predictor(X[3].astype(np.float32)), trained.predict(X)[3])
    assert np.array_equal(predictor(X[:7]), trained.predict(X[:7]))
    assert np.array_equal(pickle.loads(pickle.dumps(predictor))(X[0]), predictor(X[0]))


def test_bootstrap():
    def ensemble():
        return Ensemble.of(Sequential([Dense(4, "tanh"), Dense(3, "softmax")]), 3)

    first, second, plain = ensemble(), ensemble(), ensemble()
    first.fit(X, Y, epochs=2, bootstrap=True)
    second.fit(X, Y, epochs=2, bootstrap=True)
    plain.fit(X, Y, epochs=2)
    for one, other, third in zip(first.models, second.models, plain.models, strict=True):
        equal(one, other)
        assert not np.array_equal(one.parameters, third.parameters)
    with pytest.raises(ValueError, match="bootstrap=True draws the rows"):
        first.fit(X, Y, bootstrap=True, rows=[0])


def test_files(trained, tmp_path):
    trained.save(tmp_path / "iris.ensemble")
    other = Ensemble.load(tmp_path / "iris.ensemble")
    assert len(other) == 5
    for one, two in zip(trained.models, other.models, strict=True):
        equal(one, two)
    with pytest.raises(ModelFileError, match=r"an ensemble, which nncore.Ensemble.load reads"):
        nncore.load(tmp_path / "iris.ensemble")
    trained.models[0].save(tmp_path / "one.safetensors")
    with pytest.raises(ModelFileError, match=r"not an ensemble; nncore.load reads"):
        Ensemble.load(tmp_path / "one.safetensors")


def test_damaged_files(tmp_path):
    small = Ensemble.of(Sequential([Dense(1)]), 2)
    small.fit(X, X[:, 0])
    small.save(tmp_path / "whole")
    content = (tmp_path / "whole").read_bytes()
    for place in [*range(60), *range(60, len(content), 37)]:
        broken = bytearray(content)
        broken[place] ^= 1 << place % 8
        (tmp_path / "broken").write_bytes(broken)
        with pytest.raises(ModelFileError):
            Ensemble.load(tmp_path / "broken")
    for end in range(0, len(content), 101):
        (tmp_path / "broken").write_bytes(content[:end])
        with pytest.raises(ModelFileError):
            Ensemble.load(tmp_path / "broken")


def test_what_is_wrong(trained):
    wide = Sequential([Dense(3, "softmax")])
    wide.build(7)
    with pytest.raises(ValueError, match=r"models\[1\] has 7 features, models\[0\] has 4: all are to read"):
        Ensemble([trained.models[0], wide])
    with pytest.raises(ValueError, match=r"models\[2\] has 7 features, models\[1\] has 4"):
        Ensemble([Sequential([Dense(3, "softmax")]), trained.models[0], wide])
    several = Sequential([Dense(3, "softmax")])
    for other, what in ((Dense(2, "softmax"), "2 shares by softmax"), (Dense(3), "3 numbers")):
        with pytest.raises(ValueError, match=rf"models\[1\] ends with {what}, models\[0\] with 3 shares by softmax"):
            Ensemble([several, Sequential([other])])
    assert len(Ensemble([several, Sequential([Dense(8, "relu"), Dense(3), nncore.Activation("softmax")])])) == 2
    with pytest.raises(TypeError, match=r"model must be a Sequential, got .*; Ensemble\(\[...\]\) takes several"):
        Ensemble.of(lambda k: several, 3)
    for wrong, kind, message in (({"seed": -1}, ValueError, "seed must be"), ({"X": None}, ValueError, "X")):
        with pytest.raises(kind, match=message):
            Ensemble.of(several, 2).fit(**{"X": X, "y": Y, "bootstrap": True, **wrong})
    with pytest.raises(ValueError, match=r"models\[1\] is models\[0\] once more"):
        Ensemble([wide, wide])
    with pytest.raises(ValueError, match="n must be"):
        Ensemble.of(wide, 0)
    with pytest.raises(ValueError, match=r"q\[1\] must be"):
        trained.predict_quantiles(X, [0.1, 2])
    with pytest.raises(nncore.NotBuiltError):
        Ensemble.of(wide, 2).predict(X)


def test_copies_are_independent(trained):
    other = copy.deepcopy(trained)
    other.fit(X, Y)
    assert not np.array_equal(other.predict(X), trained.predict(X))


def test_means_and_variances_are_those_of_the_mixture():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 2)), rng.normal(size=(80, 2))
    model = Sequential([Dense(6, "tanh"), Dense(4)], dtype="float64")
    model.compile(Adam(0.02), GaussianNegativeLogLikelihood(), metrics=["rmse"])
    ensemble = Ensemble.of(model, 4)
    ensemble.fit(x, y, epochs=15)
    means, variances = np.split(ensemble.predict_all(x), 2, axis=2)
    draws = means[..., None] + np.sqrt(variances)[..., None] * np.array([-1.0, 1.0])  # of the same two moments
    of_all = np.concatenate([draws[k] for k in range(4)], axis=-1)
    found = ensemble.predict(x)
    np.testing.assert_allclose(found, np.hstack([of_all.mean(axis=-1), of_all.var(axis=-1)]), rtol=1e-12)
    assert (found[:, 2:] > variances.mean(axis=0)).all()
    scores = ensemble.evaluate(x, y)
    likely = (np.log(found[:, 2:]) + (y - found[:, :2]) ** 2 / found[:, 2:]) / 2  # without its constant
    np.testing.assert_allclose(scores["loss"], likely.mean(), rtol=1e-9)
    np.testing.assert_allclose(scores["rmse"], np.sqrt(((found[:, :2] - y) ** 2).mean(axis=0)).mean())
    predict = ensemble.predictor()
    assert np.array_equal(predict(x), found) and np.array_equal(predict(x[7]), found[7])
    single = Ensemble.of(model, 1)
    single.fit(x, y)
    assert np.array_equal(single.predict(x), single.models[0].predict(x))
    other = Sequential([Dense(6, "tanh"), Dense(4)], dtype="float64")
    with pytest.raises(ValueError, match=r"models\[0\] answers with means and variances, models\[4\] does not"):
        mixed = Ensemble([*ensemble.models, other])
        other.build(2)
        mixed.predict(x)


def test_sources_are_answered_and_scored_and_not_trained_on(trained):
    weight = np.linspace(0, 2, len(X))
    for source in (Rows(X, Y, weight), Batches(lambda: [(X[:70], Y[:70], weight[:70]), (X[70:], Y[70:], weight[70:])])):
        assert np.array_equal(trained.predict(source), trained.predict(X))
        assert np.array_equal(trained.predict_classes(source), trained.predict_classes(X))
        scores = trained.evaluate(source)
        assert scores["accuracy"] == trained.evaluate(X, Y)["accuracy"]
        losses = -np.log(trained.predict(X)[np.arange(len(X)), Y])
        np.testing.assert_allclose(scores["loss"], (losses * weight).mean(), rtol=1e-6)
    assert trained.evaluate(Rows(X, Y)) == trained.evaluate(X, Y)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        trained.evaluate(X)
    source, model = Rows(X, Y), trained.models[0]
    for call, message in (
        (lambda: trained.fit(source), "Ensemble.fit: X must be in memory, and Rows is a source of nncore.data; train"),
        (lambda: nncore.fit_many([model], source), "fit_many: X must be in memory, and Rows is a source"),
        (
            lambda: nncore.fit_many([model], X, Y, validation_data=source),
            "validation_data must be in memory, and",
        ),
        (
            lambda: nncore.fit_many([model], X, Y, validation_data=(source, Y)),
            "validation_data must be in memory, and",
        ),
        (lambda: nncore.cross_validate(model, source), "cross_validate: X must be in memory, and Rows is a source"),
        (lambda: nncore.search(model, {"batch_size": [8]}, source, Y), "search: X must be in memory, and Rows is"),
        (
            lambda: nncore.predict_many(model, [model.parameters], source),
            "predict_many: X must be in memory",
        ),
    ):
        with pytest.raises(TypeError, match=message):
            call()
