"""# The perceptron and XOR

Rosenblatt's perceptron (1958) is a neuron with a step for an activation: it says 1 where `w·x + b >= 0` and 0
elsewhere. It was the first one that *learned*. Show it a row x with the true answer t; if its answer y is wrong, then

    w += (t - y) x
    b += (t - y)

and if it is right, leave it alone. Novikoff proved in 1962 that this is enough: if any hyperplane divides the classes,
the perceptron finds one after at most `(R / margin)**2` mistakes. With a 1 appended to each row for the bias, R is the
length of the longest of these longer rows, and the margin is the distance that some dividing hyperplane through the
origin keeps from all of them.

**Where it must fail.** XOR, "one or the other but not both", asks for

    (0, 0) -> 0:  b < 0              (0, 1) -> 1:  w2 + b >= 0
    (1, 1) -> 0:  w1 + w2 + b < 0    (1, 0) -> 1:  w1 + b >= 0

The two on the right add up to `w1 + w2 + 2b >= 0`, so `w1 + w2 + b >= -b`, which is above 0 by the first line: against
the second. No line does it. Minsky and Papert said so in 1969, and research on neural networks fell asleep for years,
for nobody knew how to train the hidden layer that helps.

**What this lesson does.** It trains perceptrons on AND, on OR, on the bills of two species of penguins, where it counts
mistakes against Novikoff's bound, and on XOR, where it recognises that it goes in circles. Then a network with one
hidden layer learns XOR.
"""

import sys
import textwrap
import warnings

import numpy as np
from drawing import panels, save

from nncore import Dense, Perceptron, Sequential, plots
from nncore.datasets import Standardizer, load_penguins
from nncore.plots.colours import BLUE, VERMILLION

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
ANSWERS = {"AND": np.array([0, 0, 0, 1]), "OR": np.array([0, 1, 1, 1]), "XOR": np.array([0, 1, 1, 0])}


def taught(X, y):
    """Return a perceptron that has seen the rows in order, again and again; where it cannot learn them, say so."""
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        neuron = Perceptron().fit(X, y, shuffle=False)
    for complaint in complaints:
        print(textwrap.fill(str(complaint.message), 110, initial_indent="  ", subsequent_indent="  "))
    return neuron


def two_penguins():
    """Return length and depth of the bills of Adelie and Gentoo penguins, standardised, and which are Gentoo."""
    data = load_penguins()
    columns = [data.feature_names.index(name) for name in ("bill_length_mm", "bill_depth_mm")]
    species = [data.target_names.index(name) for name in ("Adelie", "Gentoo")]
    rows = np.isin(data.y, species)
    return Standardizer().fit_transform(data.X[rows][:, columns]), (data.y[rows] == species[1]).astype(int)


def bound(neuron, X, y):
    """Return how many mistakes Novikoff allows, given the hyperplane that the neuron has found."""
    rows = np.column_stack([X, np.ones(len(X))])
    hyperplane = np.append(neuron.w, neuron.b)
    margin = ((2 * y - 1) * (rows @ hyperplane)).min() / np.linalg.norm(hyperplane)
    return float((np.linalg.norm(rows, axis=1).max() / margin) ** 2)


def draw(folder, X, y, penguins, xor, network):
    figure, ((birds, mistakes, solved),) = panels(1, 3)
    plots.decision_boundary(penguins, X, y, class_names=["Adelie", "Gentoo"], ax=birds)
    birds.set(title="two species, standardised", xlabel="bill length", ylabel="bill depth")
    for name, neuron, color, marker in (("penguins", penguins, BLUE, "o"), ("XOR", xor, VERMILLION, "s")):
        errors = neuron.errors_[:20]
        mistakes.plot(range(1, len(errors) + 1), errors, color=color, marker=marker, label=name)
    mistakes.set(title="mistakes", xlabel="epoch", ylabel="mistakes in it", xticks=range(0, 21, 5), ylim=(-0.2, 4.6))
    mistakes.legend()
    plots.decision_boundary(network, CORNERS, ANSWERS["XOR"], feature_names=("x1", "x2"), ax=solved)
    solved.set_title("XOR with a hidden layer")
    save(figure, folder, __file__)


def main(folder="."):
    neurons = {}
    for name, answers in ANSWERS.items():
        print(name)
        neurons[name] = neuron = taught(CORNERS, answers)
        print(f"  answers {neuron.predict(CORNERS)}, w = {neuron.w}, b = {neuron.b:g}; converged: {neuron.converged}")

    X, y = two_penguins()
    penguins = taught(X, y)
    mistakes, allowed = int(penguins.errors_.sum()), bound(penguins, X, y)
    print(f"Penguins\n  {mistakes} mistakes with {len(y)} birds, then none; Novikoff's bound: {allowed:.0f}")

    network = Sequential([Dense(4, "tanh"), Dense(1, "sigmoid")], dtype="float64")
    network.fit(CORNERS, ANSWERS["XOR"], epochs=3000, verbose=False)
    classes = network.predict_classes(CORNERS)
    print(f"XOR, a network with a hidden layer of 4\n  answers {classes}")
    draw(folder, X, y, penguins, neurons["XOR"], network)
    return {
        "converged": {name: neuron.converged for name, neuron in neurons.items()},
        "separable": {name: neuron.separable for name, neuron in neurons.items()},
        "mistakes": mistakes,
        "bound": allowed,
        "penguins_wrong": int((penguins.predict(X) != y).sum()),
        "network": classes.tolist(),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
