"""Metrics of classes and scores are those of scikit-learn, over random rows with ties, weights and absent classes."""

import math
import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import sklearn.metrics as reference

import nncore
from nncore import Dense, Sequential, metrics

AVERAGES = ("macro", "micro", "weighted")
RATES = (metrics.Precision, metrics.Recall, metrics.F1)
AREAS = (
    (metrics.AUC, reference.roc_auc_score),
    (metrics.AveragePrecision, reference.average_precision_score),
)


def rows(seed, classes, n=60):
    """Return true classes, rounded scores with ties, and weights of which some are 0; a class may be absent."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(classes, 0.7))
    true, logits = rng.choice(classes, n, p=shares), rng.normal(size=(n, classes)).round(1)
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return true, scores, rng.integers(0, 4, n) * 0.5


def quietly(function, *args, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **named)


def same(found, expected):
    assert isinstance(found, float)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)


def theirs(*args, **named):
    return quietly(reference.precision_recall_fscore_support, *args, **named)[:3]


def test_rates_of_classes_and_labels():
    for seed in range(12):
        n_classes, zero_division = 2 + seed % 4, (0, 1, math.nan)[seed // 4 % 3]
        true, scores, weight = rows(seed, n_classes, 3 + 2 * seed)
        pred, labels = scores.argmax(axis=1), np.random.default_rng(seed).random((len(true), 3)) < 0.2
        held = scores[:, [0] * 3] * [0.5, 1, 2]
        for w in (None, weight):
            for average in (*AVERAGES, None):
                of = {"average": average} if average else {"label": 1}
                own = [kind(**of, zero_division=zero_division) for kind in RATES]
                settings = {"average": average, "sample_weight": w, "zero_division": zero_division}
                one = settings | ({} if average else {"labels": [1], "average": "macro"})
                for rate, expected in zip(own, theirs(true, pred, **one), strict=True):
                    same(rate(true, scores, w), expected)
                    same(rate(true, pred, w), expected)
                    same(rate(np.eye(n_classes)[true], scores, w), expected)
                for rate, expected in zip(own, theirs(labels, held > 0.5, **one), strict=True):
                    same(rate(labels, held, w, multilabel=True), expected)
            if n_classes == 2:
                for threshold in (None, 0.7):
                    settings["average"] = "binary"
                    above = scores[:, 1] > (threshold or 0.5)
                    for kind, expected in zip(RATES, theirs(true, above, **settings), strict=True):
                        rate = kind(threshold=threshold, zero_division=zero_division)
                        same(rate(true, scores[:, 1:], w), expected)
                        same(rate(true, scores, w), expected)


def test_correlation_balance_and_accuracies():
    for seed in range(16):
        n_classes = 2 + seed % 4
        true, scores, weight = rows(seed, n_classes, 3 + 2 * seed)
        pred = scores.argmax(axis=1)
        for w in (None, weight):
            same(metrics.Matthews()(true, scores, w), quietly(reference.matthews_corrcoef, true, pred, sample_weight=w))
            balanced = quietly(reference.balanced_accuracy_score, true, pred, sample_weight=w)
            same(metrics.BalancedAccuracy()(true, scores, w), balanced)
            shares = reference.accuracy_score(true, pred, sample_weight=w)
            same(metrics.accuracy(true, scores, w), shares)
            same(metrics.categorical_accuracy(true, scores, w), shares)
            above = reference.accuracy_score(true == 1, scores[:, 1] > 0.5, sample_weight=w)
            same(metrics.binary_accuracy(true == 1, scores[:, 1], sample_weight=w), above)
            labels = list(range(n_classes))
            for k in range(1, n_classes):
                if n_classes > 2:
                    expected = reference.top_k_accuracy_score(true, scores, k=k, labels=labels, sample_weight=w)
                    same(metrics.TopKAccuracy(k)(true, scores, w), expected)
            loss = reference.log_loss(true, scores, labels=labels, sample_weight=w)
            same(metrics.LogLoss()(true, scores, w), loss)


def test_areas():
    compared = 0
    for seed in range(16):
        n_classes = 2 + seed % 3
        true, scores, weight = rows(seed, n_classes, 3 + 2 * seed)
        for w in (None, weight):
            for own, theirs in AREAS:
                expected = quietly(theirs, true == 1, scores[:, 1], sample_weight=w)
                same(quietly(own(), true == 1, scores[:, 1], w), expected)
                held = np.eye(n_classes, dtype=int)[true]
                for average in ("macro", "weighted"):
                    expected = quietly(theirs, held, scores, average=average, sample_weight=w)
                    same(quietly(own(average), held, scores, w, multilabel=True), expected)
                    if n_classes > 2:
                        same(quietly(own(average), true, scores, w), expected)
            if np.bincount(true, w, n_classes).all() and n_classes > 2:
                expected = reference.roc_auc_score(true, scores, multi_class="ovr", sample_weight=w)
                same(metrics.AUC()(true, scores, w), expected)
                compared += 1
    assert compared > 3, "rows that have every class"


def test_numbers_with_weights():
    rng = np.random.default_rng(0)
    for columns in (1, 3):
        true, pred, weight = rng.normal(size=(50, columns)), rng.normal(size=(50, columns)), rng.integers(0, 3, 50)
        for own, theirs in (
            (metrics.mean_squared_error, reference.mean_squared_error),
            (metrics.mean_absolute_error, reference.mean_absolute_error),
            (metrics.root_mean_squared_error, reference.root_mean_squared_error),
            (metrics.mean_absolute_percentage_error, reference.mean_absolute_percentage_error),
            (metrics.r2_score, reference.r2_score),
        ):
            for w in (None, weight):
                same(own(true, pred, w), theirs(true, pred, sample_weight=w))
    same(metrics.mean_absolute_percentage_error([0.0], [1.0]), reference.mean_absolute_percentage_error([0.0], [1.0]))


# ---- among the metrics of a model

RNG = np.random.default_rng(3)
X, WEIGHT = RNG.normal(size=(90, 4)), RNG.integers(0, 4, 90) * 0.5
YES, CLASS = (X[:, 0] + RNG.normal(size=90) > 0).astype(int), np.arange(90) % 3
LABELS = (RNG.normal(size=(90, 3)) + X[:, :3] > 0).astype(int)
NAMES = ["f1", "precision", "recall", "f1_macro", "auc", "average_precision", "log_loss"]
NAMES += ["matthews", "balanced_accuracy"]
LOSSES = nncore.losses
HEADS = {
    "yes or no": (Dense(1, "sigmoid"), LOSSES.BinaryCrossentropy(), YES, NAMES),
    "logit": (Dense(1), LOSSES.BinaryCrossentropy(from_logits=True), YES, NAMES),
    "two classes": (Dense(2, "softmax"), LOSSES.SparseCategoricalCrossentropy(), YES, NAMES),
    "classes": (Dense(3, "softmax"), LOSSES.SparseCategoricalCrossentropy(), CLASS, [*NAMES, "top_2_accuracy"]),
    "logits": (Dense(3), LOSSES.SparseCategoricalCrossentropy(from_logits=True), CLASS, [*NAMES, "top_2_accuracy"]),
    "shares": (Dense(3, "softmax"), LOSSES.CategoricalCrossentropy(), np.eye(3)[CLASS], [*NAMES, "f1_weighted"]),
    "labels": (Dense(3, "sigmoid"), LOSSES.BinaryCrossentropy(), LABELS, NAMES[:7]),
    "squares": (Dense(1, "sigmoid"), LOSSES.MeanSquaredError(), YES, NAMES),
}


def by_sklearn(name, model, y, weight):
    """Return what scikit-learn says of the model's classes and probabilities."""
    p, several = model.predict_proba(X), model.program.n_outputs > 1
    labels, classes = y.ndim == 2 and y.sum(axis=1).max() > 1, model.predict_classes(X)
    true = y if labels or y.ndim == 1 else y.argmax(axis=1)
    wide, w = np.unique(true).size > 2 or labels, {"sample_weight": weight}
    score = p if wide else p[:, 1]
    average = {"average": name[3:] if name.startswith("f1_") else "macro" if wide else "binary"}
    if name.startswith(("f1", "precision", "recall")):
        return getattr(reference, f"{name.split('_')[0]}_score")(true, classes, **average, **w)
    if name == "auc":
        return reference.roc_auc_score(true, score, multi_class="ovr", **w)
    if name == "average_precision":
        return reference.average_precision_score(true, score, **w)
    if name == "log_loss" and labels:
        return np.mean([reference.log_loss(y[:, c], p[:, c], **w) for c in range(3)])
    if name == "top_2_accuracy":
        return reference.top_k_accuracy_score(true, p, k=2, **w)
    call = {"matthews": "matthews_corrcoef", "balanced_accuracy": "balanced_accuracy_score"}
    if name in call:
        return getattr(reference, call[name])(true, classes, **w)
    return reference.log_loss(true, p, **w) if several else reference.log_loss(true, p[:, 1], **w)


@pytest.mark.parametrize("head", HEADS)
def test_a_model_scores_as_scikit_learn_scores_its_classes(head):
    last, loss, y, names = HEADS[head]
    model = Sequential([Dense(4, "tanh"), last], seed=2, dtype="float64")
    model.compile(loss=loss, metrics=[*names, *(f"weighted_{name}" for name in names)])
    stops = nncore.EarlyStopping("val_weighted_f1", patience=9, restore_best_weights=False)
    history = model.fit(X, y, epochs=2, validation_data=(X, y, WEIGHT), callbacks=stops)
    scores = model.evaluate(X, y, sample_weight=WEIGHT)
    for name in names:
        assert scores[name] == pytest.approx(by_sklearn(name, model, y, None), rel=1e-9), name
        assert scores[f"weighted_{name}"] == pytest.approx(by_sklearn(name, model, y, WEIGHT), rel=1e-9), name
        assert history[f"weighted_{name}"][-1] == history[name][-1], "no weights were given to the rows of training"
        assert history[f"val_{name}"][-1] == scores[name]
        assert history[f"val_weighted_{name}"][-1] == scores[f"weighted_{name}"]


def test_training_is_the_same_with_and_without_metrics():
    models = [Sequential([Dense(4, "tanh"), Dense(1, "sigmoid")], seed=2) for _ in range(2)]
    models[0].compile(metrics=["f1", "weighted_auc", metrics.Recall(label=0)])
    for model in models:
        model.fit(X, YES, sample_weight=WEIGHT, epochs=3, class_weight="balanced")
    assert all(np.array_equal(*pair) for pair in zip(*(model.get_weights() for model in models), strict=True))


def test_class_weights_count_for_weighted_metrics():
    model = Sequential([Dense(1, "sigmoid")], seed=2, dtype="float64")
    model.compile(nncore.SGD(1e-300), metrics=["accuracy", "weighted_accuracy"])
    weights = {0: 1.0, 1: 3.0}
    history = model.fit(X, YES, sample_weight=WEIGHT, class_weight=weights)
    both = WEIGHT * np.where(YES, 3.0, 1.0)
    right = model.predict_classes(X) == YES
    assert history.weighted_accuracy[0] == pytest.approx(np.average(right, weights=both), rel=1e-12)
    assert history.accuracy[0] == right.mean()


def test_functions_of_scikit_learn_that_want_classes_get_them():
    macro = partial(reference.f1_score, average="macro")
    for head, wanted in (
        ("logit", [reference.f1_score, reference.roc_auc_score, reference.matthews_corrcoef, reference.log_loss]),
        ("two classes", [reference.accuracy_score, reference.roc_auc_score, reference.average_precision_score]),
        ("logits", [reference.accuracy_score, macro, partial(reference.roc_auc_score, multi_class="ovr")]),
        ("shares", [reference.balanced_accuracy_score, macro]),
        ("labels", [macro, reference.accuracy_score, reference.roc_auc_score]),
    ):
        last, loss, y, _ = HEADS[head]
        model = Sequential([Dense(4, "tanh"), last], seed=2, dtype="float64")
        weighted = metrics.Weighted(wanted[0])
        model.compile(loss=loss, metrics=[*wanted, weighted])
        history = model.fit(X, y, epochs=2, validation_data=(X, y, WEIGHT))
        p, classes = model.predict_proba(X), model.predict_classes(X)
        true = y.argmax(axis=1) if head == "shares" else y
        for metric in wanted:
            name = metrics.name_of(metric)
            looks = "auc" in name or "precision" in name or name == "log_loss"
            given = (p[:, 1] if p.shape[1] == 2 else p) if looks else classes
            assert history[f"val_{name}"][-1] == pytest.approx(metric(true, given), rel=1e-12)
        given = metric = wanted[0]
        expected = metric(true, classes, sample_weight=WEIGHT)
        assert history[f"val_{weighted.__name__}"][-1] == pytest.approx(expected, rel=1e-12)


def test_one_that_has_no_meaning_for_several_classes_is_named_before_training():
    model = Sequential([Dense(3, "softmax")])
    for metric in (reference.f1_score, reference.roc_auc_score, metrics.Weighted(reference.f1_score)):
        model.compile(metrics=[metric])
        name = metrics.name_of(metric)
        with pytest.raises(
            ValueError, match=f"metric '{name}' failed: .*metrics=\\['f1_score|roc_auc_score'\\] is"
        ) as e:
            model.fit(X, CLASS)
        assert "def own" not in str(e.value) and not model.built
    model.compile(metrics=["f1_score", "roc_auc_score"])
    assert "roc_auc_score" in model.fit(X, CLASS)


@pytest.mark.parametrize(
    ("head", "metric", "y", "message"),
    [
        ("yes or no", "auc", YES * 0, "'auc' is not defined for these rows: all of these rows are of class 0"),
        (
            "yes or no",
            metrics.AUC(),
            YES * 0 + 1,
            "'auc' is not defined for these rows: all of these rows are of class 1",
        ),
        ("classes", "average_precision", CLASS % 2, "no row is of class 2; 'average_precision_weighted' leaves"),
        ("labels", "auc", LABELS | [0, 1, 0], "every row is of label 1$"),
        ("labels", "matthews", LABELS, "'matthews' .* wants one class a row, and there are 3 labels; use 'f1'"),
        ("labels", "weighted_top_2_accuracy", LABELS, "compares the scores of several classes; use 'accuracy'"),
        ("classes", "top_3_accuracy", CLASS, "every row is right with 3 of 3 classes; take fewer"),
        ("yes or no", "top_5_accuracy", YES, "compares the scores of several classes; use 'accuracy'"),
        ("squares", "f1", X[:, 0], "metric 'f1' counts right classes and needs 0 or 1 in y"),
        ("squares", "weighted_auc", YES * 2 - 1, "make the labels -1 and 1 into 0 and 1"),
        ("classes", "rmse", CLASS, "metric 'rmse' cannot compare class probabilities"),
        ("classes", "weighted_mse", CLASS, "metric 'weighted_mse' cannot compare class probabilities"),
        ("classes", metrics.F1(label=5), CLASS, "metric 'f1_of_5' failed: label=5 is not among 3 classes"),
        ("classes", metrics.F1(threshold=0.3), CLASS, "threshold=0.3 is for yes or no, and there are 3 classes"),
    ],
)
@pytest.mark.parametrize("part", ["train", "validation"])
def test_metrics_that_have_no_value_are_refused_before_training(head, metric, y, message, part):
    last, loss, good, _ = HEADS[head]
    model = Sequential([last])
    with pytest.raises(ValueError, match=message):
        model.compile(loss=loss, metrics=[metric])
        model.fit(X, y if part == "train" else good, validation_data=(X, y))
    assert not model.built


def test_outside_training_areas_of_one_class_warn():
    with pytest.warns(RuntimeWarning, match="auc is not defined: all of these rows are of class 0"):
        assert math.isnan(metrics.auc([0, 0], [0.2, 0.4]))
    with pytest.warns(
        RuntimeWarning, match="average_precision is not defined: no row is of class 2; 'average_precision_w"
    ):
        metrics.average_precision([0, 1], [[0.2, 0.4, 0.4]] * 2)
    assert math.isnan(metrics.auc([0, 1], [0.2, np.nan]))


def test_names_say_settings_and_files_keep_them(tmp_path):
    for name, metric in {
        "f1_macro": metrics.F1("macro"),
        "recall_of_0": metrics.Recall(label=0),
        "precision_at_0.8": metrics.Precision(threshold=0.8),
        "precision_micro_at_0.8": metrics.Precision("micro", threshold=0.8),
        "top_3_accuracy": metrics.TopKAccuracy(3),
        "balanced_accuracy_at_0.25": metrics.BalancedAccuracy(0.25),
        "auc_weighted": metrics.AUC("weighted"),
        "weighted_f1_weighted": metrics.Weighted(metrics.F1("weighted")),
    }.items():
        assert metrics.METRICS[name] == metric == pickle.loads(pickle.dumps(metric)) and metric.__name__ == name
    for name in ("f1_of_1_macro", "f1_at_2", "top_0_accuracy", "weighted_", "weighted_weighted_f1", "weighted_foo", ""):
        assert name not in metrics.METRICS

    def own(y_true, y_pred):
        return 0.0

    model = Sequential([Dense(1, "sigmoid")])
    lost = [own, metrics.Precision(zero_division=1)]
    model.compile(metrics=["f1", metrics.F1("macro"), "weighted_accuracy", metrics.Weighted(metrics.mse), *lost])
    model.build(4)
    model.save(tmp_path / "m.safetensors")
    kept = ("f1", "f1_macro", "weighted_accuracy", "weighted_mean_squared_error")
    assert nncore.load(tmp_path / "m.safetensors").metrics == kept
    assert pickle.loads(pickle.dumps(Sequential([Dense(1)]))).metrics == ()
    assert pickle.loads(b"cnncore.metrics\naccuracy\n.") is metrics.accuracy, "as pickles name it"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.F1("samples"), "average must be 'macro' or 'micro' or 'weighted', got 'samples'"),
        (lambda: metrics.F1("macro", label=1), "give average='macro' or label=1, not both"),
        (lambda: metrics.F1(threshold=2), "threshold must be"),
        (lambda: metrics.Recall(zero_division=2), "zero_division must be 0, 1 or NaN, got 2"),
        (lambda: metrics.TopKAccuracy(0), "k must be"),
        (
            lambda: metrics.f1([0, 1], [0.2, 0.7]),
            r"class indices, got 0.2; probabilities of class 1 go in shape \(n, 1\)",
        ),
        (lambda: metrics.f1([0, 2], [[0.2], [0.7]]), "labels 0 and 1, got 2"),
        (lambda: metrics.f1([0, 3], [[0.2, 0.8]] * 2), "class indices below 2, the number of columns of y_pred, got 3"),
        (lambda: metrics.f1([[1, 1], [0, 1]], [[0.2, 0.8]] * 2), r"y_true\[0\] has 2 classes: .* give multilabel=True"),
        (lambda: metrics.F1()([[0.5, 1]] * 2, [[0.2, 0.8]] * 2, multilabel=True), r"labels 0 and 1, got \[0.5\]"),
        (lambda: metrics.F1()([0, 1], [[0.2, 0.8]] * 2, multilabel=True), "a column for each of 2 labels, got shape"),
        (lambda: metrics.f1([[1, 0, 0]], [[0.2, 0.8]]), "different numbers of columns: 3 and 2"),
        (lambda: metrics.f1([0, 1], [["a"], ["b"]]), "y_pred must be numbers of shape"),
        (lambda: metrics.accuracy([0, 1], [0, 1], [1, -1]), "sample_weight must be finite and >= 0, got -1"),
        (lambda: metrics.rmse([0, 1], [0, 1], [0, 0]), "sample_weight is 0 for every row"),
        (lambda: metrics.mape([0, 1], [0, 1], [1]), r"sample_weight must have shape \(2,\), got \(1,\)"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_weighted_takes_a_function_and_says_the_name():
    with pytest.raises(TypeError, match="must be a function, got 'f1' of type str; by name it is 'weighted_f1'"):
        metrics.Weighted("f1")
    with pytest.raises(TypeError, match="metrics=\\['weighted_accuracy'\\]"):
        Sequential([Dense(1)]).compile(weighted_metrics=["accuracy"])
