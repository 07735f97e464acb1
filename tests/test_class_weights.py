"""class_weight: what it makes of sample weights, for every form of class labels, and what is refused."""

import numpy as np
import pytest

import nncore
from nncore import Dense, Sequential

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
CLASSES = np.repeat([0, 1, 2], [20, 8, 2])
YES = (CLASSES > 0).astype(int)
OWN = RNG.uniform(0.5, 2, size=30)


def model_of(kind):
    head = {"sparse": Dense(3, "softmax"), "one-hot": Dense(3, "softmax"), "binary": Dense(1, "sigmoid")}[kind]
    model = Sequential([Dense(4, "tanh"), head], seed=1, dtype="float64")
    model.compile(loss="categorical_crossentropy" if kind == "one-hot" else None)
    return model


TARGET = {"sparse": CLASSES, "one-hot": np.eye(3)[CLASSES], "binary": YES}
BY_CLASS = {
    "sparse": np.array([30 / (3 * 20), 30 / (3 * 8), 30 / (3 * 2)])[CLASSES],
    "one-hot": np.array([30 / (3 * 20), 30 / (3 * 8), 30 / (3 * 2)])[CLASSES],
    "binary": np.array([30 / (2 * 20), 30 / (2 * 10)])[YES],
}


def trained(kind, y=None, **options):
    model = model_of(kind)
    history = model.fit(X, TARGET[kind] if y is None else y, epochs=3, batch_size=8, **options)
    return model.parameters.tolist(), history.loss.tolist()


@pytest.mark.parametrize("own", [None, OWN])
@pytest.mark.parametrize("kind", TARGET)
def test_balanced(kind, own):
    weights = BY_CLASS[kind] * (1 if own is None else own)
    assert trained(kind, class_weight="balanced", sample_weight=own) == trained(kind, sample_weight=weights)


@pytest.mark.parametrize("own", [None, OWN])
@pytest.mark.parametrize("kind", TARGET)
def test_given(kind, own):
    labels = YES if kind == "binary" else CLASSES
    weights = np.where(labels == 1, 2.5, 1.0) * (1 if own is None else own)
    assert trained(kind, class_weight={np.int64(1): 2.5}, sample_weight=own) == trained(kind, sample_weight=weights)


def test_classes_that_do_not_occur_do_not_count():
    two = np.where(CLASSES == 2, 1, CLASSES)
    weights = np.array([30 / (2 * 20), 30 / (2 * 10)])[two]
    assert trained("sparse", two, class_weight="balanced") == trained("sparse", two, sample_weight=weights)


def test_true_and_false_are_classes():
    assert trained("binary", YES == 1, class_weight={True: 3}) == trained("binary", class_weight={1: 3.0})


def test_a_class_may_be_left_out_of_training():
    kept = trained("sparse", class_weight={2: 0})
    assert kept == trained("sparse", sample_weight=np.where(CLASSES == 2, 0.0, 1.0))


def test_balanced_is_of_the_rows_trained_on_and_validation_is_not_weighted():
    order = RNG.permutation(30)
    split, given = model_of("sparse"), model_of("sparse")
    one = split.fit(X[order], CLASSES[order], epochs=2, class_weight="balanced", validation_split=0.5)
    rest = order[15:]
    other = given.fit(
        X[order[:15]],
        CLASSES[order[:15]],
        epochs=2,
        class_weight="balanced",
        validation_data=(X[rest], CLASSES[rest]),
    )
    assert np.array_equal(split.parameters, given.parameters)
    assert one.val_loss.tolist() == other.val_loss.tolist()
    assert one.val_loss[-1] == pytest.approx(split.evaluate(X[rest], CLASSES[rest])["loss"])


def test_the_callers_weights_are_not_touched():
    own = OWN.copy()
    trained("sparse", class_weight="balanced", sample_weight=own)
    assert np.array_equal(own, OWN)


SOFT = np.eye(3)[CLASSES] * 0.9 + 0.1 / 3


@pytest.mark.parametrize(
    ("kind", "y", "class_weight", "error", "message"),
    [
        ("sparse", None, "balance", ValueError, "unknown class_weight 'balance'; did you mean 'balanced'"),
        (
            "sparse",
            None,
            [1, 2, 3],
            TypeError,
            r"class_weight must be 'balanced' or a dict .*, got \[1, 2, 3\] .* dict\(enum",
        ),
        ("sparse", None, {3: 1}, ValueError, r"class_weight has the class 3, but the classes are 0..2"),
        ("sparse", None, {-1: 1}, ValueError, r"class_weight has the class -1, but the classes are 0..2"),
        ("sparse", None, {"cat": 1}, ValueError, r"class_weight has the class 'cat', but .* its number in y$"),
        ("sparse", None, {1.5: 1}, ValueError, r"class_weight has the class 1.5, but the classes are 0..2$"),
        ("sparse", None, {np.nan: 1}, ValueError, r"class_weight has the class nan, but"),
        ("sparse", None, {"1": 1}, ValueError, r"has the class '1', but .* the keys are numbers: 1, not '1'$"),
        ("binary", None, {2: 1}, ValueError, r"class_weight has the class 2, but the classes are 0..1"),
        ("sparse", None, {1: -2}, ValueError, r"class_weight\[1\] must be a finite number >= 0, got -2.0"),
        ("sparse", None, {1: np.nan}, ValueError, r"class_weight\[1\] must be a finite number >= 0, got nan"),
        ("sparse", None, {1: "2"}, TypeError, r"class_weight\[1\] must be a finite number >= 0, got '2'"),
        ("sparse", None, {0: 0, 1: 0, 2: 0}, ValueError, "class_weight is zero for every class of y"),
        ("one-hot", SOFT, "balanced", ValueError, "row 0 of y is a mixture of classes: .*; give sample_weight instead"),
        ("binary", YES * 0.5, "balanced", ValueError, r"row 20 of y is neither 0 nor 1: \[0.5\]; give sample_weight"),
    ],
)
def test_what_is_refused(kind, y, class_weight, error, message):
    model = model_of(kind)
    with pytest.raises(error, match=message):
        model.fit(X, TARGET[kind] if y is None else y, class_weight=class_weight)
    assert not model.built


def test_classes_are_needed():
    with pytest.raises(
        ValueError, match="class_weight needs classes, but the loss mean_squared_error is for numbers; give"
    ):
        Sequential([Dense(1)]).fit(X, OWN, class_weight="balanced")
    with pytest.raises(ValueError, match="needs one class per sample, but binary_crossentropy of 2 outputs answers"):
        Sequential([Dense(2, "sigmoid")]).fit(X, np.eye(2)[YES], class_weight="balanced")


def test_weights_that_leave_nothing_or_overflow():
    model = Sequential([Dense(3, "softmax")])
    with pytest.raises(ValueError, match="class_weight times sample_weight is zero for every sample"):
        model.fit(X, CLASSES, class_weight={1: 0, 2: 0}, sample_weight=(CLASSES > 0).astype(float))
    with pytest.raises(ValueError, match="class_weight gives weights that are too large for float32"):
        model.fit(X, CLASSES, class_weight={1: 1e40})


def test_classes_that_were_not_measured_have_no_say():
    missing = np.arange(len(X)) % 4 == 1
    y = np.where(missing, np.nan, YES.astype(float))
    counts = [(y == k).sum() for k in (0, 1)]
    by_rows = np.where(missing, 1.0, (~missing).sum() / (2 * np.array(counts)[YES.astype(int)]))
    for class_weight, weight in (("balanced", by_rows), ({1: 3.0}, np.where(missing | (YES == 0), 1.0, 3.0))):
        found = []
        for options in ({"class_weight": class_weight}, {"sample_weight": weight}):
            model = Sequential([Dense(4, "tanh"), Dense(1, "sigmoid")], seed=3)
            model.compile("adam", nncore.BinaryCrossentropy(mask_missing=True), ["accuracy"])
            model.fit(X, y, epochs=4, batch_size=8, **options)
            found.append(model.parameters.tobytes())
        assert found[0] == found[1]
    model = Sequential([Dense(1, "sigmoid")])
    model.compile("adam", nncore.BinaryCrossentropy(mask_missing=True))
    with pytest.raises(ValueError, match=r"row 2 of y is neither 0 nor 1: \[0.5\]"):
        model.fit(X, np.where(np.arange(len(X)) == 2, 0.5, y), class_weight="balanced")
    with pytest.raises(ValueError, match="class_weight is zero for every class of y"):
        model.fit(X, y, class_weight={0: 0, 1: 0})
