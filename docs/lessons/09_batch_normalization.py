"""# Batch normalisation and the learning rate

While a layer learns, the inputs of the next one shift and stretch under its feet. Batch normalisation (Ioffe and
Szegedy, 2015) puts a layer in between that brings every column of a batch to mean 0 and variance 1, and then lets the
network choose a mean `beta` and a deviation `gamma` of its own:

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

The means and variances are those of the batch in training. To predict one row there is no batch: running averages stand
in, which the layer collects while it trains.

What it buys is room. Without it, only a narrow band of learning rates works in a deep network: below, too little
happens in the given time, above, training fails. With it the band is wider and reaches further up, and at the best of
these rates fewer epochs do.

Its weak spot is a small batch: the mean of three rows says little about the rest, and it goes both into the step and
into the running averages. So let the number of rows be a multiple of `batch_size`, or leave out the rows beyond.

**What this lesson does.** It trains a network of eight hidden layers on handwritten digits for five epochs, with plain
gradient descent and a range of learning rates: without `BatchNorm`, with it, and with it on three rows more, which make
a last batch of three. It counts the rates that bring the accuracy on held-out images to 90 %, and the epochs until
then. Then it looks at a batch inside of the network, before and behind the layer, with `model.explain_step`, does the
formula by hand, and compares the running averages with means over all rows.
"""

import sys

import numpy as np
from drawing import panels, save

from nncore import SGD, Activation, BatchNorm, Dense, Sequential, TrainingDiverged
from nncore.datasets import Standardizer, load_digits, train_test_split
from nncore.plots.colours import BLUE, PURPLE, VERMILLION

RATES = 2.0 ** np.arange(-8, 4)
BATCH = 64
EPOCHS = 5
GUESSING = 0.1
GOOD = 0.9


def network(normalise):
    norm = [BatchNorm()] if normalise else []
    hidden = [layer for _ in range(8) for layer in (Dense(64), *norm, Activation("relu"))]
    return Sequential([*hidden, Dense(10, "softmax")])


def accuracies_at(rate, normalise, X_train, y_train, held_out):
    """Return the accuracy on held-out rows after each epoch of gradient descent; of guessing if it diverged."""
    model = network(normalise)
    model.compile(SGD(rate), metrics=["accuracy"])
    try:
        model.fit(X_train, y_train, epochs=EPOCHS, batch_size=BATCH, validation_data=held_out, verbose=False)
    except TrainingDiverged:
        return [GUESSING] * EPOCHS
    return model.history.val_accuracy


def inside(X, y):
    """Train a network; look at its BatchNorm in the step that the first batch would make next.

    Returns
    -------
    before, normalised, behind : ndarray of shape (BATCH, 16)
        What goes into the layer; the same by the formula, but for gamma and beta; what the engine makes of it.
    off : float
        The largest difference between `behind` and the formula.
    mean_off, variance_off : float
        The largest errors of the running averages: in deviations, and relative.
    """
    model = Sequential([Dense(16), BatchNorm(), Activation("relu"), Dense(10, "softmax")])
    model.fit(X, y, epochs=10, batch_size=BATCH, verbose=False)
    weight, bias, gamma, beta, *_, mean, variance = model.get_weights()
    layer = model.explain_step(X[:BATCH], y[:BATCH])["batch_norm_1"]
    normalised = (layer.x - layer.x.mean(axis=0)) / np.sqrt(layer.x.var(axis=0) + 1e-5)
    off = float(abs(layer.a - (gamma * normalised + beta)).max())
    everything = X @ weight + bias
    mean_off = float(abs((mean - everything.mean(axis=0)) / everything.std(axis=0)).max())
    variance_off = float(abs(variance / everything.var(axis=0) - 1).max())
    return layer.x, normalised, layer.a, off, mean_off, variance_off


def draw(folder, accuracies):
    figure, ((axes,),) = panels(width=6.4, height=4.2)
    for (name, values), color, marker in zip(accuracies.items(), (VERMILLION, BLUE, PURPLE), "so^", strict=True):
        axes.semilogx(RATES, values, color=color, marker=marker, label=name)
    axes.axhline(GOOD, color="gray", linestyle=":", linewidth=1)
    axes.set(
        title=f"eight hidden layers, {EPOCHS} epochs", xlabel="learning rate", ylabel="accuracy on held-out images"
    )
    axes.set_ylim(0, 1.02)
    figure.legend(loc="outside lower center", ncols=2)
    save(figure, folder, __file__)


def main(folder="."):
    X, y = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(Standardizer().fit_transform(X).astype(np.float32), y, seed=0)
    whole = len(X_train) // BATCH * BATCH  # rows that fill their batches
    print(f"{len(X_train)} rows, of which {whole} fill batches of {BATCH}\n")
    accuracies, soonest = {}, {}
    for name, normalise, rows in (
        ("without BatchNorm", False, whole),
        ("with BatchNorm", True, whole),
        (f"with, last batch of {len(X_train) - whole} rows", True, len(X_train)),
    ):
        data = X_train[:rows], y_train[:rows], (X_test, y_test)
        courses = np.array([accuracies_at(rate, normalise, *data) for rate in RATES])
        accuracies[name] = courses[:, -1].tolist()
        good_by_epoch = (courses >= GOOD).any(axis=0)
        soonest[name] = int(good_by_epoch.argmax()) + 1 if good_by_epoch.any() else None
    print("Accuracy on held-out images by learning rate")
    print(f"{'rate':<29}" + "".join(f"{rate:>7.3f}" for rate in RATES))
    for name, values in accuracies.items():
        print(f"{name:<29}" + "".join(f"{value:>7.0%}" for value in values))
    good = {name: RATES[np.array(values) >= GOOD].tolist() for name, values in accuracies.items()}
    for name, rates in good.items():
        highest = f", up to {max(rates):g}; the quickest in epoch {soonest[name]}" if rates else ""
        print(f"{name}: after {EPOCHS} epochs {len(rates)} of {len(RATES)} rates reach {GOOD:.0%}{highest}")

    before, normalised, behind, off, mean_off, variance_off = inside(X_train[:whole], y_train[:whole])
    print(f"\nInside: 16 columns of weighted sums, one batch of {BATCH} rows")
    for place, values in {"before": before, "normalised": normalised, "behind": behind}.items():
        means, deviations = values.mean(axis=0), values.std(axis=0)
        print(f"  {place:<10}  means {means.min():>6.2f} to {means.max():.2f}, ", end="")
        print(f"deviations {deviations.min():.2f} to {deviations.max():.2f}")
    print(f"  behind is gamma * normalised + beta; engine and formula differ by {off:.1e} at most")
    print(f"  running means are off by {mean_off:.2f} deviations at most, running variances by {variance_off:.0%}")
    draw(folder, accuracies)
    return {
        "good": list(good.values()),
        "soonest": list(soonest.values()),
        "normalised": [float(abs(normalised.mean(axis=0)).max()), float(abs(normalised.std(axis=0) - 1).max())],
        "off": off,
        "mean_off": mean_off,
        "variance_off": variance_off,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
