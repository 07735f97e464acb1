"""# The feature hierarchy

In a deep network each layer sees the world through the one before. In networks that look at photographs the first layer
finds edges, the next combines them to corners and textures, later ones find parts of things, and the last one names the
thing. Nobody tells the layers to share the work like that: it is what gradient descent finds. The visual cortex is
organised in much the same way.

**What this lesson does.** It trains a network with three hidden layers on images of handwritten digits, 8 by 8 pixels,
and looks into it in three ways, the last two on images that were held out.

1. **The weights of the first layer**, one picture for each unit: blue pixels speak for the unit, orange ones against
   it. You will see spots and short strokes, no digits.
2. **What a unit likes.** A unit of a higher layer has no weights on pixels. But there are images that excite it most:
   the pictures show the mean of the twenty most exciting ones, less the mean of all.
3. **How well a layer keeps the classes apart.** The variance between the means of the ten classes, divided by the
   variance within them; and how many digits are nearest to the mean of their own class. Both numbers grow from layer to
   layer: what was tangled in the pixels is laid out flat in the end, so that a linear layer can cut it.
"""

import sys

import numpy as np
from drawing import save
from matplotlib.figure import Figure

from nncore import Dense, Sequential, kernels
from nncore.datasets import load_digits, train_test_split
from nncore.plots.colours import BLUE, GREEN, diverging

SIZES = (32, 32, 32)
FEW = 20  # favourite images of a unit
SHOWN = 8  # units per layer


def layers_of(model):
    """Return the activation, weight and bias of each layer."""
    arrays = model.get_weights()
    names = [layer.activation.name for layer in model.layers]
    return list(zip(names, arrays[::2], arrays[1::2], strict=True))


def activations(layers, X):
    """Return the inputs and what each layer makes of them."""
    outputs = [X]
    for name, weight, bias in layers:
        outputs.append(kernels.dense_forward(outputs[-1], weight, bias, name))
    return outputs


def favourites(outputs):
    """Return the rows of the images that excite each unit most, shape (FEW, n_units)."""
    return np.argsort(-outputs, axis=0, kind="stable")[:FEW]


def separation(outputs, y):
    """Return the variance between class means over that within classes, and the share nearest to its own mean."""
    means = np.array([outputs[y == k].mean(axis=0) for k in range(10)])
    within = ((outputs - means[y]) ** 2).sum(axis=1).mean()
    between = ((means[y] - outputs.mean(axis=0)) ** 2).sum(axis=1).mean()
    distances = ((outputs[:, None, :] - means) ** 2).sum(axis=2)
    return float(between / within), float((distances.argmin(axis=1) == y).mean())


def draw(folder, names, pictures, separations):
    figure = Figure(figsize=(10.5, 5.4), layout="constrained")
    images, curves = figure.subfigures(1, 2, width_ratios=(1.7, 1))
    images.suptitle("blue speaks for a unit, orange against it; each picture on a scale of its own", fontsize="medium")
    grid = images.subplots(len(pictures), SHOWN)
    for row, (title, rows) in zip(grid, pictures.items(), strict=True):
        for axes, picture in zip(row, rows, strict=True):
            limit = abs(picture).max()
            axes.imshow(picture.reshape(8, 8), cmap=diverging(), vmin=-limit, vmax=limit)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(title, rotation="horizontal", horizontalalignment="right", verticalalignment="center")
    ratio, share = curves.subplots(2, 1, sharex=True)
    ratios, shares = zip(*separations, strict=True)
    ratio.plot(ratios, "o-", color=BLUE)
    share.plot(100 * np.array(shares), "o-", color=GREEN)
    ratio.set(title="classes apart, held-out images", ylabel="variance between / within")
    share.set(title="nearest to the mean of their class", xlabel="where", ylabel="% of the images")
    share.set_xticks(range(len(names)), names)
    save(figure, folder, __file__)


def main(folder="."):
    X, y = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, seed=0)
    model = Sequential([*(Dense(units, "relu", l2=1e-3) for units in SIZES), Dense(10, "softmax")], dtype="float64")
    model.compile("adam", metrics=["accuracy"])
    model.fit(X_train, y_train, epochs=60, verbose=False)
    accuracy = model.evaluate(X_test, y_test)["accuracy"]
    layers = layers_of(model)
    print(f"{accuracy:.1%} of {len(y_test)} held-out digits recognised")

    outputs = activations(layers, X_test)
    names = ["pixels", *(f"layer {k}" for k in range(1, len(layers))), "output"]
    separations = [separation(values, y_test) for values in outputs]
    print("\n          variance between / within   nearest to the mean of their class")
    for name, (ratio, share) in zip(names, separations, strict=True):
        print(f"{name:<10}{ratio:>25.2f}{share:>37.1%}")

    pictures = {"layer 1\nweights": layers[0][1].T[:SHOWN]}
    for name, values in zip(names[1:], outputs[1:], strict=True):
        pictures[f"{name}\nlikes"] = (X_test[favourites(values)].mean(axis=0) - X_test.mean(axis=0))[:SHOWN]
    draw(folder, names, pictures, separations)
    return {"accuracy": accuracy, "separations": separations}


if __name__ == "__main__":
    main(*sys.argv[1:])
