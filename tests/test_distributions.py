"""Gamma, beta and binomial draws: their moments and distribution functions against NumPy's, and the same numbers in compiled functions."""

import numpy as np
import pytest

import tenfold as tf
from tenfold.ops import distributions

COUNT = 20000
SEED = [3, 4]


def farthest(drawn: np.ndarray, other: np.ndarray) -> float:
    """The largest distance between two empirical distribution functions (Kolmogorov and Smirnov)."""
    both = np.concatenate([drawn, other])
    return float(np.max(np.abs(np.searchsorted(np.sort(drawn), both, "right") - np.searchsorted(np.sort(other), both, "right"))) / drawn.size)


@pytest.mark.parametrize("alpha", [0.05, 0.7, 1.0, 2.5, 400.0])
def test_gamma(alpha: float) -> None:
    drawn = distributions.gamma(SEED, [COUNT], alpha, "float64").numpy()
    assert farthest(drawn, np.random.default_rng(0).gamma(alpha, size=COUNT)) < 0.02


@pytest.mark.parametrize(("alpha", "beta"), [(0.2, 0.3), (2.0, 3.0), (30.0, 1.0)])
def test_beta(alpha: float, beta: float) -> None:
    drawn = distributions.beta(SEED, [COUNT], alpha, beta, "float64").numpy()
    assert farthest(drawn, np.random.default_rng(0).beta(alpha, beta, size=COUNT)) < 0.02


@pytest.mark.parametrize(("n", "p"), [(5, 0.3), (40, 0.26), (30, 0.9), (1000, 0.4), (10**6, 0.73), (0, 0.5), (7, 0.0), (7, 1.0)])
def test_binomial(n: int, p: float) -> None:
    drawn = distributions.binomial(SEED, [COUNT], n, p, "float64").numpy()
    assert farthest(drawn, np.random.default_rng(0).binomial(n, p, size=COUNT).astype(float)) < 0.02


def test_parameters_differ_by_element_and_nonsense_is_nan() -> None:
    drawn = distributions.binomial(SEED, [2, 3], [[10], [1000]], [0.5, -1.0, 2.0]).numpy()
    assert np.isnan(drawn[:, 1:]).all() and (drawn[:, 0] <= [10, 1000]).all()
    assert distributions.gamma(SEED, [4, 2], [0.5, 50.0]).numpy()[:, 1].min() > 20


def test_compiled_functions_draw_the_same() -> None:
    def draw(seed: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return distributions.gamma(seed, [50], 0.4), distributions.beta(seed, [50], 2.0, 3.0), distributions.binomial(seed, [50], 60, 0.4)

    for now, traced in zip(draw(tf.constant(SEED)), tf.function(draw)(tf.constant(SEED)), strict=True):
        np.testing.assert_allclose(now.numpy(), traced.numpy(), rtol=1e-5)


def test_gamma_of_each_concentration_and_rate() -> None:
    tf.random.set_seed(1)
    draws = tf.random.gamma([4000, 2], [[0.5], [6.0]], beta=[1.0, 2.0, 3.0]).numpy()
    mean = np.array([[0.5], [6.0]]) / [1, 2, 3]
    assert draws.shape == (4000, 2, 2, 3)
    np.testing.assert_allclose(draws.mean((0, 1)), mean, rtol=0.05)
    np.testing.assert_allclose(draws.var((0, 1)), mean / [1, 2, 3], rtol=0.1)
    assert tf.random.gamma([2], 1.0, dtype="float64", seed=3).dtype == tf.float64
    with pytest.raises(TypeError, match="floating-point"):
        tf.random.gamma([2], 1, dtype="int32")


def test_gamma_of_impossible_and_extreme_concentrations_ends() -> None:
    drawn = tf.random.gamma([3], [-1.0, float("nan"), float("inf"), 0.0], seed=1).numpy()
    assert np.isnan(drawn[:, :3]).all() and (drawn[:, 3] == 0).all()
