"""# Width, depth and universal approximation

On a bounded region, a network with a single hidden layer can come as close as you like to any continuous function, if
the layer is wide enough: the universal approximation theorem (Cybenko, 1989; Hornik, 1991). The theorem sounds deep,
and for one dimension it takes a few lines. A ReLU unit `max(0, x - k)` is flat up to a knot k and rises from there.
Take one unit for each knot and give it the *change* of slope at the knot as its weight: the network is then the curve
that joins the points of the function at the knots with straight lines.

**What this lesson does.**

1. **Width, by construction.** It sets the weights like that, without any training, for a chirp, a function that swings
   faster and faster. Twice the width divides the error by about four, as theory says of straight lines.
2. **Width, by training.** Networks with one hidden layer of tanh units learn the same function from points. The error
   falls with width too, but nobody guarantees by how much: that a network exists is one thing, to find it another.
3. **Depth.** Two ReLU units make a tent: up to the middle, and down again. A second layer folds the tent once more, and
   so on: every layer doubles the number of straight pieces. A single hidden layer needs a unit for each of them
   (Telgarsky, 2016). That is why depth is cheaper than width, *for functions that are made that way*.
"""

import sys

import numpy as np
from drawing import panels, save

from nncore import Adam, Dense, RandomUniform, Sequential
from nncore.plots.colours import BLACK, BLUE, GREEN, VERMILLION

WIDTHS = (4, 8, 16, 32, 64)
FINE = np.linspace(0, 1, 4001)


def chirp(x):
    return np.sin(2 * np.pi * (x + 2 * x**2))


def error(model, target):
    """Return the root mean square of what is missing, over a fine grid of [0, 1]."""
    return float(np.sqrt(np.mean((model.predict(FINE[:, None])[:, 0] - target) ** 2)))


def constructed(function, width):
    """Return a network, not trained, that joins `width` + 1 points of a function by straight lines."""
    knots = np.linspace(0, 1, width + 1)
    slopes = np.diff(function(knots)) / np.diff(knots)
    model = Sequential([Dense(width, "relu"), Dense(1)], dtype="float64")
    model.build(1)
    changes = np.diff(slopes, prepend=0)
    model.set_weights([np.ones((1, width)), -knots[:-1], changes[:, None], function(knots[:1])])
    return model


def trained(function, width, seeds=(0, 1, 2)):
    """Return the best of three networks with one hidden layer of tanh units."""
    x = np.linspace(0, 1, 256)[:, None]
    anywhere = RandomUniform(20)  # steep units with their knees all over [0, 1], not flat ones with all knees at 0
    hidden = Dense(width, "tanh", weight_initializer=anywhere, bias_initializer=anywhere)
    models = [Sequential([hidden, Dense(1)], seed=seed, dtype="float64") for seed in seeds]
    for model in models:
        for rate in (0.02, 0.005, 0.001):
            model.compile(Adam(rate))
            model.fit(x, function(x), epochs=1000, batch_size=64, verbose=False)
    return min(models, key=lambda model: error(model, function(FINE)))


def tents(depth):
    """Return `depth` tents, one behind the other: 2 relu(x) - 4 relu(x - 1/2), with two units each."""
    model = Sequential([layer for _ in range(depth) for layer in (Dense(2, "relu"), Dense(1))], dtype="float64")
    model.build(1)
    model.set_weights([[[1, 1]], [0, -0.5], [[2], [-4]], [0]] * depth)
    return model


def pieces(model):
    """Count the straight pieces of a function on [0, 1]; knots lie on multiples of 2**-12."""
    slopes = np.diff(model.predict(np.linspace(0, 1, 4097)[:, None])[:, 0])
    return 1 + int((abs(np.diff(slopes)) > 1e-9).sum())


def draw(folder, errors, models, deep):
    figure, ((fit, fall, fold),) = panels(1, 3, width=4.6)
    fit.plot(FINE, chirp(FINE), color=BLACK, linewidth=4, alpha=0.25, label="the function")
    for (width, model), color in zip(models.items(), (VERMILLION, BLUE), strict=True):
        fit.plot(FINE, model.predict(FINE[:, None]), color=color, label=f"{width} units, constructed")
    fit.set(title="a chirp and two networks", xlabel="x", ylabel="y", ylim=(-1.2, 2))
    fit.legend(loc="upper left")
    for (kind, values), color, marker in zip(errors.items(), (BLUE, GREEN), "os", strict=True):
        fall.loglog(WIDTHS, values, color=color, marker=marker, label=kind)
    fall.set_xticks(WIDTHS, map(str, WIDTHS))
    fall.minorticks_off()
    fall.set(title="error by width", xlabel="units in the hidden layer", ylabel="root mean square error")
    fall.legend()
    for (depth, model), color in zip(deep.items(), (BLACK, VERMILLION, BLUE), strict=True):
        fold.plot(FINE, model.predict(FINE[:, None]), color=color, label=f"depth {depth}")
    fold.set(title="folding by depth", xlabel="x", ylabel="y", ylim=(0, 1.45))
    fold.legend(loc="upper center", ncols=3)
    save(figure, folder, __file__)


def main(folder="."):
    target = chirp(FINE)
    by_hand = {width: constructed(chirp, width) for width in WIDTHS}
    errors = {
        "constructed (ReLU)": [error(model, target) for model in by_hand.values()],
        "trained (tanh)": [error(trained(chirp, width), target) for width in WIDTHS],
    }
    print("Root mean square error by width of the one hidden layer")
    print("                    " + "".join(f"{width:>10}" for width in WIDTHS))
    for kind, values in errors.items():
        print(f"  {kind:<18}" + "".join(f"{value:>10.4f}" for value in values))

    deep = {depth: tents(depth) for depth in (1, 2, 4, 8)}
    counts = {depth: pieces(model) for depth, model in deep.items()}
    print("\nTents behind one another")
    for depth, model in deep.items():
        units, size = 2 * depth, model.n_parameters
        print(f"  depth {depth}: {units:>2} ReLU units, {size:>2} parameters, {counts[depth]:>3} straight pieces")
    wide = pieces(constructed(chirp, 16))
    print(f"One hidden layer: 16 ReLU units, {by_hand[16].n_parameters} parameters, {wide} straight pieces")
    draw(folder, errors, {width: by_hand[width] for width in (8, 32)}, {depth: deep[depth] for depth in (1, 2, 4)})
    return {
        "constructed": errors["constructed (ReLU)"],
        "trained": errors["trained (tanh)"],
        "pieces": counts,
        "wide_pieces": wide,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
