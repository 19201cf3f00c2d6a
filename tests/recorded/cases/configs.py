"""What Keras's `serialize` says of layers, losses, metrics, optimizers, initializers...: the vocabulary of the `.keras` archive."""

from collections.abc import Callable
from typing import Any

Make = Callable[[Any], Any]

LAYERS: dict[str, Make] = {
    "dense": lambda k: k.layers.Dense(5, activation="relu", kernel_regularizer="l2", name="n"),
    "dense_options": lambda k: k.layers.Dense(
        3, use_bias=False, kernel_initializer=k.initializers.HeNormal(seed=3), kernel_constraint=k.constraints.MaxNorm(2.0), dtype="float64", name="n"
    ),
    "conv1d": lambda k: k.layers.Conv1D(4, 3, padding="causal", dilation_rate=2, name="n"),
    "conv2d": lambda k: k.layers.Conv2D(4, (3, 2), strides=2, padding="same", activation="silu", name="n"),
    "conv2d_groups": lambda k: k.layers.Conv2D(4, 3, groups=2, data_format="channels_first", trainable=False, name="n"),
    "max_pooling2d": lambda k: k.layers.MaxPooling2D(name="n"),
    "average_pooling2d": lambda k: k.layers.AveragePooling2D((3, 2), strides=1, padding="same", name="n"),
    "global_average": lambda k: k.layers.GlobalAveragePooling2D(name="n"),
    "global_max": lambda k: k.layers.GlobalMaxPooling2D(keepdims=True, name="n"),
    "flatten": lambda k: k.layers.Flatten(name="n"),
    "reshape": lambda k: k.layers.Reshape((3, -1), name="n"),
    "dropout": lambda k: k.layers.Dropout(0.3, seed=4, name="n"),
    "batch_norm": lambda k: k.layers.BatchNormalization(momentum=0.9, name="n"),
    "layer_norm": lambda k: k.layers.LayerNormalization(epsilon=1e-5, name="n"),
    "activation": lambda k: k.layers.Activation("gelu", name="n"),
    "relu": lambda k: k.layers.ReLU(max_value=6.0, name="n"),
    "softmax": lambda k: k.layers.Softmax(axis=1, name="n"),
    "embedding": lambda k: k.layers.Embedding(9, 4, mask_zero=True, name="n"),
    "add": lambda k: k.layers.Add(name="n"),
    "concatenate": lambda k: k.layers.Concatenate(axis=1, name="n"),
    "rescaling": lambda k: k.layers.Rescaling(1 / 255.0, offset=-1.0, name="n"),
}
LOSSES: dict[str, Make] = {
    "mse": lambda k: k.losses.MeanSquaredError(),
    "mae": lambda k: k.losses.MeanAbsoluteError(reduction="sum"),
    "huber": lambda k: k.losses.Huber(delta=0.5),
    "binary": lambda k: k.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
    "categorical": lambda k: k.losses.CategoricalCrossentropy(label_smoothing=0.1),
    "sparse": lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2),
}
METRICS: dict[str, Make] = {
    "mean": lambda k: k.metrics.Mean(name="m"),
    "accuracy": lambda k: k.metrics.Accuracy(),
    "binary_accuracy": lambda k: k.metrics.BinaryAccuracy(threshold=0.4),
    "categorical_accuracy": lambda k: k.metrics.CategoricalAccuracy(),
    "sparse_categorical_accuracy": lambda k: k.metrics.SparseCategoricalAccuracy(),
    "auc": lambda k: k.metrics.AUC(num_thresholds=50, curve="PR"),
    "precision": lambda k: k.metrics.Precision(thresholds=0.4),
    "recall": lambda k: k.metrics.Recall(name="r"),
}
OPTIMIZERS: dict[str, Make] = {
    "sgd": lambda k: k.optimizers.SGD(0.5, momentum=0.25, nesterov=True),
    "adam": lambda k: k.optimizers.Adam(0.5, beta_1=0.75, clipnorm=1.0),
    "adamw": lambda k: k.optimizers.AdamW(0.5, weight_decay=0.25),
    "rmsprop": lambda k: k.optimizers.RMSprop(0.5, rho=0.75, centered=True),
    "schedule": lambda k: k.optimizers.SGD(k.optimizers.schedules.ExponentialDecay(0.5, 10, 0.75, staircase=True)),
    "cosine": lambda k: k.optimizers.Adam(k.optimizers.schedules.CosineDecay(0.5, 10, alpha=0.25)),
}
INITIALIZERS: dict[str, Make] = {
    "glorot_uniform": lambda k: k.initializers.GlorotUniform(seed=1),
    "he_normal": lambda k: k.initializers.HeNormal(seed=2),
    "random_normal": lambda k: k.initializers.RandomNormal(0.5, 0.25, seed=3),
    "truncated": lambda k: k.initializers.TruncatedNormal(0.5, 0.25, seed=3),
    "uniform": lambda k: k.initializers.RandomUniform(-0.5, 0.25, seed=3),
    "constant": lambda k: k.initializers.Constant(2.5),
    "zeros": lambda k: k.initializers.Zeros(),
    "variance_scaling": lambda k: k.initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=5),
    "orthogonal": lambda k: k.initializers.Orthogonal(1.5, seed=6),
}
REGULARIZERS: dict[str, Make] = {
    "l1": lambda k: k.regularizers.L1(0.25),
    "l2": lambda k: k.regularizers.L2(0.25),
    "l1l2": lambda k: k.regularizers.L1L2(0.25, 0.5),
}
FAMILIES = {
    "layers": LAYERS,
    "losses": LOSSES,
    "metrics": METRICS,
    "optimizers": OPTIMIZERS,
    "initializers": INITIALIZERS,
    "regularizers": REGULARIZERS,
}


def serialized(keras: Any, family: str, name: str) -> Any:
    """Keras's own form: module, class_name, config, registered_name."""
    module = getattr(keras, family)
    return module.serialize(FAMILIES[family][name](keras))
