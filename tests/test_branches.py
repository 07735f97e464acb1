"""Columns and Parallel: what they are, what reads layers goes down into them, and what they give by hand."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from engine_networks import LAYERED

from nncore import (
    Activation,
    BatchNorm,
    CategoryEncoding,
    Columns,
    Dense,
    Dropout,
    LayerNorm,
    Parallel,
    Residual,
    Sequential,
    TrainingDiverged,
    layers,
    load,
    plots,
)
from nncore.layers import from_dict, leaves, to_dict
from nncore.program import lower
from nncore.program.checked import checked
from nncore.program.naming import layer_names
from nncore.program.row import Row
from nncore.program.symmetry import symmetric_layers

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(160, 5)).astype(np.float32)
Y = (X[:, :1] * X[:, 1:2] + 2 * X[:, 4:]).astype(np.float32)
WIDE_AND_DEEP = [
    Parallel([[Dense(9, "relu", name="deep"), BatchNorm(), Dense(4, "relu")], [Columns([4, 0]), Dropout(0.0)]]),
    Activation("tanh"),
    Dense(1),
]


def built(spec=WIDE_AND_DEEP, **options):
    model = Sequential(spec, seed=3, **options)
    model.compile("adam", loss="mse")
    model.build(X.shape[1])
    return model


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Columns([]), ValueError, "columns must hold at least one number of a column, got none"),
        (lambda: Columns(3), TypeError, "columns must be a list of numbers of columns, got 3 of type int"),
        (lambda: Columns("12"), TypeError, "columns must be a list of numbers of columns, got '12'"),
        (lambda: Columns([0, -1]), ValueError, r"columns\[1\] must be an integer from 0 to 2147483646, got -1"),
        (lambda: Columns([0, 1.0]), TypeError, r"columns\[1\] must be an integer .* got 1.0 of type float"),
        (lambda: Parallel([]), ValueError, "must be at least 2 lists of layers, got 0; the layers of a single one"),
        (lambda: Parallel([[Dense(3)]]), ValueError, "must be at least 2 lists of layers, got 1"),
        (lambda: Parallel(3), TypeError, "branches must be a list of lists of layers, got 3 of type int"),
        (lambda: Parallel([Dense(3), []]), TypeError, r"branches\[0\] must be a list of layers, got Dense\(3\)"),
        (lambda: Parallel([[], [3]]), TypeError, r"branches\[1\]\[0\] must be one of Dense, .*, got 3 of type int"),
        (lambda: Parallel([[], []], trainable=1), TypeError, "trainable must be True or False"),
        (lambda: lower([Columns([0, 5]), Dense(1)], 5, "mse"), ValueError, r"layers\[0\]: columns\[1\] is 5, but Colu"),
        (
            lambda: lower([Parallel([[], [Columns([3])]]), Dense(1)], 3, "mse"),
            ValueError,
            r"layers\[0\].branches\[1\]\[0\]: columns\[0\] is 3, but Columns reads 3 columns; expected 0 to 2",
        ),
        (
            lambda: lower([Parallel([[Dense(1, name="a")], [Dense(1, name="a")]])], 3, "mse"),
            ValueError,
            "layers 1 and 2 are both named 'a'",
        ),
        (
            lambda: lower([Dense(3), Parallel([[Dense(1)], []])], 3, "binary_crossentropy"),
            ValueError,
            "the last layer is a Parallel, which puts what its branches give side by side; put Activation",
        ),
        (
            lambda: Sequential([Dense(3), Columns([0])]).compile(loss="binary_crossentropy"),
            ValueError,
            "'identity'|the last layer is Columns",
        ),
        (lambda: lower([Parallel([[Dropout(0.5)], []])], 3, "mse"), ValueError, "must hold at least one Dense layer"),
    ],
)
def test_what_is_refused_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_they_nest_as_deep_as_residuals():
    layer = Dense(1)
    for depth in range(32):
        layer = Parallel([[layer], []]) if depth % 2 else Residual([layer])
    with pytest.raises(ValueError, match=r"branches\[0\] of Parallel are nested 33 deep, expected at most 32"):
        Parallel([[layer], []])
    assert from_dict(to_dict(layer)) == layer == eval(repr(layer), vars(layers) | {"Dense": Dense})
    lower([layer], 1, "mse")


def test_they_are_written_read_and_counted():
    (layer, *_) = WIDE_AND_DEEP
    assert repr(replace(layer, name="both")).endswith("[Columns([4, 0]), Dropout(rate=0.0)]], name='both')")
    assert layer_names(WIDE_AND_DEEP) == [
        *("parallel_0", "deep", "batch_norm_2", "dense_3", "columns_4", "dropout_5", "activation_6", "dense_7")
    ]
    assert [type(one).__name__ for one in leaves([layer])] == ["Dense", "BatchNorm", "Dense", "Columns", "Dropout"]
    assert to_dict(Columns([3, 1])) == {"type": "Columns", "columns": [3, 1]}
    assert Columns(np.array([3, 1])) == Columns(range(3, 0, -2))
    assert from_dict(to_dict(layer)) == layer


def test_what_they_give_by_hand():
    model = Sequential([Parallel([[Columns([2, 0, 2])], [], [Dense(2, weight_initializer="ones")]]), Dense(1)])
    model.build(3)
    given = model.activations([[1.0, 2.0, 4.0]], 0)
    assert given.tolist() == [[4, 1, 4, 1, 2, 4, 7, 7]]
    assert model.activations([[1.0, 2.0, 4.0]], "columns_1").tolist() == [[4, 1, 4]]


def test_layers_without_rows_give_what_they_read():
    model = built()
    predicted = model.activations(X, "dropout_5")  # the second of the second branch, which drops nothing
    assert predicted.tobytes() == X[:, [4, 0]].tobytes()
    first = built([Parallel([[Dense(3)], [Dropout(0.0), Columns([1])]]), Dense(1)])
    assert first.activations(X, "dropout_2").tobytes() == X.tobytes()
    (line,) = [line.split() for line in str(first.summary()).splitlines() if "dropout_2" in line]
    assert line == ["dropout_2", "Dropout", "5", "-", "0"]


def test_a_layer_of_any_branch_gives_what_it_computes():
    """What comes before it is then computed without what puts the branches together."""
    model = built([Parallel([[Dense(3)], [Dense(2, "tanh", name="first"), Dense(5, name="second")], []]), Dense(1)])
    (a, b), (c, d) = (model.get_weights(name) for name in ("first", "second"))
    np.testing.assert_allclose(model.activations(X, "first"), np.tanh(X @ a + b), atol=1e-5)
    np.testing.assert_allclose(model.activations(X, "second"), np.tanh(X @ a + b) @ c + d, atol=1e-5)


def test_an_activation_behind_or_within_stays_there():
    """None becomes part of a dense row that somebody else reads as well, or that is only the last of the branches."""
    for spec in (
        [Dense(4), Parallel([[Activation("relu")], []]), Dense(1)],
        [Parallel([[Dense(2)], [Dense(3)]]), Activation("relu"), Dense(1)],
    ):
        program = lower(spec, 3, "mse")
        assert [row.activation for row in program.rows if row.op == "dense"] == ["identity"] * (len(program.rows) - 2)
        assert [row.op for row in program.rows].count("activation") == 1


def test_a_wide_and_deep_network_learns_what_a_line_cannot():
    def score(spec):
        model = built(spec)
        model.fit(X, Y, epochs=60, batch_size=16, verbose=0)
        return model.evaluate(X, Y)["loss"]

    both = score([Parallel([[Dense(24, "relu"), Dense(8, "relu")], []]), Dense(1)])
    assert both < 0.1 * score([Dense(1)])


def test_saved_copied_and_carried_on(tmp_path):
    model = built()
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(tmp_path / "model")
    expected = model.predict(X).tobytes()
    for other in (load(tmp_path / "model"), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other.layers == model.layers
        assert other.predict(X).tobytes() == expected
        other.fit(X, Y, epochs=2, verbose=0)
    model.fit(X, Y, epochs=2, verbose=0)
    assert other.predict(X).tobytes() == model.predict(X).tobytes() != expected


def test_frozen_in_part_and_as_a_whole():
    model = built()
    model.freeze("dense_3")
    assert [layer.trainable for layer in leaves(model.layers) if isinstance(layer, Dense)] == [True, False, True]
    before = model.get_weights("dense_3")
    model.fit(X, Y, epochs=1, verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights("dense_3"), strict=True))
    model.freeze("parallel_0")
    before = model.get_weights("deep")
    model.fit(X, Y, epochs=1, verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights("deep"), strict=True))
    assert "frozen" in str(model.summary())
    with pytest.raises(ValueError, match="'deep' is inside of 'parallel_0', which is frozen; unfreeze that, too"):
        model.unfreeze("deep")
    for name in ("columns_4", "dropout_5"):
        with pytest.raises(ValueError, match=f"layer '{name}' has no parameters"):
            model.freeze(name)


def test_put_in_taken_out_and_replaced():
    model = built([Dense(4, "relu", name="first"), Dense(1, name="last")])
    kept = model.get_weights("first")
    report = model.insert(1, Parallel([[Dense(3, "relu")], []]))
    assert report.kept == ("first",) and report.changed == ("last",)
    assert model.predict(X).shape == (160, 1)
    changed = replace(model.layers[1], branches=((Dense(3, "relu"), Dense(2)), ()))
    inner = model.get_weights("dense_2")
    model.replace(1, changed)
    assert all((a == b).all() for a, b in zip(inner, model.get_weights("dense_2"), strict=True))
    model.remove(1)
    assert all((a == b).all() for a, b in zip(kept, model.get_weights("first"), strict=True))


def test_input_gradients_are_finite_differences():
    spec = [Parallel([[Columns([0, 2, 2]), Dense(7, "tanh")], [Columns([3])], [Parallel([[], []])]]), Dense(2, "tanh")]
    model = built(spec, dtype="float64")
    x = X[:3].astype(np.float64)
    jacobian = model.jacobian(x)
    for column in range(5):
        moved = [model.predict(x + step * np.eye(5)[column]) for step in (1e-6, -1e-6)]
        np.testing.assert_allclose(jacobian[:, :, column], (moved[0] - moved[1]) / 2e-6, atol=1e-8)
    without = built([Columns([1]), Dense(1)], dtype="float64").jacobian(x)
    assert (without[:, 0, [0, 2, 3, 4]] == 0).all() and (without[:, 0, 1] != 0).all()


def test_a_norm_that_nothing_learns_before_on_its_way_does_not_stop_the_others():
    """Its delta need not go on, but that of the rows before it in another branch must."""
    spec = [Parallel([[Dense(3, "tanh")], [BatchNorm(), Dense(2)]]), Dense(1)]
    model = built(spec)
    before = model.get_weights("dense_1")
    model.train_on_batch(X, Y)
    assert all((a != b).any() for a, b in zip(before, model.get_weights("dense_1"), strict=True))


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_solvers_take_them(solver):
    model = built([Parallel([[Dense(6, "tanh")], [Columns([4])]]), Dense(1)], dtype="float64")
    model.fit(X, Y, epochs=15, solver=solver, verbose=0)
    assert model.evaluate(X, Y)["loss"] < 0.2


def test_divergence_says_where():
    model = built([Parallel([[Dense(3)], []]), Dense(1)])
    model.optimizer = replace(model.optimizer, learning_rate=1e30)
    with pytest.raises(TrainingDiverged, match="dense_"):
        model.fit(X, Y, epochs=50, verbose=0)


def test_units_that_are_alike_are_told_of_where_one_layer_reads_them():
    zeros = {"weight_initializer": "zeros"}
    spec = [Parallel([[Dense(3, "tanh", **zeros), Dense(2, **zeros)], [Dense(4)]]), Dense(1)]
    model = built(spec)
    assert symmetric_layers(model.program, model.parameters, layer_names(spec)) == ("dense_1",)
    spec = [
        Dense(3, "tanh", **zeros),
        Parallel([[Dense(2, **zeros)], [Dense(2)]]),
        Dense(1),
    ]  # the second tells them apart
    model = built(spec)
    assert symmetric_layers(model.program, model.parameters, layer_names(spec)) == ()


def test_a_picture_shows_what_they_hand_on():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    ax = plots.network_diagram(built())
    texts = "\n".join(text.get_text() for text in ax.texts)
    assert "parallel_0: 2 branches" in texts and "parallel_0\n6 outputs" in texts


@pytest.mark.parametrize(
    "change",
    [
        {"columns": (0, 9)},
        {"columns": (0,)},
        {"columns": [0, 1]},
        {"columns": (0, True)},
        {"n_in": 6},
        {"skip": 7},
        {"skip": -1},
        {"weight": 0},
        {"bias": 0},
    ],
)
def test_a_program_from_outside_is_checked(change):
    program = lower([Columns([0, 1]), Dense(1)], 5, "mse")
    assert checked(program) is program
    for name in ("parallel last", "parallel with norms"):
        assert checked(lower(*LAYERED[name]))
    with pytest.raises(ValueError, match="not a program of nncore"):
        checked(replace(program, rows=(replace(program.rows[0], **change), *program.rows[1:])))


def test_a_program_from_outside_is_no_wider_than_memory():
    """A few rows that double what they read would be the end of whoever writes down their columns."""
    program = lower([Columns([0, 1]), Dense(1)], 5, "mse")
    doubling = [Row("concat", 0, 2 << k, 4 << k, source=k, skip=k) for k in range(36)]
    rows = (program.rows[0], *doubling, Row("columns", 0, 2 << 36, 1, source=36, columns=(0,)))
    with pytest.raises(ValueError, match=r"its rows write [0-9,]+ columns"):
        checked(replace(program, rows=rows))


def test_the_summary_says_how_wide_branches_are_before_and_behind():
    spec = [Dense(3), Parallel([[Dense(2)], [Dropout(0.5)], []]), Residual([LayerNorm(), Dense(5)]), Activation("relu")]
    model = Sequential([*spec, Dense(1)])
    for _ in range(2):
        outputs = [line.split()[2] for line in str(model.summary()).splitlines()[2:10]]
        assert outputs == ["3", "8", "2", "3", "5", "8", "5", "5"]
        model.build(4)
    categories = [Columns([0, 1]), CategoryEncoding(3)]
    model = Sequential([Parallel([categories, []]), Dense(1)])
    assert [line.split()[2] for line in str(model.summary()).splitlines()[2:6]] == ["?", "2", "6", "1"]
