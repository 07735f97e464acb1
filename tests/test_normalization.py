"""Columns standardised inside of the model: by what, by which rows, and what else is done with such a model."""

import copy
import dataclasses
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nncore
from nncore import SGD, Adam, BatchNorm, Columns, Dense, Dropout, Normalization, Parallel, Residual, Sequential
from nncore.data import Batches, Rows
from nncore.datasets import Standardizer
from nncore.errors import NotBuiltError

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(240, 4)) * [1.0, 100.0, 1e-3, 3.0] + [1e6, 5.0, 0.0, -2.0]).astype("float32")
Y = (X[:, :1] - 1e6) + X[:, 1:2] / 50
WEIGHT = RNG.integers(4, size=240).astype("float32")


def model_of(*layers, seed=1, **options):
    return Sequential([Normalization(), *(layers or (Dense(8, "tanh"), Dense(1)))], seed=seed, **options)


def moments_of(model, layer="normalization_0"):
    return [array.tolist() for array in model.get_weights(layer)]


def learnt(rows, dtype="float32"):
    """What a Standardizer learns, as the model keeps it."""
    found = Standardizer().fit(rows)
    return [found.mean_.astype(dtype).tolist(), np.square(found.scale_).astype(dtype).tolist()]


def near(found, expected):
    return np.testing.assert_allclose(found, expected, rtol=2e-7)


# ---- by what


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_it_is_what_scikit_learn_says(weight):
    scaler = pytest.importorskip("sklearn.preprocessing").StandardScaler()
    rows = np.column_stack([X.astype("float64"), np.full(240, 0.1), np.linspace(1, 2, 240)])
    expected = scaler.fit(rows, sample_weight=weight).transform(rows)
    model = model_of(dtype="float64")
    model.adapt(rows, sample_weight=weight)
    found = model.activations(rows, 0)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert not found[:, 4].any()
    small = model_of()
    small.adapt(rows, sample_weight=weight)
    # of float32 are lost: half a unit of the mean, counted in deviations, and some of the result
    bound = 2**-24 * (2 * np.abs(scaler.mean_) / scaler.scale_ + 4 * np.abs(expected).max(axis=0))
    assert (np.abs(small.activations(rows, 0) - expected) <= bound + 1e-12).all()


def test_it_is_what_the_standardizer_says():
    model = model_of()
    model.adapt(X)
    near(moments_of(model), learnt(X))
    given = model_of(dtype="float64")
    given.adapt([[1.0, 3.0], [3.0, 3.0]])
    assert moments_of(given) == [[2, 3], [1, 1]]
    given.adapt([[1.0, 3.0], [3.0, 5.0], [7.0, 9.0]], sample_weight=[1, 1, 0])
    assert moments_of(given) == [[2, 4], [1, 1]]


def test_large_parts_and_small_ones_have_the_same_moments():
    """More rows than are summed up together; the bits do not depend on where the rows come from."""
    rows = np.random.default_rng(2).normal(3, 2, size=(300_000, 7)).astype("float32")
    models = [model_of(Dense(1)) for _ in range(3)]
    models[0].adapt(rows)
    models[1].adapt(Rows([rows[:5], rows[5:200_001], rows[200_001:]]))
    models[2].adapt(
        Batches(lambda: ((rows[k : k + 70_001], rows[k : k + 70_001, 0]) for k in range(0, 300_000, 70_001)))
    )
    near(moments_of(models[0]), learnt(rows))
    streamed, held = model_of(), model_of()
    streamed.fit(Rows([X[:7], X[7:]], Y, WEIGHT), epochs=1)
    held.fit(X, Y, sample_weight=WEIGHT, epochs=1, shuffle="block")
    assert streamed.to_bytes() == held.to_bytes()
    assert moments_of(models[0]) == moments_of(models[1]) == moments_of(models[2])


# ---- by which rows


def test_fit_adapts_to_the_rows_it_trains_on():
    fits = {
        "split": (X[:180], {"validation_split": 0.25}),
        "validation": (X, {"validation_data": (1e3 * X, Y)}),
        "all": (X, {}),
    }
    for name, (rows, options) in fits.items():
        model = model_of()
        model.fit(X, Y, epochs=1, **options)
        near(moments_of(model), learnt(rows)), name
    weighed, by_hand = model_of(), model_of()
    weighed.fit(X, Y, epochs=1, sample_weight=WEIGHT)
    by_hand.adapt(X, WEIGHT)
    assert moments_of(weighed) == moments_of(by_hand) != moments_of(model)


def test_class_weights_do_not_change_what_is_standardised():
    labels = (Y[:, 0] > 0).astype(int)
    models = [model_of(Dense(1, "sigmoid")) for _ in range(2)]
    models[0].fit(X, labels, epochs=1)
    models[1].fit(X, labels, epochs=1, class_weight={0: 1, 1: 9})
    assert moments_of(models[0]) == moments_of(models[1])


def test_a_second_fit_keeps_what_there_is():
    model = model_of()
    model.fit(X, Y, epochs=1)
    before = moments_of(model)
    model.fit(2 * X, Y, epochs=1)
    assert moments_of(model) == before
    model.adapt(2 * X)
    near(moments_of(model), learnt(2 * X))
    assert model.epoch == 2
    model.reset()
    with pytest.raises(NotBuiltError, match="not adapted"):
        model.predict(X)
    model.fit(X, Y, epochs=1)
    assert moments_of(model) == before
    with pytest.raises(NotBuiltError, match="not adapted"):
        model.clone().predict(X)
    assert moments_of(copy.deepcopy(model)) == before


def test_a_fit_that_fails_adapts_nothing():
    model = model_of()
    model.build(4)
    held = model.parameters
    with pytest.raises(RuntimeError, match="no"):
        model.fit(X, Y, epochs=1, callbacks=Refusing())
    with pytest.raises(NotBuiltError, match="not adapted"):
        model.predict(X)
    assert held is model.parameters
    model.fit(X, Y, epochs=1)
    assert (
        held is model.parameters
        and held.tolist() == np.concatenate([a.ravel() for a in model.get_weights()[:4]]).tolist()
    )


class Refusing:
    def on_train_begin(self, model):
        raise RuntimeError("no")


def test_many_networks_adapt_to_their_own_rows():
    kept = nncore.cross_validate(model_of(), X, Y, folds=3, epochs=1)
    for model, (rows, _) in zip(kept.models, kept.folds, strict=True):
        near(moments_of(model), learnt(X[rows]))
    whole = model_of()
    whole.adapt(X)
    with pytest.warns(UserWarning, match="'normalization_0' is adapted already"):
        nncore.cross_validate(whole, X, Y, folds=2, epochs=1)
    ensemble = nncore.Ensemble([model_of(seed=k) for k in range(2)])
    ensemble.fit(X, Y, bootstrap=True, epochs=1)
    assert moments_of(ensemble.models[0]) != moments_of(ensemble.models[1])
    assert np.isfinite(ensemble.predictor()(X[0])).all()
    found = nncore.search(lambda units: model_of(Dense(units), Dense(1)), {"units": [2, 3]}, X, Y, epochs=1)
    near(moments_of(found.model), learnt(X))
    models = [model_of(seed=k) for k in range(3)]
    nncore.fit_many(models, X, Y, rows=[None, slice(100), slice(100, None)], epochs=1)
    for model, rows in zip(models, (X, X[:100], X[100:]), strict=True):
        near(moments_of(model), learnt(rows))
    alone, away = model_of(seed=1), model_of(seed=1)
    alone.fit(X[:100], Y[:100], epochs=1)
    with ThreadPoolExecutor(1) as executor:
        nncore.fit_many([away], X[:100], Y[:100], epochs=1, executor=executor)
    assert away.to_bytes() == alone.to_bytes()
    assert (alone.parameters == models[1].parameters).all()


# ---- training and predicting


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_training_has_the_bits_of_training_on_what_it_gives(dtype):
    inside, outside = model_of(dtype=dtype), Sequential([Dense(8, "tanh"), Dense(1)], dtype=dtype, seed=1)
    inside.adapt(X)
    outside.build(4)
    outside.set_weights(inside.get_weights()[:4])
    rows = inside.activations(X, 0)
    assert rows.dtype == inside.dtype and abs(rows.mean(axis=0)).max() < 0.05 and abs(rows.std(axis=0) - 1).max() < 0.01
    for model, given in ((inside, X), (outside, rows)):
        model.compile(Adam(0.01), metrics=["mae"])
        model.fit(given, Y, epochs=3, validation_split=0.2)
    assert inside.parameters.tobytes() == outside.parameters.tobytes()
    assert inside.predict(X).tobytes() == outside.predict(rows).tobytes()
    assert inside.history["val_mae"].tolist() == outside.history["val_mae"].tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_batch_norm_behind_it_sees_its_columns_alone(dtype):
    """Not what fills the registers beside them: of 4 columns there is some."""
    inside = Sequential([Normalization(), BatchNorm(), Dense(1)], dtype=dtype, seed=1)
    outside = Sequential([BatchNorm(), Dense(1)], dtype=dtype, seed=1)
    inside.adapt(X)
    outside.build(4)
    rows = inside.activations(X, 0)
    own = inside.get_weights()
    outside.set_weights([*own[:4], *own[6:]])
    for model, given in ((inside, X), (outside, rows)):
        model.compile(Adam(0.01))
        model.fit(given, Y, epochs=3, batch_size=50)
    assert inside.parameters.tobytes() == outside.parameters.tobytes()
    assert [array.tobytes() for array in inside.get_weights()[6:]] == [w.tobytes() for w in outside.get_weights()[4:]]


def test_bits_do_not_depend_on_threads():
    found = []
    before = nncore.get_num_threads()
    try:
        for n in (1, 4):
            nncore.set_num_threads(n)
            model = model_of(Dense(40, "relu"), Dense(1))
            model.fit(X, Y, epochs=2, batch_size=100)
            found.append((model.parameters.tobytes(), str(moments_of(model)), model.predict(X).tobytes()))
    finally:
        nncore.set_num_threads(before)
    assert found[0] == found[1]


def test_a_column_far_from_zero_is_learned():
    far = 1e6 + np.linspace(-1.7, 1.7, 200, dtype="float32")[:, None]
    target = np.sin(far.astype("float64") - 1e6)
    model = model_of(Dense(16, "tanh"), Dense(1))
    model.compile(Adam(0.02))
    model.fit(far, target, epochs=150)
    assert model.evaluate(far, target)["loss"] < 2e-3
    assert [row.op for row in model.predictor().program.rows] == ["batchnorm", "dense", "dense"]


def test_a_predictor_folds_it():
    model = model_of(Dense(8, "tanh"), Residual([Dense(8)]), Dense(2))
    rows = X - np.float32([1e6, 0, 0, 0])
    model.fit(rows, rows[:, :2], epochs=2)
    folded = model.predictor()
    assert "batchnorm" not in [row.op for row in folded.program.rows]
    expected = model.predict(rows)
    assert np.abs(folded(rows) - expected).max() <= 16 * np.spacing(np.abs(expected).max())
    again = pickle.loads(pickle.dumps(folded))
    assert (again(rows) == folded(rows)).all()


def test_derivatives_go_through_it():
    model = model_of(dtype="float64")
    rows = X[:5].astype("float64")
    with pytest.raises(NotBuiltError, match="not adapted"):
        model.build(4) or model.input_gradient(rows)
    model.adapt(X)
    step = np.sqrt(np.float64(moments_of(model)[1])) * 1e-5
    slopes = model.jacobian(rows)[:, 0]
    for column in range(4):
        there = np.zeros(4)
        there[column] = step[column]
        differences = (model.predict(rows + there) - model.predict(rows - there))[:, 0] / (2 * step[column])
        np.testing.assert_allclose(slopes[:, column], differences, rtol=1e-3)
    np.testing.assert_allclose(model.input_gradient(rows), slopes, rtol=1e-12)
    _, gradient = model.loss_and_gradient(rows, Y[:5])
    residue = 2 * (model.predict(rows) - Y[:5]) / 5
    np.testing.assert_allclose(model.backward(rows, residue), gradient, rtol=1e-9)


def test_a_solver_trains_behind_it():
    model = model_of(dtype="float64")
    with pytest.raises(ValueError, match="'lm' does not differentiate Normalization; use solver='lbfgs'"):
        model.fit(X, Y, epochs=20, solver="lm")
    history = model.fit(X, Y, epochs=20, solver="lbfgs")
    assert history["loss"][-1] < 0.2 * history["loss"][0] and len(moments_of(model)[0]) == 4


# ---- what keeps it


def test_files_pickles_and_copies_keep_it():
    model = model_of()
    model.build(4)
    bare = nncore.load(model.to_bytes())
    with pytest.raises(NotBuiltError, match="not adapted"):
        bare.predict(X)
    bare.fit(X, Y, epochs=1)
    for other in (nncore.load(bare.to_bytes()), pickle.loads(pickle.dumps(bare)), copy.deepcopy(bare)):
        assert other.predict(X).tobytes() == bare.predict(X).tobytes()
        assert other.layers == bare.layers and other.to_bytes() == bare.to_bytes()
    model.set_weights(bare.get_weights())
    assert model.predict(X).tobytes() == bare.predict(X).tobytes()
    given = Sequential([Normalization([1, 2.5], 4, name="scaled"), Dense(1)])
    assert Sequential.from_config(given.get_config()).layers == given.layers
    given.build(2)
    assert nncore.load(given.to_bytes()).layers == given.layers
    assert eval(repr(given.layers[0])) == given.layers[0]


@pytest.mark.parametrize("variance", [[1, 0, 1, 1], [1, 1, 1e-40, 1]])
def test_a_variance_that_is_none_is_worked_out_anew(variance):
    model = model_of()
    model.adapt(X)
    before = moments_of(model)
    model.set_weights([np.zeros(4), variance], layer=0)
    with pytest.raises(NotBuiltError, match="not adapted"):
        model.predict(X)
    model.fit(X, Y, epochs=1)
    assert moments_of(model) == before


def test_weights_of_another_model_bring_it():
    model, other = model_of(), model_of(seed=2)
    model.build(4)
    other.adapt(X)
    model.copy_weights_from(other, tau=0.25)
    assert moments_of(model) == moments_of(other)
    bare = model_of(seed=3)
    bare.build(4)
    with pytest.raises(NotBuiltError, match=r"other is not adapted"):
        model.copy_weights_from(bare, tau=0.25)


def test_surgery_keeps_it():
    model = model_of()
    model.adapt(X)
    before = moments_of(model)
    assert "normalization_0" in model.insert(1, Dense(5, "tanh")).kept
    assert moments_of(model) == before
    model.replace(0, Normalization(mean=1.0, variance=4.0))
    assert moments_of(model) == [[1] * 4, [4] * 4]
    model.remove(0)
    model.insert(0, Normalization())
    with pytest.raises(NotBuiltError, match="not adapted"):
        model.predict(X)
    with pytest.raises(ValueError, match="reads the rows as they are given"):
        model.insert(1, Normalization())


def test_other_columns_before_it_are_not_standardised_by_those_of_before():
    model = model_of()
    model.adapt(X)
    before = moments_of(model)
    assert model.insert(0, Columns([0, 1, 2, 3])).kept == ("normalization_1", "dense_2", "dense_3")
    assert moments_of(model, "normalization_1") == before
    report = model.replace(0, Columns([3, 1, 2, 0]))
    assert report.changed == report.unadapted == ("normalization_1",)
    assert str(report) == "kept     dense_2, dense_3\nadapt    normalization_1: fit does it, or model.adapt(X)"
    with pytest.raises(NotBuiltError, match="not adapted"):
        model.predict(X)
    model.fit(X, Y, epochs=1)
    assert moments_of(model, "normalization_1") == [[array[k] for k in (3, 1, 2, 0)] for array in before]
    chosen = [Parallel([[Columns(columns), Normalization()], [Columns([2])]]) for columns in ([0, 1], [1, 3])]
    model = Sequential([chosen[0], Dense(1)])
    model.fit(X, Y, epochs=1)
    assert model.replace(0, chosen[1]).unadapted == ("normalization_2",)


def test_given_statistics_stay():
    model = Sequential([Normalization(mean=[1e6, 5, 0, -2], variance=[1, 1e4, 1e-6, 9]), Dense(1)])
    before = [np.float32([1e6, 5, 0, -2]).tolist(), np.float32([1, 1e4, 1e-6, 9]).tolist()]
    model.fit(X, Y, epochs=1)
    assert moments_of(model) == before
    model.reset()
    assert moments_of(model) == before
    with pytest.raises(ValueError, match="there is nothing to adapt"):
        model.adapt(X)


# ---- what is refused


def test_nothing_is_computed_before_it_is_adapted():
    model = model_of()
    model.build(4)
    gradient = np.zeros(model.n_parameters, "float32")
    asked = {
        "predict": lambda: model.predict(X),
        "one row": lambda: model.predict(X[:1]),
        "evaluate": lambda: model.evaluate(X, Y),
        "train_on_batch": lambda: model.train_on_batch(X, Y),
        "stepper": lambda: model.stepper()(X, Y),
        "backward": lambda: model.backward(X, Y),
        "jacobian": lambda: model.jacobian(X),
        "loss_and_gradient": lambda: model.loss_and_gradient(X, Y),
        "predictor": lambda: model.predictor(),
        "activations": lambda: model.activations(X, 1),
        "predict_many": lambda: nncore.predict_many(model, [gradient], X),
        "explain_step": lambda: model.explain_step(X, Y),
    }
    before = model.to_bytes()
    for name, ask in asked.items():
        with pytest.raises(NotBuiltError, match=r"'normalization_0' is not adapted yet: model.adapt\(X\)"):
            ask()
        assert model.to_bytes() == before, name
    held = model.parameters
    with pytest.raises(NotBuiltError, match="not adapted"):
        model.predict(X[:1])
    del held
    new = model_of()
    with pytest.raises(NotBuiltError, match="not adapted"):
        new.train_on_batch(X, Y)
    assert not new.built
    model.apply_gradient(gradient)  # which asks for no rows
    model.adapt(X)
    for ask in asked.values():
        ask()


def test_bad_arguments_are_named():
    for wrong, message in (
        ({"mean": 1.0}, "mean alone"),
        ({"mean": [1, 2], "variance": [1]}, "a value for each column, or one for all, got 2 and 1"),
        ({"mean": [], "variance": 1}, "a value for each column, or one for all, got 0"),
        ({"variance": 1.0}, "variance alone"),
        ({"mean": 0, "variance": 0}, "variance must be a finite number > 0"),
        ({"mean": [0, np.nan], "variance": 1}, r"mean\[1\] must be a finite number"),
    ):
        with pytest.raises(ValueError, match=message):
            Normalization(**wrong)
    with pytest.raises(TypeError, match="mean must be a finite number"):
        Normalization(mean="x", variance=1)
    assert Normalization(np.zeros(2), np.float32(4)) == Normalization((0.0, 0.0), 4.0)
    with pytest.raises(ValueError, match=r"layers\[0\]: mean has 3 values, but there are 4 columns"):
        Sequential([Normalization([1, 2, 3], 1), Dense(1)]).build(4)
    with pytest.raises(ValueError, match="too large or too small for float32"):
        Sequential([Normalization(0, 1e-42), Dense(1)]).build(4)
    for layers in ([Dense(3), Normalization(), Dense(1)], [Residual([Dense(3), Normalization()]), Dense(1)]):
        with pytest.raises(ValueError, match="reads the rows as they are given"):
            Sequential(layers).build(4)
    with pytest.raises(ValueError, match="no Normalization"):
        Sequential([Dense(1)]).adapt(X)
    with pytest.raises(ValueError, match="must hold at least one Dense layer"):
        Sequential([Normalization()]).build(4)


@pytest.mark.parametrize(("scale", "name"), [(1e25, "1e"), (1e-25, "1e-25")])
def test_a_column_that_spreads_too_wide_or_too_little_is_named(scale, name):
    rows = np.array([[0.0, 0.0], [2.0, 2 * scale]], "float32")
    model = model_of(Dense(1))
    with pytest.raises(ValueError, match=f"column 1 of X has a standard deviation of {name}.*float32.*another unit"):
        model.adapt(rows)
    with pytest.raises(ValueError, match="column 1 of X"):
        model.fit(rows, [0, 1])
    wide = model_of(Dense(1), dtype="float64")
    with np.errstate(all="raise"):
        wide.adapt(rows)
    np.testing.assert_allclose(wide.activations(rows, 0), [[-1, -1], [1, 1]], rtol=1e-6)


def test_freezing_leaves_it_alone():
    model = model_of(Dense(3, "tanh"), Dense(1))
    model.adapt(X)
    before = moments_of(model)
    model.freeze()
    with pytest.raises(ValueError, match="nothing to train"):
        model.fit(X, Y)
    model.unfreeze()
    model.fit(X, Y, epochs=1)
    assert moments_of(model) == before and model.layers[0] == Normalization()
    for change in (model.freeze, model.unfreeze):
        with pytest.raises(ValueError, match="'normalization_0' has no parameters"):
            change("normalization_0")


def test_it_stands_inside_a_residual():
    model = Sequential([Residual([Normalization(), Dense(4, "tanh")]), Dense(1)], seed=1)
    model.fit(X, Y, epochs=1)
    near(moments_of(model, "normalization_1"), learnt(X))


def test_it_stands_behind_columns():
    """Of columns that are chosen, those are looked at alone; others may hold what has no deviation, such as numbers of
    classes, or one that is too wide."""
    rows = np.column_stack([X, np.repeat([0.0, 1e30], 120)]).astype("float32")
    chosen = Parallel([[Columns([3, 1]), Normalization(), Dense(4, "tanh")], [Columns([4, 2]), Columns([1])]])
    model = Sequential([chosen, Dense(1)], seed=1)
    model.fit(rows, Y, epochs=2)
    near(moments_of(model, "normalization_2"), learnt(X[:, [3, 1]]))
    np.testing.assert_allclose(model.predictor()(rows), model.predict(rows), rtol=2e-5, atol=2e-6)
    assert [row.op for row in model.predictor().program.rows].count("batchnorm") == 0
    assert nncore.load(model.to_bytes()).predict(rows).tobytes() == model.predict(rows).tobytes()
    beside = Sequential([Parallel([[Columns([3, 1]), Normalization()], [Columns([1, 2])]]), Dense(4, "tanh"), Dense(1)])
    beside.fit(rows, Y, epochs=2)
    np.testing.assert_allclose(beside.predictor()(rows), beside.predict(rows), rtol=2e-5, atol=2e-6)
    assert [row.op for row in beside.predictor().program.rows].count("batchnorm") == 0
    both = Sequential([Parallel([[Normalization()], [Columns([0]), Normalization()]]), Dense(1)])
    both.adapt(X)
    assert moments_of(both, "normalization_3")[0] == moments_of(both, "normalization_1")[0][:1]
    with pytest.raises(ValueError, match="column 4 of X"):
        Sequential([Columns([0, 4]), Normalization(), Dense(1)]).adapt(rows)
    with pytest.raises(ValueError, match="other than Columns"):
        Sequential([Parallel([[Columns([1])], [Dense(2)]]), Normalization(), Dense(1)]).build(4)


def test_the_summary_says_whether_it_is_adapted():
    model = model_of()
    assert "Normalization, not adapted" in model.summary()
    model.adapt(X)
    assert "not adapted" not in model.summary() and "Normalization, adapted" in model.summary()
    assert "Normalization, given" in Sequential([Normalization(0, 1), Dense(1)]).summary()


def test_names_of_columns_are_remembered():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    model = model_of()
    model.adapt(table)
    assert model.feature_names == tuple("abcd")
    model.fit(table[["d", "c", "b", "a"]], Y, epochs=1)
    near(moments_of(model), learnt(X))
    table["c"] *= 1e-30
    with pytest.raises(ValueError, match=r"column 2 \('c'\) of X"):
        model.adapt(table)


def test_the_doctor_takes_its_inputs_for_scaled():
    found = []
    for layers in ([Normalization(), Dense(4, "tanh"), Dense(1)], [Dense(4, "tanh"), Dense(1)]):
        model = Sequential(layers, seed=1)
        model.fit(X, Y, epochs=3)
        found.append("unscaled_inputs" in {finding.rule for finding in model.history.doctor()})
    assert found == [False, True]


def test_estimators_have_it():
    pytest.importorskip("sklearn")
    from nncore.sklearn import Classifier

    labels = (Y[:, 0] > 0).astype(int)
    estimator = Classifier([Normalization(), Dense(4, "tanh")], epochs=1, random_state=0)
    near(moments_of(estimator.fit(X[:200], labels[:200]).model_), learnt(X[:200]))
    part = Classifier([Normalization(), Dense(4, "tanh")], random_state=0)
    part.partial_fit(X[:100], labels[:100], classes=[0, 1]).partial_fit(X, labels)
    near(moments_of(part.model_), learnt(X[:100]))


def test_dropout_and_batch_norm_stand_beside_it():
    model = model_of(Dropout(0.2), Dense(8, "relu"), BatchNorm(), Dense(1))
    model.compile(SGD(0.01))
    model.fit(X, Y, epochs=2)
    near(moments_of(model), learnt(X))
    frozen = dataclasses.replace(BatchNorm(), trainable=False)
    model.replace(3, frozen)
    model.fit(X, Y, epochs=1)
    near(moments_of(model), learnt(X))
