"""One list of names: the tables in C, in Python and in the oracle hold the same rows, in every compiled module."""

from conftest import VARIANTS

from nncore import kernels
from nncore.activations import ACTIVATIONS
from nncore.initializers import INITIALIZERS
from nncore.losses import LOSSES
from nncore.optimizers import OPTIMIZERS, SGD, Adam, RMSprop
from nncore.program import checked
from nncore.reference import formulas, losses

ROWS = {row.name: row for row in ACTIVATIONS.values()}
KERNELS = {cls.kernel for cls in LOSSES.values()}
CENTERED = [RMSprop(centered=True), RMSprop(momentum=0.9, centered=True)]
VARIED = [SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True), RMSprop(momentum=0.9), Adam(amsgrad=True), *CENTERED]
SLOTS = {optimizer.rule: optimizer.n_slots for optimizer in [*(cls() for cls in OPTIMIZERS.values()), *VARIED]}


def test_operations(variant):
    assert variant.OPS == checked.OPS


def test_activations(variant):
    assert sorted(variant.ACTIVATION_NAMES) == sorted(ROWS)
    assert sorted(formulas.ACTIVATION) == sorted(formulas.DERIVATIVE) == sorted(ROWS)


def test_what_backward_reads_again(variant):
    in_c = dict(zip(variant.ACTIVATION_NAMES, variant.KEEPS_INPUT, strict=True))
    assert in_c == {name: row.keeps_input for name, row in ROWS.items()}


def test_losses(variant):
    assert sorted(variant.LOSS_NAMES) == sorted(KERNELS)
    assert sorted(losses.LOSS) == sorted(losses.LOSS_GRADIENT) == sorted(KERNELS)


def test_optimizers(variant):
    assert dict(zip(variant.OPTIMIZER_NAMES, variant.OPTIMIZER_SLOTS, strict=True)) == SLOTS
    assert sorted(formulas.UPDATE) == sorted(OPTIMIZERS)


def test_elementary_functions(variant):
    assert all(callable(getattr(kernels, name)) for name in variant.FUNCTION_NAMES)
    assert len(set(variant.FUNCTION_NAMES)) == len(variant.FUNCTION_NAMES) > 0


def test_names_are_in_one_order(variant):
    """A row's number is its code in C: modules may not disagree, even about the order."""
    for other in VARIANTS.values():
        for table in ("ACTIVATION_NAMES", "LOSS_NAMES", "OPTIMIZER_NAMES", "FUNCTION_NAMES"):
            assert getattr(variant, table) == getattr(other, table)


def test_initializers_that_activations_ask_for_exist():
    assert {row.initializer for row in ROWS.values()} <= INITIALIZERS
