"""Sequential.predictor: what it accepts, what it refuses, and that it stays as it was made."""

import copy
import dataclasses
import inspect
import pickle
import pydoc
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import nncore
from nncore import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    NotBuiltError,
    Predictor,
    Residual,
    Sequential,
)
from nncore.network.predictor import freeze
from nncore.program.checked import checked

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)


def built(dtype="float32"):
    model = Sequential([Dense(8, "tanh"), Dense(2, "softmax")], seed=3, dtype=dtype)
    model.build(3)
    return model


MODEL = built()
PREDICTOR = MODEL.predictor()
EXPECTED = MODEL.predict(X)


def test_it_says_what_it_is():
    assert isinstance(PREDICTOR, Predictor)
    assert repr(PREDICTOR) == "Predictor(n_features=3, n_outputs=2, dtype=float32)"
    assert (PREDICTOR.n_features, PREDICTOR.n_outputs, PREDICTOR.dtype) == (3, 2, np.float32)
    assert PREDICTOR.program == MODEL.program
    assert PREDICTOR.parameters.tobytes() == MODEL.parameters.tobytes()


def test_help_shows_its_arguments_and_where_to_read_on():
    call = type(PREDICTOR).__call__
    assert str(inspect.signature(call)) == "(self, /, x, out=None)"
    shown = pydoc.plain(pydoc.render_doc(PREDICTOR))
    assert "`nncore.Predictor` documents it" in shown and "__call__(self, /, x, out=None)" in shown
    assert inspect.getdoc(call).startswith("Return the network's output for `x`")


def test_a_row_and_rows():
    assert PREDICTOR(X[0]).tobytes() == EXPECTED[0].tobytes()
    assert PREDICTOR(X[:1]).tobytes() == EXPECTED[:1].tobytes()
    assert PREDICTOR(X).tobytes() == EXPECTED.tobytes()
    assert PREDICTOR(X[:0]).shape == (0, 2)


def test_into_given_memory():
    one, all_rows = np.empty(2, np.float32), np.empty((12, 2), np.float32)
    assert PREDICTOR(X[0], one) is one
    assert PREDICTOR(X, out=all_rows) is all_rows
    assert PREDICTOR(x=X[0], out=None).tobytes() == one.tobytes() == EXPECTED[0].tobytes()
    assert all_rows.tobytes() == EXPECTED.tobytes()


def locked(array):
    array.flags.writeable = False
    return array


def misaligned(array):
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    memory[:] = array.view(np.uint8).ravel()
    return memory.view(array.dtype).reshape(array.shape)


LAYOUTS = {
    "list": lambda a: a.tolist(),
    "Fortran order": np.asfortranarray,
    "every other column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "negative strides": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": lambda a: locked(a.copy()),
    "misaligned": misaligned,
    "byte-swapped": lambda a: a.astype(">f4"),
    "float16": lambda a: a.astype(np.float16),
    "float64": lambda a: a.astype(np.float64),
    "integers": lambda a: (4 * a).astype(int),
    "pandas frame": pd.DataFrame,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_is_read_and_none_is_written(layout):
    given = LAYOUTS[layout](np.arange(12, dtype=np.float32).reshape(4, 3) / 4)
    expected = MODEL.predict(given)
    before = copy.deepcopy(given)
    assert PREDICTOR(given).tobytes() == expected.tobytes()
    assert np.array_equal(given, before)


@pytest.mark.parametrize(
    "row", [[1, 2, 3], (1.0, 2, True), np.array([1, 2, 3]), np.arange(6.0)[::2], range(3)], ids=str
)
def test_what_is_like_a_row(row):
    assert PREDICTOR(row).tobytes() == MODEL.predict([list(row)])[0].tobytes()


@pytest.mark.filterwarnings("ignore:x holds . whole number")
def test_numbers_of_a_list_are_those_of_an_array():
    """Lists of Python's own numbers are read without NumPy: to the same bits, and what is odd is left to it."""
    numbers = [0.1, -0.0, 5e-324, 1e-40, 1e39, float("inf"), float("nan"), True, np.float64(0.3)]
    numbers += [2**53, 2**53 + 1, -(2**61) - 1, 16777217, 7]
    for row in ([first, second, 0.5] for first in numbers for second in numbers):
        with np.errstate(over="ignore"):
            expected = PREDICTOR(np.array(row).astype(np.float32)).tobytes()
        assert PREDICTOR(row).tobytes() == PREDICTOR(tuple(row)).tobytes() == expected, row
    with pytest.raises(ValueError, match="past the largest float"):
        PREDICTOR([10**400, 0, 0])


BAD_X = [
    (X[0, :2], ValueError, "x must have shape (3,), or (n, 3) for n rows, got (2,)"),
    (X[:, :2], ValueError, "x must have shape (3,), or (n, 3) for n rows, got (12, 2)"),
    (X[None], ValueError, "x must have shape (3,), or (n, 3) for n rows, got (1, 12, 3)"),
    (1.0, ValueError, "x must have shape (3,), or (n, 3) for n rows, got ()"),
    (None, ValueError, "could not convert x to numbers: None is of type NoneType"),
    (["a", "b", "c"], ValueError, "could not convert x to numbers: it holds text, ['a'] to begin with"),
    ([[1, 2, 3], [1]], ValueError, "x is ragged"),
    (X[0] * 1j, ValueError, "Complex data not supported: x has dtype complex64"),
]


@pytest.mark.parametrize(("x", "error", "message"), BAD_X, ids=[message for *_, message in BAD_X])
def test_bad_x(x, error, message):
    with pytest.raises(error, match=re.escape(message)):
        PREDICTOR(x)


F32 = np.float32
BAD_OUT = [
    ([0.0, 0.0], TypeError, "out must be an array of dtype float32, got list"),
    (np.empty(2), ValueError, "out must be a writable, aligned, C-contiguous array of dtype float32, got float64"),
    (locked(np.empty(2, F32)), ValueError, "array of dtype float32, got float32, read-only"),
    (np.empty(4, F32)[::2], ValueError, "array of dtype float32, got float32, not contiguous"),
    (misaligned(np.empty(2, F32)), ValueError, "array of dtype float32, got float32, not aligned"),
    (np.ma.zeros(2, F32), TypeError, "array of dtype float32 without a mask, got MaskedArray; pass its .data"),
    (np.empty(2, ">f4"), ValueError, "array of dtype float32, got >f4"),
    (np.empty(3, F32), ValueError, "out must have shape (2,) for x of shape (3,), got (3,)"),
    (np.empty((1, 2), F32), ValueError, "out must have shape (2,) for x of shape (3,), got (1, 2)"),
]


@pytest.mark.parametrize(("out", "error", "message"), BAD_OUT, ids=[message for *_, message in BAD_OUT])
def test_bad_out(out, error, message):
    with pytest.raises(error, match=re.escape(message)):
        PREDICTOR(X[0], out)


def test_bad_out_for_rows():
    for out in (np.empty((11, 2), F32), np.empty(2, F32)):
        with pytest.raises(ValueError, match=re.escape("out must have shape (12, 2) for x of shape (12, 3), got")):
            PREDICTOR(X, out)


def test_wrong_numbers_of_arguments():
    for call in (lambda: PREDICTOR(), lambda: PREDICTOR(X[0], None, None), lambda: PREDICTOR(X[0], rows=1)):
        with pytest.raises(TypeError):
            call()


def test_training_goes_on_without_it():
    model = built()
    frozen = model.predictor()
    model.fit(X, [0, 1] * 6, epochs=3)
    assert frozen(X).tobytes() == EXPECTED.tobytes()
    assert model.predictor()(X).tobytes() == model.predict(X).tobytes() != EXPECTED.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_copies(dtype):
    model = built(dtype)
    frozen = model.predictor()
    for other in (pickle.loads(pickle.dumps(frozen)), copy.copy(frozen), copy.deepcopy(frozen)):
        assert repr(other) == repr(frozen)
        assert other(X).tobytes() == model.predict(X).tobytes()


@pytest.mark.parametrize("isa", sorted({isa for isa, _ in nncore.engine.variants()}))
def test_a_pickle_runs_on_another_instruction_set(isa, tmp_path, monkeypatch):
    path = tmp_path / "predictor.pickle"
    path.write_bytes(pickle.dumps(PREDICTOR))
    program = f"import pickle; print(pickle.load(open({str(path)!r}, 'rb'))([1, 2, 3]).tolist())"
    monkeypatch.setenv("NNCORE_ISA", isa)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    np.testing.assert_allclose(eval(run.stdout), PREDICTOR([1, 2, 3]), rtol=1e-6)


def test_a_model_without_weights_has_none():
    with pytest.raises(NotBuiltError):
        Sequential([Dense(1)]).predictor()


def test_a_call_with_given_memory_keeps_none():
    row, out = X[0], np.empty(2, np.float32)
    PREDICTOR(row, out)
    before = sys.getallocatedblocks()
    for _ in range(10_000):
        PREDICTOR(row, out)
        PREDICTOR(row)
    assert sys.getallocatedblocks() - before < 100


def test_a_row_takes_no_python_code():
    """Which is what makes it quicker than `predict`."""

    def functions_called(call, *arguments):
        called = []
        sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)
        try:
            call(*arguments)
        finally:
            sys.setprofile(None)
        return called

    row, out = X[0], np.empty(2, np.float32)
    assert functions_called(PREDICTOR, row) == functions_called(PREDICTOR, row, out) == []
    assert "predict" in functions_called(MODEL.predict, X[:1])


def forged(**changes):
    """A pickle in which the rows of the network say something else."""
    program = PREDICTOR.program
    rows = tuple(dataclasses.replace(row, **changes) for row in program.rows[:1]) + program.rows[1:]
    return pickle.dumps(Rebuilt(dataclasses.replace(program, rows=rows), PREDICTOR.parameters, np.empty(0, np.float32)))


class Rebuilt:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return freeze, self.arguments


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_in": 10**7}, "reads 10000000 columns where there are 3"),
        ({"n_out": 10**9}, "lies at 0, and there are 50"),
        ({"n_out": -1}, "n_out of row 0 is -1"),
        ({"weight": 10**9}, "lies at 1000000000"),
        ({"weight": -5}, "lies at -5"),
        ({"bias": 10**9}, "does not lie behind"),
        ({"source": 7}, "row 0 reads row 7"),
        ({"source": 0}, "row 0 reads row 0"),
        ({"op": "batchnorm"}, "makes 8 columns of 3"),
        ({"op": "add", "n_in": 3, "n_out": 3, "skip": 99}, "reads row 99"),
        ({"op": "columns", "columns": (0,) * 8}, "has parameters"),
        ({"op": "exec"}, "'exec'"),
        ({"activation": "none"}, "'none'"),
        ({"parameter": float("nan")}, "holds nan"),
        ({"n_in": "3"}, "n_in of row 0 is '3'"),
    ],
)
def test_a_forged_pickle_is_refused(changes, message):
    """Such a one made the engine read where there is nothing."""
    with pytest.raises(ValueError, match=f"not a program of nncore: .*{message}"):
        pickle.loads(forged(**changes))


@pytest.mark.parametrize("arguments", [("program",), (None, None, None), (PREDICTOR.program, [1.0], np.empty(0))])
def test_what_is_no_network_is_refused(arguments):
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(Rebuilt(*arguments)))


def test_programs_of_all_layers_pass():
    layers = [
        BatchNorm(),
        Residual([Dense(5, "gelu"), LayerNorm(), Dropout(0.5), Dense(4)]),
        Activation("elu"),
        Dense(1),
    ]
    for n_features in (4, 6):  # with a projection, and without
        model = Sequential(layers)
        model.build(n_features)
        assert checked(model.program) is model.program
        assert pickle.loads(pickle.dumps(model.predictor())).n_features == n_features
