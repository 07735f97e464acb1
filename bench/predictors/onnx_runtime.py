"""ONNX Runtime: ``run`` on NumPy arrays, and a session that has been told once where input and output are."""

from __future__ import annotations

from functools import partial

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from bench.cases import Array, Case
from bench.predictors import Ways

OPERATORS = {"tanh": "Tanh", "relu": "Relu"}
OPSET, IR_VERSION = 17, 8
"""Of early 2023: known to all that is in use."""


def ways(case: Case, threads: int, X: Array) -> Ways:
    model = _model(case)
    found: Ways = {}
    # With many threads allowed, a small network may still be faster on one.
    for n in sorted({1, threads}):
        session, of = _session(model, n), "" if n == threads else ", 1 thread"
        found[f"run{of}"] = partial(_run, session, X)
        found[f"binding{of}"] = _bound(session, X, np.empty((len(X), case.sizes[-1]), case.dtype))
    return found


def _model(case: Case) -> bytes:
    """Return the network in ONNX's format: x (n, n_features) to y (n, n_outputs)."""
    weights = case.initial_weights()
    nodes, last = [], "x"
    for i in range(len(weights) // 2):
        nodes.append(helper.make_node("Gemm", [last, f"p{2 * i}", f"p{2 * i + 1}"], [f"z{i}"]))
        is_output = i == len(weights) // 2 - 1
        last = "y" if is_output else f"a{i}"
        nodes.append(helper.make_node("Softmax" if is_output else OPERATORS[case.activation], [f"z{i}"], [last]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
        for name, size in (("x", case.sizes[0]), ("y", case.sizes[-1]))
    ]
    parameters = [numpy_helper.from_array(np.ascontiguousarray(array), f"p{i}") for i, array in enumerate(weights)]
    graph = helper.make_graph(nodes, "mlp", ends[:1], ends[1:], parameters)
    opset = helper.make_opsetid("", OPSET)
    model: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION).SerializeToString()
    return model


def _session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, X: Array) -> Array:
    output: Array = session.run(["y"], {"x": X})[0]
    return output


def _bound(session: onnxruntime.InferenceSession, X: Array, out: Array) -> partial[Array]:
    binding = session.io_binding()
    binding.bind_input("x", "cpu", 0, X.dtype, X.shape, X.ctypes.data)
    binding.bind_output("y", "cpu", 0, out.dtype, out.shape, out.ctypes.data)
    return partial(_run_bound, session, binding, X, out)


def _run_bound(session: onnxruntime.InferenceSession, binding: onnxruntime.IOBinding, X: Array, out: Array) -> Array:
    session.run_with_iobinding(binding)  # reads X, which the call keeps alive, and fills out
    return out
