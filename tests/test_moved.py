"""Pickles and scripts that know modules by the places they had before go on working."""

import base64
import importlib
import pickle
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

import nncore
from nncore.base.moved import MOVED, Finder

AFTER = "34c80f3ffae3513f8d0e403fcd3d69bf69cc66bccc169a3cb11b813f66dc7a3f7ee2cc3d1890cd3dc318ac3f55a1e23e317bcc3d"
"""The parameters after three more epochs, as bytes: since tanh never falls, which changed its last bits."""


def made_before(kind):
    """Return what the code made before modules moved into rooms; kept with zlib and base64."""
    return zlib.decompress(base64.b64decode(Path(__file__).with_name(f"{kind}_of_0.1.txt").read_text(encoding="ascii")))


@pytest.fixture
def old():
    return pickle.loads(made_before("pickle"))


def test_an_old_model_file_trains_on_exactly(old, tmp_path):
    (tmp_path / "m.safetensors").write_bytes(made_before("model"))
    model = nncore.load(tmp_path / "m.safetensors")
    assert (model.name, model.seed, model.epoch, model.metadata) == ("old", 3, 2, {"note": "kept"})
    model.fit(old["X"], old["y"], epochs=3, batch_size=2)
    assert model.parameters.tobytes().hex() == AFTER
    loaded = nncore.load(tmp_path / "m.safetensors")
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == made_before("model")


def test_an_old_pickle_of_a_model_trains_on_exactly(old):
    model = old["Sequential"]
    assert (model.name, model.seed, model.epoch, model.metadata) == ("old", 3, 2, {"note": "kept"})
    assert set(vars(model)) == {"_state", "stop_training"}
    assert np.allclose(model.predict(old["X"]), old["predicted"], rtol=0, atol=1e-7)
    assert np.array_equal(model.history.loss, old["History"].loss)
    model.fit(old["X"], old["y"], epochs=3, batch_size=2)
    assert model.parameters.tobytes().hex() == AFTER


def test_old_pickles_of_what_else_there_is(old):
    assert list(old["History"].layers) == ["dense_0", "batch_norm_1", "dense_2"]
    assert np.allclose(old["Predictor"](old["X"]), old["predicted"], atol=1e-6)
    assert old["Perceptron"].predict([[1, 1]]) == [1]
    assert old["Explanation"]["dense_0"].kind == "Dense"
    assert str(old["SurgeryReport"]) == "kept     dense_0"


@pytest.mark.parametrize("name", MOVED)
def test_old_names_give_the_modules_that_are_there_now(name):
    module = importlib.import_module(f"nncore.{name}")
    assert module is importlib.import_module(f"nncore.{MOVED[name]}")
    assert module.__name__ == module.__spec__.name == f"nncore.{MOVED[name]}"
    assert not (Path(nncore.__file__).parent / f"{name}.py").exists()


def test_an_unknown_name_is_still_an_error():
    with pytest.raises(ModuleNotFoundError, match=r"nncore\.no_such_module"):
        importlib.import_module("nncore.no_such_module")
    assert Finder("nncore", MOVED).find_spec("nncore.base.names", None) is None


def test_old_names_are_found_in_a_fresh_process():
    old, new = "from nncore.layer_history import LayerHistory", "from nncore.history import LayerHistory as Known"
    subprocess.run([sys.executable, "-c", f"{old}; {new}; assert LayerHistory is Known"], check=True)
