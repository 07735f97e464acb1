"""Generated data: seeded, balanced, of the promised shape."""

import math

import numpy as np
import pytest

from nncore import datasets
from nncore.datasets.generators import GENERATORS

CLASSES = ["xor", "moons", "circles", "spiral", "gaussians"]


@pytest.mark.parametrize("name", GENERATORS)
def test_seed_decides_everything(name):
    make = GENERATORS[name]
    a, b, other = make(50, seed=3), make(50, seed=3), make(50, seed=4)
    assert np.array_equal(a.X, b.X) and np.array_equal(a.y, b.y)
    assert not np.array_equal(a.X, other.X)
    assert a.X.dtype == np.float64 and a.name == name and a.n_samples == 50


@pytest.mark.parametrize("name", CLASSES)
def test_classes_take_turns(name):
    dataset = GENERATORS[name](30)
    n_classes = len(dataset.target_names)
    assert np.array_equal(dataset.y, np.arange(30) % n_classes) and dataset.y.dtype == np.int64


@pytest.mark.parametrize("name", GENERATORS)
def test_one_row_and_the_largest_seed_work(name):
    assert GENERATORS[name](1, seed=2**64 - 1).X.shape[0] == 1


def test_xor_without_noise_is_the_truth_table():
    X, y = datasets.make_xor(4, noise=0)
    assert [int(a) ^ int(b) for a, b in X] == y.tolist()


def test_circles_have_their_radii():
    X, y = datasets.make_circles(100, noise=0, factor=0.3)
    assert np.allclose(np.hypot(*X.T), np.where(y == 0, 1.0, 0.3))


def test_moons_lie_on_their_half_circles():
    X, y = datasets.make_moons(100, noise=0)
    upper, lower = X[y == 0], X[y == 1]
    assert np.allclose(np.hypot(*upper.T), 1) and (upper[:, 1] >= 0).all()
    assert np.allclose(np.hypot(*(lower - [1, 0.5]).T), 1) and (lower[:, 1] <= 0.5).all()


@pytest.mark.parametrize("arms", [2, 3, 7])
def test_spiral_arms_are_one_arm_turned(arms):
    X, y = datasets.make_spiral(300, arms=arms, turns=1.5, noise=0)
    radius, angle = np.hypot(*X.T), np.arctan2(X[:, 1], X[:, 0])
    expected = 2 * math.pi * (1.5 * radius + y / arms)
    assert np.allclose(np.cos(angle), np.cos(expected)) and np.allclose(np.sin(angle), np.sin(expected))
    assert radius.max() <= 1


def test_gaussians_spread_as_asked():
    X, y = datasets.make_gaussians(30_000, classes=3, n_features=4, noise=0.25)
    deviations = [X[y == k].std(axis=0) for k in range(3)]
    assert np.allclose(deviations, 0.25, rtol=0.05)


def test_noise_of_regression_is_on_the_target():
    X, y = datasets.make_sine(20_000, noise=0.2)
    assert abs((y - np.sin(X[:, 0])).std() - 0.2) < 0.01 and abs(X).max() <= math.pi
    X, y = datasets.make_plane(20_000, noise=0.2)
    assert abs((y - X @ [2, -1] - 0.5).std() - 0.2) < 0.01


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (datasets.make_xor, {"n_samples": 0}, "n_samples must be a whole number of at least 1, got 0"),
        (datasets.make_moons, {"n_samples": 2.5}, "n_samples must be a whole number of at least 1, got 2.5"),
        (datasets.make_moons, {"n_samples": True}, "n_samples .* got True"),
        (datasets.make_circles, {"noise": -1}, "noise must be a finite number of at least 0, got -1"),
        (datasets.make_circles, {"noise": math.nan}, "noise .* got nan"),
        (datasets.make_xor, {"noise": "a"}, "noise must be a finite number of at least 0, got 'a'"),
        (datasets.make_circles, {"factor": None}, "factor must be a finite number, got None"),
        (datasets.make_spiral, {"turns": "1"}, "turns must be a finite number, got '1'"),
        (datasets.make_circles, {"factor": 1.0}, "factor must lie between 0 and 1, got 1.0"),
        (datasets.make_spiral, {"arms": 1}, "arms must be a whole number of at least 2, got 1"),
        (datasets.make_spiral, {"turns": math.inf}, "turns must be a finite number, got inf"),
        (datasets.make_gaussians, {"classes": 1}, "classes must be a whole number of at least 2, got 1"),
        (datasets.make_gaussians, {"n_features": 0}, "n_features must be a whole number of at least 1, got 0"),
        (datasets.make_sine, {"seed": -1}, "seed must be a whole number from 0 to 18446744073709551615, got -1"),
        (datasets.make_plane, {"seed": 2**64}, "seed .* got 18446744073709551616"),
        (datasets.make_plane, {"seed": 1.0}, "seed .* got 1.0"),
    ],
)
def test_parameters_out_of_range(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)
