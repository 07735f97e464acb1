"""# Batch normalisation and the learning rate

While a layer learns, the inputs of the next one shift and stretch under its feet. Batch normalisation (Ioffe and
Szegedy, 2015) puts a layer in between that brings every column of a batch to mean 0 and variance 1, and then lets the
network choose a mean `beta` and a deviation `gamma` of its own:

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

The means and variances are those of the batch in training. To predict one row there is no batch: running averages stand
in, which the layer collects while it trains.

What it buys is room. Without it, only a narrow band of learning rates works in a deep network: below, too little
happens in the given time, above, training fails. With it the band is wider and reaches further up, and a higher rate
means fewer epochs.

Its weak spot is a small batch: the mean of three rows says little about the rest, and it goes both into the step and
into the running averages. So let the number of rows be a multiple of `batch_size`, or leave out the rows beyond.

**What this lesson does.** It trains a network of eight hidden layers on handwritten digits for five epochs, with plain
gradient descent and a range of learning rates: without `BatchNorm`, with it, and with it on three rows more, which make
a last batch of three. It counts the rates that bring the accuracy on held-out images to 90 %. Then it looks at a batch
inside of the network, before and behind the layer, and compares the running averages with means over all rows.
"""

import sys

import numpy as np
from drawing import BLUE, ORANGE, PINK, panels, save

from nncore import SGD, Activation, BatchNorm, Dense, Sequential, TrainingDiverged
from nncore.datasets import Standardizer, load_digits, train_test_split

RATES = 2.0 ** np.arange(-8, 4)
BATCH = 64
GOOD = 0.9


def network(normalise):
    norm = [BatchNorm()] if normalise else []
    hidden = [layer for _ in range(8) for layer in (Dense(64), *norm, Activation("relu"))]
    return Sequential([*hidden, Dense(10, "softmax")])


def accuracy_at(rate, normalise, X_train, X_test, y_train, y_test):
    """Return the accuracy on held-out rows after five epochs of gradient descent; that of guessing if it diverged."""
    model = network(normalise)
    model.compile(SGD(rate), metrics=["accuracy"])
    try:
        model.fit(X_train, y_train, epochs=5, batch_size=BATCH, verbose=False)
    except TrainingDiverged:
        return 0.1
    return model.evaluate(X_test, y_test)["accuracy"]


def inside(X, y):
    """Return what goes into a BatchNorm layer and comes out of it in training, and its running mean and variance."""
    model = Sequential([Dense(16), BatchNorm(), Activation("relu"), Dense(10, "softmax")])
    model.fit(X, y, epochs=10, batch_size=BATCH, verbose=False)
    weight, bias, gamma, beta, *_, mean, variance = model.get_weights()
    before = X @ weight + bias
    after = gamma * (before - before.mean(axis=0)) / np.sqrt(before.var(axis=0) + 1e-5) + beta
    return before, after, mean, variance


def draw(folder, accuracies):
    figure, ((axes,),) = panels(width=6.4, height=4.2)
    for (name, values), color, marker in zip(accuracies.items(), (ORANGE, BLUE, PINK), "so^", strict=True):
        axes.semilogx(RATES, values, color=color, marker=marker, label=name)
    axes.axhline(GOOD, color="gray", linestyle=":", linewidth=1)
    axes.set(title="eight hidden layers, five epochs", xlabel="learning rate", ylabel="accuracy on held-out images")
    axes.set_ylim(0, 1.02)
    figure.legend(loc="outside lower center", ncols=2)
    save(figure, folder, __file__)


def main(folder="."):
    X, y = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(Standardizer().fit_transform(X).astype(np.float32), y, seed=0)
    whole = len(X_train) // BATCH * BATCH  # rows that fill their batches
    print(f"{len(X_train)} rows, of which {whole} fill batches of {BATCH}\n")
    accuracies = {}
    for name, normalise, rows in (
        ("without BatchNorm", False, whole),
        ("with BatchNorm", True, whole),
        (f"with, last batch of {len(X_train) - whole} rows", True, len(X_train)),
    ):
        data = X_train[:rows], X_test, y_train[:rows], y_test
        accuracies[name] = [accuracy_at(rate, normalise, *data) for rate in RATES]
    print("Accuracy on held-out images by learning rate")
    print(f"{'rate':<29}" + "".join(f"{rate:>7.3f}" for rate in RATES))
    for name, values in accuracies.items():
        print(f"{name:<29}" + "".join(f"{value:>7.0%}" for value in values))
    good = {name: RATES[np.array(values) >= GOOD].tolist() for name, values in accuracies.items()}
    for name, rates in good.items():
        highest = f", up to {max(rates):g}" if rates else ""
        print(f"{name}: {len(rates)} of {len(RATES)} rates reach {GOOD:.0%}{highest}")

    before, after, mean, variance = inside(X_train[:whole], y_train[:whole])
    print("\nInside: 16 columns of weighted sums, over all rows")
    for place, values in {"before": before, "behind": after}.items():
        means, deviations = values.mean(axis=0), values.std(axis=0)
        print(f"  {place}: means {means.min():.2f} to {means.max():.2f}, ", end="")
        print(f"deviations {deviations.min():.2f} to {deviations.max():.2f}")
    mean_off = float(abs((mean - before.mean(axis=0)) / before.std(axis=0)).max())
    variance_off = float(abs(variance / before.var(axis=0) - 1).max())
    print(f"  running means are off by {mean_off:.2f} deviations at most, running variances by {variance_off:.0%}")
    draw(folder, accuracies)
    return {
        "good": list(good.values()),
        "mean_off": mean_off,
        "variance_off": variance_off,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
