"""Images of 224x224: a training step of ResNet-18 (SGD with momentum, batch 16), and inference of one image with ResNet-18, in float32 and
bfloat16, and with MobileNetV2. Weights are random; the same layers in every framework.
"""

from collections.abc import Callable, Iterator
from typing import Any

import common
import steps
import vision_jax
import vision_torch
from common import Run, Suite

SUITE = Suite("vision.py")
BATCH = 16


def images(size: int) -> tuple[Any, Any]:
    """Images and labels as NumPy arrays; NHWC."""
    import numpy as np

    random = np.random.default_rng(0)
    return random.random((size, 224, 224, 3), dtype="float32"), random.integers(0, 1000, size).astype("int32")


def normalized(L: Any, x: Any, filters: int, kernel: int, stride: int = 1, activation: str | None = "relu") -> Any:
    x = L.Conv2D(filters, kernel, stride, padding="same", use_bias=False)(x)
    x = L.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
    return L.Activation(activation)(x) if activation else x


def residual(L: Any, x: Any, filters: int, stride: int) -> Any:
    y = normalized(L, x, filters, 3, stride)
    y = normalized(L, y, filters, 3, activation=None)
    if stride != 1 or x.shape[-1] != filters:
        x = normalized(L, x, filters, 1, stride, activation=None)
    return L.Activation("relu")(L.Add()([x, y]))


def resnet18(tf: Any) -> Any:
    L, K = tf.keras.layers, tf.keras
    x = K.Input((224, 224, 3))
    y = L.MaxPooling2D(3, 2, padding="same")(normalized(L, x, 64, 7, 2))
    for filters in (64, 128, 256, 512):
        for stride in (1 if filters == 64 else 2, 1):
            y = residual(L, y, filters, stride)
    logits = L.Dense(1000)(L.GlobalAveragePooling2D()(y))
    return K.Model(x, L.Activation("linear", dtype="float32")(logits))


def inverted(L: Any, x: Any, filters: int, stride: int, expansion: int) -> Any:
    """Wider by a 1x1 product, a depthwise convolution, narrower again."""
    y = normalized(L, x, expansion * x.shape[-1], 1, activation="relu6") if expansion > 1 else x
    y = L.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(y)
    y = L.Activation("relu6")(L.BatchNormalization(epsilon=1e-5)(y))
    y = normalized(L, y, filters, 1, activation=None)
    return L.Add()([x, y]) if stride == 1 and x.shape[-1] == filters else y


def mobilenet_blocks() -> Iterator[tuple[int, int, int]]:
    """Filters, stride and expansion of the 17 blocks."""
    for expansion, filters, count, stride in vision_torch.MOBILENET:
        for i in range(count):
            yield filters, stride if i == 0 else 1, expansion


def mobilenetv2(tf: Any) -> Any:
    L, K = tf.keras.layers, tf.keras
    x = K.Input((224, 224, 3))
    y = normalized(L, x, 32, 3, 2, activation="relu6")
    for filters, stride, expansion in mobilenet_blocks():
        y = inverted(L, y, filters, stride, expansion)
    y = L.GlobalAveragePooling2D()(normalized(L, y, 1280, 1, activation="relu6"))
    return K.Model(x, L.Dense(1000)(y))


def keras_model(tf: Any, workload: str) -> Any:
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16" if workload.endswith("bf16") else "float32")
    return mobilenetv2(tf) if workload.startswith("mobilenet") else resnet18(tf)


def function_step(tf: Any, size: int = BATCH, **options: Any) -> Run:
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = tf.keras.optimizers.SGD(0.01, momentum=0.9)
    return steps.tape_step(tf, keras_model(tf, "resnet18_train"), loss, optimizer, images(size), **options)


def keras_step(tf: Any) -> Run:
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return steps.keras_step(keras_model(tf, "resnet18_train"), loss, tf.keras.optimizers.SGD(0.01, momentum=0.9), images(BATCH))


def function_call(tf: Any, workload: str, **options: Any) -> Run:
    model = keras_model(tf, workload)
    x = tf.constant(images(1)[0])
    compiled = tf.function(lambda inputs: model(inputs, training=False), **options)
    return Run(lambda: compiled(x), wait=lambda y: y.numpy())


def keras_call(tf: Any, workload: str) -> Run:
    model = keras_model(tf, workload)
    x = images(1)[0]
    return Run(lambda: model.predict_on_batch(x))


def register_training() -> None:
    def add(framework: str, variant: str, prepare: Callable[[], Run]) -> None:
        SUITE.add("resnet18_train", framework, variant)(prepare)

    add("tenfold", "function", lambda: function_step(common.tenfold()))
    add("tenfold", "train_on_batch", lambda: keras_step(common.tenfold()))
    add("tensorflow", "function", lambda: function_step(common.tensorflow()))
    add("tensorflow", "jit_compile", lambda: function_step(common.tensorflow(), jit_compile=True))
    add("torch", "eager", lambda: vision_torch.step(*images(BATCH), compiled=False))
    add("torch", "compile", lambda: vision_torch.step(*images(BATCH), compiled=True))
    add("jax", "jit", lambda: vision_jax.step(*images(BATCH)))


def register_inference(workload: str) -> None:
    def add(framework: str, variant: str, prepare: Callable[[], Run]) -> None:
        SUITE.add(workload, framework, variant)(prepare)

    add("tenfold", "function", lambda: function_call(common.tenfold(), workload))
    add("tenfold", "predict_on_batch", lambda: keras_call(common.tenfold(), workload))
    add("tensorflow", "function", lambda: function_call(common.tensorflow(), workload))
    add("tensorflow", "jit_compile", lambda: function_call(common.tensorflow(), workload, jit_compile=True))
    add("torch", "eager", lambda: vision_torch.call(workload, images(1)[0], compiled=False))
    add("torch", "compile", lambda: vision_torch.call(workload, images(1)[0], compiled=True))
    if workload == "resnet18_b1":
        add("jax", "jit", lambda: vision_jax.call(images(1)[0]))


register_training()
for each in ("resnet18_b1", "resnet18_b1_bf16", "mobilenetv2_b1"):
    register_inference(each)

if __name__ == "__main__":
    common.main(SUITE)
