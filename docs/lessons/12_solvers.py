"""# Solvers: when there is a better way than Adam

Stochastic gradient descent and its relatives look at a few rows, take a step, and look again. That suits large data and
networks: a rough step that costs little beats an exact one that costs much. But small regression problems, such as
surrogates of simulations, calibration curves or tables of physical properties, are often wanted to many digits, and
there a rough step is in the way. *Full-batch solvers* look at all rows and at the curvature of the loss:

- **L-BFGS** (`solver="lbfgs"`) guesses the curvature from the last gradients. Any loss, any network.
- **Levenberg-Marquardt** (`solver="lm"`) uses what is special about squared errors: near the minimum their curvature
  follows from first derivatives alone. Each step solves a system of linear equations with as many unknowns as the
  network has parameters, which limits it to some thousands.

**What this lesson does.** It fits a swing that fades, as a function of time and friction, from 400 points without
noise, with one hidden layer of 20 units. First Levenberg-Marquardt, then L-BFGS, and then Adam, which gets *fifty
times* the time that Levenberg-Marquardt took, and a learning rate that falls to zero as that time runs out. All begin
with the same weights.

Then a problem with an exact answer: the outputs of a small network, a *teacher*, which a slightly larger one is to
learn from 200 points. Each solver is followed by Adam with fifty times that solver's own time. The solvers go down to
the rounding of the numbers; Adam stops at what its last steps leave.
"""

import sys

import numpy as np
from drawing import panels, save

from nncore import Adam, Dense, Sequential
from nncore.plots.colours import BLUE, GREEN, VERMILLION
from nncore.solvers import LBFGS, LM


def swing(time, friction):
    """Return the deflection of a damped oscillation."""
    return np.exp(-3 * friction * time) * np.cos(2 * np.pi * time)


def network():
    return Sequential([Dense(20, "tanh"), Dense(1)], seed=1, dtype="float64")


def seconds(history):
    return np.cumsum(history.seconds)


def adam(X, y, budget):
    """Train with Adam for `budget` seconds and a little more; the rate falls along half a cosine of the time spent."""
    model, spent = network(), 0.0
    while spent < budget:
        model.optimizer = Adam(0.01 * (1 + np.cos(np.pi * spent / budget)) / 2)  # whose moments go on
        spent += model.fit(X, y, epochs=100, verbose=False).seconds.sum()
    return model, model.history


def learn_from_a_teacher():
    """Return the losses of each solver and of Adam, which gets 50 times the solver's time, on a teacher's answers."""
    teacher = Sequential([Dense(3, "tanh"), Dense(1)], seed=9, dtype="float64")
    teacher.build(3)
    X = np.random.default_rng(0).normal(size=(200, 3))
    y, losses = teacher.predict(X), {}
    for name, solver in (("lm", LM(tol=0)), ("lbfgs", LBFGS(tol=0))):  # down to the rounding
        pupil, rival = (Sequential([Dense(5, "tanh"), Dense(1)], seed=1, dtype="float64") for _ in range(2))
        history = pupil.fit(X, y, solver=solver, epochs=400, verbose=False)
        budget, spent, best = 50 * history.seconds.sum(), 0.0, np.inf
        rival.compile(Adam(0.01))
        while spent < budget:
            part = rival.fit(X, y, epochs=1000, batch_size=200, verbose=False)
            spent, best = spent + part.seconds.sum(), min(best, part.loss.min())
        losses[name] = float(history.loss.min()), float(best)
        print(f"{name:<26}{len(history):>8}{history.seconds.sum():>10.2f}{losses[name][0]:>20.1e}")
        print(f"{'Adam, 50 times that':<26}{rival.epoch:>8}{spent:>10.2f}{best:>20.1e}")
    return losses


def draw(folder, histories, model):
    figure, ((race, height, error),) = panels(1, 3)
    looks = ((GREEN, "-"), (BLUE, "--"), (VERMILLION, ":"))
    for (name, history), (color, style) in zip(histories.items(), looks, strict=True):
        some = np.unique(np.geomspace(1, len(history), 400).astype(int)) - 1  # evenly spaced to the eye
        race.loglog(seconds(history)[some], history.loss[some], style, color=color, label=name)
    race.set(title="the race", xlabel="seconds", ylabel="mean squared error")
    figure.legend(loc="outside lower center", ncols=3)
    grid = np.meshgrid(*2 * [np.linspace(0, 1, 101)])
    predicted = model.predict(np.column_stack([g.ravel() for g in grid])).reshape(grid[0].shape)
    for panel, title, values in (
        (height, "the swing", swing(*grid)),
        (error, "error of Levenberg-Marquardt", predicted - swing(*grid)),
    ):
        picture = panel.contourf(*grid, values, 20, cmap="cividis")
        panel.set(title=title, xlabel="time", ylabel="friction", aspect="equal")
        figure.colorbar(picture, ax=panel, label="deflection")
    save(figure, folder, __file__)


def main(folder="."):
    X = np.stack(np.meshgrid(*2 * [np.linspace(0, 1, 20)]), axis=-1).reshape(-1, 2)
    y = swing(*X.T)
    models = {"Levenberg-Marquardt": network(), "L-BFGS": network()}
    histories = {
        name: model.fit(X, y, solver=solver, epochs=epochs, verbose=False)
        for (name, model), solver, epochs in zip(models.items(), (LM(tol=0), LBFGS(tol=0)), (300, 3000), strict=True)
    }
    budget = 50 * seconds(histories["Levenberg-Marquardt"])[-1]
    models["Adam, 50 times the time"], histories["Adam, 50 times the time"] = adam(X, y, budget)

    between = np.random.default_rng(0).uniform(size=(2000, 2))  # points that nobody was trained on
    print(f"{'':<26}  epochs   seconds  mean squared error   largest error elsewhere")
    for name, history in histories.items():
        elsewhere = abs(models[name].predict(between)[:, 0] - swing(*between.T)).max()
        took = seconds(history)[-1]
        print(f"{name:<26}{len(history):>8}{took:>10.2f}{history.loss[-1]:>20.1e}{elsewhere:>26.1e}")
    draw(folder, histories, models["Levenberg-Marquardt"])
    print("\nlearning from a teacher")
    return {
        "teacher": learn_from_a_teacher(),
        "loss": {name: float(history.loss[-1]) for name, history in histories.items()},
        "seconds": {name: float(seconds(history)[-1]) for name, history in histories.items()},
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
