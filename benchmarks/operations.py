"""Layers and functions one by one, Tenfold beside TensorFlow: where is one far behind?

python benchmarks/operations.py                   all of them compiled, in turns, those with the largest ratio first
python benchmarks/operations.py conv sort         those whose names have one of these parts
python benchmarks/operations.py --eager gelu      outside of `tf.function`

The same lines run in both, for both have the same names. Each case is measured for a tenth of a second in one process and then in the other;
the best call counts. It is a search for cliffs: a ratio between 0.7 and 1.4 may be the machine's mood.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import common
import numpy as np

SECONDS = 0.1
Case = Callable[[], Any]


class Cases:
    """The cases by name: functions that make what is called again and again, for one of the two packages."""

    def __init__(self, tf: Any, eager: bool) -> None:
        self.tf, self.rng, self.eager = tf, np.random.default_rng(0), eager
        self.made: dict[str, Callable[[], Case]] = {}
        for add in (self.convolutions, self.pools_and_norms, self.recurrent, self.attention, self.dense, self.activations):
            add()
        for add in (self.order, self.reductions, self.movement, self.algebra, self.signals, self.chance, self.images, self.loops):
            add()

    def numbers(self, *shape: int) -> Any:
        return self.tf.constant(self.rng.standard_normal(shape).astype("float32"))

    def integers(self, high: int, *shape: int) -> Any:
        return self.tf.constant(self.rng.integers(0, high, shape).astype("int32"))

    def function(self, name: str, f: Callable[..., Any], *xs: Any) -> None:
        """`f(*xs)`."""

        def prepare() -> Case:
            step = f if self.eager else self.tf.function(f)
            return lambda: step(*xs)

        self.made[name] = prepare

    def layer(self, name: str, make: Callable[[], Any], *xs: Any, **options: Any) -> None:
        """A layer's call, and its gradient by weights and inputs."""

        def inference() -> Case:
            layer = make()
            step = (lambda *xs: layer(*xs, **options)) if self.eager else self.tf.function(lambda *xs: layer(*xs, **options))
            return lambda: step(*xs)

        def training() -> Case:
            layer = make()
            layer(*xs, **options)

            def gradient(*xs: Any) -> Any:
                floats = [x for x in xs if x.dtype.is_floating]
                with self.tf.GradientTape() as tape:
                    tape.watch(floats)
                    y = layer(*xs, **options)
                    loss = self.tf.reduce_sum(y * y)
                return tape.gradient(loss, [*floats, *layer.trainable_variables])

            step = gradient if self.eager else self.tf.function(gradient)
            return lambda: step(*xs)

        self.made[name], self.made[f"{name}, gradient"] = inference, training

    def convolutions(self) -> None:
        k, n = self.tf.keras.layers, self.numbers
        self.layer("convolution 3x3", lambda: k.Conv2D(64, 3, padding="same"), n(8, 28, 28, 64))
        self.layer("convolution 3x3 of colours", lambda: k.Conv2D(32, 3, padding="same"), n(32, 32, 32, 3))
        self.layer("convolution 5x5", lambda: k.Conv2D(64, 5, padding="same"), n(8, 28, 28, 32))
        self.layer("convolution 1x1", lambda: k.Conv2D(256, 1), n(8, 14, 14, 256))
        self.layer("convolution, strides 2", lambda: k.Conv2D(128, 3, 2, padding="same"), n(8, 28, 28, 64))
        self.layer("convolution, dilated", lambda: k.Conv2D(64, 3, padding="same", dilation_rate=2), n(8, 28, 28, 64))
        self.layer("convolution, odd sizes", lambda: k.Conv2D(37, 3, padding="same"), n(7, 31, 29, 19))
        self.layer("convolution in one dimension", lambda: k.Conv1D(64, 3, padding="causal"), n(32, 128, 64))
        self.layer("convolution in three dimensions", lambda: k.Conv3D(32, 3, padding="same"), n(2, 16, 32, 32, 16))
        self.layer("transposed convolution", lambda: k.Conv2DTranspose(64, 4, 2, padding="same"), n(8, 16, 16, 128))
        self.layer("depthwise convolution 3x3", lambda: k.DepthwiseConv2D(3, padding="same"), n(8, 56, 56, 64))
        self.layer("depthwise convolution 5x5, strides 2", lambda: k.DepthwiseConv2D(5, 2, padding="same"), n(8, 56, 56, 64))
        self.layer("separable convolution", lambda: k.SeparableConv2D(128, 3, padding="same"), n(8, 28, 28, 128))
        self.function("grouped convolution", lambda x, w: self.tf.nn.conv2d(x, w, 1, "SAME"), n(4, 14, 14, 256), n(3, 3, 8, 256))

    def pools_and_norms(self) -> None:
        k, n = self.tf.keras.layers, self.numbers
        self.layer("max pool 2", lambda: k.MaxPooling2D(2), n(8, 56, 56, 64))
        self.layer("max pool 3, strides 2", lambda: k.MaxPooling2D(3, 2, padding="same"), n(8, 56, 56, 64))
        self.layer("average pool 3", lambda: k.AveragePooling2D(3, 1, padding="same"), n(8, 28, 28, 64))
        self.layer("global average pool", k.GlobalAveragePooling2D, n(32, 7, 7, 512))
        self.layer("batch normalization", k.BatchNormalization, n(16, 28, 28, 128), training=True)
        self.layer("layer normalization", k.LayerNormalization, n(16, 128, 512))
        self.layer("group normalization", lambda: k.GroupNormalization(8), n(8, 28, 28, 64))
        self.layer("dropout", lambda: k.Dropout(0.5), n(128, 4096), training=True)

    def recurrent(self) -> None:
        k, x = self.tf.keras.layers, self.numbers(32, 50, 32)
        self.layer("LSTM", lambda: k.LSTM(64), x)
        self.layer("GRU", lambda: k.GRU(64), x)
        self.layer("LSTM in both directions", lambda: k.Bidirectional(k.LSTM(64, return_sequences=True)), x)
        self.layer("two LSTM cells", lambda: k.RNN([k.LSTMCell(64), k.LSTMCell(64)]), x)
        self.layer("convolutional LSTM", lambda: k.ConvLSTM2D(16, 3, padding="same"), self.numbers(4, 8, 20, 20, 8))

    def attention(self) -> None:
        k, x = self.tf.keras.layers, self.numbers(8, 128, 256)
        mask = self.tf.constant(self.rng.random((8, 128, 128)) > 0.3)
        self.layer("attention", lambda: k.MultiHeadAttention(8, 32), x, x)
        self.layer("attention, causal", lambda: k.MultiHeadAttention(8, 32), x, x, use_causal_mask=True)
        self.layer("attention, masked", lambda: k.MultiHeadAttention(8, 32), x, x, attention_mask=mask)
        self.layer("attention of groups", lambda: k.GroupQueryAttention(32, 8, 2), x, x)
        self.layer("embedding", lambda: k.Embedding(20000, 128), self.integers(20000, 64, 100))

    def dense(self) -> None:
        k, n, tf = self.tf.keras.layers, self.numbers, self.tf
        for batch in (1, 8, 256):
            self.layer(f"dense 1024, batch {batch}", lambda: k.Dense(1024), n(batch, 1024))
        self.layer("dense to 1", lambda: k.Dense(1), n(1024, 512))
        self.layer("dense from 10", lambda: k.Dense(512), n(1024, 10))
        self.layer("einsum dense", lambda: k.EinsumDense("abc,cde->abde", (None, 8, 32)), n(8, 128, 256))
        self.function("product 1000", tf.matmul, n(1000, 1000), n(1000, 1000))
        self.function("product 512, float64", lambda x: tf.matmul(x, x), tf.cast(n(512, 512), "float64"))
        self.function("products 8, many", tf.matmul, n(1024, 8, 8), n(1024, 8, 8))

    def activations(self) -> None:
        tf, x = self.tf, self.numbers(64, 128, 512)
        for name in ("gelu", "silu", "tanh", "sigmoid", "softplus", "relu"):
            self.layer(name, lambda name=name: tf.keras.layers.Activation(name), x)
        for f in (tf.math.exp, tf.math.log, tf.math.sin, tf.math.erf, tf.math.lgamma, tf.math.digamma):
            self.function(f"{f.__name__} of numbers", lambda x, f=f: f(tf.abs(x) + 0.1), self.numbers(1000, 1000))
        self.layer("softmax, 32000 words", tf.keras.layers.Softmax, self.numbers(64, 32000))
        self.layer("softmax, 10 classes", tf.keras.layers.Softmax, self.numbers(4096, 10))

    def order(self) -> None:
        tf, x = self.tf, self.numbers(1000, 1000)
        self.function("sort", lambda x: tf.sort(x, -1), x)
        self.function("argsort", lambda x: tf.argsort(x, -1), x)
        self.function("top 5", lambda x: tf.math.top_k(x, 5)[0], x)
        self.function("top 100", lambda x: tf.math.top_k(x, 100)[0], x)
        self.function("argmax", lambda x: tf.argmax(x, -1), x)

    def reductions(self) -> None:
        tf, x = self.tf, self.numbers(1000, 1000)
        for axis in (None, 0, 1):
            self.function(f"sum, axis {axis}", lambda x, axis=axis: tf.reduce_sum(x, axis), x)
        for axis in (0, 1):
            self.function(f"cumsum, axis {axis}", lambda x, axis=axis: tf.cumsum(x, axis), x)
        self.function("variance", lambda x: tf.math.reduce_variance(x, 1), x)
        self.function("log of sums of exponentials", lambda x: tf.reduce_logsumexp(x, 1), x)
        self.function("sums of segments", lambda u, i: tf.math.unsorted_segment_sum(u, i, 1000), self.numbers(5000, 100), self.integers(1000, 5000))
        self.function("counts", lambda i: tf.math.bincount(i, minlength=1000, maxlength=1000), self.integers(1000, 100000))

    def movement(self) -> None:
        tf, x = self.tf, self.numbers(1000, 1000)
        self.function("transpose", tf.transpose, x)
        self.function("reverse", lambda x: tf.reverse(x, [1]), x)
        self.function("roll", lambda x: tf.roll(x, 17, 1), x)
        self.function("every third", lambda x: x[::2, 1::3], x)
        self.function("concat", lambda x: tf.concat([x, x * 2, x + 1], -1), x)
        self.function("where", lambda x: tf.where(x > 0, x, 0.1 * x), x)
        self.function("cast to integers", lambda x: tf.cast(x, tf.int32), x)
        self.function("gather rows", tf.gather, x, self.integers(1000, 4096))
        self.function("gather columns", lambda x, i: tf.gather(x, i, axis=1), x, self.integers(1000, 512))
        self.function("scatter", lambda u, i: tf.scatter_nd(i, u, (1000, 100)), self.numbers(5000, 100), self.integers(1000, 5000, 1))
        self.function("one hot", lambda i: tf.one_hot(i, 1000), self.integers(1000, 1024))

    def algebra(self) -> None:
        tf, x = self.tf, self.numbers(200, 200)
        self.function("cholesky", lambda x: tf.linalg.cholesky(tf.matmul(x, x, transpose_b=True) + 50.0 * tf.eye(200)), x)
        for name in ("inv", "qr", "svd", "det"):
            self.function(name, getattr(tf.linalg, name), x)
        self.function("solve", lambda x: tf.linalg.solve(x, x[:, :10]), x)

    def signals(self) -> None:
        tf, x = self.tf, self.numbers(256, 1024)
        self.function("fft", lambda x: tf.abs(tf.signal.fft(tf.cast(x, tf.complex64))), x)
        self.function("rfft", lambda x: tf.abs(tf.signal.rfft(x)), x)
        self.function("stft", lambda x: tf.abs(tf.signal.stft(x, 512, 128)), self.numbers(8, 16000))
        self.function("complex product", lambda x: tf.complex(x, x) * tf.complex(x, -x), x)

    def chance(self) -> None:
        random = self.tf.random
        self.function("random normal", lambda: random.normal((1000, 1000)))
        self.function("random uniform", lambda: random.uniform((1000, 1000)))
        self.function("random truncated normal", lambda: random.truncated_normal((1000, 1000)))

    def images(self) -> None:
        tf, k, x = self.tf, self.tf.keras.layers, self.numbers(8, 96, 96, 3)
        for method in ("bilinear", "nearest", "bicubic", "area"):
            self.function(f"resize, {method}", lambda x, method=method: tf.image.resize(x, (128, 128), method), x)
        self.function("resize to less", lambda x: tf.image.resize(x, (40, 40)), x)
        for size, step in ((3, 1), (8, 4), (16, 16)):
            self.function(f"patches {size}, strides {step}", lambda x, n=size, s=step: tf.image.extract_patches(
                x, (1, n, n, 1), (1, s, s, 1), (1, 1, 1, 1), "VALID"), x)  # fmt: skip
        self.function("hue", lambda x: tf.image.adjust_hue(tf.abs(x) / 4, 0.1), x)
        self.layer("up-sampling", lambda: k.UpSampling2D(2, interpolation="bilinear"), self.numbers(8, 28, 28, 64))
        self.layer("margins of zeros", lambda: k.ZeroPadding2D(1), self.numbers(8, 56, 56, 64))

    def loops(self) -> None:
        tf = self.tf
        self.function("while", lambda x: tf.while_loop(lambda i, a: i < 1000, lambda i, a: (i + 1, a * 0.999 + 0.1), (0, x))[1], self.numbers(100))
        self.function("scan", lambda x: tf.scan(lambda a, r: a * 0.9 + r, x), self.numbers(200, 100))


def answer(framework: str, eager: bool, parts: list[str]) -> None:
    """In a process of its own: the cases' names, then for each number on the standard input that case's seconds."""
    common.prepare_process()
    tf = common.tenfold() if framework == "tenfold" else common.tensorflow()
    made = {name: case for name, case in Cases(tf, eager).made.items() if any(part in name for part in parts)}
    print(json.dumps(list(made)), flush=True)
    for line in sys.stdin:
        try:
            call = list(made.values())[int(line)]()
            call(), call()
            best, end = float("inf"), time.perf_counter() + SECONDS
            while time.perf_counter() < end:
                start = time.perf_counter()
                call()
                best = min(best, time.perf_counter() - start)
            print(json.dumps(best), flush=True)
        except Exception as error:
            print(json.dumps(f"{type(error).__name__}: {error}"), flush=True)


def measured(arguments: argparse.Namespace) -> Iterator[tuple[float, str, float, float]]:
    """(ratio, case, Tenfold's seconds, TensorFlow's), in turns."""
    options = ["--eager"] * arguments.eager
    pythons = {"tenfold": sys.executable, "tensorflow": str(common.RIVALS / "venv-tensorflow" / "bin" / "python")}
    children = {
        name: subprocess.Popen([python, __file__, "--answer", name, *options, *arguments.parts], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
        for name, python in pythons.items()
    }  # fmt: skip

    def ask(name: str, number: int) -> Any:
        child = children[name]
        assert child.stdin is not None and child.stdout is not None
        print(number, file=child.stdin, flush=True)
        return json.loads(child.stdout.readline())

    names, _ = (json.loads(child.stdout.readline()) for child in children.values() if child.stdout is not None)
    for number, name in enumerate(names):
        ours, theirs = (ask(child, number) for child in children)
        if isinstance(ours, str) or isinstance(theirs, str):
            print(f"{name}: {ours if isinstance(ours, str) else theirs}")
        else:
            yield ours / theirs, name, ours, theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=[""], help="parts of names")
    parser.add_argument("--eager", action="store_true", help="outside of tf.function")
    parser.add_argument("--answer", choices=("tenfold", "tensorflow"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.answer:
        answer(arguments.answer, arguments.eager, arguments.parts)
        return
    print("  ratio     Tenfold  TensorFlow")
    for ratio, name, ours, theirs in sorted(measured(arguments), reverse=True):
        print(f"{ratio:7.2f} {ours * 1e3:8.3f} ms {theirs * 1e3:8.3f} ms  {name}")


if __name__ == "__main__":
    main()
