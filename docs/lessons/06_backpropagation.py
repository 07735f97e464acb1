"""# Backpropagation, three times

When a network errs, which weight is to blame? That is the *credit assignment problem*. The answer is a derivative: by
how much would the loss change if this weight were a little larger? The chain rule gives all of them in one pass from
the output back to the input:

    delta[L] = dLoss/dz[L]                                  the error at the output
    delta[l] = (delta[l+1] W[l+1]^T) * f'(z[l])             passed back, layer by layer
    dLoss/dW[l] = a[l-1]^T delta[l]                         what each weight did with what it was given
    dLoss/db[l] = delta[l], summed over the rows

For softmax with its crossentropy, the error at the output is simply the predicted probabilities less the true ones.

**What this lesson does.** It computes the gradient of one network three times: by these formulas, by *finite
differences*, which means changing every single weight a little and looking at the loss, and by the engine,
`model.loss_and_gradient`. The formulas and the engine agree to the last digits. Finite differences never do: a large
step measures the slope of a chord instead of the tangent, a small one drowns in rounding. And they need two forward
passes for every parameter, while backpropagation needs one pass forward and one back for all of them together.

Then the gradient is put to use: the lesson subtracts a little of it from the weights, again and again, which is
gradient descent, and gets the same weights as `fit` with `SGD`.
"""

import sys

import numpy as np
from drawing import panels, save

from nncore import SGD, Dense, Sequential
from nncore.datasets import Standardizer, load_wine
from nncore.plots.colours import BLACK, BLUE, VERMILLION


def forward(arrays, x):
    W1, b1, W2, b2 = arrays
    a1 = np.tanh(x @ W1 + b1)
    z2 = a1 @ W2 + b2
    shares = np.exp(z2 - z2.max(axis=1, keepdims=True))
    return a1, shares / shares.sum(axis=1, keepdims=True)


def loss(arrays, x, y):
    """Return the mean over the rows of -log(predicted probability of the true class)."""
    probabilities = forward(arrays, x)[1]
    return -np.log(probabilities[np.arange(len(y)), y]).mean()


def backpropagation(arrays, x, y):
    """Return the gradient of the loss by every array, in their order."""
    W2, n = arrays[2], len(y)
    a1, probabilities = forward(arrays, x)
    delta2 = (probabilities - np.eye(W2.shape[1])[y]) / n  # the loss is a mean over n rows
    delta1 = (delta2 @ W2.T) * (1 - a1**2)  # the slope of tanh, from its output
    return [x.T @ delta1, delta1.sum(axis=0), a1.T @ delta2, delta2.sum(axis=0)]


def finite_differences(arrays, x, y, h):
    """Return the same gradient by moving one weight at a time by h, up and down."""
    gradient = [np.zeros_like(array) for array in arrays]
    for array, slope in zip(arrays, gradient, strict=True):
        for place in np.ndindex(array.shape):
            before = array[place]
            array[place] = before + h
            above = loss(arrays, x, y)
            array[place] = before - h
            slope[place] = (above - loss(arrays, x, y)) / (2 * h)
            array[place] = before
    return gradient


def flat(arrays):
    return np.concatenate([array.ravel() for array in arrays])


def relative(gradient, exact):
    """Return the length of the error, in lengths of the exact gradient."""
    return float(np.linalg.norm(gradient - exact) / np.linalg.norm(exact))


def draw(folder, steps, errors, losses):
    figure, ((difference, descent),) = panels(1, 2, width=5)
    difference.loglog(steps, errors, "o-", color=BLUE, label="finite differences")
    difference.axvline(np.finfo(float).eps ** (1 / 3), color=BLACK, linestyle=":", label="cube root of the precision")
    difference.set(title="error of finite differences", xlabel="step h", ylabel="relative error of the gradient")
    difference.legend(loc="upper center")
    descent.plot(losses, color=VERMILLION)
    descent.set(title="gradient descent by hand", xlabel="steps", ylabel="loss", ylim=(0, None))
    save(figure, folder, __file__)


def main(folder="."):
    data = load_wine()
    X, y = Standardizer().fit_transform(data.X), data.y
    model = Sequential([Dense(8, "tanh"), Dense(3, "softmax")], dtype="float64")
    model.compile(SGD(0.5))
    model.build(X.shape[1])
    arrays = model.get_weights()

    by_hand = flat(backpropagation(arrays, X, y))
    value, by_engine = model.loss_and_gradient(X, y)
    engine_error = relative(by_engine, by_hand)
    print(f"loss {loss(arrays, X, y):.12f} by hand, {value:.12f} from the engine")
    print(f"gradient of {len(by_hand)} parameters: engine and formulas differ by {engine_error:.1e} of its length")
    steps = 10.0 ** np.arange(-12, 0)
    errors = [relative(flat(finite_differences(arrays, X, y, h)), by_hand) for h in steps]
    print(f"finite differences, {2 * len(by_hand)} forward passes for each step size:")
    for h, error in zip(steps, errors, strict=True):
        print(f"  h = {h:.0e}: off by {error:.1e}")

    losses = []
    for _ in range(100):
        losses.append(loss(arrays, X, y))
        arrays = [array - 0.5 * slope for array, slope in zip(arrays, backpropagation(arrays, X, y), strict=True)]
    history = model.fit(X, y, epochs=100, batch_size=len(X), verbose=False)
    same_weights = float(abs(flat(arrays) - model.parameters).max())
    print(f"\n100 steps of gradient descent by hand: loss {losses[0]:.4f} -> {losses[-1]:.4f}")
    print(f"fit with SGD: loss {history.loss[0]:.4f} -> {history.loss[-1]:.4f}")
    print(f"the weights differ by {same_weights:.1e} at most")
    draw(folder, steps, errors, losses)
    return {"engine_error": engine_error, "errors": errors, "losses": losses, "same_weights": same_weights}


if __name__ == "__main__":
    main(*sys.argv[1:])
