"""# Vanishing and exploding gradients

On its way back from the output, the error is multiplied in every layer by the weights and by the slope of the
activation. Twenty layers are twenty factors. If a typical factor is below 1, the gradient *vanishes*: the first layers
learn nothing, though all that the network can know comes in through them. If it is above 1, the gradient *explodes*,
and one step of gradient descent throws the weights away.

The sigmoid is the classic culprit, for its slope is at most 1/4. What helps:

- **ReLU**, whose slope is 1 wherever the unit is on, with **He's weights**, which keep the size of the signal;
- **batch normalisation**, which brings the inputs of every layer back to mean 0 and variance 1;
- **residual connections**, `y = layers(x) + x`: along the `+ x` the gradient gets back unchanged;
- **clipping**, against explosions: a gradient that is too long is shortened, its direction stays.

**What this lesson does.** It builds networks of twenty hidden layers for handwritten digits, takes the gradient of
each layer's weights before any training, and trains them all for as long. One of them starts with the weights doubled:
watch the scale of its gradients. Plain gradient descent then trains that one without clipping and with.
"""

import sys
import textwrap

import numpy as np
from drawing import panels, save

from nncore import SGD, Activation, BatchNorm, Dense, RandomNormal, Residual, Sequential, TrainingDiverged
from nncore.datasets import Standardizer, load_digits
from nncore.plots.colours import line_looks

DEPTH, WIDTH = 20, 32


def plain(activation, initializer="auto"):
    return [Dense(WIDTH, activation, weight_initializer=initializer) for _ in range(DEPTH)]


def normalised(activation):
    """Return the layers with a BatchNorm between the weighted sums and the activation."""
    return [layer for _ in range(DEPTH) for layer in (Dense(WIDTH), BatchNorm(), Activation(activation))]


def residual(activation):
    """Return a first layer, and then pairs of layers with a connection around each."""
    pairs = (DEPTH - 2) // 2
    blocks = [Residual([Dense(WIDTH, activation), Dense(WIDTH, activation)]) for _ in range(pairs)]
    return [Dense(WIDTH, activation), *blocks, Dense(WIDTH, activation)]


DOUBLED = RandomNormal(2 * np.sqrt(2 / WIDTH))  # twice the standard deviation that He's has here
NETWORKS = {
    "sigmoid": plain("sigmoid"),
    "sigmoid, BatchNorm": normalised("sigmoid"),
    "tanh": plain("tanh"),
    "relu": plain("relu"),
    "relu, Residual": residual("relu"),
    "relu, weights doubled": plain("relu", DOUBLED),
}


def network(hidden):
    return Sequential([*hidden, Dense(10, "softmax")])


def gradient_norms(model, X, y):
    """Return the length of the gradient of each hidden layer's weight, from the first to the last."""
    _, gradient = model.loss_and_gradient(X, y)
    weights = [block for block in model.program.parameters if len(block.shape) == 2][:-1]
    parts = (gradient[block.offset : block.offset + block.size].astype(float) for block in weights)
    return [float(np.linalg.norm(part)) for part in parts]


def clipped_or_not(clip_norm, X, y):
    """Train the network with doubled weights by gradient descent; return its losses, up to where it diverged."""
    model = network(plain("relu", DOUBLED))
    model.compile(SGD(0.05, clip_norm=clip_norm))
    try:
        model.fit(X, y, epochs=50, verbose=False)
    except TrainingDiverged as divergence:
        print(textwrap.fill(str(divergence), 100, initial_indent="  ", subsequent_indent="  "))
    return model.history.loss if len(model.history) else np.array([])


def draw(folder, norms, losses):
    figure, ((first, second),) = panels(1, 2, width=5.4, height=4.2)
    for panel, values, x0 in ((first, norms, 1), (second, losses, 0)):
        for (name, curve), looks in zip(values.items(), line_looks(len(values)), strict=True):
            panel.semilogy(range(x0, x0 + len(curve)), curve, **looks, markersize=4, label=name)
    first.set(title="before training", xlabel="layer", ylabel="length of the gradient of its weight")
    first.set_xticks([1, 5, 10, 15, 20])
    second.set(title="training with Adam", xlabel="epoch", ylabel="loss")
    figure.legend(*first.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    save(figure, folder, __file__)


def main(folder="."):
    data = load_digits()
    X, y = Standardizer().fit_transform(data.X).astype(np.float32), data.y
    norms, losses, accuracy = {}, {}, {}
    print(f"{DEPTH} hidden layers of {WIDTH}: length of the gradient; accuracy after 15 epochs with Adam")
    print(f"{'':<26}first layer  last layer     ratio  accuracy")
    for name, hidden in NETWORKS.items():
        model = network(hidden)
        model.compile("adam", metrics=["accuracy"])
        model.build(X.shape[1])
        norms[name] = gradient_norms(model, X, y)
        losses[name] = model.fit(X, y, epochs=15, verbose=False).loss
        accuracy[name] = model.evaluate(X, y)["accuracy"]
        first, last = norms[name][0], norms[name][-1]
        print(f"  {name:<24}{first:>11.1e}{last:>12.1e}{first / last:>10.1e}{accuracy[name]:>10.1%}")

    print("\nWeights doubled, gradient descent without clipping:")
    without = clipped_or_not(None, X, y)
    print(f"  {len(without)} of 50 epochs completed")
    clipped = clipped_or_not(1.0, X, y)
    print("With the gradient clipped to a length of 1:")
    print(f"  {len(clipped)} of 50 epochs completed, loss {clipped[0]:.3g} -> {clipped[-1]:.3g}")
    draw(folder, norms, losses)
    return {
        "norms": norms,
        "accuracy": accuracy,
        "without_clipping": without.tolist(),
        "clipped": clipped.tolist(),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
