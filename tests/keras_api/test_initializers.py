"""Initializers: statistics, seeds, fans, configs."""

import numpy as np
import pytest

import tenfold as tf

I = tf.keras.initializers
FAMILIES = {  # name: (scale, fan, uniform)
    "GlorotUniform": (1, "avg", True), "GlorotNormal": (1, "avg", False), "HeUniform": (2, "in", True), "HeNormal": (2, "in", False),
    "LecunUniform": (1, "in", True), "LecunNormal": (1, "in", False),
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(("shape", "fan_in", "fan_out"), [((400, 300), 400, 300), ((3, 3, 40, 60), 360, 540)])
def test_variance_follows_the_fans(name, shape, fan_in, fan_out):
    scale, fan, uniform = FAMILIES[name]
    sample = getattr(I, name)(seed=1)(shape).numpy()
    variance = scale / (fan_in if fan == "in" else (fan_in + fan_out) / 2)
    assert sample.dtype == "float32"
    assert abs(sample.var() / variance - 1) < 0.03
    assert abs(sample.mean()) < 4 * np.sqrt(variance / sample.size)
    limit = np.sqrt(3 * variance) if uniform else 2 * np.sqrt(variance) / 0.8796
    assert np.abs(sample).max() <= limit * 1.0001
    assert np.abs(sample).max() > 0.95 * limit


def test_plain_ones():
    assert I.Zeros()((2, 3)).numpy().tolist() == [[0] * 3] * 2
    assert I.Ones()((2,), dtype="int32").numpy().dtype == "int32"
    assert I.Constant([1.0, 2.0])((3, 2)).numpy()[2].tolist() == [1, 2]
    assert np.array_equal(I.Identity(2.0)((2, 3)).numpy(), 2 * np.eye(2, 3))
    with pytest.raises(ValueError, match="2D"):
        I.Identity()((2, 2, 2))


@pytest.mark.parametrize("shape", [(20, 30), (30, 20), (3, 3, 4, 8)])
def test_orthogonal(shape):
    q = I.Orthogonal(gain=2.0, seed=1)(shape).numpy().reshape(-1, shape[-1])
    small = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-4)


def test_normal_and_uniform():
    sample = I.RandomNormal(1.0, 0.5, seed=2)((200, 200)).numpy()
    assert abs(sample.mean() - 1) < 0.01 and abs(sample.std() - 0.5) < 0.01
    sample = I.TruncatedNormal(1.0, 0.5, seed=2)((200, 200)).numpy()
    assert np.abs(sample - 1).max() <= 1.0001
    sample = I.RandomUniform(-1.0, 3.0, seed=2)((200, 200)).numpy()
    assert sample.min() >= -1 and sample.max() < 3 and abs(sample.mean() - 1) < 0.02


def test_seeds():
    a = I.GlorotUniform(seed=3)
    assert np.array_equal(a((4, 4)).numpy(), a((4, 4)).numpy())
    assert not np.array_equal(I.GlorotUniform()((4, 4)).numpy(), I.GlorotUniform()((4, 4)).numpy())
    generator = tf.keras.random.SeedGenerator(5)
    drawing = I.RandomNormal(seed=generator)
    assert not np.array_equal(drawing((4,)).numpy(), drawing((4,)).numpy())
    tf.keras.utils.set_random_seed(1)
    first = I.HeNormal()((3, 3)).numpy()
    tf.keras.utils.set_random_seed(1)
    assert np.array_equal(first, I.HeNormal()((3, 3)).numpy())


def test_seed_generator_moves_on_in_compiled_steps():
    generator = tf.keras.random.SeedGenerator(7)
    step = tf.function(lambda: tf.keras.random.normal((3,), seed=generator))
    draws = [step().numpy() for _ in range(3)]
    assert not np.array_equal(draws[0], draws[1])
    again = tf.keras.random.SeedGenerator(7)
    for drawn in draws:
        np.testing.assert_allclose(drawn, tf.keras.random.normal((3,), seed=again).numpy(), rtol=1e-6)


@pytest.mark.parametrize("name", ["zeros", "glorot_uniform", "HeNormal", "orthogonal", "random_normal", "variance_scaling", "identity", "uniform"])
def test_get_and_configs(name):
    made = I.get(name)
    again = I.deserialize(I.serialize(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()


def test_errors():
    with pytest.raises(ValueError, match="glorot_uniform"):
        I.get("glorot_unifrom")
    with pytest.raises(ValueError, match="scale"):
        I.VarianceScaling(scale=-1)
    with pytest.raises(ValueError, match="mode"):
        I.VarianceScaling(mode="fan")
    with pytest.raises(ValueError, match="seed"):
        I.RandomNormal(seed="x")


def test_axes_of_a_kernel_say_its_fans():
    given = I.VarianceScaling(2.0, seed=1, input_axes=[0], output_axes=[1, 2])
    again = I.get(I.deserialize(I.serialize(given)))  # `get` clones: the axes go along
    for initializer in (given, again):
        assert abs(initializer((64, 8, 32)).numpy().var() / (2 / 64) - 1) < 0.05
    attention = tf.keras.layers.MultiHeadAttention(8, 16, kernel_initializer="lecun_normal")
    attention.build((None, 10, 32), (None, 10, 32))
    assert abs(attention.query_dense.kernel.numpy().var() / (1 / 32) - 1) < 0.1


def test_a_tensor_is_the_initial_value_of_its_shape():
    value = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(I.get(value)((2, 3)).numpy(), value)
    with pytest.raises(ValueError, match=r"Expected `shape` to be \(2, 3\).*\(3, 2\)"):
        I.get(tf.constant(value))((3, 2))


@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "tukey", None])
def test_spectral_kernels_transform(window):
    """The kernels applied to a signal are NumPy's transform of the windowed signal."""
    x = np.random.default_rng(0).standard_normal(16)
    real, imag = (I.STFT(side, window, None)((16, 1, 17), "float64").numpy()[:, 0] for side in ("real", "imag"))
    gain = {"hann": np.hanning, "hamming": np.hamming, "blackman": np.blackman}.get(window, np.ones)(16)
    if window == "tukey":
        gain[:4] = gain[:11:-1] = 0.5 * (1 - np.cos(np.pi * np.arange(4) / 3.75))
    np.testing.assert_allclose(x @ (real + 1j * imag), np.fft.rfft(x * gain, 32), atol=1e-12)
