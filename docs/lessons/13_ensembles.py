"""# Ensembles: asking several networks

One network gives one answer, with the same firm voice where it has seen a thousand examples and where it has seen none.
Ask several, which differ in nothing but the random numbers they began with. Where there were data, all were drawn to
the same curve; where there were none, nothing held them together, and each goes its own way. So their agreement tells
what a single answer cannot: whether there is reason to believe it.

**What this lesson does.** It trains a crowd of networks together, on a noisy curve with a gap in the middle, and asks
them everywhere: where the data are, in the gap, and outside.

1. **The spread.** The band around the mean is two standard deviations between the networks wide. It is narrow along
   the data, and opens in the gap and beyond the ends. That is no fault: the networks do not know, and say so.
2. **The mean.** It errs less than the networks do on average, and that is no luck. For squared errors the mean's error
   is the average error less the average spread (Krogh and Vedelsby, 1995): whatever they disagree in, cancels.
3. **How many?** The more networks, the less the mean's error depends on who is asked. Most of that is gained with the
   first ten.

The spread between networks is not all there is to doubt: the noise of the data is there as well, however many agree.
"""

import sys

import numpy as np
from drawing import panels, save

from nncore import Adam, Dense, Ensemble, Sequential
from nncore.plots.colours import BLUE, ORANGE

MEMBERS = 30
CROWDS = (1, 2, 3, 5, 10, 20, 30)
NOISE = 0.1


def truth(x):
    return np.sin(4 * x) + x


def network(seed):
    model = Sequential([Dense(32, "tanh"), Dense(32, "tanh"), Dense(1)], seed=seed)
    model.compile(Adam(0.003))
    return model


def draw(folder, x, X, y, outputs, errors):
    figure, ((left, right),) = panels(columns=2, width=5)
    mean, std = outputs.mean(axis=0), outputs.std(axis=0)
    left.plot(x, outputs[:12].T, color="0.7", linewidth=0.6)
    left.fill_between(x, mean - 2 * std, mean + 2 * std, color=BLUE, alpha=0.2, label="two deviations")
    left.plot(x, mean, color=BLUE, label="mean")
    left.plot(x, truth(x), color=ORANGE, linestyle="--", label="truth")
    left.plot(X, y, "k.", markersize=3, label="data")
    left.set(title="they agree where there were data", xlabel="x", ylabel="answer", ylim=(-4, 4))
    left.legend(fontsize="small")
    right.plot(list(errors), list(errors.values()), "o-", color=BLUE)
    right.set(title="the mean of more errs less", xlabel="networks asked", ylabel="mean squared error along the data")
    save(figure, folder, __file__)


def main(folder="."):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.uniform(-1.5, -0.5, 60), rng.uniform(0.5, 1.5, 60)])
    y = truth(X) + NOISE * rng.standard_normal(len(X))
    ensemble = Ensemble([network(seed) for seed in range(MEMBERS)])
    ensemble.fit(X[:, None], y, epochs=800, batch_size=16, verbose=False)

    x = np.linspace(-3, 3, 301)
    outputs = ensemble.predict_all(x[:, None])[:, :, 0].astype(np.float64)
    along = (abs(x) > 0.5) & (abs(x) < 1.5)
    places = {"along the data": along, "in the gap": abs(x) < 0.4, "outside": abs(x) > 2.5}
    spread = {name: float(outputs[:, where].std(axis=0).mean()) for name, where in places.items()}
    print("deviation between the networks")
    for name, value in spread.items():
        print(f"  {name:<16}{value:.3f}")

    squared = (outputs[:, along] - truth(x[along])) ** 2
    of_mean = ((outputs[:, along].mean(axis=0) - truth(x[along])) ** 2).mean()
    between = outputs[:, along].var(axis=0).mean()
    print(f"\nsquared error along the data: of a network {squared.mean():.5f}, of the mean {of_mean:.5f}")
    print(f"the difference, and the variance between the networks: {squared.mean() - of_mean:.5f}, {between:.5f}")

    crowds = {n: [rng.choice(MEMBERS, n, replace=False) for _ in range(2000)] for n in CROWDS}
    errors = {
        n: float(np.mean([((outputs[who][:, along].mean(axis=0) - truth(x[along])) ** 2).mean() for who in drawn]))
        for n, drawn in crowds.items()
    }
    print("\nnetworks asked     " + "".join(f"{n:>9}" for n in errors))
    print("squared error      " + "".join(f"{error:>9.5f}" for error in errors.values()))
    draw(folder, x, X, y, outputs, errors)
    return {"spread": spread, "members": squared.mean(), "mean": of_mean, "between": between, "errors": errors}


if __name__ == "__main__":
    main(*sys.argv[1:])
