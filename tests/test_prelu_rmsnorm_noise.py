"""PReLU, RMSNorm and GaussianNoise: PyTorch's values, the noise itself, and the rooms that layers pass through."""

import re

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

import nncore
from nncore import (
    Adam,
    Constant,
    Dense,
    GaussianNoise,
    PReLU,
    Residual,
    RMSNorm,
    Sequential,
    fit_many,
    plots,
    reference,
)
from nncore.base.random import PURPOSES, dropout_mask, normal_noise
from nncore.layers import from_dict, to_dict
from nncore.program import lower
from nncore.reference.rows import BACKWARD, FORWARD, Predicting

RNG = np.random.default_rng(0)
X = RNG.standard_normal((90, 5))
Y = np.sin(X[:, :2])
LAYERS = (
    GaussianNoise(0.05),
    Dense(40),
    PReLU(Constant(0.25), name="slope"),
    Residual([RMSNorm(epsilon=1e-3), GaussianNoise(0.01), Dense(40, "tanh"), PReLU()]),
    RMSNorm(affine=False),
    Dense(2),
)


def trained(layers=LAYERS, epochs=3, **options):
    model = Sequential(layers, seed=3, **options)
    model.compile(Adam(0.01))
    model.fit(X, Y, epochs=epochs, batch_size=32)
    return model


# ------------------------------------------------------------------------------------------------ values of PyTorch

SEEN = np.array([[1.0, -2, 0.5], [0, 4, -1]]), np.array([[1.0, 2, -1], [0.5, -0.25, 3]])
OF_TORCH = {  # layer, weight: y, its derivatives by x for these of y, and by the weight; of version 2.13
    "prelu": (
        PReLU(),
        [0.25, 0.1, -0.5],
        [[1, -0.2, 0.5], [0, 4, 0.5]],
        [[1, 0.2, -1], [0.125, -0.25, -1.5]],
        [0, -4, -3],
    ),
    "rmsnorm": (
        RMSNorm(epsilon=1e-3),
        [1, 2, -0.5],
        [
            [0.75571305883826467, -3.02285223535305869, -0.18892826470956617],
            [0, 3.36037571100790977, 0.21002348193799436],
        ],
        [
            [1.72678923381604643, 1.08069988539749517, 0.86339461690802322],
            [0.21002348193799436, -0.16061491122976773, -0.64242258849103973],
        ],
        [0.75571305883826467, -3.44289919922904719, -1.63799742104709845],
    ),
}


@pytest.mark.parametrize("name", OF_TORCH)
def test_values_and_gradients_are_those_of_pytorch(name, variant):
    layer, weight, y, by_x, by_weight = OF_TORCH[name]
    program, (x, dy) = lower([layer, Dense(3, use_bias=False)], 3, "mse"), SEEN
    flat = np.r_[weight, np.eye(3).ravel()]
    row, gradient = program.rows[0], np.zeros(program.n_parameters)
    np.testing.assert_allclose(FORWARD[row.op](row, flat, x, Predicting()), y, rtol=1e-14)
    np.testing.assert_allclose(BACKWARD[row.op](row, flat, x, dy, Predicting(), gradient), by_x, rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(gradient[:3], by_weight, rtol=1e-14)
    plan, found, tolerance = variant.Plan(program), np.empty_like(flat, variant.DTYPE), 4 * np.finfo(variant.DTYPE).eps
    plan.set_parameters(flat.astype(variant.DTYPE))
    np.testing.assert_allclose(plan.predict(x.astype(variant.DTYPE)), y, rtol=tolerance)
    plan.backward(x.astype(variant.DTYPE), dy.astype(variant.DTYPE), found)
    np.testing.assert_allclose(found[:3], by_weight, rtol=tolerance, atol=tolerance)


def test_first_slopes_and_the_weights_before():
    model = Sequential([Dense(6), PReLU(), Dense(6), PReLU(Constant(0.25)), Dense(6)], seed=0)
    model.build(4)
    names = {block.name: (block, block.of(model.parameters)) for block in model.program.parameters}
    assert (names["prelu_1.alpha"][1] == 0).all() and (names["prelu_3.alpha"][1] == 0.25).all()
    assert [names[f"dense_{i}.weight"][0].activation for i in (0, 2, 4)] == ["relu", "relu", "identity"]
    relu = Sequential([Dense(6, "relu"), Dense(6, "relu"), Dense(6)], seed=0)
    relu.build(4)
    assert relu.get_weights()[0].tobytes() == model.get_weights()[0].tobytes()


def test_a_prelu_learns_the_slope_that_is_asked_for():
    model = Sequential([Dense(1, use_bias=False, weight_initializer="ones", trainable=False), PReLU()], dtype="float64")
    model.compile(Adam(0.05))
    x = np.linspace(-2, 2, 41)[:, None]
    model.fit(x, np.where(x > 0, x, 0.3 * x), epochs=200)
    assert model.get_weights()[1] == pytest.approx([0.3], abs=1e-4)


# ------------------------------------------------------------------------------------------------------- the noise


def test_a_million_numbers_are_normal():
    z = normal_noise(seed=4, iteration=2, layer=3, n_rows=4000, n_columns=250, stddev=1.0)
    assert z.mean() == pytest.approx(0, abs=4e-3) and z.var() == pytest.approx(1, abs=6e-3)
    assert stats.skew(z.ravel()) == pytest.approx(0, abs=0.01) and stats.kurtosis(z.ravel()) == pytest.approx(
        0, abs=0.02
    )
    assert stats.kstest(z.ravel(), "norm").pvalue > 0.01
    for q in (1e-4, 0.01, 0.25, 0.5, 0.9, 0.9999):
        assert (z < ndtri(q)).mean() == pytest.approx(q, abs=4 * np.sqrt(q * (1 - q) / z.size))
    assert abs(np.corrcoef(z[:, :-1].ravel(), z[:, 1:].ravel())[0, 1]) < 4e-3
    assert abs(np.corrcoef(z[:-1].ravel(), z[1:].ravel())[0, 1]) < 4e-3


def test_a_number_is_the_quantile_of_its_draw():
    """Also far out: by the words of the stream, drawn here once more."""
    from nncore.base.random import _stream

    for row in range(3):
        words = _stream(11, "noise", row, 5, 7).random_raw(400)
        draws = np.array([word >> shift & 0xFFFFFFFF for word in words.tolist() for shift in (0, 32)], np.uint32)
        t = draws.astype(np.int32) + 0.5
        exact = -np.sign(t) * ndtri(np.abs(t) / 2**32)
        found = normal_noise(11, 7, 5, 3, 800, 2.0)[row]
        np.testing.assert_allclose(found, 2 * exact, rtol=4e-7)
    assert PURPOSES["noise"] not in {number for name, number in PURPOSES.items() if name != "noise"}


def test_polynomials_hold_to_the_ends(monkeypatch):
    import nncore.base.random as room

    edges = np.array([0, 1, 2, 1000, 2**20, 2**30, 2**31 - 2, 2**31 - 1, -1, -2, -(2**20), -(2**31)], np.int32)
    words = np.frombuffer(np.resize(edges, 16).tobytes(), "<u8")
    monkeypatch.setattr(room, "_stream", lambda *_: type("Given", (), {"random_raw": lambda self, n: words[:n]})())
    for dtype, tolerance in ((np.float64, 4e-7), (np.float32, 1e-6)):
        found = normal_noise(0, 0, 0, 1, 12, 1.0, dtype)[0]
        t = edges + 0.5
        exact = -np.sign(t) * ndtri(np.abs(t) / 2**32)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=tolerance, atol=2e-7)


def test_every_module_draws_the_bits_of_numpy(variant, threads):
    program = lower([GaussianNoise(0.7), Dense(2)], 131, "mse")
    plan, gradient = variant.Plan(program), np.empty(program.n_parameters, variant.DTYPE)
    plan.set_parameters(np.zeros_like(gradient))
    nothing = np.zeros((300, 131), variant.DTYPE), np.zeros((300, 2), variant.DTYPE)
    expected = normal_noise(9, 0, 0, 300, 131, 0.7, variant.DTYPE)
    for n in (1, 2):
        threads(n)
        _, values, _ = plan.explain(*nothing, None, gradient, seed=9)
        np.testing.assert_array_equal(values[0], expected)


def test_noise_depends_on_every_coordinate_and_on_nothing_else():
    first = normal_noise(1, 2, 3, 20, 40, 1.0)
    np.testing.assert_array_equal(normal_noise(1, 2, 3, 9, 18, 1.0), first[:9, :18])
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert abs(np.corrcoef(normal_noise(*other, 20, 40, 1.0).ravel(), first.ravel())[0, 1]) < 0.15
    assert (np.sign(first) != np.sign(dropout_mask(1, 2, 3, 20, 40, 0.5) - 0.5)).any()
    assert normal_noise(1, 2, 3, 0, 40, 1.0).shape == (0, 40) and not normal_noise(1, 2, 3, 5, 4, 0.0).any()


# ------------------------------------------------------------------------------------------------------- the rooms


def test_bits_do_not_depend_on_threads_or_on_company(threads):
    found = set()
    for n in (1, 2):
        threads(n)
        found.add(trained().parameters.tobytes())
    models = [Sequential(LAYERS, seed=3) for _ in range(3)]
    for model in models:
        model.compile(Adam(0.01))
    fit_many(models, X, Y, epochs=3, batch_size=32)
    assert found == {model.parameters.tobytes() for model in models}


def test_one_row_many_rows_and_the_oracle_predict_the_same():
    model = trained(dtype="float64")
    flat, rows = model.parameters.copy(), model.predict(X)
    np.testing.assert_allclose(rows, reference.forward(model.program, flat, X), rtol=1e-12)
    predictor = model.predictor()
    assert {"noise", "dropout"}.isdisjoint(row.op for row in predictor.program.rows)
    np.testing.assert_allclose([predictor(x) for x in X[:9]], rows[:9], rtol=1e-12)
    again = model.predict(X)
    np.testing.assert_array_equal(again, rows)  # nothing is drawn
    gradient = model.input_gradient(X[:4], np.ones((4, 2)))
    step = 1e-6 * np.eye(5)
    ends = [model.predict(X[:4] + sign * step[j]).sum(axis=1) for j in range(5) for sign in (1, -1)]
    np.testing.assert_allclose(gradient, (np.array(ends[::2]) - ends[1::2]).T / 2e-6, rtol=1e-5, atol=1e-8)


def test_files_and_what_is_shown(tmp_path):
    model = trained()
    model.save(tmp_path / "model.nn")
    back = nncore.load(tmp_path / "model.nn")
    assert back.layers == model.layers and back.parameters.tobytes() == model.parameters.tobytes()
    for one in (model, back):
        one.fit(X, Y, batch_size=32)
    assert back.parameters.tobytes() == model.parameters.tobytes()
    for layer in LAYERS:
        assert from_dict(to_dict(layer)) == layer
    assert "trainable" not in str(to_dict(PReLU()))
    for text in ("slope", "rms_norm_", "gaussian_noise_0", "GaussianNoise", "PReLU"):
        assert text in str(model.summary())
    assert plots.network_diagram(model)


def test_frozen_slopes_stay_and_rates_count():
    layers = [Dense(8), PReLU(Constant(0.25), trainable=False), RMSNorm(learning_rate_multiplier=0.5), Dense(2)]
    model = trained(layers)
    assert (model.get_weights("prelu_1")[0] == 0.25).all() and (model.get_weights("rms_norm_2")[0] != 1).any()
    model.unfreeze("prelu_1")
    model.fit(X, Y)
    assert (model.get_weights("prelu_1")[0] != 0.25).any()
    with pytest.raises(ValueError, match="'gaussian_noise_0' has no parameters"):
        trained().freeze("gaussian_noise_0")
    with pytest.raises(ValueError, match="every layer is frozen"):
        trained([Dense(2, trainable=False), GaussianNoise(0.1), PReLU(trainable=False)])


BAD = [
    (lambda: lower([Dense(2), GaussianNoise(0.1)], 3, "mse"), ValueError, "GaussianNoise as the last layer would blur"),
    (lambda: GaussianNoise(-0.1), ValueError, "stddev must be a finite number >= 0, got -0.1"),
    (lambda: GaussianNoise(float("inf")), ValueError, "stddev must be a finite number >= 0, got inf"),
    (lambda: GaussianNoise(sigma=1), TypeError, "'sigma'; here it is stddev"),
    (lambda: PReLU(0.25), TypeError, "write Constant(0.25)"),
    (lambda: PReLU("he_normal"), ValueError, "alpha_initializer 'he_normal' scales with the fan-in of a weight"),
    (lambda: PReLU(init=0.25), TypeError, "'init'; here it is alpha_initializer=Constant(0.25)"),
    (lambda: PReLU(num_parameters=3), TypeError, "every column has a slope of its own, so leave it out"),
    (lambda: RMSNorm(epsilon=0), ValueError, "epsilon must be a finite number >= 1e-30, got 0.0"),
    (lambda: RMSNorm(eps=1e-6), TypeError, "'eps'; here it is epsilon"),
    (lambda: RMSNorm(scale=False), TypeError, "'scale'; here it is affine"),
    (lambda: RMSNorm(trainable=1), TypeError, "trainable must be"),
    (lambda: Dense(8, "prelu"), ValueError, "it is a layer: Dense(8), PReLU()"),
    (lambda: Dense(8, PReLU()), TypeError, "it is a layer: Dense(8), PReLU()"),
    (lambda: nncore.RMSNormalization, AttributeError, "use RMSNorm"),
    (lambda: nncore.GaussianDropout, AttributeError, "GaussianNoise(stddev), which adds where that one multiplies"),
    (lambda: nncore.SpatialDropout2D, AttributeError, "rows here have no channels: use Dropout"),
]


@pytest.mark.parametrize(("make", "error", "said"), BAD)
def test_bad_arguments_are_named(make, error, said):
    with pytest.raises(error, match=re.escape(said)):
        make()
