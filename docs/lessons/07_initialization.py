"""# Initialisation: starting on the right foot

Training begins with random weights, and their size decides whether it begins at all. A weighted sum of n inputs has n
times the variance of one term. If the weights are too large, the signal grows from layer to layer until tanh units
saturate or ReLU units overflow; if they are too small, it fades, and the gradient, which goes through the same weights
on its way back, fades with it. The weights should keep the variance as it is:

- **Glorot** (Glorot and Bengio, 2010): variance `2 / (n_in + n_out)`, a compromise between the way forward and the way
  back, for functions like tanh whose slope at 0 is 1.
- **He** (He et al., 2015): variance `2 / n_in`; ReLU throws away half of the signal, so the weights make up for it.

And all weights equal will not do, whatever their value: units that begin alike receive the same gradient and stay
alike. A layer of a hundred such units is one unit, a hundred times. That is the *symmetry problem*.

**What this lesson does.** It sends handwritten digits through ten hidden layers of 100 units, layer by layer, for five
ways of drawing the weights, and looks at the standard deviation of what comes out of each; it trains these networks;
and it looks for the number of *different* units in a layer that started with equal weights.

In nncore `weight_initializer="auto"`, the default, takes He's for ReLU and its relatives and Glorot's for the rest.
"""

import sys

import numpy as np
from drawing import panels, save

from nncore import Constant, Dense, RandomNormal, Sequential, kernels
from nncore.datasets import Standardizer, load_digits
from nncore.plots.colours import BLUE, line_looks

SCHEMES = {
    "zeros": "zeros",
    "too small": RandomNormal(0.01),
    "too large": RandomNormal(0.5),
    "Glorot": "glorot_normal",
    "He": "he_normal",
}
DEPTH = 10


def network(activation, initializer):
    hidden = [Dense(100, activation, weight_initializer=initializer) for _ in range(DEPTH)]
    return Sequential([*hidden, Dense(10, "softmax", weight_initializer=initializer)])


def activations(model, activation, X):
    """Return what each hidden layer puts out."""
    arrays, outputs = model.get_weights(), [X]
    for weight, bias in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
        outputs.append(kernels.dense_forward(outputs[-1], weight, bias, activation))
    return outputs[1:]


def different_units(initializer, X, y):
    """Train a small network; return how many different columns the weight of its hidden layer then has."""
    hidden, last = (Dense(*kind, weight_initializer=initializer) for kind in ((20, "tanh"), (10, "softmax")))
    model = Sequential([hidden, last])
    model.fit(X, y, epochs=10, verbose=False)
    return len(np.unique(model.get_weights()[0].round(5), axis=1).T)


def draw(folder, deviations, losses):
    figure, axes = panels(1, 3, width=4.4)
    looks = dict(zip(SCHEMES, line_looks(len(SCHEMES)), strict=True))
    for panel, activation in zip(axes[0], ("tanh", "relu"), strict=False):
        for name, look in looks.items():
            values = [value or np.nan for value in deviations[activation, name]]  # a logarithm has no place for 0
            panel.semilogy(range(1, DEPTH + 1), values, **look, label=name)
        panel.set(title=f"outputs of {activation} layers", xlabel="layer", ylabel="standard deviation")
    for name, look in looks.items():
        wide = 4 if name == "zeros" else 1.5  # so that "too small", which lies on top of it, does not hide it
        axes[0, 2].semilogy(losses[name], **look, markevery=3, linewidth=wide, label=name)
    axes[0, 2].set(title="training the relu networks", xlabel="epoch", ylabel="loss")
    figure.legend(*axes[0, 2].get_legend_handles_labels(), loc="outside lower center", ncols=len(SCHEMES))
    for panel in axes[0, :2]:
        panel.text(0.05, 0.05, "zeros: 0 in every layer", color=BLUE, transform=panel.transAxes)
    save(figure, folder, __file__)


def main(folder="."):
    data = load_digits()
    X, y = Standardizer().fit_transform(data.X).astype(np.float32), data.y
    deviations, saturated = {}, {}
    for activation in ("tanh", "relu"):
        print(f"{activation}: standard deviation of the outputs of layers 1, 4, 7 and 10")
        for name, initializer in SCHEMES.items():
            model = network(activation, initializer)
            model.build(X.shape[1])
            outputs = activations(model, activation, X)
            deviations[activation, name] = [float(output.std()) for output in outputs]
            saturated[activation, name] = float((abs(outputs[-1]) > 0.97).mean())
            shown = "".join(f"{value:>11.2g}" for value in deviations[activation, name][::3])
            beyond = f"   {saturated['tanh', name]:.0%} of the last layer beyond 0.97" if activation == "tanh" else ""
            print(f"  {name:<10}{shown}{beyond}")

    print("\nrelu, 20 epochs of training with Adam")
    losses, accuracy = {}, {}
    for name, initializer in SCHEMES.items():
        model = network("relu", initializer)
        model.compile("adam", metrics=["accuracy"])
        history = model.fit(X, y, epochs=20, verbose=False)
        losses[name], accuracy[name] = history.loss, float(history.accuracy[-1])
        print(f"  {name:<10} loss {history.loss[0]:.3g} -> {history.loss[-1]:.3g}, accuracy {accuracy[name]:.1%}")

    units = {"all weights 0.1": different_units(Constant(0.1), X, y), "Glorot": different_units("glorot_normal", X, y)}
    print("\nDifferent units in a hidden layer of 20, after training:")
    for name, count in units.items():
        print(f"  {name:<16}{count}")
    draw(folder, deviations, losses)
    return {"deviations": deviations, "saturated": saturated, "accuracy": accuracy, "units": units}


if __name__ == "__main__":
    main(*sys.argv[1:])
