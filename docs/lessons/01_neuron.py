"""# The neuron and its hyperplane

A biological neuron collects signals through its dendrites, each weighted by the strength of a synapse, and fires if
their sum passes a threshold. The artificial one keeps that much and no more: it multiplies every input by a weight,
adds a bias, and sends the sum through a function.

    z = w1 x1 + w2 x2 + ... + b        the weighted sum
    a = f(z)                           the activation

With f the sigmoid, `a` lies between 0 and 1 and reads as the probability of a class. In nncore that is
`Dense(1, "sigmoid")`.

**The geometry.** All inputs with `z = 0` form a line if there are two of them, a plane if there are three, a
*hyperplane* in general. The vector `w` stands at right angles to it, `z / |w|` is the distance from it, and its sign
tells the side: the hyperplane is where the neuron changes its mind.

**What this lesson does.** It trains one neuron to tell two species of penguins apart by the length of their bills and
flippers, computes its answer for one bird by hand, and walks along the line where it cannot decide. Then it takes a
neuron with 64 inputs, pixels of handwritten digits, and mirrors each image at the hyperplane: the probability turns
into its opposite, in 64 dimensions as in two.
"""

import sys

import numpy as np
from drawing import panels, save, scatter

from nncore import Dense, Sequential
from nncore.datasets import Standardizer, load_digits, load_penguins
from nncore.plots.colours import BLACK


def neuron(X, y):
    """Return one trained neuron: the model, its weights w (n_features,) and its bias b."""
    model = Sequential([Dense(1, "sigmoid")], dtype="float64")
    model.compile("adam", metrics=["accuracy"])
    model.fit(X, y, epochs=200, verbose=False)
    weight, bias = model.get_weights()
    return model, weight[:, 0], bias[0]


def two_penguins():
    """Return the bill and flipper lengths of Adelie and Gentoo penguins in mm, which are Gentoo, and both names."""
    data = load_penguins()
    columns = [data.feature_names.index(name) for name in ("bill_length_mm", "flipper_length_mm")]
    species = [data.target_names.index(name) for name in ("Adelie", "Gentoo")]
    rows = np.isin(data.y, species)
    return data.X[rows][:, columns], (data.y[rows] == species[1]).astype(int)


def draw(folder, X, y, w, b):
    figure, ((axes,),) = panels(width=6.4, height=5)
    scatter(axes, X, y, ["Adelie", "Gentoo"])
    x1 = np.linspace(X[:, 0].min(), X[:, 0].max(), 2)
    for distance, style in ((0, "-"), (-1, ":"), (1, ":")):  # w1 x1 + w2 x2 + b = distance * |w|
        axes.plot(x1, (distance * np.linalg.norm(w) - b - w[0] * x1) / w[1], style, color=BLACK, linewidth=1)
    foot = -b * w / (w @ w)  # the point of the line that is nearest to the origin
    unit = w / np.linalg.norm(w)
    axes.annotate("", foot + unit, foot, arrowprops={"arrowstyle": "->", "color": BLACK, "linewidth": 1.5})
    axes.annotate("w / |w|", foot + 0.4 * unit, (6, -14), textcoords="offset points", fontsize=12)
    axes.set(xlabel="bill length (standardised)", ylabel="flipper length (standardised)", aspect="equal")
    axes.set_ylim(X[:, 1].min() - 0.3, X[:, 1].max() + 0.3)
    axes.set_title("w·x + b = 0, and the lines at distance 1 on either side")
    axes.legend(loc="lower right")
    save(figure, folder, __file__)


def main(folder="."):
    X, y = two_penguins()
    X = Standardizer().fit_transform(X)
    model, w, b = neuron(X, y)
    accuracy = model.evaluate(X, y)["accuracy"]
    print(f"w = {w.round(3)}, b = {b:.3f}; {accuracy:.1%} of {len(y)} penguins on the right side")

    x = X[0]
    z = w[0] * x[0] + w[1] * x[1] + b
    by_hand, by_engine = 1 / (1 + np.exp(-z)), model.predict([x])[0, 0]
    print(f"\nFirst penguin: x = {x.round(3)}, z = w1 x1 + w2 x2 + b = {z:.4f}")
    print(f"  a = 1 / (1 + exp(-z)) = {by_hand:.9f} by hand, {by_engine:.9f} from the engine")
    print(f"  distance from the line: z / |w| = {z / np.linalg.norm(w):.3f}")

    x1 = np.linspace(-2, 2, 101)
    on_the_line = model.predict(np.column_stack([x1, -(b + w[0] * x1) / w[1]]))
    undecided = float(abs(on_the_line - 0.5).max())
    print(f"\n101 points of the line w·x + b = 0: the probability differs from 0.5 by {undecided:.1e} at most")

    digits = load_digits()
    X64, is_three = digits.X / 16, (digits.y == 3).astype(int)
    model64, w64, b64 = neuron(X64, is_three)
    distances = (X64 @ w64 + b64) / np.linalg.norm(w64)
    mirrored = X64 - 2 * distances[:, None] * w64 / np.linalg.norm(w64)
    opposite = float(abs(model64.predict(X64) + model64.predict(mirrored) - 1).max())
    print(f"\n64 inputs: is it a three? {model64.evaluate(X64, is_three)['accuracy']:.1%} of the images are right")
    print(f"  p(image) + p(mirror image) differs from 1 by {opposite:.1e} at most")

    draw(folder, X, y, w, b)
    return {
        "accuracy": accuracy,
        "hand_against_engine": abs(by_hand - by_engine),
        "undecided": undecided,
        "opposite": opposite,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
