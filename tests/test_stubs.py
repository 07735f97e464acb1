"""The type stubs describe the compiled modules as they are: the same names, the same arguments, the same defaults."""

import importlib
import inspect
import types
from importlib import resources

import pytest

from nncore import engine

FOLDER = resources.files("nncore._engine")
FULL = ["runtime", "f32_base"]
SAME_AS_BASE = sorted({f"f{bits}_{isa}" for bits in engine.BITS.values() for isa in engine.ISAS} - {"f32_base"})
SAME_AS_BASE += [f"bf16_{isa}" for isa in engine.MIXED_ISAS]


def compiled(name):
    return importlib.import_module(f"nncore._engine.{name}")


def stub(name):
    """Run a stub as the Python file that it also is."""
    module = types.ModuleType("stub")
    exec(compile(FOLDER.joinpath(f"{name}.pyi").read_text(encoding="utf-8"), f"{name}.pyi", "exec"), vars(module))
    return module


def public(names):
    return {name for name in names if not name.startswith("_")}


def names_of_stub(module):
    defined = {name for name, value in vars(module).items() if getattr(value, "__module__", None) == "stub"}
    return public(defined | inspect.get_annotations(module).keys())


def names_of_compiled(module):
    return public(name for name, value in vars(module).items() if not inspect.ismodule(value))


def arguments(function):
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", FULL)
def test_names_are_those_of_the_compiled_module(name):
    assert names_of_stub(stub(name)) == names_of_compiled(compiled(name))


@pytest.mark.parametrize("name", FULL)
def test_functions_take_the_same_arguments(name):
    declared, actual = stub(name), compiled(name)
    functions = [key for key, value in vars(declared).items() if inspect.isfunction(value)]
    assert {key: arguments(getattr(declared, key)) for key in functions} == {
        key: arguments(getattr(actual, key)) for key in functions
    }


@pytest.mark.parametrize("name", ["Plan", "Predictor", "Stepper", "TrainResult"])
def test_classes_have_the_same_members(name):
    declared, actual = vars(getattr(stub("f32_base"), name)), vars(getattr(compiled("f32_base"), name))
    annotated = inspect.get_annotations(getattr(stub("f32_base"), name))
    assert public(declared.keys() | annotated.keys()) == public(actual)
    methods = [key for key in public(declared) if inspect.isfunction(declared[key])]
    assert {key: arguments(declared[key]) for key in methods} == {key: arguments(actual[key]) for key in methods}


@pytest.mark.parametrize("name", SAME_AS_BASE)
def test_other_variants_share_the_stub(name):
    lines = FOLDER.joinpath(f"{name}.pyi").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines[1:] if line] == ["from nncore._engine.f32_base import *  # noqa: F403"]


def test_every_compiled_module_has_a_stub():
    stubs = {file.name.removesuffix(".pyi") for file in FOLDER.iterdir() if file.name.endswith(".pyi")}
    assert stubs == {*FULL, *SAME_AS_BASE}


def test_all_variants_have_the_names_of_the_stub(variant):
    assert names_of_compiled(variant) == names_of_stub(stub("f32_base"))
