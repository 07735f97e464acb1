"""Where pictures are drawn, and in which colours."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nncore import plots
from nncore.plots import canvas, colours


def fresh(code):
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "MPLBACKEND": "Agg"})


def test_figures_are_left_to_pyplot_only_by_those_who_use_it():
    draw = "ax = plots.activation_functions('relu')[0]; ax.figure.savefig(__import__('io').BytesIO())"
    fresh(f"import sys; from nncore import plots; {draw}; assert 'matplotlib.pyplot' not in sys.modules")
    fresh(f"import matplotlib.pyplot as p; from nncore import plots; {draw}; assert p.get_fignums() == [1]")
    own = "figure, ax = p.subplots(); assert plots.activation_functions('relu', ax=ax)[0] is ax"
    fresh(f"import matplotlib.pyplot as p; from nncore import plots; {own}; assert p.get_fignums() == [1]")


def test_a_notebook_shows_figures():
    """In IPython they are pyplot's, which shows them below the cell."""
    shell = "from unittest.mock import Mock; import sys; sys.modules['IPython'] = Mock(version_info=(9, 0))"
    code = f"{shell}; from nncore import plots; plots.activation_functions('relu')"
    fresh(f"{code}; assert sys.modules['matplotlib.pyplot'].get_fignums() == [1]")


def test_settings_of_matplotlib_stay(history, xor):
    import matplotlib

    before = dict(matplotlib.rcParams)
    plots.learning_curves(history)
    plots.decision_boundary(*xor, resolution=10)
    plots.network_diagram(xor[0])
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_by_drawing_only():
    fresh("import sys, nncore.plots; assert 'matplotlib' not in sys.modules")


def test_without_matplotlib_the_error_says_what_to_install(monkeypatch, history):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw in (lambda: plots.learning_curves(history), lambda: plots.predicted_vs_true([1.0, 2.0], [1.0, 2.0])):
        with pytest.raises(ImportError, match=r"needs matplotlib; install it with: pip install matplotlib"):
            draw()


def test_axes_that_are_given_are_used(history):
    figure = canvas.new_figure((6, 3))
    left, right = figure.subplots(1, 2)
    assert plots.learning_curves(history, ax=[left, right]).tolist() == [left, right]
    assert plots.gradient_norms(history, ax=left) is left
    assert figure.axes == [left, right]


def test_legends_stand_beside_only_where_something_makes_room(history):
    from matplotlib.figure import Figure

    crowded = Figure().subplots()
    inside, beside = (plots.gradient_norms(history, ax=ax).get_legend() for ax in (crowded, None))
    assert inside.get_bbox_to_anchor().bounds == crowded.bbox.bounds
    assert beside.get_bbox_to_anchor().x0 > beside.axes.bbox.x1


def test_wrong_axes_are_named(history):
    with pytest.raises(TypeError, match=r"ax must be matplotlib Axes, .* got 3 of type int"):
        plots.gradient_norms(history, ax=3)
    with pytest.raises(ValueError, match="ax must hold 2 Axes, one for each of loss, accuracy; got 1"):
        plots.learning_curves(history, ax=canvas.single(None, (3, 3)))
    with pytest.raises(TypeError, match=r"ax\[0\] must be matplotlib Axes"):
        plots.learning_curves(history, ax=["left", "right"])


# ------------------------------------------------------------------------------------------------------------- colours


def luminance(colour):
    from matplotlib.colors import to_rgb

    channels = np.array(to_rgb(colour))
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ [
        0.2126,
        0.7152,
        0.0722,
    ]


@pytest.mark.parametrize("colour", [colours.BLUE, colours.VERMILLION, colours.GREEN, colours.PURPLE, colours.GREY])
def test_lines_stand_out_from_white(colour):
    """3:1 is what WCAG 1.4.11 wants of graphics."""
    assert 1.05 / (luminance(colour) + 0.05) >= 3


@pytest.mark.parametrize("n", [1, 7, 8, 30])
def test_no_two_lines_look_the_same(n):
    looks = [str(look) for look in colours.line_looks(n)]
    assert len(set(looks)) == len(set(colours.distinct(n))) == len(set(colours.class_markers(n))) == n


def test_signed_values_have_white_at_zero():
    assert colours.diverging()(0.5) == pytest.approx((1, 1, 1, 1), abs=0.01)


def test_text_is_readable_on_every_colour():
    from matplotlib import colormaps

    for colour in colormaps[colours.SEQUENTIAL](np.linspace(0, 1, 50)):
        light, dark = sorted([luminance(colour[:3]), luminance(colours.text_on(colour))], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5
