"""One engine module: everything that runs per row, layer, parameter or step, for one number type and instruction set.

The modules f32_base, f32_avx2, ... each include this file and nothing else; the compiler's flags make the difference.
Reading order: capi (what C offers), panels (matrices in and out of panels), network (the program as C rows), arena (all
memory), work (jobs, stages, and the Engine that holds everything), dense, activation, normalize, elementwise, select
(one kind of row each), passes (all of them), loss, own (a loss that is a function of Python), optimizer, lowering (a
Program becomes a Network), vectors (flat vectors in and out of states), monitor (what training records), poll (signals
and watchers), train, columns and row (forward for many rows and for one), predict, own_steps (for loops of the caller's
own) and backpropagate (what workers do), capacity (how many of them), call (one call: checks, memory, threads), scoring
(what follows an epoch of training), lanes and boarding (small networks that share the vectors), result (what training
hands back), plan (the Python class), together (plans in lanes), predictor (the one for single rows), stepper (the one
for single steps), kernels (single kernels on NumPy arrays), roofline (what the machine can do, for the benchmark).

A function takes the parts of the Engine that it works with, the whole one where these are more than three or so.
"""

from cpython.exc cimport PyErr_CheckSignals
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_CheckExact
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_CheckExact
from cpython.pyport cimport PY_SSIZE_T_MAX
from cpython.ref cimport PyObject, Py_INCREF, Py_XDECREF
from cpython.sequence cimport PySequence_Fast_GET_ITEM, PySequence_Fast_GET_SIZE
from cpython.tuple cimport PyTuple_CheckExact
from libc.math cimport INFINITY, NAN, isfinite, sqrt
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

cimport cython
cimport numpy
from nncore._engine.runtime cimport fork_count, nn_task, run_on_pool, thread_limit, tunes_threads

import threading

import numpy as np

numpy.import_array()

include "capi.pxi"
include "panels.pxi"
include "network.pxi"
include "arena.pxi"
include "work.pxi"
include "bfloat16.pxi"
include "dense.pxi"
include "activation.pxi"
include "normalize.pxi"
include "elementwise.pxi"
include "select.pxi"
include "passes.pxi"
include "loss.pxi"
include "own.pxi"
include "optimizer.pxi"
include "lowering.pxi"
include "vectors.pxi"
include "monitor.pxi"
include "poll.pxi"
include "train.pxi"
include "windows.pxi"
include "columns.pxi"
include "row.pxi"
include "predict.pxi"
include "own_steps.pxi"
include "backpropagate.pxi"
include "capacity.pxi"
include "call.pxi"
include "scoring.pxi"
include "lanes.pxi"
include "boarding.pxi"
include "result.pxi"
include "plan.pxi"
include "together.pxi"
include "predictor.pxi"
include "stepper.pxi"
include "kernels.pxi"
include "roofline.pxi"
