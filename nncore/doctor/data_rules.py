"""Rules about the data: inputs of very different or very large scale, classes of very different size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nncore.base.protocols import Record
from nncore.doctor.findings import Finding
from nncore.doctor.series import current_layers, percent, short

FAR = 10.0
"""Standard deviation, or distance of the mean from 0, that is no longer about 1. Inputs should have mean 0 and equal
variances (LeCun, Bottou, Orr and Mueller, 1998, "Efficient BackProp", section 4.3)."""
VERY_FAR = 100.0  # as raw pixels, years or amounts of money have
UNEQUAL = 1e3  # largest by smallest standard deviation; 0/1 columns with one 1 in 1,000 rows are still within it
TINY = 1e-2  # largest standard deviation: next to the bias, the inputs are constant

BLURRED = 0.05
"""Error of a feature in bfloat16, by its standard deviation. A number in 8 bits is off by some 0.2 %, so that this is
one whose mean lies 25 of its deviations away from 0: of standardised features the error is 0.002."""

IMBALANCED = 10.0  # rows of the largest class by those of the smallest (He and Garcia, 2009, section 2, speak of 100:1)
VERY_IMBALANCED = 100.0

UNSEEN = 0.1  # share of a class among the training rows by that among the validation rows; of odd lots, it is near 1
AT_LEAST = 2  # validation rows of that class: one alone may be chance
NORMALISING = ("BatchNorm", "LayerNorm", "Normalization")
WITHOUT_WEIGHTS = ("Dropout", "Activation", "GaussianNoise")


def rounded_inputs(history: Record) -> Iterator[Finding]:
    """Report inputs of whose differences mixed_bfloat16 leaves little, unless they are normalised before."""
    inputs = history.inputs
    if inputs is None or _normalises_first(history):
        return
    blurred, blur, values, left = (inputs.get(name, 0) for name in ("blurred", "blur", "values", "values_left"))
    if not blur > BLURRED:  # a history of float32, or of an older version, has none
        return
    yield Finding(
        "rounded_inputs",
        "warning",
        None,
        f"of {values} values of feature {blurred}, mixed_bfloat16 tells {left} apart: rounding changes it by "
        f"{percent(blur)} of its standard deviation",
        "Products take the inputs rounded to 8 bits. Of numbers far from 0 these say how large they are, and little or "
        "nothing of how they differ, which then cannot be learnt.",
        "standardise all rows by the training rows: nncore.datasets.Standardizer().fit(X_train).transform(X); or "
        "Normalization() as the first layer; or dtype='float32'.",
    )


def _normalises_first(history: Record) -> bool:
    """Tell whether the first layer that has weights normalises the inputs."""
    kinds = [layer.kind for layer in current_layers(history) if layer.kind not in WITHOUT_WEIGHTS]
    return bool(kinds) and kinds[0] in NORMALISING


def unscaled_inputs(history: Record) -> Iterator[Finding]:
    """Report inputs far from mean 0 and deviation 1, unless the first layer that has weights normalises them."""
    inputs = history.inputs
    if inputs is None or _normalises_first(history):
        return
    low, high = inputs["std_min"], inputs["std_max"]
    mean = max(abs(inputs["mean_min"]), abs(inputs["mean_max"]))
    if high > FAR or mean > FAR:
        seen = f"means of features reach {short(mean)}, standard deviations {short(high)} (feature {inputs['widest']})"
    elif low > 0 and high > UNEQUAL * low:
        seen = (
            f"feature {inputs['widest']} has standard deviation {short(high)}, feature {inputs['narrowest']} only "
            f"{short(low)}"
        )
    elif 0 < high < TINY:
        seen = f"the largest standard deviation of a feature is {short(high)}"
    else:
        return
    yield Finding(
        "unscaled_inputs",
        "warning" if max(high, mean) > VERY_FAR else "hint",
        None,
        seen,
        "The gradient of a weight grows with its input: no learning rate suits large and small inputs alike, and large "
        "ones push the first layer to the flat ends of its activations.",
        "standardise all rows by the training rows: nncore.datasets.Standardizer().fit(X_train).transform(X), to which "
        "a constant column is no harm; or Normalization() as the first layer.",
    )


def label_imbalance(history: Record) -> Iterator[Finding]:
    """Report classes of which one has many times the rows of another."""
    counts = np.array((history.targets or {}).get("counts", []))
    present = counts[counts > 0]
    if len(present) < 2 or present.max() < IMBALANCED * present.min():
        return
    common, rare = int(counts.argmax()), int(np.where(counts > 0, counts, np.inf).argmin())
    ratio = counts[common] / counts[rare]
    yield Finding(
        "label_imbalance",
        "warning" if ratio >= VERY_IMBALANCED else "hint",
        None,
        f"class {_name(history, common)} has {short(ratio)} times the rows of class {_name(history, rare)}",
        "Always answering with the common class already scores well, so that the rare one is easily never learnt, and "
        "accuracy does not show it.",
        'fit(..., class_weight="balanced"), or sample_weight; and look at nncore.metrics.confusion_matrix, not at '
        "accuracy alone.",
    )


def unseen_class(history: Record) -> Iterator[Finding]:
    """Report a class that validation asks for, and training has none or next to none of."""
    targets = history.targets or {}
    n_classes = max(len(targets.get("counts", [])), len(targets.get("validation_counts", [])))
    trained, asked = (_padded(targets.get(name, []), n_classes) for name in ("counts", "validation_counts"))
    if not (trained.sum() > 0 and asked.sum() > 0):
        return
    trained_share, asked_share = trained / trained.sum(), asked / asked.sum()
    unseen = np.where((asked >= AT_LEAST) & (trained_share < UNSEEN * asked_share), asked_share, 0)
    if not unseen.any():
        return
    label = int(unseen.argmax())
    yield Finding(
        "unseen_class",
        "warning",
        None,
        f"class {_name(history, label)} makes up {percent(asked_share[label])} of the validation rows, but "
        f"{percent(trained_share[label])} of those to train on",
        "What training never shows cannot be learnt, and the validation loss tells little of the rest. Where rows are "
        "sorted by class, the last ones, which validation_split takes, are a class of their own.",
        "nncore.datasets.train_test_split(X, y, stratify=True), and fit(..., validation_data=(X_test, y_test)); or "
        "shuffle the rows of X and y together before validation_split.",
    )


def sorted_rows(history: Record) -> Iterator[Finding]:
    """Report validation rows that follow those to train on in sorted order, though training knows their classes."""
    targets = history.targets or {}
    if not targets.get("sorted") or any(unseen_class(history)):
        return
    asked = np.array(targets.get("validation_counts", []))
    seen = "the targets of the validation rows are all above, or all below, those of the rows to train on"
    stratify = ""
    if len(asked):
        stratify = ", stratify=True"
        share, label = percent(asked.max() / asked.sum()), _name(history, int(asked.argmax()))
        seen = f"the rows are sorted by class: {share} of the validation rows are of class {label}"
    yield Finding(
        "sorted_rows",
        "warning",
        None,
        seen,
        "validation_split takes the last rows as they stand: the validation loss is that of a few classes or of other "
        "values, and tells nothing of the rest.",
        f"nncore.datasets.train_test_split(X, y{stratify}), and fit(..., validation_data=(X_test, y_test)); or shuffle "
        "the rows of X and y together before validation_split. Rows in the order of time may be meant so.",
    )


def _name(history: Record, label: int) -> str:
    """Return the name of a class if it was noted, else its number."""
    names = (history.targets or {}).get("names", [])
    return str(names[label] if label < len(names) else label)


def _padded(counts: list[float], n_classes: int) -> NDArray[np.float64]:
    return np.array([*counts, *[0.0] * (n_classes - len(counts))], np.float64)
