"""# Solvers: when there is a better way than Adam

Stochastic gradient descent and its relatives look at a few rows, take a step, and look again. That suits large data and
networks: a rough step that costs little beats an exact one that costs much. But small regression problems, such as
surrogates of simulations, calibration curves or tables of physical properties, are often wanted to many digits, and
there a rough step is in the way. *Full-batch solvers* look at all rows and at the curvature of the loss:

- **L-BFGS** (`solver="lbfgs"`) guesses the curvature from the last gradients. Any loss, any network.
- **Levenberg-Marquardt** (`solver="lm"`) uses what is special about squared errors: near the minimum their curvature
  follows from first derivatives alone. Each step solves a system of linear equations with as many unknowns as the
  network has parameters, which limits it to some thousands.

Both end by themselves where a step lowers the loss by next to nothing. `LM(tol=0)` and `LBFGS(tol=0)` from
`nncore.solvers` go on, for as many epochs as they are given, down to the rounding of the numbers.

**What this lesson does.** It fits a swing that fades, as a function of time and friction, from 400 points without
noise, with one hidden layer of 20 units. First Levenberg-Marquardt, then L-BFGS with ten times as many epochs, and then
Adam with *hundreds of times* as many, and a learning rate that falls to zero along half a cosine of them. All begin
with the same weights. Levenberg-Marquardt gets furthest by far.

Then a problem with an exact answer: the outputs of a small network, a *teacher*, which a slightly larger one is to
learn from 200 points. The solvers go down to the rounding of the numbers and end there, before their epochs are used
up; Adam ends as its rate reaches zero, many digits above.

An epoch is not the same work for all: a solver's is one iteration over all rows, with as many looks at the loss as it
takes, Adam's a small step for each batch. So the seconds are printed, too, and drawn beside the epochs, as this machine
took them; on another, or on one that is busy, they are others, and nothing else changes.
"""

import sys

import numpy as np
from drawing import panels, save

from nncore import Adam, CosineDecay, Dense, Sequential
from nncore.plots.colours import BLUE, GREEN, VERMILLION
from nncore.solvers import LBFGS, LM

SOLVERS = {"Levenberg-Marquardt": LM(tol=0), "L-BFGS": LBFGS(tol=0), "Adam": None}  # down to the rounding
EPOCHS = {"Levenberg-Marquardt": 300, "L-BFGS": 3_000, "Adam": 100_000}


def swing(X):
    """Return the deflection of a damped oscillation, (n, 1), for rows of time and friction."""
    time, friction = X.T
    return (np.exp(-3 * friction * time) * np.cos(2 * np.pi * time))[:, None]


def network(units, seed=1):
    return Sequential([Dense(units, "tanh"), Dense(1)], seed=seed, dtype="float64")


def compete(units, truth, X, elsewhere):
    """Train one network in three ways on the points X; tell how far off it is `elsewhere`, and return the models."""
    models = {}
    print(f"{'':<20}  epochs   seconds  mean squared error   largest error elsewhere")
    for name, solver in SOLVERS.items():
        models[name] = model = network(units)
        model.compile(Adam(CosineDecay(0.01, epochs=EPOCHS[name])))  # which rests while a solver works
        history = model.fit(X, truth(X), solver=solver, epochs=EPOCHS[name], verbose=False)
        off = abs(model.predict(elsewhere) - truth(elsewhere)).max()
        took, loss = history.seconds.sum(), history.loss[-1]
        print(f"{name:<20}{len(history):>8,}{took:>10.2f}{loss:>20.1e}{off:>26.1e}")
    return models


def draw(folder, models):
    figure, ((by_epoch, by_second), (height, error)) = panels(2, 2, width=4.8)
    looks = ((GREEN, "-"), (BLUE, "--"), (VERMILLION, ":"))
    for (name, model), (color, style) in zip(models.items(), looks, strict=True):
        loss, seconds = model.history.loss, np.cumsum(model.history.seconds)
        some = np.unique(np.geomspace(1, len(loss), 400).astype(int)) - 1  # evenly spaced to the eye
        by_epoch.loglog(some + 1, loss[some], style, color=color, label=name)
        by_second.loglog(seconds[some], loss[some], style, color=color)
    by_epoch.set(title="the race by epochs", xlabel="epochs", ylabel="mean squared error")
    by_second.set(title="and by the clock", xlabel="seconds on this machine", ylabel="mean squared error")
    figure.legend(loc="outside lower center", ncols=3)
    grid = np.meshgrid(*2 * [np.linspace(0, 1, 101)])
    X = np.column_stack([g.ravel() for g in grid])
    predicted = models["Levenberg-Marquardt"].predict(X)
    for panel, title, values in (
        (height, "the swing", swing(X)),
        (error, "error of Levenberg-Marquardt", predicted - swing(X)),
    ):
        picture = panel.contourf(*grid, values.reshape(grid[0].shape), 20, cmap="cividis")
        panel.set(title=title, xlabel="time", ylabel="friction")
        figure.colorbar(picture, ax=panel, label="deflection")
    save(figure, folder, __file__)


def main(folder="."):
    rng = np.random.default_rng(0)
    X = np.stack(np.meshgrid(*2 * [np.linspace(0, 1, 20)]), axis=-1).reshape(-1, 2)
    print("A swing that fades, 20 units")
    swings = compete(20, swing, X, rng.uniform(size=(2000, 2)))  # elsewhere: points that nobody was trained on

    print("\nLearning from a teacher of 3 units, 5 units")
    teacher = network(3, seed=9)
    teacher.build(3)
    pupils = compete(5, teacher.predict, rng.normal(size=(200, 3)), rng.normal(size=(2000, 3)))
    draw(folder, swings)
    return {
        kind: {name: (len(model.history), float(model.history.loss[-1])) for name, model in models.items()}
        for kind, models in (("swing", swings), ("teacher", pupils))
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
