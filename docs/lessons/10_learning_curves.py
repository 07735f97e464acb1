"""# Learning curves, and the doctor

Training is watched through curves. The *training loss* should fall, quickly at first, then ever more slowly. The
*validation loss*, on rows that are not trained on, should go with it; where it turns upwards, the network has begun to
learn its rows by heart. Both are in `fit`'s history, and with them, for every layer, the length of the gradient, the
size of the steps, the distribution of weights and outputs, and how many units are dead or saturated.

`history.doctor()` reads these records and says in plain language what is wrong, why, and what to try. It knows some
dozen complaints, and if there is nothing to complain about, it says so.

**What this lesson does.** It trains six networks, of which five are ill, and asks the doctor:

- a healthy one, to begin with;
- a learning rate that is too high: the loss jumps about;
- one that is too low: it falls, but hardly;
- a large network and few rows: the gap between the two curves opens;
- twenty layers of sigmoids: the gradient does not reach the first ones;
- inputs as they come, some in the hundreds, others in the hundredths.
"""

import sys

from drawing import panels, save

from nncore import SGD, Adam, Dense, Sequential
from nncore.datasets import load_breast_cancer, load_digits, train_test_split
from nncore.plots.colours import BLUE, VERMILLION


def digits(n_rows=None):
    """Return training rows and validation data of handwritten digits, pixels between 0 and 1."""
    data = load_digits()
    X, X_val, y, y_val = train_test_split(data.X / 16, data.y, seed=0)
    return X[:n_rows], y[:n_rows], (X_val, y_val)


def raw_cells():
    """Return the breast cancer data as they are, without standardising."""
    X, X_val, y, y_val = train_test_split(*load_breast_cancer(), seed=0)
    return X, y, (X_val, y_val)


def relu(units, n_layers=1, **options):
    return [Dense(units, "relu", **options) for _ in range(n_layers)]


SOFTMAX, SIGMOID = Dense(10, "softmax"), Dense(1, "sigmoid")
CASES = {
    "healthy": ([*relu(32, l2=1e-3), SOFTMAX], Adam(), digits()),
    "learning rate too high": ([*relu(32, 2), SOFTMAX], Adam(0.1), digits()),
    "learning rate too low": ([*relu(32, 2), SOFTMAX], SGD(1e-5), digits()),
    "large network, 100 rows": ([*relu(64, 2), SOFTMAX], Adam(0.003), digits(100)),
    "20 sigmoid layers": ([*(Dense(32, "sigmoid") for _ in range(20)), SOFTMAX], Adam(), digits()),
    "raw inputs": ([*relu(32, 2), SIGMOID], Adam(), raw_cells()),
}


def draw(folder, histories):
    figure, axes = panels(2, 3, width=3.8, height=3)
    for panel, (name, history) in zip(axes.flat, histories.items(), strict=True):
        panel.semilogy(history.epochs, history.loss, color=BLUE, label="training")
        panel.semilogy(history.epochs, history.val_loss, "--", color=VERMILLION, label="validation")
        panel.set(title=name, xlabel="epoch", ylabel="loss", ylim=(0.005, 100))
    axes[0, 0].legend()
    save(figure, folder, __file__)


def main(folder="."):
    histories, findings = {}, {}
    print(f"{'':<26}{'loss':<20}{'validation loss':<20}the doctor finds")
    for name, (layers, optimizer, (X, y, validation)) in CASES.items():
        model = Sequential(layers)
        model.compile(optimizer)
        history = histories[name] = model.fit(X, y, epochs=40, validation_data=validation, verbose=False)
        findings[name] = [finding.rule for finding in history.doctor()]
        curves = (f"{history[c][0]:.3g} -> {history[c][-1]:.3g}" for c in ("loss", "val_loss"))
        words = ", ".join(rule.replace("_", " ") for rule in findings[name]) or "nothing"
        print(f"{name:<26}" + "".join(f"{curve:<20}" for curve in curves) + words)
    for name in ("20 sigmoid layers", "large network, 100 rows"):
        print(f"\n=== {name}: {histories[name].doctor()}")
    draw(folder, histories)
    return findings


if __name__ == "__main__":
    main(*sys.argv[1:])
