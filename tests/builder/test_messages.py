"""What a message must be, and where the page is told to show what is wrong with it."""

import json

import pytest

from nncore.builder import edits, links, rules
from nncore.builder.messages import TYPES, read
from nncore.builder.refusal import Refusal
from nncore.builder.rules import MOST_CHARACTERS
from nncore.builder.session import Session
from nncore.builder.wire import encode


def refusal(text):
    with pytest.raises(Refusal) as refused:
        read(text if isinstance(text, str) else json.dumps(text))
    return refused.value


def test_a_message_has_its_fields_and_defaults():
    request = read('{"id": 3, "type": "evaluate", "kind": "draw", "pixels": [1, 2.5]}')
    assert (request.id, request.type) == (3, "evaluate")
    assert request.fields == {"kind": "draw", "part": "all", "resolution": 48, "pixels": [1.0, 2.5]}


def test_edits_and_only_they_can_be_undone():
    assert {kind for kind, message in TYPES.items() if message.handler.__module__ == edits.__name__} == {
        kind for kind, message in TYPES.items() if message.edit
    }
    titles = [message.edit for message in TYPES.values() if message.edit]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "a message is a JSON object, got"),
        ("3", "a message is a JSON object, got"),
        ('{"id": NaN, "type": "state"}', "NaN is not JSON"),
        ('{"id": 1, "type": "explain", "rows": [Infinity]}', "Infinity is not JSON"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 20 + "1" + "}" * 20, "nested too deep"),
        ('{"id": 1, "type": "new_seed", "x": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_what_is_no_message(text, message):
    found = refusal(text)
    assert message in str(found)
    assert (found.where, found.id) == ("", None)


@pytest.mark.parametrize(
    "content, where, message",
    [
        ({"type": "stat"}, "type", "unknown message 'stat'; did you mean 'state'?"),
        ({}, "type", "message must be a name"),
        ({"type": ["state"]}, "type", "message must be a name"),
        ({"type": "state", "x" * 500: 1}, "x" * 80, "unknown field of state"),
        ({"type": "move", "from": 1}, "to", "needs the field 'to'"),
        ({"type": "move", "from": 1, "to": -1}, "to", "a whole number from 0 to 64, got -1"),
        ({"type": "move", "from": True, "to": 1}, "from", "got True"),
        ({"type": "insert", "index": 0, "layer": "Dense"}, "layer", "must be an object"),
        ({"type": "set_training", "batch_size": 0}, "training.batch_size", ">= 1, got 0"),
        ({"type": "set_training", "validation_split": 1}, "training.validation_split", "<= 0.9, got 1.0"),
        ({"type": "set_training", "class_weight": "none"}, "training.class_weight", "unknown class_weight 'none'"),
        ({"type": "set_training", "dtype": "float16"}, "training.dtype", "'float16'; did you mean 'mixed_bfloat16'?"),
        ({"type": "set_training", "seed": 2**53}, "training.seed", "got 9007199254740992"),
        ({"type": "set_training", "seed": 10**400}, "training.seed", "a whole number of 1329 bits"),
        ({"type": "train", "epochs": 0.5}, "epochs", "must be a whole number"),
        ({"type": "train", "epochs_per_second": 0}, "epochs_per_second", "> 0"),
        ({"type": "evaluate", "kind": "map"}, "kind", "unknown kind 'map'"),
        ({"type": "evaluate", "kind": "draw", "pixels": [0] * 5000}, "pixels", "at most 4,096 entries"),
        ({"type": "evaluate", "kind": "draw", "pixels": ["1"]}, "pixels", "must be a finite number"),
        ({"type": "evaluate", "kind": "decision_map", "resolution": 10**6}, "resolution", "from 2 to 128"),
        ({"type": "export", "kind": "onnx"}, "kind", "unknown kind 'onnx'"),
        ({"type": "open_preset", "name": "x" * 201}, "name", "at most 200 characters, got 201"),
        ({"type": "set_data", "csv": ["a"]}, "csv", "must be a text"),
        ({"type": "set_optimizer", "optimizer": {"type": "x" * MOST_CHARACTERS}}, "", "at most 131,072 characters"),
    ],
)
def test_refusals_name_the_field(content, where, message):
    found = refusal({"id": 5, **content})
    assert message in str(found)
    assert (found.where, found.id) == (where, 5)


@pytest.mark.parametrize("number", [-1, 1.5, "1", True, 2**53])
def test_ids_are_whole_numbers(number):
    assert refusal({"id": number, "type": "state"}).where == "id"


def test_a_csv_may_be_long_and_no_longer():
    text = "a" * (2 * MOST_CHARACTERS)
    assert read(json.dumps({"type": "set_data", "csv": text})).fields["csv"] == text
    assert refusal({"type": "set_data", "csv": "a" * (rules.MOST_CSV + 1)}).where == "csv"


def test_answers_are_json_whatever_they_hold():
    content = {"loss": float("nan"), "list": [float("inf"), (1.5, -float("inf"))], "text": "\ud800 </script>"}
    text = encode(content)
    text.encode()  # no lone surrogate is left
    assert json.loads(text) == {"loss": None, "list": [None, [1.5, None]], "text": "\ud800 </script>"}


@pytest.mark.parametrize("text", ["", "%%%", "é", "AAAA", "bnVsbA", "W10"])
def test_damaged_links(text):
    with pytest.raises(Refusal) as refused:
        links.read(text)
    assert str(refused.value)


def test_a_link_restores_the_set_up(ask):
    ask.take_layers(
        [{"type": "Dense", "units": 7, "activation": "gelu"}, {"type": "Dense", "units": 2, "activation": "softmax"}]
    )
    ask(
        "set_optimizer",
        optimizer={"type": "SGD", "learning_rate": {"type": "CosineDecay", "peak_rate": 0.1, "epochs": 9}},
    )
    ask("set_training", seed=12, batch_size=5, class_weight="balanced", validation_split=0.3, dtype="mixed_bfloat16")
    link = ask("export", kind="link")["text"].removeprefix("#spec=")
    before = ask.run.setup
    ask("open_preset", name="digits")
    ask("open_link", spec=link)
    assert ask.run.setup == before
    assert isinstance(ask.session, Session)
