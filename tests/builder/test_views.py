"""What is shown is what the core computes: explained steps, maps, confusion, the doctor, frames, exports."""

import ast
import base64
import csv
import io
import itertools
import json
import tracemalloc

import numpy as np
import pytest

import nncore
from nncore import Dense, Sequential
from nncore.base.random import permutation
from nncore.builder import doctoring, export, frames, views
from nncore.builder.refusal import Refusal
from nncore.builder.run import Loaded, Run, Within, copied
from nncore.builder.wire import encode
from nncore.cli.main import main
from nncore.model import checkpoint


def trained(ask, epochs=3):
    ask("train", epochs=epochs)
    ask.session.play(lambda: False)
    return ask


HEAD = {"type": "Dense", "units": 2, "activation": "softmax"}


# ---- explain


@pytest.mark.parametrize("batches", [0, 2])
def test_an_explained_step_is_that_of_explain_step(ask, batches):
    trained(ask)
    for _ in range(batches):
        ask("step_batch")
    X, y = ask.run.part("train")
    rows = ask.run.next_batch()
    step = ask.run.current.explain_step(X[rows], y[rows])
    found = json.loads(encode(ask("explain")))
    assert found["loss"] == step.loss
    assert found["rows"] == ask.run.prepared.train[rows].tolist()
    for layer, shown in zip(step.layers, found["layers"], strict=True):
        assert shown["name"] == layer.name
        assert shown["z"]["values"] == layer.z[:8].astype(float).tolist()
        assert shown["dz"]["norm"] == np.linalg.norm(layer.dz.astype(float))
        for name, parameter in layer.parameters.items():
            for what in ("before", "gradient", "after"):
                assert shown["parameters"][name][what]["values"] == getattr(parameter, what).astype(float).tolist()


def test_normalising_layers_tell_what_they_take_away(ask):
    widths = [{"type": "Dense", "units": 5}, {"type": "BatchNorm"}, {"type": "LayerNorm"}]
    ask.take_layers([*widths, {"type": "Dense", "units": 2, "activation": "softmax"}])
    dense, of_columns, of_rows, _ = ask("explain")["layers"]
    assert dense["statistics"] is None
    for layer, side_by_side in ((of_columns, np.atleast_2d), (of_rows, lambda values: np.array(values)[:8, None])):
        mean, variance = (side_by_side(layer["statistics"][what]["values"]) for what in ("mean", "variance"))
        normalised = (np.array(layer["x"]["values"]) - mean) / np.sqrt(variance + 1e-5)
        np.testing.assert_allclose(layer["z"]["values"], normalised, rtol=1e-4, atol=1e-5)


def test_explaining_changes_nothing_and_says_what_the_step_brings(ask):
    before = ask.run.model.parameters.copy()
    found = ask("explain", rows=[0, 1, 2, 3, 4, 5, 6, 7])
    assert found["loss_after"] < found["loss"]
    assert np.array_equal(ask.run.model.parameters, before)
    assert ask("state")["run"]["batch"] == 0


def test_the_next_batch_is_the_one_that_training_reads_next(ask):
    for epoch, batch in ((0, 0), (2, 0), (2, 3)):
        if epoch > ask.run.model.epoch:
            trained(ask, epoch)
        for _ in range(batch):
            ask("step_batch")
        order = permutation(ask.run.setup.seed, epoch, len(ask.run.prepared.train))
        assert np.array_equal(ask.run.next_batch(), order[batch * 16 : (batch + 1) * 16])
    ask.run.leave_epoch()
    for done, epoch, batch in ((4, 2, 4), (10, 3, 0)):
        ask.run.within = Within(ask.run, done, 0.5, 1.0)
        order = permutation(ask.run.setup.seed, epoch, len(ask.run.prepared.train))
        assert np.array_equal(ask.run.next_batch(), order[batch * 16 : (batch + 1) * 16])


EVERY_KIND = [
    {"type": "Dense", "units": 30, "activation": "relu"},
    {"type": "BatchNorm"},
    {"type": "Dropout", "rate": 0.4},
    {"type": "Residual", "layers": [{"type": "Dense", "units": 5, "activation": "tanh", "l2": 0.1}]},
    {"type": "LayerNorm"},
    {"type": "GaussianNoise", "stddev": 0.1},
    {"type": "RMSNorm"},
    {"type": "PReLU", "alpha_initializer": {"type": "Constant", "value": 0.25}},
    {"type": "Dense", "units": 2, "activation": "softmax"},
]


LATER = {"rms_norm_7", "prelu_8", "dense_9"}


@pytest.mark.parametrize("batches", [0, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_card_drawing_and_explanation_have_one_gradient(ask, batches, weighted):
    """Of each layer one norm, and of each edge one gradient: those of `explain_step` for the next batch."""
    ask.take_layers(EVERY_KIND)
    ask("set_training", class_weight="balanced" if weighted else None)
    trained(ask)
    for _ in range(batches):
        ask("step_batch")
    (X, y), rows, weights = ask.run.part("train"), ask.run.next_batch(), ask.run.weights()
    step = ask.run.current.explain_step(X[rows], y[rows], None if weights is None else weights[rows])
    expected = {}
    for layer in step.layers:
        found = next(iter(layer.parameters.values()), None)
        if found is not None:
            expected[layer.name] = frames.rounded(np.linalg.norm(found.gradient.astype(float)))
    frame, explained = ask("state")["frame"], ask("explain")
    assert set(expected) == {"dense_0", "batch_norm_1", "residual_3", "dense_4", "layer_norm_5", *LATER}
    assert frame["gradient_norms"] == expected == explained["gradient_norms"]
    assert set(frame["edges"]) == {"dense_0", "residual_3.projection", "dense_4", "dense_9"} == set(explained["edges"])
    for name, entry in frame["edges"].items():
        assert {key: explained["edges"][name][key] for key in entry} == entry
        assert entry["gradient_norm"] == expected[name.removesuffix(".projection")]


def test_the_edges_of_an_explanation_are_what_the_step_does(ask):
    """Edge by edge: gradient and change, and what goes along: the sums of that, with the bias, are the units' z."""
    ask.take_layers(EVERY_KIND)
    trained(ask)
    chosen = [3, 1, 4, 15, 9]
    X, y = (part[chosen] for part in ask.run.part("train"))
    step, found = ask.run.model.explain_step(X, y), ask("explain", rows=chosen)["edges"]
    close = {"rtol": 1e-3, "atol": 1e-6}
    for name in ("dense_4", "dense_9"):
        weight, shown = step[name].parameters["weight"], found[name]
        if "strongest" in shown:
            edges = [tuple(map(int, edge[:2])) for edge in shown["strongest"]]
            assert len(edges) == min(64, weight.before.size)
            values = np.array(shown["strongest"])[:, 2:].T
            change, x = np.array(shown["strongest_change"]), np.array(shown["strongest_x"]).T
        else:
            edges = [(i, j) for i in range(weight.before.shape[0]) for j in range(weight.before.shape[1])]
            values = np.array([np.ravel(shown["weight"]), np.ravel(shown["gradient"])])
            change, x = np.ravel(shown["change"]), np.array(shown["x"])[:, [i for i, _ in edges]]
        inputs, units = np.array(edges).T
        np.testing.assert_allclose(values[0], weight.before[inputs, units], **close)
        np.testing.assert_allclose(values[1], weight.gradient[inputs, units], **close)
        np.testing.assert_allclose(change, (weight.after - weight.before)[inputs, units], **close)
        np.testing.assert_allclose(x, step[name].x[:, inputs], **close)
    flowing = np.array(found["dense_9"]["x"])[:, :, None] * np.array(found["dense_9"]["weight"])
    bias = step["dense_9"].parameters["bias"].before
    np.testing.assert_allclose(flowing.sum(axis=1) + bias, step["dense_9"].z, rtol=2e-3, atol=2e-3)


def test_the_loss_after_a_step_is_of_the_values_that_were_dropped_before(ask):
    """With a step of next to nothing the loss stays, so what is dropped is the same; the step is the real one."""
    ask.take_layers([{"type": "Dense", "units": 20, "activation": "relu"}, {"type": "Dropout", "rate": 0.5}, HEAD])
    trained(ask)
    ask("set_optimizer", optimizer={"type": "SGD", "learning_rate": 1e-7})
    found = ask("explain")
    assert found["loss_after"] == pytest.approx(found["loss"], rel=1e-5)
    ask("set_optimizer", optimizer={"type": "SGD", "learning_rate": 0.05})
    found, (X, y), rows = ask("explain"), ask.run.part("train"), ask.run.next_batch()
    step, model = ask.run.model.explain_step(X[rows], y[rows]), copied(ask.run.model)
    model.set_weights([part.after for layer in step.layers for part in layer.parameters.values()])
    assert found["loss_after"] == model.loss_and_gradient(X[rows], y[rows])[0]
    assert found["loss_after"] < found["loss"]


def test_a_last_batch_of_one_row_is_shown_too(ask):
    ask.take_layers([{"type": "Dense", "units": 4}, {"type": "BatchNorm"}, HEAD])
    ask("set_training", batch_size=53)  # 160 rows
    for _ in range(3):
        ask("step_batch")
    assert ask("state")["frame"]["gradient_rows"] == 1


@pytest.mark.parametrize("rows, message", [([], "at least one"), ([160], "from 0 to 159, got 160")])
def test_rows_that_cannot_be_explained(ask, rows, message):
    with pytest.raises(Refusal, match=message):
        ask("explain", rows=rows)


# ---- evaluate


def test_the_map_is_what_the_network_predicts(ask):
    trained(ask)
    found = ask("evaluate", kind="decision_map", resolution=7)
    points = np.array([[x, y] for y in found["y"] for x in found["x"]])
    X = ask.run.prepared.preparation.prepare_inputs(points)
    probabilities = ask.run.model.predict_proba(X)
    assert np.array(found["classes"]).ravel().tolist() == probabilities.argmax(axis=1).tolist()
    np.testing.assert_allclose(np.array(found["sure"]).ravel(), probabilities.max(axis=1), rtol=5e-3)


def test_one_feature_gives_a_curve(new_session):
    ask = trained(new_session("regression"))
    found = ask("evaluate", kind="decision_map", resolution=5)
    X = ask.run.prepared.preparation.prepare_inputs(np.array(found["x"])[:, None])
    shown = ask.run.prepared.preparation.restore_target(ask.run.model.predict(X)[:, 0])
    np.testing.assert_allclose(found["values"], shown, rtol=5e-3)
    ask("set_data", name="xor", options={"features": ["x1"]})
    found = ask("evaluate", kind="decision_map", resolution=5)
    assert "y" not in found and len(found["classes"]) == len(found["sure"]) == 5


def test_a_view_says_how_far_training_was(ask):
    trained(ask, 2)
    ask("step_batch")
    found = ask("evaluate", kind="confusion")
    assert (found["epoch"], found["batch"]) == (2, 1)


def test_what_can_be_chosen_stays_known(new_session):
    ask = new_session("penguins")
    data = ask("state")["data"]
    assert len(data["features"]) == 2 and len(data["all_features"]) == 9
    table = "size,colour,price\n1,red,10.5\n2,blue,20.5\n3,red,30.5\n4,blue,44.5\n"
    ask("set_data", csv=table, options={"features": ["colour=red"]})
    data = ask("state")["data"]
    assert data["all_features"] == ["size", "colour=blue", "colour=red"]
    assert (data["columns"], data["target"]) == (["size", "colour"], "price")


def test_of_a_picture_all_pixels_are_shown(monkeypatch, new_session):
    monkeypatch.setattr(views, "MOST_VALUES", 9)
    assert len(new_session("digits")("evaluate", kind="worst")["features"][0]) == 64
    ask = new_session("digits")
    ask("set_data", name="wine")
    assert len(ask("evaluate", kind="worst")["features"][0]) == 9


def test_confusion_and_accuracy_are_those_of_the_history(ask):
    trained(ask)
    found = ask("evaluate", kind="confusion", part="held_out")
    assert np.sum(found["counts"]) == 40
    assert found["accuracy"] == pytest.approx(ask.run.model.history["val_accuracy"][-1])
    whole = ask("evaluate", kind="confusion")
    assert np.sum(whole["counts"]) == 200
    recall = [row[i] / sum(row) for i, row in enumerate(whole["counts"])]
    said = ", ".join(f"{name}: {share:.2f}" for name, share in zip(whole["classes"], recall, strict=True))
    assert whole["balance"].startswith(f"recall {said}; most frequent class ")


def test_predictions_of_numbers_are_in_their_own_units(new_session):
    ask = new_session("regression")
    ask("set_data", name="diabetes")
    trained(ask, 20)
    found = ask("evaluate", kind="predicted_vs_true")
    assert found["true"][0] == ask.run.prepared.dataset.y[0]
    assert 20 < np.mean(found["predicted"]) < 300
    error = np.subtract(found["predicted"], found["true"])  # fewer rows than are shown: all of them
    assert found["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    worst = ask("evaluate", kind="worst", part="held_out")
    assert worst["error"] == sorted(worst["error"], reverse=True)


def test_the_worst_rows_and_a_drawn_digit(new_session):
    ask = trained(new_session("digits"), 5)
    worst = ask("evaluate", kind="worst", part="held_out")
    assert len(worst["rows"]) == 12 and len(worst["features"][0]) == 64
    assert worst["error"][0] > 0.5
    pixels = ask.run.prepared.dataset.X[0].tolist()
    drawn = ask("evaluate", kind="draw", pixels=pixels)
    np.testing.assert_allclose(
        drawn["probabilities"], ask.run.model.predict_proba(ask.run.prepared.X[:1])[0], rtol=1e-6
    )


@pytest.mark.parametrize(
    "preset, fields, message",
    [
        ("digits", {"kind": "decision_map"}, "a map needs 2 features, the data have 64"),
        ("xor", {"kind": "predicted_vs_true"}, "the target is a class"),
        ("regression", {"kind": "confusion"}, "the target is a number"),
        ("digits", {"kind": "draw"}, "pixels must hold 64 numbers, one for each feature; got none"),
        ("digits", {"kind": "draw", "pixels": [0.0] * 63}, "got 63"),
        ("regression", {"kind": "draw", "pixels": [0.0]}, "the target is a number"),
    ],
)
def test_views_that_do_not_suit_the_data(new_session, preset, fields, message):
    with pytest.raises(Refusal, match=message):
        new_session(preset)("evaluate", **fields)


def test_rows_held_out_need_to_be_there(ask):
    ask("set_training", validation_split=0)
    with pytest.raises(Refusal, match="no rows are held out"):
        ask("evaluate", kind="confusion", part="held_out")


# ---- frames


def test_gradients_shown_are_weighed_by_class_as_in_training(new_session):
    ask = new_session("penguins")
    ask("set_training", class_weight="balanced")
    ask("step_batch")
    shown = ask("state")["frame"]["edges"]["dense_1"]["gradient_norm"]
    explained = ask("explain")["layers"][-1]["parameters"]["weight"]["gradient"]["norm"]
    assert shown == frames.rounded(explained)


def test_a_frame_holds_the_history_and_the_real_gradient(ask):
    trained(ask)
    frame = json.loads(encode(frames.frame(ask.run, 7)))
    history = ask.run.model.history
    assert (frame["version"], frame["epoch"]) == (7, 3)
    for name in ("loss", "val_loss", "accuracy"):
        assert frame[name] == history[name][-1]
    (X, y), rows = ask.run.part("train"), ask.run.next_batch()
    assert (frame["gradient_rows"], frame["batch_rows"]) == (16, 16)
    _, gradient = ask.run.model.loss_and_gradient(X[rows], y[rows])
    np.testing.assert_allclose(np.ravel(frame["edges"]["dense_0"]["gradient"]), gradient[:8], rtol=1e-3)
    assert frame["layers"]["dense_1"]["gradient_norm"] == pytest.approx(
        history.layers["dense_1"]["gradient_norm"][-1], rel=1e-3
    )


def test_the_learning_rate_shown_is_that_of_the_next_update(ask):
    trained(ask)
    ask("set_optimizer", optimizer={"type": "SGD", "learning_rate": 0.25})
    frame = ask("state")["frame"]
    assert (frame["learning_rate"], frame["rate_now"]) == (0.03, 0.25)
    falling = {"type": "StepDecay", "initial_rate": 0.5, "factor": 0.5, "every": 1}
    ask("set_optimizer", optimizer={"type": "SGD", "learning_rate": falling})
    assert ask("state")["frame"]["rate_now"] == ask.run.setup.optimizer.rate_at(3) == 0.0625
    ask("step_epoch")
    assert ask("state")["frame"]["learning_rate"] == 0.0625
    assert ask("state")["frame"]["rate_now"] == 0.03125


def test_in_the_middle_of_an_epoch_the_gradient_is_that_of_the_next_batch(ask):
    ask("step_batch")
    X, y = ask.run.part("train")
    rows = ask.run.next_batch()
    _, gradient = ask.run.current.loss_and_gradient(X[rows], y[rows])
    shown = ask("state")["frame"]["edges"]["dense_0"]["gradient"]
    np.testing.assert_allclose(np.ravel(shown), gradient[:8], rtol=1e-3)


def test_wide_layers_are_pooled_and_their_strongest_edges_named(new_session):
    ask = new_session("digits")
    edges = frames.frame(ask.run, 0)["edges"]["dense_0"]
    assert edges["shape"] == [64, 64] and np.shape(edges["weight"]) == (24, 24)
    weight = ask.run.model.get_weights()[0]
    assert len(edges["strongest"]) == 64
    i, j, value, _ = max(edges["strongest"], key=lambda edge: abs(edge[2]))
    assert abs(weight[i, j]) == pytest.approx(np.abs(weight).max(), rel=1e-3)
    assert value == pytest.approx(weight[i, j], rel=1e-3)


@pytest.mark.parametrize("shape", [(25, 3), (300, 400), (2000, 25)])
def test_the_strongest_edges_are_those_of_the_largest_weights(shape):
    rng = np.random.default_rng(1)
    weight, gradient = rng.normal(size=(2, *shape)).astype(np.float32)
    found = frames.strongest(weight, gradient)
    assert len(found) == 64
    assert {(i, j) for i, j, _, _ in found} == {
        tuple(map(int, np.unravel_index(k, shape))) for k in np.argsort(np.abs(weight).ravel())[-64:]
    }
    alike = np.zeros(shape, np.float32)
    assert len(frames.strongest(alike, gradient)) == 64


def test_what_a_frame_reads_does_not_grow_with_the_data_and_hardly_with_the_network(new_session, monkeypatch):
    ask = new_session("digits")
    ask("set_training", batch_size=1437)
    assert len(frames.gradient_rows(ask.run)[0]) == 1024
    frame = frames.frame(ask.run, 0)
    assert (frame["gradient_rows"], frame["batch_rows"]) == (1024, 1437)
    ask.take_layers([{"type": "Dense", "units": n} for n in (1000, 1000)] + [ask("state")["layers"][-1]])
    assert len(frames.gradient_rows(ask.run)[0]) <= 64
    monkeypatch.setattr(type(ask.run.prepared), "rows", lambda *_: pytest.fail("all rows are gone through again"))
    frames.frame(ask.run, 0)


def test_the_means_of_blocks_are_means():
    matrix = np.random.default_rng(0).normal(size=(50, 31))
    pooled = frames.pooled(matrix)
    assert pooled.shape == (24, 24)
    starts = [np.arange(24) * size // 24 for size in matrix.shape]
    np.testing.assert_allclose(pooled[0, 0], matrix[: starts[0][1], : starts[1][1]].mean())
    assert np.array_equal(frames.pooled(matrix[:24, :24]), matrix[:24, :24])


@pytest.mark.parametrize("value", [0.0, -1.23456e-30, 1e300, 123456, -0.99999, 5e-324, float("nan"), float("inf")])
def test_rounding_keeps_four_digits(value):
    found = frames.rounded([value])[0]
    if np.isfinite(value):
        assert found == pytest.approx(value, rel=5e-4)
        assert len(repr(found)) < 12 or not 1e-200 < abs(value) < 1e200  # where powers of ten are not exact
    else:
        assert found is None


@pytest.mark.parametrize("name", ["constructor", "toString", "__proto__", "hasOwnProperty", "prototype", "length"])
def test_names_that_javascript_knows_are_names(ask, tmp_path, name):
    layer = {"type": "Dense", "units": 3, "activation": "relu", "name": name}
    ask.take_layers([layer, {"type": "BatchNorm", "name": f"{name}2"}, HEAD])
    trained(ask)
    state, explained = json.loads(encode(ask("state"))), json.loads(encode(ask("explain")))
    assert state["names"] == [name, f"{name}2", "dense_2"]
    for found in (state["frame"], explained):
        assert list(found["gradient_norms"]) == state["names"]
        assert name in found["edges"]
    assert name in state["frame"]["layers"] and name in state["history"]["layers"]
    ask("doctor")
    exec(ask("export", kind="script")["text"], {})
    ask("update_layer", index=0, layer={**layer, "units": 4})
    ask("undo")
    assert ask("state")["layers"][0]["name"] == name


def test_long_curves_are_thinned(ask, monkeypatch):
    trained(ask, 30)
    monkeypatch.setattr(frames, "MOST_POINTS", 7)
    curves = frames.curves(ask.run.model.history)
    assert curves["epoch"] == [0, 5, 10, 15, 20, 25, 29]
    assert curves["columns"]["loss"] == [ask.run.model.history["loss"][i] for i in curves["epoch"]]
    assert set(curves["layers"]) == {"dense_0", "dense_1"}


# ---- doctor


def test_of_curves_that_are_known_only_what_is_new_is_sent(ask):
    for _ in range(3):
        ask("step_epoch")
    before = ask("curves")
    assert before == {"id": before["id"], "since": 0, "epochs": 3, **ask("state")["history"]}
    ask("change_optimizer", changes={"learning_rate": 0.01})
    ask("step_epoch")
    ask("step_epoch")
    new = ask("curves", since=3)
    assert (new["id"], new["epochs"], new["epoch"]) == (before["id"], 5, [3, 4])
    assert new["columns"]["loss"] == ask.run.model.history.loss[3:].tolist()
    assert new["layers"]["dense_0"]["epoch"] == [3, 4]
    assert ask("curves", since=9)["epoch"] == []


def test_other_curves_have_another_name(ask):
    def named():
        return ask("state")["curves"]["id"]

    ask.take_layers([{"type": "Dense", "units": 4}] * 2 + [{"type": "Dense", "units": 2, "activation": "softmax"}])
    ask("step_epoch")
    seen = [named()]
    ask("update_layer", index=0, layer={"type": "Dense", "units": 7})
    assert named() == seen[0], "the records of the layer go on"
    for message, fields in (
        ("move", {"from": 0, "to": 1}),
        ("undo", {}),
        ("insert", {"index": 0, "layer": {"type": "Dense", "units": 4}}),
        ("reset", {}),
    ):
        ask(message, **fields)
        seen.append(named())
    assert len(set(seen)) == len(seen)


def long_run(new_session, n):
    """Return a session with a history of nine layers and so many epochs."""
    ask = new_session("vanishing_gradient")
    ask("step_epoch")
    history = ask.run.model.history
    for layer in history.layers.values():
        record = np.concatenate([[layer[field][0] for field in layer], layer.histogram[0]])
        layer.extend(np.arange(1, n), np.tile(record, (n - 1, 1)))
    history.extend(1, {name: np.repeat(history[name], n - 1) for name in history.columns})
    return ask


def test_a_long_history_makes_neither_edits_nor_frames_slow_or_large(new_session):
    """Nine layers, 22,000 epochs: they were 66 MB for each edit, 432 kB of each state, 0.03 s of each frame."""
    ask, short = long_run(new_session, 22_000), long_run(new_session, 10)
    sizes = [len(encode(one.session.state(curves=False))) for one in (short, ask)]
    assert sizes[1] < 1.05 * sizes[0]
    tracemalloc.start()
    try:
        for units in range(10, 20):
            ask("update_layer", index=0, layer={"type": "Dense", "units": units, "activation": "sigmoid"})
        frames.frame(ask.run, 1)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()
    history = ask.run.model.history
    ask("undo")
    assert ask.run.model.history is not history
    assert len(ask.run.model.history) == 22_000
    assert np.array_equal(ask.run.model.history.layers["dense_0"].histogram, history.layers["dense_0"].histogram)


def test_the_doctor_of_the_page_is_the_doctor(new_session):
    ask = trained(new_session("vanishing_gradient"), 30)
    found = ask("doctor")
    assert [finding["rule"] for finding in found["findings"]] == [f.rule for f in ask.run.model.history.doctor()]
    assert "vanishing_gradients" in [finding["rule"] for finding in found["findings"]]


def test_a_fix_of_the_activation_cures_and_can_be_undone(new_session):
    ask = trained(new_session("vanishing_gradient"), 30)
    before = ask.run.model.parameters.copy()
    assert "relu instead of sigmoid" in ask("apply_fix", finding="vanishing_gradients")["messages"][0]
    assert [layer["activation"]["name"] for layer in ask("state")["layers"]] == ["relu"] * 8 + ["softmax"]
    trained(ask, 100)
    assert ask.run.model.history["accuracy"][-1] > 0.9
    exec(ask("export", kind="script")["text"], {})
    ask("undo")
    assert ask("state")["layers"][0]["activation"]["name"] == "sigmoid"
    assert np.array_equal(ask.run.model.parameters, before)


def test_a_fix_that_needs_no_other_weights_keeps_them(new_session, monkeypatch):
    ask = trained(new_session("overfitting"))
    finding = nncore.doctor.Finding("dead_relus", "hint", None, "", "", "")
    monkeypatch.setattr(type(ask.run.model.history), "doctor", lambda history: [finding])
    before = ask.run.model.parameters.copy()
    ask("apply_fix", finding="dead_relus")
    assert np.array_equal(ask.run.model.parameters, before)


def test_the_fix_of_a_divergence_ends_it(new_session):
    """However often it takes: the rate falls each time, and the weights that were thrown far off do not stay."""
    ask = new_session("regression")
    ask("set_optimizer", optimizer={"type": "SGD", "learning_rate": 50})
    rates = []
    for _ in range(6):
        trained(ask, 20)
        rules = [finding["rule"] for finding in ask("doctor")["findings"]]
        harm = next((rule for rule in ("divergence", "learning_rate_too_high") if rule in rules), None)
        if harm is None:
            break
        ask("apply_fix", finding=harm)
        rates.append(ask.run.setup.optimizer.rate)
    assert rates[0] == 5
    assert ask.run.model.history["loss"][-1] < 0.5


def test_the_fix_of_a_divergence_goes_back_to_the_file(new_session, tmp_path, monkeypatch):
    ask = trained(new_session("regression"))
    path = tmp_path / "sine.safetensors"
    path.write_bytes(base64.b64decode(ask("export", kind="model")["base64"]))
    ask.session.run = Run(ask.run.setup, ask.run.prepared, Loaded(str(path), checkpoint.load(path)))
    start = ask.run.model.parameters.copy()
    trained(ask)
    finding = nncore.doctor.Finding("divergence", "severe", None, "", "", "")
    monkeypatch.setattr(type(ask.run.model.history), "doctor", lambda history: [finding])
    ask("apply_fix", finding="divergence")
    assert np.array_equal(ask.run.model.parameters, start)
    assert ask.run.setup.optimizer.rate == pytest.approx(0.001)


@pytest.mark.parametrize("rule", doctoring.FIXES)
def test_every_fix_gives_a_run_that_trains(new_session, monkeypatch, rule):
    ask = new_session("overfitting")
    if rule in ("vanishing_gradients", "saturation"):
        ask("update_layer", index=0, layer={"type": "Dense", "units": 64, "activation": "tanh"})
    trained(ask)
    monkeypatch.setattr(
        type(ask.run.model.history), "doctor", lambda history: [nncore.doctor.Finding(rule, "hint", None, "", "", "")]
    )
    before = ask.run.setup
    ask("step_batch")
    ask("apply_fix", finding=rule)
    assert (ask.run.batch, ask.run.stepping) == (0, None)
    assert ask.run.setup != before or rule == "symmetric_start"
    ask("step_epoch")
    exec(ask("export", kind="script")["text"], {})


def test_fixes_that_there_are_not(ask, monkeypatch):
    with pytest.raises(Refusal, match="the doctor does not find 'overfitting' in this run"):
        ask("apply_fix", finding="overfitting")
    finding = nncore.doctor.Finding("still_improving", "hint", None, "", "", "more epochs")
    monkeypatch.setattr(type(ask.run.model.history), "doctor", lambda history: [finding])
    with pytest.raises(Refusal, match="no fix for still improving at a click; try: more epochs"):
        ask("apply_fix", finding="still_improving")


# ---- export


def test_the_model_file_is_one_of_the_command_line(new_session, tmp_path, capsys):
    ask = trained(new_session("digits"), 5)
    path = tmp_path / "digits.safetensors"
    path.write_bytes(base64.b64decode(ask("export", kind="model")["base64"]))
    assert np.array_equal(nncore.load(path).parameters, ask.run.model.parameters)
    assert main(["evaluate", str(path), "digits", "--held-out", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] == pytest.approx(ask.run.model.history["val_accuracy"][-1])


def test_the_curves_as_csv_are_exact(ask):
    trained(ask)
    rows = list(csv.DictReader(io.StringIO(ask("export", kind="csv")["text"])))
    assert [float(row["loss"]) for row in rows] == ask.run.model.history["loss"].tolist()


def test_the_drawing_is_an_svg(ask):
    assert "<svg" in ask("export", kind="svg")["text"]


@pytest.mark.parametrize("preset", ["vanishing_gradient", "digits", "xor"])
@pytest.mark.parametrize("name", ["d", "a_layer_with_quite_a_long_name"])
def test_no_two_captions_of_the_drawing_overlap(new_session, monkeypatch, preset, name):
    ask, figures = new_session(preset), []
    ask("update_layer", index=0, layer={**ask("state")["layers"][0], "name": name})
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *_, **__: figures.append(figure))
    export.drawing(ask.run)
    figures[0].draw_without_rendering()
    boxes = [text.get_window_extent() for text in figures[0].axes[0].texts if text.get_va() == "top"]
    assert len(boxes) == 1 + len(ask.run.setup.layers)
    boxes.sort(key=lambda box: box.x0)
    assert all(before.x1 + 2 < after.x0 for before, after in itertools.pairwise(boxes))


def test_the_script_ends_with_what_it_must_find(ask):
    trained(ask)
    text = ask("export", kind="script")["text"]
    assert f'assert model.history["loss"][-1] == {float(ask.run.model.history["loss"][-1])!r}' in text
    with pytest.raises(AssertionError):
        exec(text.replace("epochs=3", "epochs=2"), {})


def statements(text):
    """Return kinds and called functions of a script, which texts in it must not change."""
    tree = ast.parse(text)
    names = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [type(node).__name__ for node in tree.body], names


@pytest.mark.parametrize(
    "name", ["a'+__import__('os').getcwd()+'.csv", '"""; print(1) #.csv', "{0}{x!r}%s.csv", "ü🙂.csv"]
)
def test_a_text_of_the_page_cannot_become_code(ask, name):
    def script(file, column, layer):
        ask("set_data", csv=f'"{column}",b\n1,2\n2,3\n3,4.5\n4,6\n5,7\n', options={"file": file})
        ask.take_layers([{"type": "Dense", "units": 2, "name": layer}, {"type": "Dense", "units": 1}])
        return ask("export", kind="script")["text"]

    plain = script("plain.csv", "a", "x")
    hostile = script(name, "')#", "x'); raise SystemExit('")
    assert statements(hostile) == statements(plain)
    assert repr(name) in hostile


@pytest.mark.parametrize(
    "name", ["a\n.csv", 'x"""\nprint("PWNED")\n"""', "../x.csv", "C:\\Users\\x.csv", "\u2028", "\x00"]
)
def test_names_that_no_file_has_are_refused(ask, name):
    with pytest.raises(Refusal, match="file must be the name of a file alone"):
        ask("set_data", csv="a,b\n1,2\n2,3\n", options={"file": name})


def test_a_path_of_the_command_line_cannot_break_the_script(new_session, tmp_path):
    path = tmp_path / "users'\\new\"x.csv"
    path.write_text("a,b\n" + "".join(f"{i},{i / 3}\n" for i in range(30)))
    ask = new_session("xor")
    ask.session.path = str(path)
    ask("set_data", name="file")
    scope = {}
    ask("step_epoch")
    exec(ask("export", kind="script")["text"], scope)
    assert np.array_equal(scope["model"].parameters, ask.run.model.parameters)


def test_a_script_repeats_surgery_of_every_kind(ask):
    for message, fields in [
        (
            "insert",
            {"index": 1, "layer": {"type": "Residual", "layers": [{"type": "Dense", "units": 4, "activation": "elu"}]}},
        ),
        ("insert", {"index": 1, "layer": {"type": "BatchNorm"}}),
        ("insert", {"index": 3, "layer": {"type": "Dropout", "rate": 0.2}}),
        (
            "update_layer",
            {
                "index": 0,
                "layer": {
                    "type": "Dense",
                    "units": 6,
                    "activation": {"type": "Activation", "name": "elu", "alpha": 0.5},
                },
            },
        ),
        ("move", {"from": 1, "to": 2}),
        ("remove", {"index": 1}),
        ("set_training", {"class_weight": "balanced"}),
        (
            "set_optimizer",
            {
                "optimizer": {
                    "type": "RMSprop",
                    "learning_rate": {"type": "CosineDecay", "peak_rate": 0.01, "epochs": 9},
                }
            },
        ),
    ]:
        trained(ask, 2)
        ask(message, **fields)
    trained(ask, 2)
    scope = {}
    exec(ask("export", kind="script")["text"], scope)
    for name in ("loss", "val_loss", "accuracy"):
        assert np.array_equal(scope["model"].history[name], ask.run.model.history[name])
    assert np.array_equal(scope["model"].parameters, ask.run.model.parameters)


def test_replace_is_what_updates_a_layer():
    model = Sequential([Dense(4, "tanh"), Dense(1)])
    model.build(2)
    before = model.get_weights()
    model.replace(0, Dense(4, "relu"))
    assert all(map(np.array_equal, before, model.get_weights()))


def test_every_page_is_told_the_loss_of_the_last_batch(ask):
    assert ask("state")["frame"]["batch_loss"] is None
    told = ask("step_batch")["loss"]
    assert ask("state")["frame"]["batch_loss"] == told
    with pytest.raises(Refusal):
        ask("set_optimizer", optimizer={"type": "SGD", "learning_rate": -1})
    assert ask("state")["frame"]["batch_loss"] == told
    ask("step_epoch")
    assert ask("state")["frame"]["batch_loss"] is None
