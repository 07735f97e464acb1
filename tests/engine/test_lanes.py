"""Networks in lanes: each ends in the bits in which a plan that trains it alone leaves it."""

import os
import signal
import threading
import time
from dataclasses import fields, replace

import numpy as np
import pytest
from engine_networks import LAYERED, RULES, data, layered_network, make_plan, mixed_network, network, state

from nncore import SGD, Adam, AdamW, RMSprop
from nncore.activations import ACTIVATIONS
from nncore.engine.lanes import shape
from nncore.layers import Dense, Dropout
from nncore.losses import LOSSES
from nncore.program import lower

LOSS_NAMES = sorted({cls.name for cls in LOSSES.values()})
FOR_LANES = [name for name, (layers, *_) in LAYERED.items() if name.startswith(("dropout", "residual"))
             and "everything" not in name and "begins with" not in name]  # fmt: skip


def n_lanes(variant):
    return variant.N_LANES


def told(result):
    """What a result says, as bytes; but not how long it took."""
    rest = result.scores.tobytes() + result.recorded.tobytes() + result.records.tobytes()
    fate = np.array([result.diverged, result.epoch, result.batch, result.last_finite_loss])
    return result.losses.tobytes() + result.clipped.tobytes() + fate.tobytes() + rest


def check(variant, programs, optimizers, calls, scale=0.5):
    """Train each alone and all together; return the results."""
    alone, together = (
        [make_plan(variant, program, optimizer, seed=k, scale=scale) for k, (program, optimizer) in
         enumerate(zip(programs, optimizers, strict=True))] for _ in range(2)
    )  # fmt: skip
    for plan, other, call in zip(alone, together, calls, strict=True):  # slots and iterations of their own
        for one in (plan, other):
            one.train(call["X"], call["target"], epochs=call["seed"] % 3 + 1, batch_size=call["batch_size"])
    expected = [plan.train(**call) for plan, call in zip(alone, calls, strict=True)]
    written = [None if "predictions" not in call else call["predictions"].copy() for call in calls]
    for call in calls:
        if "predictions" in call:
            call["predictions"][:] = 7
    results, errors = variant.train_together(together, calls)
    assert errors == [None] * len(calls)
    for k, (plan, other) in enumerate(zip(alone, together, strict=True)):
        assert state(other) == state(plan), f"network {k}"
        assert told(results[k]) == told(expected[k]), f"result {k}"
        assert other.result is results[k] and other.threads_used == 1
        if written[k] is not None:
            assert calls[k]["predictions"].tobytes() == written[k].tobytes()
    one, other = alone[-1], together[-1]  # they go on as if nothing had happened, by the transposed weights, too
    for plan in (one, other):
        plan.train(**calls[-1])
    assert state(one) == state(other)
    return results


def calls_for(variant, program, k, n, batch_size, **options):
    """What k networks are trained on, each on rows of its own."""
    calls = []
    for i in range(k):
        X, target = data(program, n, variant.DTYPE, seed=i)
        calls.append({"X": X, "target": target, "batch_size": batch_size, "seed": i, "first_epoch": i, **options})
    return calls


def rule_for(i):
    """One rule with constants that differ from network to network."""
    return AdamW(0.01 + 0.001 * i, beta_1=0.9 - 0.01 * i, epsilon=1e-8 * (i + 1), weight_decay=0.01 * (i % 3))


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_loss_and_every_kind_of_row(variant, loss):
    for program, n, batch in ((mixed_network(loss), 41, 19), (network([5, 17, 3], "relu", loss), 50, 16)):
        if program.reading is not None:
            assert shape(program, Adam()) is None  # and so it is left to its own engine
            continue
        calls = calls_for(variant, program, n_lanes(variant), n, batch, epochs=3)
        check(variant, [program] * len(calls), [rule_for(i) for i in range(len(calls))], calls)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation(variant, activation):
    layers = [Dense(7, activation), Dense(4, activation if activation != "softmax" else "tanh"), Dense(2)]
    program = lower(layers, 3, "mse")
    calls = calls_for(variant, program, n_lanes(variant), 23, 9, epochs=2)
    check(variant, [program] * len(calls), [Adam(0.01)] * len(calls), calls)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule(variant, rule):
    program = network([3, 9, 3])
    calls = calls_for(variant, program, n_lanes(variant), 30, 8, epochs=4)
    numbers = {field.name: getattr(rule, field.name) for field in fields(rule)}
    numbers = {name: value for name, value in numbers.items() if type(value) is float}
    of_each = [replace(rule, **{name: x * (1 - 0.01 * i) for name, x in numbers.items()}) for i in range(len(calls))]
    assert "learning_rate" in numbers and len(set(of_each)) == len(calls)
    check(variant, [program] * len(calls), of_each, calls)


@pytest.mark.parametrize("name", FOR_LANES)
def test_dropout_and_residuals(variant, name):
    program = layered_network(name)
    calls = calls_for(variant, program, n_lanes(variant), 21, 10, epochs=2)
    check(variant, [program] * len(calls), [Adam(0.01)] * len(calls), calls)


@pytest.mark.parametrize(
    "sizes", [(1, 1), (2, 8, 8, 2), (4, 16, 16, 3), (13, 37, 3), (64, 32, 10), (33, 1, 5, 18)], ids=str
)
@pytest.mark.parametrize("batch", [1, 7, 16, 37])
def test_widths_and_batches(variant, sizes, batch):
    program = network(sizes, "relu", "mse" if sizes[-1] == 1 else "sparse_categorical_crossentropy")
    calls = calls_for(variant, program, n_lanes(variant), 61, batch, epochs=2)
    check(variant, [program] * len(calls), [Adam(0.01)] * len(calls), calls)


@pytest.mark.parametrize("batch", [255, 256, 257, 600, 1300])
def test_groups_of_rows(variant, batch):
    program = network([3, 5, 2], "tanh")
    calls = calls_for(variant, program, n_lanes(variant) - 1, 1300, batch, epochs=2)
    check(variant, [program] * len(calls), [Adam(0.01)] * len(calls), calls)


@pytest.mark.parametrize("surplus", ["one", "few", "lanes + 1", "many"])
def test_any_number_of_networks_and_of_epochs(variant, surplus):
    """Those that wait take the lanes of those that have ended."""
    lanes = n_lanes(variant)
    k = {"one": 1, "few": 2, "lanes + 1": lanes + 1, "many": 3 * lanes + 1}[surplus]
    program = network([4, 6, 3], "relu")
    calls = calls_for(variant, program, k, 33, 16)
    for i, call in enumerate(calls):
        call["epochs"] = 1 + i * 5 % 7
    check(variant, [program] * k, [Adam(0.01)] * k, calls)


def test_rows_weights_rates_and_predictions_of_their_own(variant):
    program = network([4, 6, 3], "gelu", "categorical_crossentropy")
    lanes = n_lanes(variant)
    calls = calls_for(variant, program, lanes + 2, 40, 16, epochs=2)
    for i, call in enumerate(calls):
        rng = np.random.default_rng(i)
        call["shuffle"] = i % 4 != 1
        if i % 2:
            call["sample_weight"] = rng.random(40).astype(variant.DTYPE)
        if i % 3 == 0:
            call["learning_rates"] = rng.random(2 * 3) * 0.1
        if i % 3 == 1:
            call["predictions"] = np.empty((40, 3), variant.DTYPE)
    check(variant, [program] * len(calls), [RMSprop(0.01, momentum=0.5)] * len(calls), calls)


def test_penalties_limits_and_dropouts_of_their_own(variant):
    programs, optimizers, lanes = [], [], n_lanes(variant)
    for i in range(lanes):
        decay = [None, 0.0, 0.2][i % 3]
        layers = [
            Dense(9, "relu", l1=0.01 * (i % 2), l2=0.02 * (i % 3)),
            Dropout(0.1 + 0.05 * i),
            Dense(3, "softmax", l2=0.1 * (i == 2), weight_decay=decay),
        ]
        programs.append(lower(layers, 5, "sparse_categorical_crossentropy"))
        optimizers.append(AdamW(0.01, weight_decay=0.1 * (i % 4), decay_bias=i % 2 > 0, clip_value=[None, 0.01][i % 2]))
    calls = calls_for(variant, programs[0], lanes, 40, 11, epochs=3)
    results = check(variant, programs, optimizers, calls)
    assert 0 < results[1].clipped[0] < 1 and np.isnan(results[0].clipped[0])


def test_records_of_layers(variant):
    """A batch in which layers are recorded is done by the network's own engine, beside the others in the lanes."""
    program = network([4, 6, 3], "tanh")
    for n, batch in ((40, 16), (300, 300), (13, 16)):
        calls = calls_for(variant, program, n_lanes(variant) + 2, n, batch, epochs=6)
        for i, call in enumerate(calls):
            if i % 4 != 1:
                call["recorded"] = np.arange(i % 5, 6, 1 + i % 3)
        results = check(variant, [program] * len(calls), [rule_for(i) for i in range(len(calls))], calls)
        assert len(results[0].records) == 6 and len(results[1].records) == 0


@pytest.mark.parametrize("recorded", [0, 2])
@pytest.mark.parametrize("when", ["first batch", "later", "weights"])
def test_one_diverges_and_the_others_go_on(variant, when, recorded):
    program = network([2, 5, 1], "relu", "mse")
    lanes = n_lanes(variant)
    calls = calls_for(variant, program, lanes + 2, 20, 5, epochs=6)
    optimizers = [SGD(0.01, momentum=0.9)] * len(calls)
    for i in (1, lanes - 1):
        if when == "first batch":
            calls[i]["target"][:] = np.finfo(variant.DTYPE).max
        else:
            rates = np.full(6 * 4, 0.01)
            rates[9 + i % 2 :] = np.finfo(variant.DTYPE).max if when == "weights" else 1e4
            calls[i]["learning_rates"] = rates
    for call in calls[:recorded]:
        call["recorded"] = np.arange(6)
    results = check(variant, [program] * len(calls), optimizers, calls)
    assert [k for k, result in enumerate(results) if result.diverged] == sorted({1, lanes - 1})


def test_all_variants_give_the_same_bits(fused_variant):
    """In groups of 2 to 16 networks, by the width of the vectors: a digest that each of them must have."""
    program = network([5, 9, 3], "tanh")
    states = {}
    for module in (fused_variant, _narrowest(fused_variant.DTYPE)):
        calls = calls_for(module, program, 20, 40, 16, epochs=3)
        plans = [make_plan(module, program, Adam(0.01), seed=k) for k in range(20)]
        module.train_together(plans, calls)
        states[module] = [state(plan) for plan in plans]
    first, *others = states.values()
    assert all(other == first for other in others)


def _narrowest(dtype):
    from conftest import FUSED

    return min((m for m in FUSED.values() if dtype == m.DTYPE), key=lambda m: m.N_LANES)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "binary_crossentropy"])
def test_scores_after_each_epoch(variant, loss):
    """Validation rows, shares of right predictions, and a listener that ends one of them sooner than the others."""
    program = network([4, 6, 3], "tanh", loss)
    heard = {}

    def calls():
        made = calls_for(variant, program, n_lanes(variant) + 3, 40, 16, epochs=5)
        for i, call in enumerate(made):
            X, target = data(program, 20 + i, variant.DTYPE, seed=100 + i)
            right = np.array([np.nan if program.loss.startswith("sparse") else 0.5])
            if i % 3:
                call["predictions"] = np.empty((40, 3), variant.DTYPE)
                call["thresholds"] = right
                call["validation"] = X, target, None, np.empty((20 + i, 3), variant.DTYPE)
            elif i % 2:
                call["validation"] = X, target, np.random.default_rng(i).random(20 + i).astype(variant.DTYPE), None
            if i % 4 > 1:
                call["recorded"] = np.arange(1, 5)
            if i % 2:
                call["listener"] = lambda epoch, numbers, i=i: heard.setdefault(i, []).append(numbers) or epoch == i % 4
        return made

    alone, together = ([make_plan(variant, program, Adam(0.01), seed=k) for k in range(len(calls()))] for _ in range(2))
    expected, before = [plan.train(**call) for plan, call in zip(alone, calls(), strict=True)], heard
    heard = {}
    results, _ = variant.train_together(together, calls())
    assert heard == before and len(results[3].losses) == 4 and len(results[2].losses) == 5
    for plan, other, one, two in zip(alone, together, expected, results, strict=True):
        assert state(plan) == state(other) and told(one) == told(two)
        assert one.scores.shape == two.scores.shape


def check_done(variant, program, plans, calls):
    """Whether each is as after the epochs that its result has."""
    for plan, call in zip(plans, calls, strict=True):
        other, n = make_plan(variant, program, Adam(0.01), seed=call["seed"]), len(plan.result.losses)
        alone = {key: value for key, value in call.items() if key not in ("listener", "watcher", "max_seconds")}
        if n:
            assert other.train(**{**alone, "epochs": n}).losses.tobytes() == plan.result.losses.tobytes()
        assert state(other) == state(plan)
        plan.train(**{**alone, "epochs": 1})  # nobody is thought to be computing still


def test_a_listener_that_raises_ends_its_own_network_and_undoes_no_epoch(variant):
    program = network([4, 6, 3])

    def listen(epoch, numbers):
        if epoch == 2:
            raise LookupError("enough")

    calls = calls_for(variant, program, 3, 40, 16, epochs=5)
    calls[1]["listener"] = listen
    plans = [make_plan(variant, program, Adam(0.01), seed=k) for k in range(3)]
    results, errors = variant.train_together(plans, calls)
    assert [len(result.losses) for result in results] == [5, 3, 5]
    assert [type(error) for error in errors] == [type(None), LookupError, type(None)]
    check_done(variant, program, plans, calls)


def test_a_limit_of_time(variant):
    program = network([4, 6, 3])
    calls = calls_for(variant, program, 3, 40, 16, epochs=10**4, max_seconds=0.05)
    plans = [make_plan(variant, program, Adam(0.01), seed=k) for k in range(3)]
    results, _ = variant.train_together(plans, calls)
    assert all(0 < len(result.losses) < 10**4 for result in results)
    check_done(variant, program, plans, calls)


def many_long(variant):
    """Plans that train for long, more than there are lanes, and those in the first lanes for an epoch only."""
    program = network([4, 30, 3])
    calls = calls_for(variant, program, n_lanes(variant) + 2, 3000, 16, epochs=10**4, max_seconds=0.3)
    for call in calls[:2]:
        call["epochs"] = 1
    return program, [make_plan(variant, program, Adam(0.01), seed=k) for k in range(len(calls))], calls


@pytest.mark.parametrize("end", ["true", "raised"])
def test_a_watcher_ends_its_own_network_at_the_start_of_an_epoch(variant, end):
    program, plans, calls = many_long(variant)
    seen = []

    def watch(epochs, rows, loss):
        seen.append(epochs)
        if len(seen) == 3 and end == "raised":
            raise LookupError("enough")
        return len(seen) == 3

    calls[-1]["watcher"] = watch
    results, errors = variant.train_together(plans, calls)
    assert len(results[-1].losses) == seen[-1] and len(seen) == 3
    assert [k for k, error in enumerate(errors) if error] == ([len(plans) - 1] if end == "raised" else [])
    assert len(results[-2].losses) > len(results[-1].losses)
    check_done(variant, program, plans, calls)


def test_a_signal_ends_all_each_at_the_start_of_its_epoch(variant):
    program, plans, calls = many_long(variant)
    for call in calls:
        call["max_seconds"] = 30
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        due = time.perf_counter() + 0.2
        with pytest.raises(KeyboardInterrupt):
            variant.train_together(plans, calls)
        assert time.perf_counter() - due < 0.2
    finally:
        signal.signal(signal.SIGINT, before)
    check_done(variant, program, plans, calls)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_child_that_was_forked_amid_an_epoch_has_all_at_the_start_of_theirs(variant):
    program, plans, calls = many_long(variant)
    parent, children = os.getpid(), []

    def watch(*progress):
        if not children:
            children.append(os.fork())

    calls[2]["watcher"] = watch
    try:
        variant.train_together(plans, calls)
        raised = ""
    except RuntimeError as error:
        raised = str(error)
    if os.getpid() != parent:
        try:
            check_done(variant, program, plans, calls)
            os._exit(0 if "forked in the middle of an epoch" in raised else 1)
        finally:
            os._exit(2)
    assert not raised and os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0
    check_done(variant, program, plans, calls)


def test_what_lanes_cannot_do_is_refused_and_nothing_trained(variant):
    program = network([4, 6, 3])
    good = calls_for(variant, program, 2, 20, 8)
    shares = network([4, 6, 3], loss="categorical_crossentropy")
    limited = lower([Dense(6, "tanh", max_norm=1.0), Dense(3, "softmax")], 4, "sparse_categorical_crossentropy")
    wide = data(layered_network("batch norm"), 20, variant.DTYPE)
    one, fewer = good[0], calls_for(variant, program, 1, 19, 8)[0]
    of_shares = {**one, "target": np.eye(3, dtype=variant.DTYPE)[one["target"]]}
    both, plain = [program] * 2, [Adam()] * 2
    cases = [
        ([program, network([4, 7, 3])], plain, good, "row 0 of plan 1 is not that of plan 0"),
        ([program, network([4, 6, 3], "relu")], plain, good, "row 0 of plan 1"),
        (both, [Adam(), SGD()], good, "another shape, loss or rule"),
        ([program, shares], plain, [one, of_shares], "another shape, loss or rule"),
        (both, plain, [one, {**one, "batch_size": 7}], "in batches of 7, plan 0 has 20 in batches of 8"),
        (both, plain, [one, fewer], "plan 1 has 19 rows"),
        (both, [Adam(clip_norm=1.0)] * 2, good, "plan 0 has a norm, max_norm or clip_norm"),
        ([layered_network("batch norm")], plain[:1], [{"X": wide[0], "target": wide[1]}], "plan 0 has a norm"),
        ([limited], plain[:1], [one], "plan 0 has a norm, max_norm or clip_norm"),
        (both, plain, [one, {**one, "target": one["target"][:5]}], "target has 5 rows"),
        (both, plain, [one], "2 plans have 1 calls"),
    ]
    for programs, optimizers, calls, message in cases:
        plans = [make_plan(variant, p, optimizer) for p, optimizer in zip(programs, optimizers, strict=True)]
        before = [state(plan) for plan in plans]
        with pytest.raises(ValueError, match=message):
            variant.train_together(plans, calls)
        assert [state(plan) for plan in plans] == before
        plans[0].train(**calls[0])  # nobody is thought to be computing still
    plan = make_plan(variant, program, Adam())
    with pytest.raises(RuntimeError, match="computing already"):
        variant.train_together([plan, plan], good)
    plan.train(**good[0])
    assert variant.train_together([], []) == ([], [])
