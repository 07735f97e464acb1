"""Model files: exact resume, every kind of damage refused, and no way to lose the old file."""

import dataclasses
import errno
import hashlib
import io
import json
import os
import pickle
import random
import signal
import stat
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.numpy

import nncore
from nncore import (
    SGD,
    Activation,
    Adagrad,
    Adam,
    AdamW,
    BatchNorm,
    CosineDecay,
    Dense,
    Lion,
    ModelFileError,
    Nadam,
    RMSprop,
    Sequential,
    losses,
)
from nncore.base import atomic
from nncore.model import checkpoint, snapshot

X = np.random.default_rng(0).normal(size=(40, 4))
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def trained(dtype="float32", optimizer="adam", epochs=2):
    layers = [Dense(5, Activation("elu", alpha=0.5), name="first"), Dense(3, use_bias=False), Activation("softmax")]
    model = Sequential(layers, seed=7, dtype=dtype, name="model")
    model.compile(optimizer, metrics=["accuracy"])
    model.fit(X, LABELS, epochs=epochs)
    return model


@pytest.fixture(scope="module")
def content():
    model = trained()
    model.metadata["made by"] = "täst"
    return model_bytes(model)


def model_bytes(model):
    return checkpoint.encode(snapshot(model, model.metadata))


def read(data):
    return checkpoint.read(io.BytesIO(data), len(data))


# ---- round trips

OPTIMIZERS = [SGD(0.1), SGD(0.1, momentum=0.9), RMSprop(), RMSprop(momentum=0.5), Adam(), AdamW()]
OPTIMIZERS += [Adagrad(), Nadam(), Lion(), Adam(CosineDecay(0.1, 5, 1), clip_norm=2)]


@pytest.mark.parametrize("optimizer", [AdamW(), Lion(weight_decay=0.1)])
def test_biases_that_do_not_decay_are_no_news_to_older_readers(optimizer):
    """Such a file called itself one of format 1, and version 0.1 refused its field."""
    for also, version in ((False, 1), (True, 2)):
        model = trained(optimizer=dataclasses.replace(optimizer, decay_bias=also))
        header = model_bytes(model)
        assert f'"format_version\\": {version},'.encode() in header and (b"decay_bias" in header) == also
        assert read(header).optimizer == model.optimizer


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resume_is_exact(tmp_path, optimizer, dtype):
    path = tmp_path / "model.safetensors"
    whole, part = trained(dtype, optimizer, epochs=10), trained(dtype, optimizer, epochs=5)
    part.save(path)
    resumed = nncore.load(path)
    resumed.fit(X, LABELS, epochs=5)
    assert np.array_equal(resumed.parameters, whole.parameters)
    assert model_bytes(resumed) == model_bytes(whole)


def test_everything_comes_back(tmp_path):
    model = trained()
    model.compile(SGD(0.25, momentum=0.5, nesterov=True), losses.Huber(2.5), ["accuracy", "mae"])
    model.save(tmp_path / "model", {"author": "I", "σ": "\n"})
    assert model.metadata == {}
    other = nncore.load(tmp_path / "model")
    for name in ("layers", "seed", "dtype", "name", "epoch", "optimizer", "loss", "metrics", "program"):
        assert getattr(other, name) == getattr(model, name), name
    assert other.metadata == {"author": "I", "σ": "\n"}
    assert np.array_equal(other.predict(X), model.predict(X))
    other.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


def test_an_inferred_loss_stays_inferred(tmp_path):
    trained().save(tmp_path / "model")
    assert nncore.load(tmp_path / "model").loss_is_inferred


def test_saving_does_not_disturb_training(tmp_path):
    whole, saving = trained(epochs=4), trained(epochs=1)
    saving.fit(X, LABELS, epochs=3, callbacks=lambda model, epoch, logs: model.save(tmp_path / str(epoch)))
    assert np.array_equal(whole.parameters, saving.parameters)
    assert nncore.load(tmp_path / "2").epoch == 3


def test_equal_models_give_equal_files():
    assert model_bytes(trained()) == model_bytes(trained())


def test_other_programs_can_read_the_weights(content):
    tensors = safetensors.numpy.load(content)
    weight, bias, last = trained().get_weights()
    assert np.array_equal(tensors["first.weight"], weight)
    assert np.array_equal(tensors["first.bias"], bias)
    assert np.array_equal(tensors["dense_1.weight"], last)
    assert sorted(tensors) == ["dense_1.weight", "first.bias", "first.weight", "optimizer/slot_0", "optimizer/slot_1"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["plain", "täst 😀", 'q"\\/~'])
def test_the_bytes_are_those_of_the_format_s_own_library(name, dtype):
    layers = [Dense(5, "tanh", name=name), BatchNorm(), Dense(3, "softmax")]
    model = Sequential(layers, dtype=dtype, name=name)
    model.fit(X, LABELS)
    model.metadata[name] = "ü\n\x7f\u2028"
    content = model_bytes(model)
    length = int.from_bytes(content[:8], "little")
    text = json.loads(content[8 : 8 + length])["__metadata__"]["nncore"]
    zeros = text.replace(json.loads(text)["sha256"], "0" * 64)
    theirs = safetensors.numpy.save(safetensors.numpy.load(content), {"nncore": zeros})
    digest = hashlib.sha256(theirs).hexdigest()
    assert content == theirs.replace(b"0" * 64, digest.encode(), 1)


def test_functions_among_the_metrics_are_left_out(tmp_path):
    model = trained()
    model.compile(metrics=["accuracy", lambda y_true, y_pred: 0.0])
    model.save(tmp_path / "model")
    assert nncore.load(tmp_path / "model").metrics == ("accuracy",)


# ---- damage


def test_the_undamaged_content_is_read(content):
    assert 1000 < len(content) < 4000
    assert read(content).epoch == 2


def test_every_truncation_is_refused(content):
    for length in range(len(content)):
        with pytest.raises(ModelFileError):
            read(content[:length])


def test_every_flipped_bit_is_refused(content):
    survivors = []
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            read(bytes(damaged))
        except ModelFileError:
            continue
        survivors.append(bit)
    assert survivors == []


def test_random_damage_raises_nothing_but_model_file_errors(content):
    generator = random.Random(0)
    for _ in range(3000):
        damaged = bytearray(content)
        for _ in range(generator.randint(1, 8)):
            start = generator.randrange(len(damaged))
            damaged[start : start + generator.randint(0, 9)] = generator.randbytes(generator.randint(0, 9))
        if damaged != content:
            with pytest.raises(ModelFileError):
                read(bytes(damaged))


def split(content):
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["nncore"]), content[8 + length :]


def joined(header, description, data, seal=True):
    """Put a file together again, with a correct checksum: an attacker can compute one."""
    description = {**description, "sha256": "0" * 64}
    header = {**header, "__metadata__": {"nncore": json.dumps(description)}}
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + data
    return content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode()) if seal else content


def test_a_file_put_together_again_is_read(content):
    assert read(joined(*split(content))).epoch == 2


def edited(content, **changes):
    header, description, data = split(content)
    return joined(header, {**description, **changes}, data)


def doubled(content, old, new):
    """Say two things of one key of the description, at any depth."""
    header, description, data = split(content)
    text = json.dumps({**description, "sha256": "0" * 64})
    assert old in text
    header["__metadata__"]["nncore"] = text.replace(old, new, 1)
    start = json.dumps(header).encode()
    whole = struct.pack("<Q", len(start)) + start + data
    return whole.replace(b"0" * 64, hashlib.sha256(whole).hexdigest().encode())


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"seed": 7', '"seed": 7, "seed": 8', "seed"),
        ('"units": 5', '"units": 5, "units": 5', "units"),
        ('"made by":', '"made by": "x", "made by":', "made by"),
        ('"epoch": 2', '"epoch": 2, "\\u0065poch": 3', "epoch"),
    ],
)
def test_keys_of_the_description_that_stand_there_twice_are_refused(content, old, new, key):
    with pytest.raises(ModelFileError, match=f"invalid description: duplicate key '{key}'"):
        read(doubled(content, old, new))


def test_checksum_covers_everything(content):
    with pytest.raises(ModelFileError, match="checksum mismatch: the file is damaged"):
        read(joined(*split(content), seal=False))


LAYER = {"type": "Dense", "units": 3}
BAD_FIELDS = [
    ({"format_version": 9}, "format version 9 is newer than supported 3; the file was written by nncore 0"),
    ({"format_version": "1"}, "format_version must be an integer from 1, got '1'"),
    ({"format_version": True}, "format_version must be an integer from 1, got True"),
    ({"format_version": 0}, "format_version must be an integer from 1, got 0"),
    ({"drawn": 9}, r"unexpected \['drawn'\]"),
    ({"format_version": 2, "surprise": 1}, r"unexpected \['surprise'\]"),
    ({"format_version": 2, "precision": "mixed_bfloat16"}, r"unexpected \['precision'\]"),
    ({"format_version": 3, "precision": "bfloat16"}, "unknown precision 'bfloat16'"),
    (
        {"format_version": 3, "precision": "mixed_bfloat16", "dtype": "float64"},
        "precision 'mixed_bfloat16' is of dtype float32, got float64",
    ),
    ({"format_version": 2, "drawn": -1}, "drawn must be an integer >= 0, got -1"),
    ({"format_version": 2, "drawn": 2.0}, "drawn must be an integer"),
    ({"surprise": 1}, r"unexpected \['surprise'\]"),
    ({"feature_names": list("abcd")}, r"unexpected \['feature_names'\]"),
    (
        {"format_version": 2, "feature_names": ["a"]},
        r"feature_names must have 4 value\(s\), got 1",
    ),
    (
        {"format_version": 2, "output_names": ["a"]},
        r"output_names must have 3 value\(s\), got 1",
    ),
    ({"format_version": 2, "feature_names": "abcd"}, "feature_names must be a list"),
    ({"format_version": 2, "feature_names": [1] * 4}, r"feature_names\[0\] must be a str"),
    ({"dtype": "float16"}, "unknown dtype 'float16'"),
    ({"dtype": "float64"}, "than declared|has dtype F32, expected F64"),
    ({"n_features": -1}, "n_features must be an integer >= 0"),
    ({"n_features": 0}, "n_features must be an integer from 1"),
    ({"n_features": 2.0}, "n_features must be an integer"),
    ({"n_features": 5}, r"tensor 'first.weight' has shape \[4, 5\], the layers need \[5, 5\]"),
    ({"n_features": 10**30}, "n_features must be an integer >= 0"),
    ({"layers": []}, "layers must hold at least one Dense layer"),
    ({"layers": "Dense"}, "layers must be a list"),
    ({"layers": [LAYER | {"type": "os.system"}]}, "unknown layer type 'os.system'"),
    ({"layers": [LAYER | {"activation": "__import__('os')"}]}, 'unknown activation "__import__'),
    ({"layers": [LAYER | {"units": 2**31 - 1}] * 2}, "TB .* of memory|are both named"),
    ({"layers": [LAYER | {"code": "x"}]}, "unknown key of Dense 'code'"),
    ({"layers": [LAYER | {"units": True}]}, "units must be an integer"),
    ({"layers": [LAYER | {"name": "\x00"}]}, "name must have 1 to 200 printable characters"),
    ({"layers": [LAYER]}, r"expects the last layer's activation to be 'softmax'"),
    ({"loss": {"type": "MeanSquaredErrors"}}, "unknown loss type 'MeanSquaredErrors'; did you mean"),
    ({"loss": "mse"}, "loss must be described by a dict"),
    ({"loss_is_inferred": 1}, "loss_is_inferred must be True or False"),
    ({"optimizer": {"type": "Adam", "learning_rate": "fast"}}, "learning_rate must be a finite number"),
    ({"optimizer": {"type": "SGD"}}, r"unexpected tensor\(s\) \['optimizer/slot_0', 'optimizer/slot_1'\]"),
    ({"metrics": ["accurate"]}, "unknown metric 'accurate'"),
    ({"metrics": [1]}, r"metrics\[0\] must be a str"),
    ({"metrics": "mae"}, "metrics must be a list"),
    ({"seed": -1}, "seed must be an integer from 0"),
    ({"seed": 2**64}, "seed must be an integer from 0"),
    ({"epoch": 2**63}, "epoch must be an integer >= 0"),
    ({"epoch": None}, "epoch must be an integer"),
    ({"iterations": "many"}, "iterations must be an integer"),
    ({"name": 3}, "name must be a str"),
    ({"metadata": {"a": 1}}, r"metadata\['a'\] must be a str"),
    ({"metadata": ["a"]}, "metadata must map str to str"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_FIELDS, ids=[row[1][:40] for row in BAD_FIELDS])
def test_every_field_is_checked(content, changes, message):
    with pytest.raises(ModelFileError, match=message):
        read(edited(content, **changes))


@pytest.mark.parametrize("name", [*checkpoint.FIELDS, "format_version"])
def test_no_field_may_be_missing(content, name):
    header, description, data = split(content)
    del description[name]
    with pytest.raises(ModelFileError, match=f"missing .*{name}|{name} must be"):
        read(joined(header, description, data))


def rename(header, old, new):
    return {new if name == old else name: entry for name, entry in header.items()}


BAD_TENSORS = [
    (lambda h: rename(h, "first.bias", "../bias"), r"missing tensor\(s\) \['first.bias'\], unexpected .*'../bias'"),
    (lambda h: {**h, "more": h["first.bias"]}, r"unexpected tensor\(s\) \['more'\]"),
    (lambda h: h | {"first.bias": {**h["first.bias"], "shape": [6]}}, r"'first.bias' has shape \[6\], .* need \[5\]"),
    (lambda h: h | {"first.bias": {**h["first.bias"], "shape": [5.0, True]}}, "'first.bias' has shape"),
    (lambda h: h | {"first.bias": {**h["first.bias"], "dtype": "F16"}}, "dtype F16, expected F32"),
    (lambda h: h | {"first.bias": 5}, "'first.bias' has shape None"),
    (lambda h: h | {"first.bias": {**h["first.bias"], "data_offsets": [0, 4]}}, "invalid header"),
    (lambda h: h | {"first.bias": {**h["first.bias"], "data_offsets": [-4, 16]}}, "invalid header"),
    (lambda h: h | {"first.bias": {**h["first.bias"], "data_offsets": [2**63, 2**64]}}, "invalid header"),
    (lambda h: h | {"first.bias": h["first.bias"] | {"data_offsets": h["first.weight"]["data_offsets"]}}, "invalid"),
]


@pytest.mark.parametrize(("change", "message"), BAD_TENSORS, ids=[row[1][:40] for row in BAD_TENSORS])
def test_every_tensor_is_checked(content, change, message):
    header, description, data = split(content)
    with pytest.raises(ModelFileError, match=message):
        read(joined(change(header), description, data))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["first.weight", "optimizer/slot_1"])
def test_weights_that_are_not_finite_are_refused(content, name, value):
    header, description, data = split(content)
    at = header[name]["data_offsets"][0]
    data = data[:at] + np.float32(value).tobytes() + data[at + 4 :]
    with pytest.raises(ModelFileError, match=f"tensor '{name}' holds NaN or infinity"):
        read(joined(header, description, data))


def test_negative_variances_are_refused():
    model = Sequential([BatchNorm(name="norm"), Dense(1)])
    model.build(3)
    kept = snapshot(model, {})
    kept.statistics[4] = -0.5
    with pytest.raises(ModelFileError, match=r"tensor 'norm.variance' must not be negative, got -0.5"):
        read(checkpoint.encode(kept))


def test_longer_and_shorter_files(content):
    with pytest.raises(ModelFileError, match=r"1 byte\(s\) longer than declared: its tensors need 480 bytes"):
        read(content + b"\0")
    with pytest.raises(ModelFileError, match=r"the file is 4 byte\(s\) shorter than declared"):
        read(content[:-4])


def header_only(text):
    return struct.pack("<Q", len(text)) + text + b"\0" * 16


FOREIGN = [
    (b"", r"too short to be a model: 0 byte\(s\)"),
    (b"123", r"too short to be a model: 3 byte\(s\)"),
    (b"PK\x03\x04" + b"\0" * 40 + b"x" * 20, "not an nncore model; it looks like a zip archive"),
    (b"\x93NUMPY" + b"x" * 200, "not an nncore model; it looks like a .npy file"),
    (b"\x89HDF\r\n\x1a\n" + b"x" * 200, "it looks like an HDF5 file"),
    (b'{"layers": []}' + b" " * 50, "it looks like a JSON file"),
    (b"\x80\x04\x95" + b"x" * 200, "it looks like a pickle"),
    (b"a;b;c\r\n1;2;3\r\n" * 9, "not an nncore model; it looks like a text, such as a table"),
    ("größe,preis\n".encode() * 9, "it looks like a text, such as a table"),
    ("preis,größe\n".encode("utf-16") * 9, "it looks like a text, such as a table"),
    ("\ufeffx,öäü\n".encode() * 9, "it looks like a text, such as a table"),
    (b"\xff" * 64, "header length 18446744073709551615 exceeds 56 bytes"),
    (struct.pack("<Q", 2**63) + b"{}" * 50, "header length 9223372036854775808 exceeds"),
    (struct.pack("<Q", 2**21) + b" " * 2**22, "header length 2097152 exceeds 1048576 bytes"),
    (struct.pack("<Q", 0) + b"\0" * 16, "invalid header"),
    (header_only(b"{}"), "not an nncore model: its header lacks nncore's description"),
    (header_only(b'{"__metadata__": {"nncore": 3}}'), "not an nncore model"),
    (header_only(b'{"__metadata__": {"nncore": "{}", "x": "y"}}'), "not an nncore model"),
    (header_only(b'{"__metadata__": {"nncore": "{}"}}'), "format_version must be an integer from 1, got None"),
    (header_only(b'{"__metadata__": {"nncore": "[]"}}'), "invalid description: expected a JSON object"),
    (header_only(b'{"__metadata__": {"nncore": "{"}}'), "invalid description: "),
    (header_only(b'{"a": 1, "a": 2}'), "invalid header: duplicate key 'a'"),
    (header_only(b'{"a": NaN}'), "invalid header: NaN is not JSON"),
    (header_only(b'{"a": ' + b"1" * 10000 + b"}"), "invalid header"),
    (header_only(b'{"a": ' + b"[" * 100_000), "invalid header"),
    (header_only(b'{"a": 1} x'), "invalid header"),
    (header_only(b"\xff\xfe{}"), "invalid header"),
    (header_only(b"[1]"), "invalid header: expected a JSON object"),
]


@pytest.mark.parametrize(("data", "message"), FOREIGN, ids=[row[1][:40] for row in FOREIGN])
def test_what_is_no_model_file(data, message):
    with pytest.raises(ModelFileError, match=message):
        read(data)


def test_safetensors_file_of_another_program():
    data = safetensors.numpy.save({"x": np.zeros(3)}, {"format": "pt"})
    with pytest.raises(ModelFileError, match="not an nncore model: its header lacks nncore's description"):
        read(data)


def test_memory_is_not_allocated_on_the_files_word(content):
    """A small file that claims large layers is refused by its size."""
    layers = [LAYER | {"units": 10**6, "activation": "softmax"}]
    header, description, data = split(content)
    header = {"dense_0.weight": {"dtype": "F32", "shape": [4, 10**6], "data_offsets": [0, 16 * 10**6]}}
    header["dense_0.bias"] = {"dtype": "F32", "shape": [10**6], "data_offsets": [0, 4 * 10**6]}
    description |= {"layers": layers, "optimizer": {"type": "SGD"}}
    with pytest.raises(ModelFileError, match="shorter than declared: its tensors need 20000000 bytes, it has"):
        read(joined(header, description, data))


def test_loading_opens_one_file_and_runs_nothing(tmp_path, content):
    path = tmp_path / "model"
    path.write_bytes(content)
    code = f"""
import sys, nncore
nncore.load({str(path)!r})
seen = []
sys.addaudithook(lambda event, arguments: seen.append((event, arguments)))
nncore.load({str(path)!r})
kinds = ("open", "import", "exec", "compile", "os.system", "subprocess.Popen", "socket.connect", "pickle.find_class")
limits = ("/proc/self/cgroup", "/sys/fs/cgroup")  # of memory: asked for anew when a second has passed in between
events = [(event, arguments[0]) for event, arguments in seen if event in kinds]
events = [(event, what) for event, what in events if not str(what).startswith(limits)]
assert ("open", {str(path)!r}) == events.pop(0)
assert all(event == "open" and type(descriptor) is int for event, descriptor in events), events
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# ---- paths


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        nncore.load(tmp_path / "missing")
    (tmp_path / "dangling").symlink_to(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        nncore.load(tmp_path / "dangling")
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        nncore.load(tmp_path)
    with pytest.raises(OSError):
        nncore.load(tmp_path / ("x" * 300))
    with pytest.raises(TypeError):
        nncore.load(None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_and_devices_do_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ModelFileError, match="is not a regular file"):
            nncore.load(path)
        with pytest.raises(OSError, match="it exists and is not a regular file"):
            trained().save(path)


def test_the_message_names_the_file(tmp_path):
    (tmp_path / "broken").write_bytes(b"\xffnonsense" * 10)
    with pytest.raises(ModelFileError, match=r"broken': not an nncore model, or damaged: header length"):
        nncore.load(tmp_path / "broken")


# ---- saving


def litter(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_saved_file_replaces_the_old_one_and_keeps_its_permissions(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    path.chmod(0o640)
    trained().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert nncore.load(path).epoch == 2
    assert litter(tmp_path) == ["model"]


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root may give files away")
def test_a_saved_file_keeps_owner_and_group(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    os.chown(path, 1234, 4321)
    path.chmod(0o640)
    trained().save(path)
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 4321, 0o640)


def test_files_that_cannot_be_given_away_are_saved_all_the_same(tmp_path, monkeypatch):
    path, asked = tmp_path / "model", []
    path.write_bytes(b"old")
    monkeypatch.setattr(atomic.os, "fchown", lambda *ids: asked.append(ids[1:]) or refuse())
    real = os.fstat
    other = lambda found: os.stat_result([*found[:4], 1234, 4321, *found[6:]])  # noqa: E731
    monkeypatch.setattr(atomic.os, "fstat", lambda descriptor: other(real(descriptor)))
    trained().save(path)
    monkeypatch.undo()
    ids = path.stat().st_uid, path.stat().st_gid
    assert asked == [ids, (-1, ids[1])] and nncore.load(path).epoch == 2


def refuse():
    raise PermissionError(errno.EPERM, "x")


@pytest.mark.parametrize("field", ["epoch", "iterations"])
def test_counts_that_no_training_reaches_are_refused(tmp_path, field):
    """What goes on from them came to numbers that no file can hold."""
    model = trained()
    snapshot = dataclasses.replace(nncore.model.snapshot(model), **{field: 2**63 - 3})
    with pytest.raises(nncore.ModelFileError, match=f"{field} must be an integer >= 0 and at most 9007199254740992"):
        checkpoint.encode(snapshot)
    with pytest.raises(ValueError, match="epochs must be an integer >= 1 and at most 9007199254740992"):
        model.fit([[0.0]], [0], epochs=2**63 - 1)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_pickles_are_named(tmp_path, protocol):
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps({"weights": [1.0] * 20}, protocol))
    with pytest.raises(nncore.ModelFileError, match="a pickle"):
        nncore.load(path)


def test_new_files_follow_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        trained().save(tmp_path / "model")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "model").stat().st_mode) == 0o640


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "real")
    trained().save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert nncore.load(tmp_path / "folder" / "real").epoch == 2


def test_a_relative_path_and_a_long_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "ä" * 120
    trained().save(name)
    assert litter(tmp_path) == [name]


def test_a_file_without_write_permission_is_respected(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    monkeypatch.setattr(atomic.os, "access", lambda path, mode: mode != os.W_OK)  # root may write to any file
    with pytest.raises(PermissionError, match="cannot replace the file: it is not writable"):
        trained().save(path)
    assert path.read_bytes() == b"old"


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the folder '.*missing' does not exist; make it first: '.*model'"):
        trained().save(tmp_path / "missing" / "model")


def test_saving_to_a_folder(tmp_path):
    with pytest.raises(OSError, match="cannot save to"):
        trained().save(tmp_path)
    assert litter(tmp_path) == []


CALLS = ["open", "write", "fsync", "close", "replace", "fchmod"]
FAULTS = [OSError(errno.ENOSPC, "x"), OSError(errno.EIO, "x"), KeyboardInterrupt(), MemoryError()]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
@pytest.mark.parametrize("call", CALLS)
def test_whatever_fails_the_file_is_old_or_new(tmp_path, monkeypatch, call, fault):
    """Fail the n-th call of each system function, for every n, until a save runs through."""
    path, old, new = tmp_path / "model", trained(epochs=1), trained(epochs=2)
    real = getattr(os, call)
    for nth in range(20):
        old.save(path)
        path.chmod(0o600)
        calls = 0

        def failing(*arguments, real=real, nth=nth, **options):
            nonlocal calls
            calls += 1
            if calls == nth + 1:
                if call == "close":
                    real(*arguments)
                raise fault
            return real(*arguments, **options)

        monkeypatch.setattr(atomic.os, call, failing)
        try:
            new.save(path)
            completed = True
        except type(fault):
            completed = False
        finally:
            monkeypatch.undo()
        assert litter(tmp_path) == ["model"]
        assert nncore.load(path).epoch in ((2,) if completed else (1, 2))
        if completed:
            assert nth > 0, f"{call} was never called"
            return
    pytest.fail(f"{call} was called more than 20 times")


def test_what_killed_saves_left_is_removed_after_a_day(tmp_path):
    """Only what this user's saves to the same path can have made."""
    old = time.time() - 2 * 86_400
    abandoned, others = (
        [f".mo[d]el.{i:016x}.tmp" for i in (1, 2**63)],
        [
            ".model.0000000000000001.tmp",  # of another file
            ".mo[d]el.0000000000000001",
            ".mo[d]el.00000001.tmp",
            ".mo[d]el.000000000000000G.tmp",
            "mo[d]el.0000000000000001.tmp",
            ".mo[d]el.0000000000000003.tmp.tmp",
        ],
    )
    for name in (*abandoned, *others):
        (tmp_path / name).write_bytes(b"half")
        os.utime(tmp_path / name, (old, old))
    fresh, folder, link = (f".mo[d]el.000000000000000{digit}.tmp" for digit in "abc")
    (tmp_path / fresh).write_bytes(b"at work")
    (tmp_path / folder).mkdir()
    os.utime(tmp_path / folder, (old, old))
    (tmp_path / link).symlink_to(fresh)
    trained().save(tmp_path / "mo[d]el")
    assert litter(tmp_path) == sorted(["mo[d]el", *others, fresh, folder, link])


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs owners")
def test_what_another_user_left_stays(tmp_path, monkeypatch):
    path = tmp_path / ".model.0000000000000001.tmp"
    path.write_bytes(b"half")
    os.utime(path, (0, 0))
    monkeypatch.setattr(atomic.os, "geteuid", lambda: path.stat().st_uid + 1)
    trained().save(tmp_path / "model")
    assert path.exists()


def test_a_save_removes_no_file_that_it_did_not_make(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic.os, "urandom", bytes)
    other = tmp_path / f".model.{'0' * 16}.tmp"
    other.write_bytes(b"of somebody else")
    with pytest.raises(FileExistsError, match="cannot create a file beside"):
        trained().save(tmp_path / "model")
    assert other.read_bytes() == b"of somebody else"


def test_an_error_says_what_could_not_be_done(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.os, "write", full)
    with pytest.raises(OSError, match=r"cannot write the file: No space left on device: .*model'") as caught:
        trained().save(tmp_path / "model")
    assert caught.value.errno == errno.ENOSPC


def test_short_writes_are_continued(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(atomic.os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    trained().save(tmp_path / "model")
    monkeypatch.undo()
    assert nncore.load(tmp_path / "model").epoch == 2


IN_LITTLE_MEMORY = """
import os, resource, sys
import nncore
from nncore.model import checkpoint

path = sys.argv[1]
model = nncore.Sequential([nncore.Dense(1)], name="old")
model.build(1)
model.save(path)
nncore.load(path)  # what is imported on the way is now
model = nncore.Sequential([nncore.Dense(1500), nncore.Dense(1500)], seed=1, name="new")
model.build(1500)
size = 3 * model.parameters.nbytes  # with Adam's two slots
pages = lambda: int(open("/proc/self/statm").read().split()[0])
hard = resource.getrlimit(resource.RLIMIT_AS)[1]


def within(share, work):
    now = pages() * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (now + int(share * size), hard))
    try:
        work()
    except MemoryError:
        return "MemoryError"
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    return "done"


for share in (0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.3):
    old = open(path, "rb").read()
    if within(share, lambda: model.save(path)) == "done":
        assert share > 0.95, share
        assert checkpoint.load(path).name == "new"
    else:
        assert share < 1.3
        assert open(path, "rb").read() == old and os.listdir(os.path.dirname(path)) == [os.path.basename(path)]
for share in (0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.3):
    assert within(share, lambda: checkpoint.load(path)) == ("done" if share > 0.95 else "MemoryError")

models = [nncore.Sequential([nncore.Dense(700), nncore.Dense(700)], seed=k) for k in range(4)]
for one in models:
    one.build(700)
ensemble, size = nncore.Ensemble(models), sum(3 * one.parameters.nbytes for one in models)
for share, result in ((0.5, "MemoryError"), (1.3, "done")):
    assert within(share, lambda: ensemble.save(path)) == result
for share, result in ((0.5, "MemoryError"), (3.0, "done")):  # a network has room for gradients, and not for its file
    assert within(share, lambda: nncore.Ensemble.load(path)) == result, (share, result)
print("held")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs RLIMIT_AS and /proc")
def test_in_little_memory_a_file_is_written_and_read_or_there_is_a_memory_error(tmp_path):
    """With 1.3 times the file's size it works; with less, the process goes on, and the old file stays."""
    command = [sys.executable, "-c", IN_LITTLE_MEMORY, str(tmp_path / "model")]
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}  # what was freed has been given back
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert (done.returncode, done.stdout) == (0, "held\n"), done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_process_leaves_a_complete_file(tmp_path):
    path = tmp_path / "model"
    code = f"""
import nncore
model = nncore.Sequential([nncore.Dense(300), nncore.Dense(1)])
model.build(300)
while True:
    model.save({str(path)!r})
    print(end=".", flush=True)
"""
    generator = random.Random(1)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        try:
            process.stdout.read(1)  # the first save is done
            time.sleep(generator.random() * 0.05)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        assert nncore.load(path).n_parameters == 301 * 300 + 301


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda m: m.parameters.fill(np.nan), ValueError, "cannot save a model whose parameters hold NaN or infinity"),
        (lambda m: m.metadata.update(a=1), TypeError, "metadata must map str to str, got 'a': 1"),
        (lambda m: m.metadata.update(a="x" * 2**20), ValueError, "expected at most 1048576"),
    ],
)
def test_what_could_not_be_read_back_is_not_saved(tmp_path, spoil, error, message):
    model = trained()
    model.save(tmp_path / "model")
    spoil(model)
    with pytest.raises(error, match=message):
        model.save(tmp_path / "model")
    assert nncore.load(tmp_path / "model").epoch == 2


def test_what_could_not_be_read_back_is_not_written(tmp_path):
    model = trained()
    model._state.name = 5
    with pytest.raises(ModelFileError, match="name must be a str, got 5 of type int"):
        model.save(tmp_path / "never")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [["m"], 3, None])
def test_what_is_no_path(path):
    model = Sequential([Dense(1)])
    model.build(2)
    for use in (model.save, nncore.load):
        with pytest.raises(TypeError, match=r"path must be a str, path-like or a binary file, got .*to_bytes"):
            use(path)
