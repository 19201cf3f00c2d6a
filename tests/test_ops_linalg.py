"""tf.linalg and tf.signal: against NumPy, gradients by differences."""

import numpy as np
import pytest
from ops_checks import check, differentiates, normal, same

import tenfold as tf

A = normal(1, 2, 4, 4, dtype="float64")
SYMMETRIC = A + A.swapaxes(1, 2)
POSITIVE = A @ A.swapaxes(1, 2) + 4 * np.eye(4)
B = normal(2, 2, 4, 3, dtype="float64")
X = normal(3, 3, 4)


@pytest.mark.parametrize(("lower", "upper"), [(0, -1), (-1, 0), (1, 1), (0, 0), (-1, -1), (2, 1)])
def test_band_part(lower, upper):
    i, j = np.indices((3, 4))
    inside = ((lower < 0) | (i - j <= lower)) & ((upper < 0) | (j - i <= upper))
    check(lambda x: tf.linalg.band_part(x, lower, upper), lambda x: np.where(inside, x, np.float32(0)), X)


@pytest.mark.parametrize("k", [-1, 0, 2])
def test_diagonals(k):
    check(lambda v: tf.linalg.diag(v, k=k), lambda v: np.diag(v, k), normal(4, 3), open_sizes=False)
    check(lambda x: tf.linalg.diag_part(x, k=k), lambda x: np.diagonal(x, k, 1, 2), np.stack([X, X + 1]))
    new = np.arange(np.diagonal(X, k).size, dtype="float32")
    expected = X - np.pad(np.diag(np.diagonal(X, k), k), [(0, 9), (0, 9)])[:3, :4] + np.pad(np.diag(new, k), [(0, 9), (0, 9)])[:3, :4]
    same(tf.linalg.set_diag(X, new, k=k), expected)


def test_trace_and_tensor_diag():
    same(tf.linalg.trace(X), np.trace(X))
    square = tf.linalg.tensor_diag([[1, 2], [3, 4]])
    assert square.shape == [2, 2, 2, 2]
    same(tf.linalg.tensor_diag_part(square), np.array([[1, 2], [3, 4]], np.int32))


NORMS = [("euclidean", None), (1, 1), (2, 0), (np.inf, 1), (3, 1), ("fro", (0, 1)), (1, (0, 1)), (2, (0, 1)), (np.inf, (0, 1))]


@pytest.mark.parametrize(("ord", "axis"), NORMS)
@pytest.mark.parametrize("keepdims", [False, True])
def test_norm(ord, axis, keepdims):
    theirs = None if ord == "euclidean" else ord
    flat = X.reshape(-1) if axis is None and not keepdims else X
    expected = np.linalg.norm(flat, theirs, axis, keepdims)
    same(tf.norm(X, ord, axis, keepdims), expected.astype("float32"), 1e-5)


def test_clipping_by_norm():
    rows = np.linalg.norm(X, axis=1, keepdims=True)
    same(tf.clip_by_norm(X, 1.5, axes=[1]), X * np.minimum(1, 1.5 / rows), 1e-5)
    same(tf.clip_by_norm(tf.zeros([3]), 1.0), np.zeros(3, "float32"))
    clipped, size = tf.clip_by_global_norm([X, None, 2 * X], 1.0)
    same(size, np.float32(np.sqrt(5) * np.linalg.norm(X)), 1e-5)
    same(clipped[0], X / size.numpy(), 1e-5)
    assert clipped[1] is None
    assert np.isnan(tf.clip_by_global_norm([[np.inf, 1.0]], 1.0)[0][0].numpy()).all()
    differentiates(lambda x: tf.clip_by_norm(x, 0.7), normal(5, 4))
    differentiates(lambda x: tf.linalg.normalize(x, axis=1)[0], X)


SOLVERS = {
    "inv": (lambda a: tf.linalg.inv(a), lambda a: np.linalg.inv(a)),
    "det": (lambda a: tf.linalg.det(a), lambda a: np.linalg.det(a)),
    "logdet": (lambda a: tf.linalg.logdet(a), lambda a: np.linalg.slogdet(a)[1]),
    "slogdet": (lambda a: tf.linalg.slogdet(a)[1], lambda a: np.linalg.slogdet(a)[1]),
    "cholesky": (lambda a: tf.linalg.cholesky(a), lambda a: np.linalg.cholesky(a)),
    "solve": (lambda a: tf.linalg.solve(a, B), lambda a: np.linalg.solve(a, B)),
    "solve_adjoint": (lambda a: tf.linalg.solve(a, B, adjoint=True), lambda a: np.linalg.solve(a.swapaxes(1, 2), B)),
    "triangular": (lambda a: tf.linalg.triangular_solve(a, B), lambda a: np.linalg.solve(np.tril(a), B)),
    "cholesky_solve": (lambda a: tf.linalg.cholesky_solve(tf.linalg.cholesky(a), B), lambda a: np.linalg.solve(a, B)),
    "lstsq": (lambda a: tf.linalg.lstsq(a[:, :, :2], B), lambda a: np.stack([np.linalg.lstsq(a[i, :, :2], B[i], rcond=None)[0] for i in (0, 1)])),
    "pinv": (lambda a: tf.linalg.pinv(a[:, :, :2]), lambda a: np.linalg.pinv(a[:, :, :2])),
    "eigvalsh": (lambda a: tf.linalg.eigvalsh(a), lambda a: np.linalg.eigvalsh(a)),
    "singular_values": (lambda a: tf.linalg.svd(a, compute_uv=False), lambda a: np.linalg.svd(a, compute_uv=False)),
}  # fmt: skip


@pytest.mark.parametrize("name", SOLVERS)
def test_solvers(name):
    ours, oracle = SOLVERS[name]
    check(ours, oracle, POSITIVE, tolerance=1e-8, open_sizes=False)


@pytest.mark.parametrize("name", ["inv", "det", "logdet", "solve", "lstsq", "singular_values"])
def test_gradients_of_solvers(name):
    def symmetric(a):  # only one triangle is read
        return SOLVERS[name][0]((a + tf.linalg.matrix_transpose(a)) / 2)

    differentiates(symmetric, POSITIVE, tolerance=2e-5)


def test_factors_multiply_to_the_matrix():
    q, r = tf.linalg.qr(A)
    same(q @ r, A, 1e-10)
    s, u, v = tf.linalg.svd(A)
    same(u @ tf.linalg.diag(s) @ tf.linalg.adjoint(v), A, 1e-10)
    w, x = tf.linalg.eigh(SYMMETRIC)
    same(SYMMETRIC @ x.numpy(), x.numpy() * w.numpy()[:, None], 1e-10)
    w, x = tf.linalg.eig(A)
    same(A @ x.numpy(), x.numpy() * w.numpy()[:, None], 1e-10)
    same(tf.linalg.matrix_rank(np.diag([1.0, 0.0, 2.0])), np.int32(2))


def test_transposes_and_cross():
    same(tf.linalg.matrix_transpose(A), A.swapaxes(1, 2))
    same(tf.linalg.cross(X[:, :3], X[:, 1:]), np.cross(X[:, :3], X[:, 1:]), 1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tf.linalg.inv([1.0]), "expected matrices"),
        (lambda: tf.linalg.inv([[1.0, 2.0], [2.0, 4.0]]), "singular|invertible"),
        (lambda: tf.linalg.cholesky([[0.0, 1.0], [1.0, 0.0]]), "positive"),
        (lambda: tf.norm([1.0], ord="fro"), "norm of matrices"),
        (lambda: tf.norm([1.0], ord=-1), "positive number"),
        (lambda: tf.linalg.cross([1.0, 2.0], [1.0, 2.0]), "last size is 3"),
    ],
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


SIGNAL = normal(6, 2, 8)


def test_fourier_transforms():
    z = SIGNAL.astype("complex64")
    for name, theirs in (("fft", np.fft.fft), ("ifft", np.fft.ifft), ("fft2d", np.fft.fft2), ("ifft2d", np.fft.ifft2)):
        same(getattr(tf.signal, name)(z), theirs(z).astype("complex64"), 1e-5)
    same(tf.signal.rfft(SIGNAL), np.fft.rfft(SIGNAL).astype("complex64"), 1e-5)
    same(tf.signal.rfft(SIGNAL, [5]), np.fft.rfft(SIGNAL, 5).astype("complex64"), 1e-5)
    same(tf.signal.rfft(SIGNAL, [12]), np.fft.rfft(SIGNAL, 12).astype("complex64"), 1e-5)
    same(tf.signal.irfft(tf.signal.rfft(SIGNAL)), SIGNAL, 1e-5)
    same(tf.signal.irfft(tf.signal.rfft(SIGNAL[:, :7]), [7]), SIGNAL[:, :7], 1e-5)
    same(tf.signal.fftshift(SIGNAL), np.fft.fftshift(SIGNAL))
    same(tf.signal.ifftshift(SIGNAL[:, :7]), np.fft.ifftshift(SIGNAL[:, :7]))
    differentiates(lambda x: tf.abs(tf.signal.rfft(x)), SIGNAL[0])


def test_frames_and_windows():
    same(tf.signal.frame(SIGNAL, 4, 3), np.stack([SIGNAL[:, 0:4], SIGNAL[:, 3:7]], 1))
    padded = tf.signal.frame(SIGNAL, 4, 3, pad_end=True)
    same(padded[:, 2], np.pad(SIGNAL[:, 6:], [(0, 0), (0, 2)]))
    same(tf.signal.hann_window(5, periodic=False), np.hanning(5).astype("float32"), 1e-6)
    same(tf.signal.hamming_window(5, periodic=False), np.hamming(5).astype("float32"), 1e-6)
    window = np.hanning(5)[:4].astype("float32")
    same(tf.signal.stft(SIGNAL, 4, 2)[:, 1], np.fft.rfft(SIGNAL[:, 2:6] * window).astype("complex64"), 1e-5)
