"""`fit` per step (MLP, batch 128, 100 steps an epoch) and `predict` of one row; where there is no Keras, what its users write instead."""

from typing import Any

import common
from common import Run, Suite
from train_steps import batch, function_step, jax_logits, jax_parameters, keras_model, torch_model

SUITE = Suite("fit_predict.py")
STEPS, BATCH = 100, 128


def fit(tf: Any, workload: str = "mlp_b128", size: int = BATCH, steps: int = STEPS) -> Run:
    """An epoch of `fit` from NumPy arrays, shuffled, with an accuracy, silent; beside the bare step on one batch that is a tensor."""
    import numpy as np

    x, y = batch(workload)
    xs, ys = np.tile(x, (steps, *[1] * (x.ndim - 1))), np.tile(y, steps)
    model = keras_model(tf, workload)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return Run(lambda: model.fit(xs, ys, batch_size=size, epochs=1, verbose=0), steps=steps, beside=function_step(tf, workload))


def predict(tf: Any) -> Run:
    model = keras_model(tf, "mlp_b128")
    row = batch("mlp_b128")[0][:1]
    return Run(lambda: model.predict(row, verbose=0))


@SUITE.add("fit_mlp", "tenfold")
def fit_tenfold() -> Run:
    return fit(common.tenfold())


@SUITE.add("fit_mlp", "tensorflow")
def fit_tensorflow() -> Run:
    return fit(common.tensorflow())


@SUITE.add("fit_cnn_b32", "tenfold")
def fit_cnn_tenfold() -> Run:
    return fit(common.tenfold(), "cnn_b32", 32, 30)


@SUITE.add("fit_cnn_b32", "tensorflow")
def fit_cnn_tensorflow() -> Run:
    return fit(common.tensorflow(), "cnn_b32", 32, 30)


@SUITE.add("predict_row", "tenfold")
def predict_tenfold() -> Run:
    return predict(common.tenfold())


@SUITE.add("predict_row", "tensorflow")
def predict_tensorflow() -> Run:
    return predict(common.tensorflow())


@SUITE.add("predict_row", "torch", "inference_mode")
def predict_torch() -> Run:
    torch = common.torch()
    model = torch_model(torch, "mlp_b128").eval()
    row = batch("mlp_b128")[0][:1]

    def call() -> Any:
        with torch.inference_mode():
            return model(torch.from_numpy(row)).numpy()

    return Run(call)


@SUITE.add("predict_row", "jax", "jit")
def predict_jax() -> Run:
    import jax
    import numpy as np

    parameters = jax_parameters(jax, "mlp_b128")
    row = batch("mlp_b128")[0][:1]
    forward = jax.jit(lambda weights, x: jax_logits(jax, weights, x))
    return Run(lambda: np.asarray(forward(parameters, row)))


if __name__ == "__main__":
    common.main(SUITE)
