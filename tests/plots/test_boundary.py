"""What a model answers in the plane; the activation functions on the line."""

import numpy as np
import pandas as pd
import pytest
from pictures import assert_is_labelled, render

import nncore
from nncore import Dense, Sequential, plots


def region_colours(ax):
    return ax.images[0].get_array()


def test_regions_are_what_the_network_answers(xor):
    model, X, y = xor
    ax = plots.decision_boundary(model, X, y, resolution=20)
    image = region_colours(ax)
    left, right, bottom, top = ax.images[0].get_extent()
    for (a, b), label in zip(X, y, strict=True):
        row, column = int(20 * (b - bottom) / (top - bottom)), int(20 * (a - left) / (right - left))
        red, _, blue = image[row, column]
        assert (red > blue) == bool(label)  # vermillion for class 1, blue for class 0
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["0", "1"]
    zero, one = ax.collections[-2:]
    assert zero.get_offsets().tolist() == X[y == 0].tolist() and one.get_offsets().tolist() == X[y == 1].tolist()
    assert not np.array_equal(zero.get_paths()[0].vertices, one.get_paths()[0].vertices)  # another shape
    assert_is_labelled(ax)
    render(ax)


def test_points_of_a_table_are_drawn_by_name():
    points = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [5.0, 7.0, 9.0]})
    model = Sequential([Dense(2, "softmax")])
    model.fit(points, [0, 1, 1])
    offsets = [
        [marks.get_offsets().tolist() for marks in plots.decision_boundary(model, X, [0, 1, 1]).collections[-2:]]
        for X in (points, points[["b", "a"]])
    ]
    assert offsets[0] == offsets[1]


def test_boundary_of_two_classes_lies_where_the_probability_is_a_half():
    model = Sequential([Dense(1, "sigmoid")], dtype="float64")
    model.build(2)
    model.parameters[:] = [3.0, 0.0, -0.6]  # 0.5 at x = 0.2
    ax = plots.decision_boundary(model, [[-1, -1], [1, 1]], [0, 1])
    line = ax.collections[0].get_paths()[0].vertices
    x = line[:, 0]
    np.testing.assert_allclose(x, 0.2, atol=0.01)
    assert ax.get_title() == "Decision boundary: 2 of 2 points right"


@pytest.mark.parametrize("k", [3, 12])
def test_any_number_of_classes(k):
    angles = 2 * np.pi * np.arange(k) / k
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    model = Sequential([Dense(k, "softmax")])
    model.build(2)
    model.set_weights([10 * X.T, np.zeros(k)])
    names = [f"class {i}" for i in range(k)]
    ax = plots.decision_boundary(model, X, np.eye(k)[np.arange(k)], class_names=names, resolution=50)
    assert ax.get_title() == f"Decision boundary: {k} of {k} points right"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == names
    assert len(np.unique(region_colours(ax).reshape(-1, 3).round(2), axis=0)) > k
    render(ax)


def test_a_network_of_numbers_is_a_heat_map():
    model = Sequential([Dense(1)], dtype="float64")
    model.build(2)
    model.parameters[:] = [2.0, 0.0, 1.0]
    ax = plots.decision_boundary(model, [[0.0, 0.0], [1.0, 1.0]], [1.0, 3.0], resolution=10)
    values = ax.images[0].get_array()
    np.testing.assert_allclose(values[0], 1 + 2 * np.linspace(-0.08, 1.08, 21)[1::2])
    assert ax.collections[0].get_array().tolist() == [1.0, 3.0]
    assert ax.images[0].norm.vmin == values.min()
    assert "prediction" in ax.figure.axes[-1].get_ylabel()
    render(ax)


class Neuron:
    """Fires right of 0.25; answers in the shape that `column` says."""

    def __init__(self, column=False, names=(0, 1)):
        self.column, self.names = column, np.array(names)

    def predict(self, X):
        fired = self.names[(np.asarray(X)[:, 0] > 0.25).astype(int)]
        return fired[:, None] if self.column else fired


@pytest.mark.parametrize(
    "model", [Neuron(), Neuron(column=True), Neuron(names=("no", "yes"))], ids=["flat", "column", "text"]
)
def test_objects_with_predict_alone(model):
    X, y = np.array([[0.0, 0.0], [0.5, 1.0], [1.0, 0.0]]), model.names[[0, 1, 1]]
    ax = plots.decision_boundary(model, X, y)
    np.testing.assert_allclose(ax.collections[0].get_paths()[0].vertices[:, 0], 0.25, atol=0.01)
    assert ax.get_title() == "Decision boundary: 3 of 3 points right"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(map(str, model.names))


def test_models_of_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model", reason="compares with scikit-learn where it is installed")
    X, y = np.array([[0.0, 0.0], [0.2, 0.1], [1.0, 1.0], [0.9, 0.8]]), np.array(["a", "a", "b", "b"])
    ax = plots.decision_boundary(linear.LogisticRegression(C=100).fit(X, y), X, y, resolution=20)
    assert ax.get_title() == "Decision boundary: 4 of 4 points right"
    regression = linear.LinearRegression().fit(X, X[:, 0])
    assert plots.decision_boundary(regression, X, X[:, 0], resolution=20).get_title() == "Prediction over the plane"


@pytest.mark.parametrize(
    ("layers", "n_features", "X", "y", "options", "message"),
    [
        ([Dense(1, "sigmoid")], 3, np.eye(3), [0, 1, 0], {}, "X must have 2 features .* got 3; train .* on two"),
        ([Dense(1, "sigmoid")], 3, np.eye(2), [0, 1], {}, "model must have 2 features .* it has 3; train one on two"),
        ([Dense(2, "sigmoid")], 2, np.eye(2), [0, 1], {}, r"model has 2 outputs that are no choice .*\(sigmoid\)"),
        ([Dense(2)], 2, np.eye(2), [0, 1], {}, "model has 2 outputs .* expected 1 output, or softmax"),
        ([Dense(1, "sigmoid")], 2, np.eye(2), [0, 2], {}, "y holds .*2.* at row 1, .* its classes: 0, 1"),
        ([Dense(1, "sigmoid")], 2, np.eye(2), [0], {}, "X and y have inconsistent numbers of samples: 2 and 1"),
        ([Dense(1)], 2, np.eye(2), [0, 1], {"resolution": 1}, "resolution must be an integer from 2 to 2000, got 1"),
        ([Dense(1)], 2, np.eye(2), [0, 1], {"feature_names": "ab"}, "feature_names must hold 2 names, got 'ab'"),
        ([Dense(2, "softmax")], 2, np.eye(2), [0, 1], {"class_names": "ab"}, "class_names must hold 2 names, got 'ab'"),
        ([Dense(1)], 2, np.eye(2), [[0, 1], [1]], {}, "y is ragged"),
        ([Dense(1, "sigmoid")], 2, np.eye(2), [0, 1], {"class_names": ["a"]}, "class_names must hold 2 names"),
    ],
)
def test_what_cannot_be_drawn_in_the_plane(layers, n_features, X, y, options, message):
    model = Sequential(layers)
    model.build(n_features)
    with pytest.raises(ValueError, match=message):
        plots.decision_boundary(model, X, y, **options)


def test_answers_that_are_no_classes():
    model = Neuron(names=("no", "yes"))
    with pytest.raises(ValueError, match="model predicts 'yes', which is no class in y: maybe, no"):
        plots.decision_boundary(model, [[0, 0], [1, 1]], ["no", "maybe"])
    network = Sequential([Dense(1)])
    network.build(2)
    with pytest.raises(ValueError, match="could not convert y to numbers"):
        plots.decision_boundary(network, [[0, 0], [1, 1]], ["no", "maybe"])


def test_a_feature_that_never_changes_has_room():
    ax = plots.decision_boundary(Neuron(), [[0.0, 1e20], [1.0, 1e20]], [0, 1], resolution=10)
    np.testing.assert_allclose(ax.get_ylim(), [0.92e20, 1.08e20])


def test_what_cannot_predict():
    with pytest.raises(nncore.NotBuiltError, match="call fit"):
        plots.decision_boundary(Sequential([Dense(1)]), [[0, 1]], [0])
    with pytest.raises(TypeError, match="feature_names must be a name or a list of names, got 5"):
        plots.decision_boundary(3, [[0, 1]], [0], feature_names=5)
    with pytest.raises(TypeError, match="model must be a Sequential, or have predict or predict_proba; got 3"):
        plots.decision_boundary(3, [[0, 1]], [0])


# ------------------------------------------------------------------------------------------------ activation functions


def test_every_activation_is_drawn_with_the_engines_numbers():
    axes = plots.activation_functions()
    names = dict.fromkeys(row.name for row in nncore.activations.ACTIVATIONS.values())
    assert len(axes) == len(names)
    for ax, name in zip(axes, names, strict=True):
        assert ax.get_title().startswith(name) and ax.get_xlabel() == "x"
        function, slope = (line for line in ax.lines if line.get_label() in ("f(x)", "f'(x)"))
        x = function.get_xdata()
        if name != "softmax":
            np.testing.assert_array_equal(function.get_ydata(), nncore.kernels.activate(name, x))
        between = np.diff(function.get_ydata()) / np.diff(x)  # the mean slope of each step
        exact = slope.get_ydata()
        low, high = np.minimum(exact[1:], exact[:-1]) - 1e-3, np.maximum(exact[1:], exact[:-1]) + 1e-3
        within = (low <= between) & (between <= high)
        kinks = np.abs(np.diff(exact)) > 0.2  # those of hard_swish lie amid slopes that change
        assert within[~kinks].all() and within.sum() >= len(within) - 2
        assert (function.get_linestyle(), slope.get_linestyle()) == ("-", "--")
    render(axes[0])


def test_unknown_activations_are_named():
    with pytest.raises(ValueError, match="unknown activation 'rleu'; did you mean 'relu'"):
        plots.activation_functions(["tanh", "rleu"])
    with pytest.raises(TypeError, match="names must be a name or a list of names, got 5 of type int"):
        plots.activation_functions(5)
    with pytest.raises(ValueError, match="names must hold at least one of celu, elu, exponential, gelu"):
        plots.activation_functions([])


def test_what_lies_between_categories_is_not_drawn():
    city = [[nncore.Columns([0]), nncore.CategoryEncoding(2)], [nncore.Columns([1])]]
    model = Sequential([nncore.Parallel(city), Dense(1, "sigmoid")])
    model.build(2)
    with pytest.raises(ValueError, match="reads categories in column 0, and a plane has all numbers between"):
        plots.decision_boundary(model, [[0, 0.5], [1, 0.7]], [0, 1])
