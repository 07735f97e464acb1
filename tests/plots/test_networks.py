"""Pictures of weights: the diagram, the first layer's images, the loss around them."""

import numpy as np
import pytest
from pictures import assert_is_labelled, labels, render, texts

import nncore
from nncore import Activation, BatchNorm, Dense, Dropout, LayerNorm, Residual, Sequential, plots
from nncore.plots import features, layout, surface


def edges(ax):
    from matplotlib.collections import LineCollection

    return [collection for collection in ax.collections if isinstance(collection, LineCollection)]


def test_every_weight_is_an_edge():
    model = Sequential([Dense(3, "relu"), Dense(1)])
    model.build(2)
    model.set_weights([[[1.0, -2.0, 0.0], [0.5, 4.0, -1.0]], [1.0, 0.0, -1.0], [[1.0], [1.0], [1.0]], [0.0]])
    ax = plots.network_diagram(model)
    first, second = edges(ax)
    assert (len(first.get_segments()), len(second.get_segments())) == (6, 3)
    widths = np.array(first.get_linewidths())
    assert np.argsort(widths).tolist()[-2:] == [1, 4]  # weights -2 and 4
    assert widths.argmin() == 2  # weight 0
    dashed = [dashes is not None for _, dashes in first.get_linestyle()]
    assert dashed == [False, True, False, False, False, True]
    reds, blues = first.get_colors()[:, 0], first.get_colors()[:, 2]
    assert (reds > blues).tolist() == dashed
    render(ax)


def test_units_and_biases():
    model = Sequential([Dense(3, "relu", name="hidden"), Dense(1, use_bias=False)])
    model.build(2)
    model.set_weights([[[3.0, 1.0, 2.0], [0.0, 0.0, 0.0]], [1.0, 0.0, -1.0], [[1.0], [1.0], [1.0]]])
    ax = plots.network_diagram(model)
    assert texts(ax) == ["2 inputs", "hidden\n3 units\nrelu", "dense_1\n1 unit"]
    marks = [collection for collection in ax.collections if collection not in edges(ax)]
    hidden = next(mark for mark in marks if len(mark.get_sizes()) == 3)
    assert np.argsort(-hidden.get_sizes()).tolist() == [0, 2, 1]
    triangles = [c.get_offsets().tolist() for c in marks if list(c.get_sizes()) == [9]]
    up, down = triangles[:2]
    assert (len(up), len(down)) == (1, 1) and up[0][1] > down[0][1]
    assert ax.get_title() == "Network of 12 parameters"
    assert {t.get_text() for t in ax.get_legend().get_texts()} == {"weight > 0", "weight < 0", "bias > 0", "bias < 0"}


def test_wide_layers_say_how_many_units_are_shown():
    model = Sequential([Dense(50, "tanh"), Dense(3, "softmax")])
    model.build(64)
    ax = plots.network_diagram(model, max_units=6)
    shown = [t for t in texts(ax) if "shown" in t]
    assert shown == ["64 inputs\n6 of 64 shown", "dense_0\n50 units\ntanh\n6 of 50 shown"]
    assert texts(ax).count("⋮") == 2
    assert [len(lines.get_segments()) for lines in edges(ax)] == [36, 18]
    first = edges(ax)[0]
    weight = model.get_weights()[0][np.ix_([0, 1, 2, 61, 62, 63], [0, 1, 2, 47, 48, 49])].ravel()
    assert np.array_equal(np.argsort(first.get_linewidths()), np.argsort(np.abs(weight)))


def test_other_layers_are_bands_and_brackets():
    block = Residual([Dense(4, "tanh"), Dropout(0.1), Residual([Dense(4)])], name="outer")
    model = Sequential(
        [Dense(4), BatchNorm(), Activation("relu"), Dropout(0.25), block, Residual([Dense(3), LayerNorm()]), Dense(2)]
    )
    model.build(3)
    ax = plots.network_diagram(model)
    found = texts(ax)
    for text in ("batch_norm_1", "activation_2: relu", "dropout_3: 25 %", "outer: + its input"):
        assert text in found
    assert "residual_9: + its input × a weight 4 → 3" in found
    assert found.count("+") == 3
    assert len(edges(ax)) == 5  # one for each Dense layer
    placed = layout.Layout(model.program, model.get_weights())
    assert placed.add(model.layers) == 2
    order = sorted([*placed.columns, *placed.bands], key=lambda part: part.x)
    assert [getattr(part, "label", getattr(part, "name", "")) for part in order] == [
        *("inputs", "dense_0", "batch_norm_1", "activation_2: relu", "dropout_3: 25 %", "dense_5", "dropout_6: 10 %"),
        *("dense_8", "dense_10", "layer_norm_11", "dense_12"),
    ]
    outer, inner = (next(b for b in placed.brackets if b.depth == depth) for depth in (1, 0))
    assert outer.left < inner.left < inner.right < outer.right
    render(ax)


def test_diagrams_need_a_built_network():
    with pytest.raises(nncore.NotBuiltError, match="call fit"):
        plots.network_diagram(Sequential([Dense(1)]))
    with pytest.raises(TypeError, match="model must be a Sequential, got 'net' of type str"):
        plots.network_diagram("net")
    with pytest.raises(ValueError, match="max_units must be an integer from 2 to 200, got 1"):
        plots.network_diagram(Sequential([Dense(1)]), max_units=1)


# ------------------------------------------------------------------------------------------------------ feature images


def test_feature_images_are_the_weights_sorted_by_norm():
    model = Sequential([Dense(5, "relu"), Dense(6)], seed=3)
    model.build(12)
    weight = model.get_weights()[0]
    ax = plots.feature_images(model, (3, 4), max_images=3)
    order = np.argsort(-np.linalg.norm(weight, axis=0))[:3]
    assert texts(ax) == [str(unit) for unit in order]
    (image,) = ax.images
    tiles = image.get_array()
    first = tiles[1:4, :4]
    np.testing.assert_array_equal(first, weight[:, order[0]].reshape(3, 4))
    assert np.ma.count(tiles) == 3 * 12
    assert image.norm.vmax == -image.norm.vmin == np.abs(weight[:, order]).max()
    assert ax.get_title() == "Weights into 3 of 5 units of dense_0\nlargest norm first"
    for text in ax.texts:  # each stands above its image
        assert not np.ma.is_masked(tiles[int(np.ceil(text.get_position()[1])), int(np.ceil(text.get_position()[0]))])
    render(ax)


def test_images_stand_side_by_side():
    tiles = features.mosaic(np.arange(3)[:, None, None] * np.ones((3, 2, 2)), 2, (1, 1))
    assert np.nan_to_num(tiles, nan=-1).tolist() == [
        *([-1] * 5, [0, 0, -1, 1, 1], [0, 0, -1, 1, 1]),
        *([-1] * 5, [2, 2, -1, -1, -1], [2, 2, -1, -1, -1]),
    ]


def test_feature_images_of_a_deeper_layer():
    model = Sequential([Dense(9, "relu"), BatchNorm(), Dense(1, name="last")])
    model.build(4)
    title = "Weights into 1 unit of last\nlargest norm first"
    assert plots.feature_images(model, (3, 3), layer=1).get_title() == title
    assert plots.feature_images(model, (3, 3), layer="last").get_title() == title


@pytest.mark.parametrize(
    ("shape", "layer", "error", "message"),
    [
        ((8, 7), 0, ValueError, r"shape \(8, 7\) makes 56 pixels, but dense_0 has 64 inputs; .* = 64"),
        ((8, 8), 1, ValueError, "makes 64 pixels, but dense_1 has 6 inputs"),
        ((8, 8), 2, ValueError, "layer must be an integer from 0 to 1, got 2"),
        ((8, 8), "dense_3", ValueError, "unknown layer 'dense_3'"),
        ((8, 8), 0.0, TypeError, "layer must be an integer"),
        (64, 0, ValueError, r"shape must be \(height, width\), two whole numbers, got 64"),
        ((4, 4, 4), 0, ValueError, r"shape must be \(height, width\), two whole numbers, got \(4, 4, 4\)"),
    ],
)
def test_shapes_that_do_not_fit(shape, layer, error, message):
    model = Sequential([Dense(6), Dense(2)])
    model.build(64)
    with pytest.raises(error, match=message):
        plots.feature_images(model, shape, layer)


def test_feature_images_need_weights():
    with pytest.raises(nncore.NotBuiltError, match="call fit"):
        plots.feature_images(Sequential([Dense(1)]), (8, 8))
    with pytest.raises(TypeError, match="model must be a Sequential, got None"):
        plots.feature_images(None, (8, 8))


# -------------------------------------------------------------------------------------------------------- loss surface


def test_directions_have_the_norm_of_the_weights_into_each_unit(xor):
    program, flat = xor[0].program, xor[0].get_weights()
    centre = np.concatenate([array.ravel() for array in flat])
    direction = surface.filter_normalised(program, centre, np.random.default_rng(0))
    for block, weight in zip(program.parameters, flat, strict=True):
        part = direction[block.offset : block.offset + block.size].reshape(block.shape)
        if block.name.endswith("bias"):
            assert not part.any()
        else:
            np.testing.assert_allclose(np.linalg.norm(part, axis=0), np.linalg.norm(weight, axis=0), rtol=1e-6)


def test_the_surface_holds_the_models_losses_and_leaves_it_alone(xor):
    model, X, y = xor
    before = model.parameters.copy(), model.epoch, model.metrics, repr(model.history)
    steps = np.linspace(-1, 1, 5)
    losses, here = surface.losses_around(model, X, y, steps, seed=3)
    np.testing.assert_array_equal(model.parameters, before[0])
    assert (model.epoch, model.metrics, repr(model.history)) == before[1:]
    assert here == losses[2, 2] == model.evaluate(X, y)["loss"]
    rng = np.random.default_rng(3)
    centre = before[0].astype(float)
    first, second = (surface.filter_normalised(model.program, centre, rng) for _ in range(2))
    moved = Sequential(model.layers)
    moved.build(2)
    moved.parameters[:] = centre + steps[4] * first + steps[1] * second
    assert losses[1, 4] == moved.evaluate(X, y)["loss"]


def test_loss_surface(xor):
    ax = plots.loss_surface(*xor, resolution=9, span=0.5, seed=1)
    again, other = (plots.loss_surface(*xor, resolution=9, span=0.5, seed=seed) for seed in (1, 2))
    values = ax.collections[0].get_array()
    np.testing.assert_array_equal(values, again.collections[0].get_array())
    assert not np.array_equal(values, other.collections[0].get_array())
    assert values.shape == (9, 9) and ax.get_xlim() == (-0.5, 0.5)
    assert labels(ax)[0].startswith("current weights: loss ")
    assert_is_labelled(ax)
    assert ax.figure.axes[-1].get_ylabel() == "loss"
    render(plots.loss_surface(*xor, resolution=9, log=True))


def test_running_averages_are_those_of_the_model(xor):
    _, X, y = xor
    model = Sequential([Dense(4), BatchNorm(), Activation("tanh"), Dropout(0.5), Dense(1, "sigmoid")])
    model.fit(X, y, epochs=5)
    losses, _ = surface.losses_around(model, X, y, np.array([-1.0, 0.0, 1.0]), seed=0)
    assert losses[1, 1] == model.evaluate(X, y)["loss"]


def test_a_flat_surface():
    model = Sequential([Dense(1, weight_initializer="zeros")])
    model.build(1)
    render(plots.loss_surface(model, [[1.0]], [0.0], resolution=3))
    render(plots.loss_surface(model, [[1.0]], [0.0], resolution=3, log=True))


def test_loss_surface_of_wrong_input(xor):
    model, X, y = xor
    for options, message in (
        ({"span": 0}, "span must be a finite number > 0"),
        ({"resolution": 2}, "resolution must be an integer from 3 to 501, got 2"),
        ({"seed": -1}, "seed must be an integer from 0"),
    ):
        with pytest.raises(ValueError, match=message):
            plots.loss_surface(model, X, y, **options)
    with pytest.raises(TypeError, match="log must be True or False, got 1"):
        plots.loss_surface(3, X, y, log=1)  # before any work
    with pytest.raises(TypeError, match="model must be a Sequential, got 3"):
        plots.loss_surface(3, X, y)
    with pytest.raises(nncore.NotBuiltError, match="call fit"):
        plots.loss_surface(Sequential([Dense(1)]), X, y)
    with pytest.raises(ValueError, match="X has 3 features, but the model expects 2"):
        plots.loss_surface(model, np.eye(3), y)
