"""# Activations, and why nonlinearity matters

Without activation functions a network of many layers is a network of one. A linear layer computes `x W + b`; put a
second behind it and you get

    (x W1 + b1) W2 + b2  =  x (W1 W2) + (b1 W2 + b2)

which is a linear layer again, with the weight `W1 W2`. However many there are, they *collapse*. A bend between the
layers, which need not be more than `max(0, z)`, prevents that, and everything that deep networks can do comes from it.

**What this lesson does.**

1. It draws the activation functions with their slopes, as the engine computes them. Look at the slopes: that of the
   sigmoid is small everywhere and next to nothing outside of a few units around 0. A gradient that travels back
   through the layers is multiplied by such a slope in each of them.
2. It builds a network of six linear layers, multiplies their matrices, and compares the product with the network.
3. It trains the same layers, once linear and once with ReLU, on three spiral arms, beside a single linear layer.

**Which one to take.** In hidden layers `relu`, or a relative that is not flat from 0 on downwards: `leaky_relu` never
is, `elu`, `gelu` and `silu` become so only further left. At the end `sigmoid` for one yes or no, `softmax` for one
class of several, none for a quantity, or `relu` for one that cannot be negative.
"""

import sys

import numpy as np
from drawing import panels, save

from nncore import Dense, Sequential, kernels, plots
from nncore.datasets import make_spiral
from nncore.plots.colours import distinct

SHOWN = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu")


def slope(name, z):
    """Return the derivative of an activation: what its backward pass makes of a gradient of 1."""
    return kernels.activate_backward(name, np.ones_like(z), z, kernels.activate(name, z))


def network(activation, n_hidden, n_outputs=3):
    return Sequential([*(Dense(16, activation) for _ in range(n_hidden)), Dense(n_outputs, "softmax")], dtype="float64")


def collapse(model, n_features):
    """Multiply the matrices of a linear network; return one weight (n_features, n_outputs) and bias (n_outputs,)."""
    weight, bias = np.eye(n_features), np.zeros(n_features)
    arrays = model.get_weights()
    for W, b in zip(arrays[::2], arrays[1::2], strict=True):
        weight, bias = weight @ W, bias @ W + b
    return weight, bias


def draw(folder, X, y, models):
    figure, axes = panels(2, 2, width=5)
    z = np.linspace(-4, 4, 401)
    for name, color in zip(SHOWN, distinct(len(SHOWN)), strict=True):
        style = "--" if name in ("leaky_relu", "elu") else "-"  # so that what lies on top of each other shows
        axes[0, 0].plot(z, kernels.activate(name, z), style, color=color, label=name)
        axes[0, 1].plot(z, slope(name, z), style, color=color, label=name)
    axes[0, 0].set(title="activations", xlabel="z", ylabel="f(z)", ylim=(-1.6, 4))
    axes[0, 1].set(title="their slopes", xlabel="z", ylabel="f'(z)")
    axes[0, 0].legend()
    for panel, (title, model) in zip(axes[1], models.items(), strict=True):
        plots.decision_boundary(model, X, y, ax=panel)
        panel.set(title=title, aspect="equal")
    save(figure, folder, __file__)


def main(folder="."):
    z = np.linspace(-10, 10, 2001)
    slopes = {name: slope(name, np.array([-5.0, -0.5, 5.0])) for name in SHOWN}
    print(f"{'':<12}  largest slope  slope at -5, -0.5 and 5")
    for name in SHOWN:
        print(f"  {name:<10}{slope(name, z).max():>15.3f}" + "".join(f"{value:>11.6f}" for value in slopes[name]))

    stack = Sequential([*(Dense(16) for _ in range(5)), Dense(3)], seed=1, dtype="float64")
    stack.build(2)
    weight, bias = collapse(stack, 2)
    X = np.random.default_rng(0).normal(size=(1000, 2))
    difference = float(abs(stack.predict(X) - (X @ weight + bias)).max())
    print(f"\nSix linear layers, {stack.n_parameters} parameters, or one of {weight.size + bias.size}:")
    print(f"  the outputs of 1000 random points differ by {difference:.1e} at most")

    X, y = make_spiral(600, arms=3, noise=0.02)
    models = {"6 linear layers": network(None, 5), "the same with ReLU": network("relu", 5)}
    accuracy = {}
    for title, model in {**models, "1 linear layer": network(None, 0)}.items():
        model.compile("adam", metrics=["accuracy"])
        model.fit(X, y, epochs=200, verbose=False)
        accuracy[title] = model.evaluate(X, y)["accuracy"]
    print("\nThree spiral arms, share of the points that are classified correctly:")
    for title, value in accuracy.items():
        print(f"  {title:<20}{value:.1%}")
    draw(folder, X, y, models)
    return {
        "sigmoid_slope": float(slope("sigmoid", z).max()),
        "slopes": {name: values.tolist() for name, values in slopes.items()},
        "difference": difference,
        "linear": accuracy["6 linear layers"],
        "single": accuracy["1 linear layer"],
        "relu": accuracy["the same with ReLU"],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
