"""Several outputs with a loss each: what is given for them, trained, scored, kept and refused."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas
import pytest

import nncore
from nncore import (
    SGD,
    Activation,
    BatchNorm,
    CustomLoss,
    Dense,
    Dropout,
    EarlyStopping,
    Ensemble,
    GaussianNoise,
    MeanSquaredError,
    Parallel,
    Pinball,
    Sequential,
    SparseCategoricalCrossentropy,
    cross_validate,
    fit_many,
    kernels,
    losses,
    metrics,
)
from nncore.data import Batches, Rows, files
from nncore.history import History
from nncore.losses import SeveralLosses
from nncore.model import checkpoint, snapshot
from nncore.program.checked import checked

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (120, 3))
PRICE = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.standard_normal(120)
KIND = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.3)
BOTH = [PRICE, KIND]
TWO = ["mse", "sparse_categorical_crossentropy"]


def model(loss=TWO, loss_weights=(1.0, 0.5), metrics=(("mae",), ("accuracy", "f1")), optimizer="adam", **options):
    outputs = Parallel([[Dense(1, name="price")], [Dense(8, "tanh"), Dense(3, "softmax", name="kind")]])
    made = Sequential([Dense(16, "relu"), outputs], **{"seed": 3, **options})
    made.compile(optimizer, loss, metrics, loss_weights=loss_weights)
    return made


@pytest.fixture(scope="module")
def trained():
    found = model()
    found.fit(X, BOTH, epochs=3)
    return found


def test_predictions_are_a_list_and_scores_have_the_names_of_the_outputs(trained):
    price, kind = trained.predict(X)
    assert price.shape == (120, 1) and kind.shape == (120, 3) and kind.flags.c_contiguous
    np.testing.assert_allclose(kind.sum(axis=1), 1, rtol=1e-6)
    scores = trained.evaluate(X, {"kind": KIND, "price": PRICE})
    of_kind, _ = kernels.loss(SparseCategoricalCrossentropy(from_logits=True), np.log(kind), KIND)
    assert scores == {
        "loss": pytest.approx(scores["price_loss"] + 0.5 * scores["kind_loss"], rel=1e-12),
        "price_loss": pytest.approx(np.mean((price[:, 0] - PRICE) ** 2), rel=1e-6),
        "kind_loss": pytest.approx(of_kind.mean(), rel=1e-5),
        "price_mae": pytest.approx(np.abs(price[:, 0] - PRICE).mean(), rel=1e-6),
        "kind_accuracy": np.mean(kind.argmax(axis=1) == KIND),
        "kind_f1": pytest.approx(metrics.METRICS["f1"](KIND, kind)),
    }
    assert trained.evaluate(X, BOTH, return_dict=False) == list(scores)
    bare = model(metrics=None)
    bare.build(3)
    assert len(bare.evaluate(X, BOTH, return_dict=False)) == 3


def test_a_step_is_that_of_pytorch():
    """Losses of rows (z - t)^2 and crossentropy, their sum 1 : 0.5, rows weighted, SGD(lr=0.1): computed by it once."""

    def grid(*shape):
        return np.sin(np.arange(1, np.prod(shape) + 1) * 0.7).reshape(shape)

    made = Sequential([Dense(4, "tanh"), Parallel([[Dense(1)], [Dense(3, "softmax")]])], dtype="float64")
    made.compile(SGD(0.1), TWO, loss_weights=[1.0, 0.5])
    made.build(3)
    zero, bias = np.zeros(1), np.array([0.1, 0, -0.1])
    made.set_weights([grid(3, 4), 0.1 * grid(4), 0.5 * grid(4, 1), zero, -0.5 * grid(4, 3), bias])
    rows, kinds = np.cos(np.arange(15.0).reshape(5, 3)), np.array([0, 2, 1, 1, 0])
    weight = np.array([1, 2, 0.5, 1, 1])
    history = made.fit(rows, [np.arange(5) / 2, kinds], sample_weight=weight, batch_size=5)
    assert history.loss[0] == pytest.approx(1.9224401162903146, rel=1e-13)
    assert history.dense_2_loss[0] == pytest.approx(1.2874777181408557, rel=1e-13)
    assert history.dense_3_loss[0] == pytest.approx(1.269924796298918, rel=1e-13)
    pytorch = {
        0: [0.6366090866945947, 0.9561332590546249, 0.8595590075098295, 0.3328725470397894],
        12: [0.11811537788923164, 0.18639466411797412, 0.1619790638597139, 0.06213908416412453],
        16: [0.3158648109372577, 0.5006389645858201, 0.45050557437928196, 0.1874474251503149, 0.18004767925115794],
        33: [0.09968667341686836, -0.003244313166501192, -0.09644236025036718],
    }
    for at, values in pytorch.items():
        np.testing.assert_allclose(made.parameters[at : at + len(values)], values, rtol=1e-12, atol=1e-15)


def test_gradients_agree_with_finite_differences():
    made = Sequential(
        [Dense(6, "tanh"), Parallel([[Dense(6)], [Dense(3), BatchNorm(), Activation("softmax")], [Dense(2)]])],
        dtype="float64",
    )
    made.compile("sgd", [Pinball([0.1, 0.5, 0.9]), SparseCategoricalCrossentropy(label_smoothing=0.1), "huber"])
    y = [X[:20, :2], KIND[:20], X[:20, 1:]]
    made.build(3)
    _, gradient = made.loss_and_gradient(X[:20], y)
    flat, found = made.parameters, []
    for i in range(len(flat)):
        kept, sides = flat[i], []
        for flat[i] in (kept + 1e-6, kept - 1e-6):
            sides.append(made.loss_and_gradient(X[:20], y)[0])
        flat[i] = kept
        found.append((sides[0] - sides[1]) / 2e-6)
    np.testing.assert_allclose(gradient, found, rtol=0, atol=1e-8)


@pytest.mark.parametrize("k", [0, 1])
def test_an_output_alone_is_trained_as_its_own_network(k):
    """That of weight 0 stays as it began, and leaves the others the bits that they have without it."""
    branch = [[Dense(1, name="price")], [Dense(8, "tanh"), Dense(3, "softmax", name="kind")]][k]
    single = Sequential([Dense(16, "relu"), *branch], seed=3)
    single.compile("adam", TWO[k])
    both = model(loss_weights=np.eye(2)[k].tolist(), metrics=None)
    both.build(3), single.build(3)
    shared = slice(0, 2), slice(2, 4) if k == 0 else slice(4, 8)
    single.set_weights([weight for part in shared for weight in both.get_weights()[part]])
    other = both.get_weights()[slice(4, 8) if k == 0 else slice(2, 4)]
    weight = np.linspace(0, 2, 120)
    histories = [of.fit(X, y, epochs=3, sample_weight=weight) for of, y in ((both, BOTH), (single, BOTH[k]))]
    after = [array for part in shared for array in both.get_weights()[part]]
    assert all(np.array_equal(one, two) for one, two in zip(after, single.get_weights(), strict=True))
    stayed = both.get_weights()[slice(4, 8) if k == 0 else slice(2, 4)]
    assert all(np.array_equal(one, two) for one, two in zip(other, stayed, strict=True))
    assert histories[0].loss.tolist() == histories[1].loss.tolist()
    assert getattr(histories[0], f"{['price', 'kind'][k]}_loss").tolist() == histories[1].loss.tolist()
    assert np.array_equal(both.predict(X)[k], single.predict(X))


def test_history_callbacks_and_validation():
    made = model()
    stopping = EarlyStopping("val_price_loss", patience=50)
    assert stopping.mode == "min" and EarlyStopping("val_kind_accuracy").mode == "max"
    history = made.fit(X, BOTH, epochs=4, validation_data=(X[:50], [PRICE[:50], KIND[:50]]), callbacks=stopping)
    scores = ["loss", "price_loss", "kind_loss", "price_mae", "kind_accuracy", "kind_f1"]
    assert history.columns == (*scores, *(f"val_{name}" for name in scores), "seconds", "learning_rate")
    last, table = made.evaluate(X[:50], [PRICE[:50], KIND[:50]]), history.to_dict()
    assert {name: getattr(history, f"val_{name}")[-1] for name in scores} == dict(last)
    sums = history.price_loss + 0.5 * history.kind_loss
    np.testing.assert_allclose(history.loss, sums, rtol=1e-12)
    assert History.from_dict(json.loads(json.dumps(table))).columns == history.columns
    alone = model(metrics=None).fit(X, BOTH, epochs=4)  # which the engine trains in one call
    assert alone.price_loss.tolist() == history.price_loss.tolist()
    history.doctor()


def test_files_pickles_clones_and_configs_keep_it(trained):
    copies = [nncore.load(trained.to_bytes()), pickle.loads(pickle.dumps(trained))]
    for copy in copies:
        assert copy.loss == trained.loss and copy.metrics == (("mae",), ("accuracy", "f1"))
        assert copy.evaluate(X, BOTH) == trained.evaluate(X, BOTH)
        copy.fit(X, BOTH)
    assert np.array_equal(copies[0].parameters, copies[1].parameters)
    config = json.loads(json.dumps(trained.get_config()))
    assert config["metrics"] == [["mae"], ["accuracy", "f1"]] and config["loss"]["weights"] == [1.0, 0.5]
    fresh = [trained.clone(), Sequential.from_config(config)]
    assert [of.fit(X, BOTH, epochs=3).loss.tolist() for of in fresh] == [trained.history.loss.tolist()] * 2
    with pytest.raises(nncore.ModelFileError, match="metrics must have an entry for each output, price, kind, got 1"):
        checkpoint.encode(replace(snapshot(trained, {}), metrics=("mae",)))
    assert "loss: mean_squared_error of price + 0.5 * sparse_categorical_crossentropy of kind" in trained.summary()


def test_other_ways_to_train_it_go_the_same_way(trained):
    expected = trained.history.loss.tolist()
    many = fit_many([model(), model(seed=4)], X, BOTH, epochs=3)
    assert many[0].loss.tolist() == expected and many[1].kind_loss[-1] > 0
    source = model().fit(Rows(X, BOTH), epochs=3, validation_data=Rows(X, BOTH))
    memory = model().fit(X, BOTH, epochs=3, shuffle="block", validation_data=(X, BOTH))
    names = ("loss", "kind_loss", "val_kind_loss", "val_price_mae")
    assert [getattr(source, name).tolist() for name in names] == [getattr(memory, name).tolist() for name in names]
    single, stepped = model(), model()
    losses = [single.train_on_batch(X[:32], [PRICE[:32], KIND[:32]]) for _ in range(3)]
    stepped.build(3)
    step = stepped.stepper()
    assert [step(X[:32], {"price": PRICE[:32], "kind": KIND[:32]}) for _ in range(3)] == losses
    solved = model().fit(X, BOTH, solver="lbfgs", epochs=5, validation_split=0.2)
    assert solved.loss[-1] < solved.loss[0] and "val_price_loss" in solved.columns
    folds = cross_validate(model(), X, BOTH, epochs=2, folds=3)
    assert {"loss", "price_loss", "kind_accuracy"} <= set(folds.scores)
    members = Ensemble([model(), model(seed=4)])
    members.fit(X, BOTH)
    means = [np.mean([of.predict(X)[k] for of in members.models], axis=0) for k in (0, 1)]
    assert all(np.allclose(*pair, atol=1e-6) for pair in zip(members.predict(X), means, strict=True))
    assert [part.shape for part in members.predict_quantiles(X, [0.1, 0.9])] == [(2, 120, 1), (2, 120, 3)]
    assert model(dtype="mixed_bfloat16").fit(X, BOTH, epochs=3).loss[-1] == pytest.approx(expected[-1], rel=0.05)


def test_what_reads_a_model_reads_this_one(trained):
    side_by_side = np.hstack(trained.predict(X))
    assert np.allclose(trained.predictor()(X), side_by_side, atol=1e-6)
    assert np.array_equal(trained.activations(X, "kind"), trained.predict(X)[1])
    assert np.array_equal(trained.activations(X, "parallel_1"), side_by_side)
    assert trained.activations(X, "dense_0").shape == (120, 16)
    shown = trained.clone().explain_step(X[:8], [PRICE[:8], KIND[:8]])
    assert [(layer.name, layer.activation) for layer in shown.layers][-1] == ("kind", "softmax")
    by_outputs = [np.ones((120, 1)), np.zeros((120, 3))]
    gradient = trained.backward(X, by_outputs, training=False)
    assert np.array_equal(gradient, trained.backward(X, lambda y: [np.ones_like(y[0]), 0 * y[1]], training=False))
    jacobian = trained.jacobian(X[:5])
    assert jacobian.shape == (5, 4, 3) and np.allclose(jacobian[:, 1:].sum(axis=1), 0, atol=1e-6)
    assert np.array_equal(trained.input_gradient(X[:5], [part[:5] for part in by_outputs]), jacobian[:, 0])


def test_readings_and_links_work_within_an_output():
    quantiles, holes = Pinball([0.1, 0.9]), np.where(RNG.random(120) < 0.4, np.nan, PRICE)
    made = Sequential([Dense(8, "tanh"), Parallel([[Dense(2)], [Dense(1)], [Dense(1), Activation("sigmoid")]])])
    made.compile(loss=[quantiles, MeanSquaredError(mask_missing=True), "binary_crossentropy"], metrics="mae")
    made.fit(X, [PRICE, holes, KIND > 0], epochs=2)
    low_high, mean, yes = made.predict(X)
    assert (low_high[:, 0] <= low_high[:, 1]).all() and ((yes > 0) & (yes < 1)).all()
    scores, there = made.evaluate(X, [PRICE, holes, KIND > 0]), ~np.isnan(holes)
    assert scores["dense_2_mae"] == pytest.approx(np.abs(quantiles.point(low_high)[:, 0] - PRICE).mean(), rel=1e-6)
    assert scores["dense_3_mae"] == pytest.approx(np.abs(mean[there, 0] - holes[there]).mean(), rel=1e-6)
    assert scores["dense_3_loss"] == pytest.approx(((mean[there, 0] - holes[there]) ** 2).sum() / 120, rel=1e-6)
    with pytest.raises(ValueError, match="y holds no target that was measured"):
        one = Sequential([Parallel([[Dense(1)], [Dense(1)]])])
        one.compile(loss=[MeanSquaredError(mask_missing=True)] * 2)
        one.fit(X, [np.full(120, np.nan)] * 2)


def test_layers_in_front_may_change_and_the_outputs_not():
    made = model()
    made.fit(X, BOTH)
    made.insert(1, Dense(16, "relu"))
    assert "kind_accuracy" in made.fit(X, BOTH).columns
    with pytest.raises(ValueError, match=r"loss is a list of 2, and the network has one output: give one loss, or end"):
        made.replace(2, Dense(4))
    made.compile(loss="mse")  # one loss of all branches together
    assert made.fit(X, np.zeros((120, 4))).columns == ("loss", "seconds", "learning_rate")
    assert made.predict(X).shape == (120, 4)


BAD_Y = [
    (
        PRICE,
        TypeError,
        r"y must be a list of arrays, got an array of shape \(120,\); the model has 2 outputs, with a t",
    ),
    (np.c_[PRICE, KIND], TypeError, r"price \(120, 1\), kind class indices \(120,\)"),
    ([PRICE], ValueError, "y must be a list of 2 arrays, got 1 items"),
    (PRICE.tolist(), ValueError, "y must be a list of 2 arrays, got 120 items"),
    ({"prise": PRICE, "kind": KIND}, ValueError, "y has 'prise', no output; did you mean 'price'"),
    ({"price": PRICE}, ValueError, "y lacks 'kind'"),
    ([PRICE, KIND + 1], ValueError, "output 'kind': y contains the label 3 at row"),
    ([PRICE[:-1], KIND], ValueError, "output 'price': X and y have inconsistent numbers of samples: 120 and 119"),
    ([KIND, PRICE], ValueError, "output 'kind': class labels must be whole numbers 0..2"),
    ([np.full(120, np.nan), KIND], ValueError, "output 'price': Input y contains NaN"),
]


@pytest.mark.parametrize(("y", "error", "said"), BAD_Y)
def test_targets_that_do_not_fit_are_named(trained, y, error, said):
    with pytest.raises(error, match=said):
        trained.evaluate(X, y)
    with pytest.raises(error, match=f"validation_data: .*{said}"):
        model().fit(X, BOTH, validation_data=(X, y))


def own(y_true, y_pred):
    return (y_pred**2).sum(axis=1), 2 * y_pred


BAD_COMPILE = [
    ({"loss": ["mse"]}, ValueError, "loss must have an entry for each output, price, kind, got 1"),
    ({"loss": {"price": "mse"}}, ValueError, "loss must have a loss for each output, price, kind"),
    ({"loss": {"price": "mse", "kid": "mse"}}, ValueError, "loss has 'kid', no output; did you mean 'kind'"),
    (
        {"loss": [own, "mse"]},
        ValueError,
        r"loss\[0\] is the function 'own', and a loss of your own cannot be one of sev",
    ),
    ({"loss": [CustomLoss(own), "mse"]}, ValueError, "give the function alone, as the loss of all outputs"),
    ({"loss": ["sparse_categorical_crossentropy", "mse"]}, ValueError, "output 'price': loss .*got 'identity'"),
    ({"loss_weights": [1]}, ValueError, "loss_weights must have an entry for each output, price, kind, got 1"),
    ({"loss_weights": [1, -1]}, ValueError, r"loss_weights\[1\] must be a finite number >= 0"),
    ({"loss_weights": [0, 0]}, ValueError, "loss_weights must not all be 0"),
    ({"loss_weights": 0.5}, TypeError, "loss_weights must be a list or a dict for the outputs"),
    (
        {"loss": "mse", "loss_weights": [1, 2]},
        TypeError,
        r"give a list with a loss for each; .*output_weights=\[1, 0.5",
    ),
    (
        {"metrics": ["mae", "accuracy", "f1"]},
        ValueError,
        "metrics must have an entry for each output, price, kind, got 3",
    ),
    ({"metrics": "mae"}, ValueError, "output 'kind': metric 'mae' cannot compare class probabilities"),
    ({"metrics": {"prise": "mae"}}, ValueError, "metrics has 'prise', no output; did you mean 'price'"),
]


@pytest.mark.parametrize(("options", "error", "said"), BAD_COMPILE)
def test_losses_that_do_not_fit_are_named(options, error, said):
    made, given = model(), {"loss": TWO, "metrics": None, **options}
    before = made.loss
    with pytest.raises(error, match=said):
        made.compile(**given)
    assert made.loss is before


REFUSED = [
    (
        lambda made: made.fit(X, BOTH, class_weight="balanced"),
        "class_weight is for one loss, and the model has several",
    ),
    (lambda made: made.fit(X, BOTH, solver="lm"), "this model's loss is of several outputs; use solver='lbfgs'"),
    (lambda made: made.predict_classes(X), r"this one has price, kind; .*predict\(X\)\[1\].argmax\(axis=1\)"),
    (lambda made: made.predict_proba(X), "predict_proba is for models with one output"),
    (lambda made: Ensemble([made]).evaluate(X, BOTH), "score what predict returns for each output"),
    (lambda made: made.fit(X, BOTH, callbacks=EarlyStopping("val_mae")), "and called by it: 'price_mae'"),
    (lambda made: made.fit(Rows(X, PRICE)), "y must be a list of arrays"),
    (lambda made: model(metrics="accuracy").fit(X, BOTH), "output 'price': metric 'accuracy' counts right classes"),
    (lambda made: Sequential([Dense(1)]).compile(loss=["mse", "mse"]), "and the network has one output: give one loss"),
    (lambda made: SeveralLosses([MeanSquaredError()]), "several losses are two or more, got 1"),
]


@pytest.mark.parametrize(("call", "said"), REFUSED)
def test_what_is_for_one_output_says_so(trained, call, said):
    with pytest.raises((TypeError, ValueError), match=said):
        call(trained)


def test_branches_that_cannot_end_so_are_refused():
    for branch, said in (
        ([Dense(2), Dropout(0.5)], "output 'dense_1': Dropout at the end"),
        ([], "'output_0': a branch"),
    ):
        made = Sequential([Parallel([branch, [Dense(2)]])])
        made.compile(loss=["sparse_categorical_crossentropy" if not branch else "mse", "mse"])
        with pytest.raises(ValueError, match=said):
            made.build(3)
    nested = Sequential([Parallel([[Parallel([[Dense(1)], [Dense(2)]], name="pair")], [Dense(2)]])])
    nested.compile(loss=["mse", "mae"])
    assert nested.fit(X, [np.zeros((120, 3)), X[:, :2]]).columns[:3] == ("loss", "pair_loss", "dense_4_loss")


def test_a_forged_program_of_several_outputs_is_refused(trained):
    program, two = trained.program, trained.program.heads
    pinball = losses.Pinball([0.1, 0.5, 0.9]).reading(3)
    assert checked(program) is program and checked(replace(program, heads=(replace(two[1], n_outputs=4),))).heads
    for heads, message in [
        (two[:1], "the heads have 1 outputs, the network has 4"),
        ((*two, two[0]), "the heads have 5 outputs, the network has 4"),
        ((replace(two[0], n_outputs=-1), replace(two[1], n_outputs=5)), "n_outputs of a head is -1"),
        ((two[0], replace(two[1], reading=pinball._replace(n_targets=2))), "3 outputs are read as 2 targets"),
        ((two[0], replace(two[1], reading=pinball._replace(n_targets=0))), "n_targets is 0"),
    ]:
        with pytest.raises(ValueError, match=f"not a program of nncore: .*{message}"):
            checked(replace(program, heads=heads))
    with pytest.raises(TypeError, match="not a program of nncore"):
        checked(replace(program, heads=(1, 2)))


def test_epochs_of_batches_and_rare_validation():
    made = model()
    made.fit(X, BOTH, epochs=4, steps_per_epoch=2, validation_data=(X, BOTH), validation_freq=2)
    history = made.history
    assert np.isnan(history.val_kind_loss).tolist() == [True, False, True, False]
    np.testing.assert_allclose(history.loss, history.price_loss + 0.5 * history.kind_loss, rtol=1e-12)


def test_an_ensemble_mixes_the_variances_of_its_output():
    made = Sequential([Parallel([[Dense(2)], [Dense(1)]])])
    made.compile(loss=["gaussian_negative_log_likelihood", "mse"])
    members = Ensemble.of(made, 2)
    members.fit(X, [PRICE, PRICE])
    (mean, variance), alone = members.predict(X)[0].T, [of.predict(X)[0] for of in members.models]
    np.testing.assert_allclose(mean, np.mean(alone, axis=0)[:, 0], rtol=1e-5, atol=1e-6)
    spread = np.var([of[:, 0] for of in alone], axis=0)
    np.testing.assert_allclose(variance, np.mean(alone, axis=0)[:, 1] + spread, rtol=1e-5)
    with pytest.raises(ValueError, match="mixes no variances of one of several outputs; take predict"):
        members.predictor()


def in_parts(first=50, wrong=None):
    """Yield the rows in parts, y as a list, or a dict in the first one; one class of part `wrong` is none."""
    for k, rows in enumerate((slice(0, first), slice(first, 90), slice(90, None))):
        kind = KIND[rows] + (7 if k == wrong else 0)
        yield X[rows], {"kind": kind, "price": PRICE[rows]} if k == 0 else [PRICE[rows], kind]


def test_batches_that_are_yielded_have_the_targets_of_each_output():
    streamed, in_memory = model(), model()
    streamed.fit(Batches(in_parts), epochs=2, validation_data=Batches(in_parts))
    in_memory.fit(X, BOTH, epochs=2, shuffle="block")
    np.testing.assert_array_equal(streamed.parameters, in_memory.parameters)
    assert streamed.evaluate(Batches(in_parts)) == in_memory.evaluate(X, BOTH)
    with pytest.raises(ValueError, match=r"batch 1: output 'kind': y contains the label [789] at row 0"):
        model().fit(Batches(lambda: in_parts(wrong=1)))
    with pytest.raises(TypeError, match=r"batch 0: y must be a list .* got an array of shape \(120,\)"):
        model().fit(Batches(lambda: [(X, PRICE)]))


def test_columns_come_in_one_order_whoever_scores():
    order = ("loss", "price_loss", "kind_loss", "price_mae", "kind_accuracy", "kind_f1")
    of_solver = ("loss", *order[3:])
    for options, trained in (({}, order), ({"callbacks": lambda *_: None}, order), ({"solver": "lbfgs"}, of_solver)):
        history = model().fit(X, BOTH, epochs=2, validation_split=0.2, **options)
        assert history.columns[: len(trained) + 6] == (*trained, *(f"val_{name}" for name in order))


def test_columns_of_an_output_go_by_name():
    two = Sequential([Parallel([[Dense(2, name="range")], [Dense(1, name="price")]])], seed=0)
    two.compile(loss=["mse", "mse"], loss_weights=[1.0, 0.5])
    table = pandas.DataFrame({"low": PRICE - 1, "high": PRICE + 2})
    two.fit(X, [table, PRICE], validation_data=(X, [table[["high", "low"]], PRICE]))
    expected = two.evaluate(X, [table.to_numpy(), PRICE])
    for kept in (two, pickle.loads(pickle.dumps(two))):
        assert kept.evaluate(X, {"range": table[["high", "low"]], "price": PRICE}) == expected
        assert two.history["val_range_loss"][-1] == expected["range_loss"]
        with pytest.raises(ValueError, match="output 'range': y lacks 'low' and has 'lo'"):
            kept.evaluate(X, [table.rename(columns={"low": "lo"}), PRICE])


def test_columns_of_targets_that_are_streamed_go_by_name():
    table = pandas.DataFrame({"low": PRICE - 1, "high": PRICE + 2})
    turned = table[["high", "low"]]
    one = Sequential([Dense(2)], seed=0)
    two = Sequential([Parallel([[Dense(2, name="range")], [Dense(1, name="price")]])], seed=0)
    two.compile(loss=["mse", "mse"])
    for made, of in ((one, lambda y, rows: y[rows]), (two, lambda y, rows: [y[rows], PRICE[rows]])):
        whole, begin, end = slice(None), slice(0, 70), slice(70, None)
        in_two = Batches(lambda of=of, a=begin, b=end: [(X[a], of(table, a)), (X[b], of(turned, b))])
        in_one = Batches(lambda of=of, all_of_it=whole: [(X, of(turned, all_of_it))])
        for source in (in_two, Rows(X, of(table, whole))):
            model = made.clone()
            model.fit(source)
            expected = model.evaluate(X, of(table.to_numpy(), whole))
            for other in ((in_two,), (in_one,), (Rows(X, of(turned, whole)),), (X, of(turned, whole))):
                assert model.evaluate(*other) == expected


@pytest.mark.parametrize("name", ["val", "val_price"])
def test_an_output_is_not_called_as_scores_of_the_rows_to_validate_on(name):
    two = Sequential([Parallel([[Dense(1, name=name)], [Dense(1, name="price")]])])
    with pytest.raises(ValueError, match=rf"output '{name}' would have its loss as '{name}_loss'.* another name"):
        two.compile(loss=["mse", "mse"])
    changed = model()
    changed.fit(X, BOTH)
    with pytest.raises(ValueError, match="another name"):
        changed.replace(1, Parallel([[Dense(1, name=name)], [Dense(3, "softmax", name="kind")]]))


def test_noise_is_no_end_of_an_output_and_has_no_say_in_its_name():
    noisy = Sequential([Parallel([[Dense(1), GaussianNoise(0.1)], [Dense(1)]])])
    noisy.compile(loss=["mse", "mse"])
    with pytest.raises(ValueError, match="GaussianNoise at the end would blur predictions; remove it"):
        noisy.fit(X, [PRICE, PRICE])
    behind = [Dense(3, name="kind"), GaussianNoise(0.1), Activation("softmax")]
    named = Sequential([Parallel([[Dense(1, name="price")], behind])])
    named.compile(loss=TWO)
    assert named.fit(X, BOTH).columns[:3] == ("loss", "price_loss", "kind_loss")


def test_derivatives_by_each_output_have_its_shape(trained):
    price, kind = RNG.standard_normal((120, 1)), RNG.standard_normal((120, 3))
    expected = trained.backward(X, np.hstack([price, kind]))
    for given in ([price, kind], [price[:, 0], kind], {"kind": kind, "price": price}, lambda y: [price, kind]):
        np.testing.assert_array_equal(trained.backward(X, given), expected)
    for given, message in (
        ([kind, price], r"dloss_dy\[0\] has shape \(120, 3\), expected \(120, 1\)"),
        ([price], "dloss_dy must have an array for each output, price .* got 1 items"),
        ({"price": price}, "kind .* got a dict of 'price'; or be one array"),
    ):
        with pytest.raises(ValueError, match=message):
            trained.backward(X, given)


def test_what_does_not_suit_several_outputs_is_said_with_what_does():
    with pytest.raises(TypeError, match=r"metrics must be a list .* is for several outputs"):
        Sequential([Dense(1)]).compile(metrics={"price": ["mae"]})
    with pytest.raises(TypeError, match=r"metrics must be a list .* is for several outputs"):
        Sequential([Dense(1)]).compile(metrics=[["mae"]])
    for weights in ({"price": np.ones(120)}, [np.ones(120)] * 2):
        with pytest.raises((TypeError, ValueError), match=r"compile\(loss_weights=\.\.\.\) each output"):
            model().fit(X, BOTH, sample_weight=weights)

    for y in (BOTH, {"price": PRICE, "kind": KIND}):
        with pytest.raises(ValueError, match=r"is for a loss each: compile\(loss=\[\.\.\.\]\), with a last Parallel"):
            Sequential([Parallel([[Dense(1)], [Dense(3)]])]).fit(X, y)

    def b_loss(y_true, y_pred):
        return 0.0

    two = Sequential([Parallel([[Dense(1, name="a")], [Dense(1, name="a_b")]])])
    with pytest.raises(ValueError, match="the loss of output 'a_b' and the metric 'b_loss' of output 'a' are both"):
        two.compile(loss=["mse", "mse"], metrics=[b_loss, None])
    with pytest.raises(TypeError, match=r"target must be the name or number of one column, got \['a', 'b'\]"):
        files("*.csv", target=["a", "b"])
