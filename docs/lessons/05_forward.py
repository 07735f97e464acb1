"""# The forward pass, by hand and by the engine

To predict, information flows forward, layer by layer. Each layer takes what the one before gave it, forms weighted
sums and applies its function:

    a[0] = x
    z[l] = a[l-1] W[l] + b[l]
    a[l] = f(z[l])              for l = 1, 2, ..., L
    prediction = a[L]

In nncore a row of `x` is one sample, so a weight has the shape (inputs, outputs) and stands on the right. Textbooks
that write samples as columns have it transposed, on the left; the numbers are the same.

**What this lesson does.** It takes a network with two inputs, three hidden units and two outputs, whose weights are
round numbers, and computes every sum by hand. Then it asks the engine, its single kernels and the NumPy reference that
comes with nncore. Last it does the same for a hundred random networks, and looks at a promise of the engine: a row's
prediction does not depend, in any bit, on the rows it was computed with.

`print(model.program)` shows the list of operations that the layers were lowered to: this is all that the engine sees.
"""

import sys

import numpy as np
from drawing import panels, save

from nncore import Dense, Sequential, kernels, reference
from nncore.plots.colours import BLACK, BLUE, VERMILLION

WEIGHTS = [
    np.array([[0.5, -1.0, 2.0], [1.5, 0.5, -0.5]]),  # W[1], two inputs to three units
    np.array([0.0, 0.5, -2.0]),  # b[1]
    np.array([[1.0, 0.5], [0.5, 2.0], [-1.5, 0.5]]),  # W[2], three units to two outputs
    np.array([0.25, -0.25]),  # b[2]
]


def softmax(z):
    shares = np.exp(z - z.max(axis=1, keepdims=True))  # less the largest: the same shares, and no overflow
    return shares / shares.sum(axis=1, keepdims=True)


def forward(x, W1, b1, W2, b2):
    """Return the weighted sums and activations of both layers, for rows x (n, n_in)."""
    z1 = x @ W1 + b1
    a1 = np.maximum(z1, 0)
    z2 = a1 @ W2 + b2
    return z1, a1, z2, softmax(z2)


def network(n_hidden, n_outputs, seed=0):
    return Sequential([Dense(n_hidden, "relu"), Dense(n_outputs, "softmax")], seed=seed, dtype="float64")


def largest_difference(rng):
    """Return how far the engine is from the formulas, over a hundred networks of random sizes and weights."""
    differences = []
    for seed in range(100):
        n, n_in, n_hidden, n_out = rng.integers(2, 40, 4)
        model = network(n_hidden, n_out, seed)
        model.build(int(n_in))
        x = rng.normal(size=(n, n_in))
        differences.append(abs(model.predict(x) - forward(x, *model.get_weights())[-1]).max())
    return float(max(differences))


def draw(folder, x, a1, a2):
    """Draw the network: lines as thick as their weights are large, the values of one row inside of the units."""
    figure, ((axes,),) = panels(width=7.5, height=4.5)
    columns = [x[0], a1[0], a2[0]]
    heights = [np.arange(len(values), dtype=float)[::-1] - (len(values) - 1) / 2 for values in columns]
    for k, W in enumerate(WEIGHTS[::2]):
        for i, j in np.ndindex(W.shape):
            color = BLUE if W[i, j] > 0 else VERMILLION
            ends = (heights[k][i], heights[k + 1][j])
            axes.plot((k, k + 1), ends, color=color, linewidth=2.5 * abs(W[i, j]), alpha=0.7, zorder=1)
            share = 0.22  # of the way, where the lines have parted
            place = (k + share, ends[0] + share * (ends[1] - ends[0]))
            axes.text(*place, f"{W[i, j]:g}", ha="center", va="center", fontsize=9, backgroundcolor="white")
    for k, (values, places) in enumerate(zip(columns, heights, strict=True)):
        axes.scatter([k] * len(places), places, s=1500, color="white", edgecolors=BLACK, zorder=2)
        for value, place in zip(values, places, strict=True):
            axes.text(k, place, f"{value:.3g}", ha="center", va="center", zorder=3)
    axes.set_xticks(range(3), ["input x", "hidden a[1] = relu(z[1])", "output a[2] = softmax(z[2])"])
    axes.set_yticks([])
    axes.set(xlim=(-0.3, 2.3), ylim=(-1.5, 1.5), xlabel="layer")
    axes.set(title="one row through the network; blue weights > 0, orange < 0")
    axes.spines[:].set_visible(False)
    save(figure, folder, __file__)


def main(folder="."):
    x = np.array([[1.0, 2.0]])
    z1, a1, z2, a2 = forward(x, *WEIGHTS)
    print(f"x    = {x[0]}")
    for name, value in {"z[1]": z1, "a[1]": a1, "z[2]": z2, "a[2]": a2}.items():
        print(f"{name} = {value[0].round(6)}")

    model = network(3, 2)
    model.build(2)
    model.set_weights(WEIGHTS)
    hidden = kernels.dense_forward(x, *WEIGHTS[:2], "relu")
    answers = {
        "the engine, model.predict": model.predict(x),
        "its kernels, layer by layer": kernels.dense_forward(hidden, *WEIGHTS[2:], "softmax"),
        "nncore.reference": reference.forward(model.program, model.parameters, x),
    }
    for name, answer in answers.items():
        print(f"{name:<28}{answer[0].round(6)}")
    print(f"\n{model.program}")

    rng = np.random.default_rng(0)
    difference = largest_difference(rng)
    print(f"\n100 random networks: engine and formulas differ by {difference:.1e} at most")
    rows = rng.normal(size=(500, 2))
    alone = np.vstack([model.predict(rows[i : i + 1]) for i in range(len(rows))])
    same_bits = bool((alone == model.predict(rows)).all())
    print(f"500 rows alone and together give the same bits: {same_bits}")
    draw(folder, x, a1, a2)
    return {
        "answers": max(float(abs(answer - a2).max()) for answer in answers.values()),
        "difference": difference,
        "same_bits": same_bits,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
