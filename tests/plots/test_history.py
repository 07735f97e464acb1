"""Pictures of a history: curves, gradients, distributions."""

import numpy as np
import pytest
from pictures import assert_is_labelled, labels, render, texts

from nncore import BatchNorm, Dense, History, Sequential, plots
from nncore.history.layers import FIELDS
from nncore.plots.distributions import common_bins, epoch_edges

NAN = float("nan")


def test_learning_curves_show_what_was_recorded(history):
    history.extend(7, {"loss": [0.05], "val_loss": [0.7], "accuracy": [0.8], "val_accuracy": [0.6]})
    loss, accuracy = plots.learning_curves(history)
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), history.loss)
    np.testing.assert_array_equal(loss.lines[1].get_xydata(), [[7, 0.7]])  # the only epoch that was validated
    np.testing.assert_array_equal(accuracy.lines[0].get_ydata(), history.accuracy)
    np.testing.assert_array_equal(loss.lines[0].get_xdata(), history.epochs)
    assert labels(loss) == ["training", "validation", "lowest val_loss: 0.7, epoch 7"]
    assert [line.get_linestyle() for line in loss.lines] == ["-", "--", ":"]
    assert [t.get_text() for t in loss.get_legend().get_texts()] == labels(loss)
    assert (loss.get_xlabel(), loss.get_ylabel(), accuracy.get_ylabel()) == ("epoch", "loss", "accuracy")
    assert_is_labelled(accuracy)
    assert render(loss).std() > 0


def test_best_epoch_without_validation_is_that_of_the_training_loss(history):
    loss, accuracy = plots.learning_curves(history)
    assert labels(loss) == ["training", "lowest loss: 0.05, epoch 6"]
    for ax in (loss, accuracy):
        assert list(ax.lines[-1].get_xdata()) == [6, 6]


def test_a_history_draws_itself(history):
    (ax,) = history.plot("accuracy", log=True)
    assert ax.get_title() == "Accuracy over epochs" and ax.get_yscale() == "log"


def test_one_epoch_has_one_tick():
    history = History()
    history.extend(4, {"loss": [0.5]})
    (ax,) = plots.learning_curves(history)
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [4]


def test_learning_curves_of_chosen_columns(history):
    (ax,) = plots.learning_curves(history, "learning_rate", log=True)
    assert ax.get_yscale() == "log" and ax.get_title() == "Learning rate over epochs"
    with pytest.raises(ValueError, match="unknown column of the history 'acuracy'; did you mean 'accuracy'"):
        plots.learning_curves(history, ["acuracy"])
    with pytest.raises(TypeError, match="columns must be a name or a list of names, got 5"):
        plots.learning_curves(history, 5)
    history.extend(7, {"loss": [0.05], "score": [-1.0]})
    with pytest.raises(ValueError, match="log must be False to draw 'score': it has no value above 0"):
        plots.learning_curves(history, log=True)
    with pytest.raises(ValueError, match="columns must name at least one column of the history; it has: loss"):
        plots.learning_curves(history, [])


@pytest.mark.parametrize("columns", [None, "val_accuracy"])
def test_validation_alone_is_drawn_as_validation(columns):
    history = History()
    history.extend(0, {"val_accuracy": [0.5, 0.75]})
    (ax,) = plots.learning_curves(history, columns)
    assert labels(ax) == ["validation"] and ax.lines[0].get_linestyle() == "--"
    assert ax.get_ylabel() == "val_accuracy"


def test_a_history_is_needed(xor):
    with pytest.raises(TypeError, match=r"history must be the History that fit returns, got .*; pass its .history"):
        plots.learning_curves(xor[0])
    with pytest.raises(TypeError, match=r"history must be the History that fit returns, got \[0.5\] of type list$"):
        plots.learning_curves([0.5])
    with pytest.raises(ValueError, match="history holds no epochs: train first"):
        plots.gradient_norms(History())


def test_gradient_norms(history):
    ax = plots.gradient_norms(history)
    assert labels(ax) == ["dense_0", "dense_2"] and ax.get_yscale() == "log"
    for line in ax.lines:
        assert line.get_xdata().tolist() == [0, 1, 2, 5]
        np.testing.assert_array_equal(line.get_ydata(), history.layers[line.get_label()]["gradient_norm"])
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    assert_is_labelled(ax)
    assert labels(plots.gradient_norms(history, "dense_2", log=False)) == ["dense_2"]
    with pytest.raises(TypeError, match="log must be True or False, got 2"):
        plots.gradient_norms(history, log=2)


def test_gradients_of_zero_are_counted_where_a_logarithm_cannot_show_them(network):
    layers, epochs, values = network
    history = History()
    history.extend(0, {"loss": [1.0] * 6})
    values[1:3, 0, FIELDS.index("gradient_norm")] = 0
    history.record_layers(layers, epochs, values)
    ax = plots.gradient_norms(history)
    assert labels(ax) == ["dense_0 (0 in 2 epochs)", "dense_2"]
    render(ax)


@pytest.mark.parametrize("draw", [plots.gradient_norms, plots.weight_distributions, plots.activation_distributions])
def test_records_of_layers_are_needed(draw, history):
    bare = History()
    bare.extend(0, {"loss": [0.5]})
    with pytest.raises(ValueError, match="history holds no records of layers; train with"):
        draw(bare)
    with pytest.raises(ValueError, match="unknown layer 'dense_1'; did you mean"):
        draw(history, "dense_1")


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_solvers_are_said_to_record_no_layers(solver):
    history = Sequential([Dense(1)]).fit([[0.0], [1.0]], [0.0, 1.0], epochs=3, solver=solver)
    with pytest.raises(ValueError, match=r"train_on_batch, the solvers \(lbfgs, lm\) and tables"):
        plots.gradient_norms(history)


def test_a_layer_without_the_record_is_named(history, network):
    layers, epochs, values = network
    with pytest.raises(ValueError, match="layer 'dropout_1' has no gradient_norm; those that have: dense_0, dense_2"):
        plots.gradient_norms(history, ["dense_0", "dropout_1"])
    empty = History()
    empty.extend(0, {"loss": [0.5]})
    empty.record_layers(layers[1:2], epochs, values[:, 1:2])
    with pytest.raises(ValueError, match="history holds no gradient_norm of any layer; its layers: dropout_1"):
        plots.gradient_norms(empty)


# ------------------------------------------------------------------------------------------------------- distributions


def test_histograms_on_one_axis_keep_their_shares():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 50, (5, 32))
    low, high = -rng.uniform(1, 2, 5), rng.uniform(1, 2, 5)
    edges, shares = common_bins(counts, low, high, 200)
    assert (edges[0], edges[-1]) == (low.min(), high.max())
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    centres = (edges[1:] + edges[:-1]) / 2
    for i in range(5):
        own = low[i] + (high[i] - low[i]) * (np.arange(32) + 0.5) / 32
        np.testing.assert_allclose(shares[i] @ centres, own @ counts[i] / counts[i].sum(), atol=1e-3)


def test_histograms_of_equal_weights_and_of_none():
    edges, shares = common_bins(np.array([[4, 0], [0, 0]]), np.array([2.0, NAN]), np.array([2.0, NAN]), 4)
    assert (edges[0], edges[-1]) == (1.5, 2.5)
    assert shares[0].sum() == 1 and shares[0].max() == 1
    assert np.isnan(shares[1]).all()


def test_weight_distributions(history):
    axes = plots.weight_distributions(history)
    assert [ax.get_title() for ax in axes] == ["Weights of dense_0", "Weights of dense_2"]
    record = history.layers["dense_0"]
    _, shares = common_bins(record.histogram, record["weight_min"], record["weight_max"])
    (mesh,) = axes[0].collections
    np.testing.assert_allclose(mesh.get_array(), 100 * shares.T)
    mean, above, below = axes[0].lines
    np.testing.assert_array_equal(mean.get_ydata(), record["weight_mean"])
    np.testing.assert_allclose(above.get_ydata() - below.get_ydata(), 2 * record["weight_std"])
    assert all(line.get_color() == "white" and line.get_path_effects() for line in axes[0].lines)  # outlined in dark
    assert axes[0].get_ylim() == (-6, 6) and axes[0].get_xlim() == (-0.5, 6.5)
    for ax in axes:
        assert_is_labelled(ax)
    assert "% of the weights" in axes[0].figure.axes[-1].get_ylabel()
    render(axes[0])


def test_activation_distributions(history):
    axes = plots.activation_distributions(history)
    assert axes.shape == (3, 2)
    record = history.layers["dense_0"]
    outputs, shares = axes[0]
    np.testing.assert_array_equal(outputs.lines[0].get_ydata(), record["activation_mean"])
    band = outputs.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx((record["activation_mean"] + record["activation_std"]).max())
    np.testing.assert_allclose(
        [line.get_ydata() for line in shares.lines], [100 * record["dead"], 100 * record["saturated"]]
    )
    assert outputs.get_title() == "Outputs of dense_0 (relu)" and "%" in shares.get_ylabel()
    assert [ax.get_xlabel() for ax in axes[-1]] == ["epoch", "epoch"]
    assert plots.activation_distributions(history, ["dense_2"]).shape == (1, 2)
    render(outputs)


def test_only_what_applies_to_the_activation_is_drawn(network):
    layers, epochs, values = network
    history = History()
    history.extend(0, {"loss": [0.5] * 6})
    values[:, 0, FIELDS.index("saturated")] = np.nan
    values[:, 1, FIELDS.index("dead")] = values[:, 1, FIELDS.index("saturated")] = np.nan
    history.record_layers(layers, epochs, values)
    relu, dropout, both = plots.activation_distributions(history)[:, 1]
    assert labels(relu) == ["dead units"] and labels(both) == ["dead units", "saturated outputs"]
    assert not dropout.axison and texts(dropout) == ["dropout_1: no activation\nthat could die or saturate"]
    assert [relu.get_xlabel(), both.get_xlabel()] == ["", "epoch"]
    assert [text.get_text() for text in relu.get_legend().get_texts()] == labels(relu)
    render(relu)


def test_epochs_that_were_not_recorded_widen_the_cells():
    assert epoch_edges(np.array([3])).tolist() == [2.5, 3.5]
    assert epoch_edges(np.array([0, 1, 2, 5])).tolist() == [-0.5, 0.5, 1.5, 3.5, 6.5]


def test_many_layers_and_one_epoch(network):
    history = History()
    history.extend(4, {"loss": [0.5]})
    layers = [(f"dense_{i}", "Dense", "relu") for i in range(12)]
    history.record_layers(layers, [4], np.tile(network[2][:1, :1], (1, 12, 1)))
    for draw in (plots.gradient_norms, plots.weight_distributions, plots.activation_distributions):
        render(np.ravel(draw(history))[0])


def test_the_history_of_a_training():
    """What `fit` records is what is drawn."""
    X = np.random.default_rng(0).normal(size=(64, 3))
    model = Sequential([Dense(8, "relu"), BatchNorm(), Dense(1)])
    history = model.fit(X, X[:, 0], epochs=4)
    norms = {line.get_label(): line.get_ydata() for line in plots.gradient_norms(history).lines}
    assert list(norms) == ["dense_0", "batch_norm_1", "dense_2"]
    assert all((values > 0).all() for values in norms.values())
    for ax in plots.weight_distributions(history):
        shares = np.asarray(ax.collections[0].get_array())
        np.testing.assert_allclose(shares.sum(axis=0), 100)
    render(plots.activation_distributions(history)[0, 0])


class Trap:
    """Has the names of a record or a model, and of none of them all."""

    @property
    def columns(self):
        raise AssertionError("asked for only to see what this is")

    layers = epochs = program = get_weights = columns


@pytest.mark.parametrize("draw", [plots.learning_curves, plots.gradient_norms, plots.network_diagram])
def test_what_something_is_is_seen_without_running_its_properties(draw):
    with pytest.raises(TypeError, match="must be"):
        draw(Trap())
