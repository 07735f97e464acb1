"""Messages that no page sends: whatever comes, it is an answer or a refusal, and the session trains on."""

import json
import random

import pytest

from nncore.builder.messages import TYPES, carry_out, read
from nncore.builder.presets import PRESETS
from nncore.builder.refusal import Refusal
from nncore.builder.wire import encode

LAYERS = [
    {"type": "Dense", "units": 3, "activation": "relu"},
    {"type": "Dense", "units": 2, "activation": "softmax"},
    {"type": "Dense", "units": 1},
    {"type": "Dense", "units": 10**9},
    {"type": "Dense", "units": 2, "weight_initializer": {"type": "Constant", "value": 1e30}},
    {"type": "Activation", "name": "softmax"},
    {"type": "BatchNorm"},
    {"type": "LayerNorm", "epsilon": 0},
    {"type": "Normalization"},
    {"type": "Normalization", "mean": [1, 2], "variance": 3},
    {"type": "Dropout", "rate": 0.5},
    {"type": "Residual", "layers": [{"type": "Dense", "units": 5}]},
    {"type": "Residual", "layers": []},
    {"type": "Constant"},
    {},
]
VALUES = [
    *(None, True, 0, 1, 2, -1, 3.5, 1e308, 10**30, "", "x", "auto", "\ud800", "/etc/passwd", [], {}, [[]], [0, 1]),
    *LAYERS,
    LAYERS[:2],
    [LAYERS[0]] * 70,
    {"type": "SGD", "learning_rate": 1e30},
    {"type": "Adam", "learning_rate": {"type": "OneCycle"}},
    {"type": "Huber"},
    {"n_samples": 4, "noise": 0},
    {"target": "a", "missing": "drop"},
    {"features": ["x0"]},
    "a,b\n1,2\n2,3\n3,5\n",
    "a,b\nx,y\ny,x\nx,y\n",
    "a\n1\n",
    "xor",
    "iris",
    "csv",
    "dense_0",
    "overfitting",
    *PRESETS,
    *("draw", "confusion", "script", "svg", "link", "balanced", "decision_map", "worst", "held_out"),
]
ALLOWED = (Refusal, TypeError, ValueError, ArithmeticError, MemoryError, RuntimeError)
"""What the worker turns into an answer; anything else is a mistake of ours."""


def message(chance):
    """Return a message of a known type, mostly with its own fields, and values from anywhere."""
    kind = chance.choice([kind for kind in TYPES if kind not in ("hello", "export")])
    known = TYPES[kind].fields.items()
    fields = {name: chance.choice(VALUES) for name, field in known if field.required or chance.random() < 0.5}
    return json.dumps({"id": 1, "type": kind, **fields})


@pytest.mark.parametrize("seed", range(4))
def test_a_session_outlives_anything(new_session, seed):
    chance, ask, carried_out = random.Random(seed), new_session(), 0
    for _ in range(600):
        text = message(chance)
        version = ask.session.version
        try:
            encode({"result": carry_out(ask.session, read(text))}).encode()
            carried_out += 1
        except ALLOWED:
            assert ask.session.version == version, text
        if ask.session.playing:
            ask.session.play(lambda: True)
        ask.session.playing = False
    assert carried_out > 60
    json.loads(encode(ask("state")))
    ask("open_preset", name="xor")
    assert ask("step_epoch")["epoch"] == 1
    exec(ask("export", kind="script")["text"], {})
