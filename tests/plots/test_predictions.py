"""Pictures of predictions beside the truth."""

import numpy as np
import pytest
from pictures import render, texts

import nncore
from nncore import plots


def test_confusion_matrix_writes_the_counts():
    true, predicted = [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0]
    ax = plots.confusion_matrix(true, predicted)
    counts = nncore.metrics.confusion_matrix(true, predicted)
    assert texts(ax) == [str(count) for count in counts.ravel()]
    np.testing.assert_array_equal(ax.images[0].get_array(), counts)
    assert [t.get_position() for t in ax.texts[:3]] == [(0, 0), (1, 0), (2, 0)]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("predicted class", "true class", "4 of 6 right")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0", "1", "2"]
    render(ax)


def test_confusion_matrix_in_shares():
    ax = plots.confusion_matrix([0, 0, 0, 1], [0, 0, 1, 1], ["no", "yes", "never"], normalize=True)
    assert texts(ax)[:5] == ["67 %\n2", "33 %\n1", "0 %\n0", "0 %\n0", "100 %\n1"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["no", "yes", "never"]
    assert ax.images[0].get_clim() == (0, 100)
    assert "%" in ax.figure.axes[-1].get_ylabel()
    dark, light = ax.texts[3], ax.texts[4]
    assert (dark.get_color(), light.get_color()) == ("white", "black")


def test_confusion_matrix_of_text_and_of_scores():
    ax = plots.confusion_matrix(["dog", "cat", "cow"], ["dog", "cow", "cow"])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["cat", "cow", "dog"]
    ordered = plots.confusion_matrix(["dog", "cat", "cow"], ["dog", "cow", "cow"], labels=["dog", "cow", "cat"])
    assert texts(ordered) == ["1", "0", "0", "0", "1", "0", "0", "1", "0"]
    assert texts(plots.confusion_matrix([0, 1, 1], [[0.2], [0.7], [0.4]])) == ["1", "0", "1", "1"]
    assert texts(plots.confusion_matrix([[1, 0], [0, 1]], [[0.2, 0.8], [0.1, 0.9]])) == ["0", "1", "0", "1"]


@pytest.mark.parametrize(
    ("true", "predicted", "options", "message"),
    [
        ([0, 1], [0], {}, "2 and 1|lengths|inconsistent"),
        ([], [], {}, "y_true holds no rows"),
        ([0, 2], [0, 1], {"labels": ["a", "b"]}, r"labels must name each of the 3 classes, got \['a', 'b'\]"),
        (["a", "b"], ["a", "c"], {"labels": ["a", "b"]}, "y_pred holds 'c', which is not in labels: a, b"),
        (["a", "b"], [0, 1], {}, "y_true holds text and y_pred numbers; expected the same classes in both"),
        ([[[0]]], [[[0]]], {}, r"y_true must have shape \(n,\)"),
        ([[0, 1], [1]], [0, 1], {}, "y_true is ragged"),
        ([0, 1], [[0.2], [float("nan")]], {}, "y_pred contains NaN: 1 value.s., the first at row 1"),
        ([0, 2], [[0.0], [2.0]], {}, r"y_pred of shape \(n, 1\) must hold probabilities .* it holds 0 to 2"),
    ],
)
def test_confusion_matrix_of_wrong_input(true, predicted, options, message):
    with pytest.raises(ValueError, match=message):
        plots.confusion_matrix(true, predicted, **options)


def test_classes_that_cannot_be_sorted():
    with pytest.raises(TypeError, match="y_true and y_pred must hold classes of one kind"):
        plots.confusion_matrix([None, "a"], ["a", "a"])
    assert texts(plots.confusion_matrix([None, "a"], ["a", "a"], labels=[None, "a"])) == ["0", "1", "0", "1"]


def test_true_classes_in_a_column_are_classes():
    assert plots.confusion_matrix([[0.0], [2.0]], [0, 2]).get_title() == "2 of 2 right"


@pytest.mark.parametrize(("n", "named"), [(40, 40), (41, 21), (300, 38)])
def test_of_many_classes_some_are_named_and_cells_hold_no_text(n, named):
    ax = plots.confusion_matrix(range(n), range(n))
    assert len(ax.texts) == (1600 if n == 40 else 0)
    assert len(ax.get_xticks()) == len(ax.get_yticks()) == named
    assert [t.get_text() for t in ax.get_xticklabels()][:2] == ["0", str(ax.get_xticks()[1])]


def test_normalize_is_yes_or_no():
    with pytest.raises(TypeError, match="normalize must be True or False, got 'true'"):
        plots.confusion_matrix([0], [0], normalize="true")
    with pytest.raises(TypeError, match="labels must be a name or a list of names, got 3"):
        plots.confusion_matrix([0], [0], labels=3)


def test_predicted_vs_true():
    true, predicted = np.array([1.0, 2.0, 3.0, 4.0]), np.array([[1.5], [2.0], [3.1], [2.0]])
    ax = plots.predicted_vs_true(true, predicted, worst=2, unit="kg")
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), np.column_stack([true, predicted]))
    assert texts(ax) == ["row 3", "row 0"]
    assert ax.collections[1].get_offsets().tolist() == [[4.0, 2.0], [1.0, 1.5]]
    assert ax.lines[0].get_xdata().tolist() == ax.lines[0].get_ydata().tolist() == [1.0, 4.0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("true value (kg)", "predicted value (kg)")
    assert "R² 0.148, RMSE 1.03 kg" in ax.get_title()
    assert texts(plots.predicted_vs_true(true, predicted, worst=0)) == []
    assert texts(plots.predicted_vs_true(true, predicted, worst=4)) == ["row 3", "row 0", "row 2"]  # row 1 is right
    render(ax)
    assert plots.predicted_vs_true([1.0], [3.0]).get_title() == "Predicted and true values\nRMSE 2"


@pytest.mark.parametrize(
    ("true", "predicted", "message"),
    [
        ([1.0, 2.0], [1.0], "same length, got 2 and 1"),
        ([[1.0, 2.0]], [1.0], r"y_true must have shape \(n,\) or \(n, 1\), n > 0; got \(1, 2\)"),
        ([1.0], [float("nan")], "y_pred contains NaN"),
        ([], [], r"y_true must have shape .* got \(0,\)"),
        (["one"], [1.0], "could not convert y_true to numbers"),
    ],
)
def test_predicted_vs_true_of_wrong_input(true, predicted, message):
    with pytest.raises(ValueError, match=message):
        plots.predicted_vs_true(true, predicted)
