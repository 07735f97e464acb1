"""Losses by the numbers of PyTorch 2.13 and scikit-learn 1.9, and by the formulas of Keras 3 in PyTorch, to 12 digits.

``z`` was differentiated by autograd; each row says by what. The engine and the oracle must both give these numbers.
"""

import numpy as np
import pytest

from nncore import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    Dense,
    GaussianNegativeLogLikelihood,
    Hinge,
    KLDivergence,
    LogCosh,
    MeanSquaredError,
    Pinball,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    kernels,
)
from nncore.program import lower
from nncore.reference.targets import row_losses, slopes

Z = [[0.5, -1.25, 2.0], [-0.75, 0.25, -3.0]]
COUNTS = [[0.0, 1, 4], [2, 0, 3]]
NUMBERS = [[0.0, 1, 1.5], [-1, 0.25, 2]]
YES = [[1.0, 0, 1], [0, 1, 1]]  # s = 2 t - 1
SHARES = [[0.25, 0.75, 0], [0.5, 0.3, 0.2]]
LABELS = [2, 0]
ONE_HOT = [[0.0, 0, 1], [1, 0, 0]]
ONE = [[0.0], [-1]]
BALANCED = BinaryFocalCrossentropy(True, apply_class_balancing=True, alpha=0.3, gamma=1.5, label_smoothing=0.1)

ROWS = [  # loss, targets, loss of both rows, gradient
    # F.poisson_nll_loss(z, t, log_input=True); sklearn._loss.HalfPoissonLoss has these gradients, thrice
    (
        Poisson(log_input=True),
        COUNTS,
        [0.858094055497, 4.10205967927],
        [[0.5495737569, -0.23783173438, 1.12968536631], [-0.509211149086, 0.428008472229, -0.983404310544]],
    ),
    # log(cosh(z - t)), as Keras has it
    (
        LogCosh(),
        NUMBERS,
        [0.602709859402, 1.44594267399],
        [[0.15403905242, -0.326008704913, 0.15403905242], [0.0816395541346, 0.0, -0.333303068088]],
    ),
    # relu(1 - s z), as Keras has it, and its square
    (Hinge(), YES, [1 / 6, 5 / 3], [[-1 / 3, 0, 0], [1 / 3, -1 / 3, -1 / 3]]),
    (SquaredHinge(), YES, [0.25 / 3, 16.625 / 3], [[-1 / 3, 0, 0], [1 / 6, -0.5, -8 / 3]]),
    # Keras' formulas of focal losses
    (
        BinaryFocalCrossentropy(from_logits=True),
        YES,
        [0.027290521593, 0.97216704542],
        [[-0.045978999117, 0.0101562852441, -0.0016236467318], [0.0290365540096, -0.069352126375, -0.375583293545]],
    ),
    (
        BALANCED,
        YES,
        [0.0233966662041, 0.304746828834],
        [[-0.0190465697957, 0.0132406292822, -0.00182111426469], [0.0285705557425, -0.0261383079321, -0.101166598509]],
    ),
    (
        CategoricalFocalCrossentropy(from_logits=True),
        ONE_HOT,
        [0.00250509014395, 0.182854609907],
        [[0.00528670052899, 0.000918690798765, -0.00620539132776], [-0.196322942285, 0.188994817936, 0.00732812434975]],
    ),
    (
        CategoricalFocalCrossentropy(True, alpha=[0.5, 1, 2], gamma=0.5, label_smoothing=0.1),
        SHARES,
        [2.63877675783, 1.84517164609],
        [[0.023448702763, -0.707632031296, 0.684183328533], [-0.0135985019995, 0.430105000474, -0.416506498475]],
    ),
    # F.kl_div(F.log_softmax(z), t)
    (
        KLDivergence(from_logits=True),
        SHARES,
        [2.48278683848, 0.461560571009],
        [[-0.0731798178926, -0.719273259674, 0.792453077566], [-0.238471910671, 0.410907052855, -0.172435142184]],
    ),
    # F.binary_cross_entropy_with_logits(z, 0.9 t + 0.05), with pos_weight, and with both
    (
        BinaryCrossentropy(True, label_smoothing=0.1),
        YES,
        [0.346811358856, 1.30379925919],
        [[-0.109180222933, 0.0575667129418, -0.023067640674], [0.0902737669415, -0.129274499705, -0.300858042274]],
    ),
    (
        BinaryCrossentropy(True, pos_weight=[2, 0.5, 3]),
        YES,
        [0.526955694278, 3.27353425693],
        [[-0.251693779199, 0.0742333796084, -0.119202922022], [0.106940433608, -0.0729705831857, -0.952574126822]],
    ),
    (
        BinaryCrossentropy(True, pos_weight=2, label_smoothing=0.2),
        YES,
        [0.639677160135, 2.3957196575],
        [[-0.205775756905, 0.0149900509026, -0.042161850614], [0.0509678103024, -0.243954882772, -0.569963613654]],
    ),
    # F.cross_entropy(z, t, label_smoothing=0.1)
    (
        SparseCategoricalCrossentropy(True, label_smoothing=0.1),
        LABELS,
        [0.390955316435, 1.38288025174],
        [[0.143486848774, -0.0026065930069, -0.140880255767], [-0.671805244004, 0.677573719521, -0.00576847551691]],
    ),
    (
        CategoricalCrossentropy(True, label_smoothing=0.1),
        SHARES,
        [2.92220531644, 1.51788025174],
        [[-0.0815131512259, -0.677606593007, 0.759119744233], [-0.221805244004, 0.407573719521, -0.185768475517]],
    ),
    # (w * F.mse_loss(z, t)).mean(1)
    (
        MeanSquaredError(output_weights=[1, 0, 0.5]),
        NUMBERS,
        [0.125, 4.1875],
        [[1 / 3, 0, 0.5 / 3], [0.5 / 3, 0, -5 / 3]],
    ),
    # sklearn._loss.PinballLoss, but for its slope at 0
    (
        Pinball(0.9),
        NUMBERS,
        [0.708333333333, 1.50833333333],
        [[0.1 / 3, -0.3, 0.1 / 3], [0.1 / 3, 0, -0.3]],
    ),
    (Pinball([0.1, 0.5, 0.9]), ONE, [0.425, 0.883333333333], [[0.3, -0.5 / 3, 0.1 / 3], [0.3, 0.5 / 3, -0.3]]),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_the_numbers_of_others(row):
    loss, target, values, gradient = row
    if loss == Pinball(0.9):  # 0.25 is predicted as it is: 1 - q or -q there, 0 here
        values = [values[0], values[1]]
    program, z = lower([Dense(3)], 1, loss), np.array(Z)
    exact = np.array(target)
    found = [kernels.loss(loss, z, target), (row_losses(program, z, exact), slopes(program, z, exact))]
    for value, slope in found:
        np.testing.assert_allclose(value, values, rtol=3e-12)
        np.testing.assert_allclose(slope, gradient, rtol=3e-11, atol=1e-15)


def test_gaussian_negative_log_likelihood_of_pytorch():
    """F.gaussian_nll_loss(mean, t, var=exp(s) + 0.01), differentiated by mean and s."""
    z, target = np.array([[0.5, -1.25], [-0.75, 0.25]]), np.array(ONE)
    loss = GaussianNegativeLogLikelihood(epsilon=0.01)
    value, slope = kernels.loss(loss, z, target)
    np.testing.assert_allclose(value, [-0.1862676014076291, 0.15302836729752708], rtol=1e-9)
    gradient = [[1.6863133591587838, 0.07577679034510307], [0.19319558702325473, 0.4721732625558544]]
    np.testing.assert_allclose(slope, gradient, rtol=1e-9)


@pytest.mark.filterwarnings("error")
def test_what_overflows_for_others_is_true_here():
    far = np.array([[1e4, -3e38]], np.float32)
    value, slope = kernels.loss("log_cosh", far, np.zeros((1, 2), np.float32))
    assert value[0] == pytest.approx(1.5e38, rel=1e-6) and slope.tolist() == [[0.5, -0.5]]
    tiny = np.array([[1e-4]], np.float32)  # of which cosh rounds to 1
    assert kernels.loss("log_cosh", tiny, 0 * tiny)[0][0] == pytest.approx(5e-9, rel=1e-5)
    for gamma in (0.0, 0.5, 2.0):
        for z, t in ((1e4, 1.0), (-1e4, 0.0)):
            loss = BinaryFocalCrossentropy(True, gamma=gamma)
            value, slope = kernels.loss(loss, np.array([[z]], np.float32), np.array([[t]], np.float32))
            assert (value, slope) == (0, 0)
            value, slope = kernels.loss(loss, np.array([[-z]], np.float32), np.array([[t]], np.float32))
            assert value == 1e4 and slope == (1 if t == 0 else -1)
        loss = CategoricalFocalCrossentropy(True, gamma=gamma, alpha=1)
        value, slope = kernels.loss(loss, np.array([[200.0, -200]], np.float32), np.array([[1, 0]], np.float32))
        assert value == 0 and not slope.any()
        value, slope = kernels.loss(loss, np.array([[-200.0, 200]], np.float32), np.array([[1, 0]], np.float32))
        assert value == pytest.approx(400) and slope.tolist() == [[-1, 1]]


def test_focal_losses_without_focus_are_crossentropies():
    z, yes, shares = np.array(Z), np.array(YES), np.array(SHARES)
    pairs = [
        (BinaryFocalCrossentropy(True, gamma=0), BinaryCrossentropy(True), yes),
        (CategoricalFocalCrossentropy(True, gamma=0, alpha=1), CategoricalCrossentropy(True), shares),
    ]
    for focal, plain, target in pairs:
        for one, other in zip(kernels.loss(focal, z, target), kernels.loss(plain, z, target), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-14)


MASKED = [
    MeanSquaredError,
    lambda **options: Pinball([0.2, 0.8], **options),
    lambda **options: GaussianNegativeLogLikelihood(**options),
    lambda **options: BinaryCrossentropy(True, pos_weight=3, **options),
]


@pytest.mark.parametrize("make", MASKED)
def test_what_was_not_measured_adds_nothing(make):
    """Sums over the measured, divided by all targets, as a zero in output_weights has it."""
    z = np.random.default_rng(0).normal(size=(5, 4))
    m = lower([Dense(4)], 1, make()).n_targets
    target = np.arange(5 * m).reshape(5, m) % 2.0
    holes = target.copy()
    holes[0], holes[1, 0], holes[3, -1] = np.nan, np.nan, np.nan
    values, gradient = kernels.loss(make(mask_missing=True), z, holes)
    plain, plain_gradient = kernels.loss(make(), z, target)
    assert values[0] == 0 and not gradient[0].any()
    np.testing.assert_array_equal(
        (values[[2, 4]], gradient[[2, 4]].sum(1)), (plain[[2, 4]], plain_gradient[[2, 4]].sum(1))
    )
    for row, column in ((1, 0), (3, -1)):
        weights = np.ones(m)
        weights[column] = 0
        if weights.any():
            alone = kernels.loss(make(output_weights=weights), z, target)
            np.testing.assert_array_equal((values[row], *gradient[row]), (alone[0][row], *alone[1][row]))
        else:
            assert values[row] == 0 and not gradient[row].any()
