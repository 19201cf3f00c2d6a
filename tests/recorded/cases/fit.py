"""`fit`, `evaluate`, `predict` and `train_on_batch`: History with validation, weights, partial batches, regularizers, masks and callbacks."""

from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, distinct, fill_weights, integers, normal, uniform

CASES: dict[str, Case] = {}
X, Y = normal(1, 50, 6), integers(2, 0, 3, 50)
X2, Y2 = normal(3, 21, 6), integers(4, 0, 3, 21)
WEIGHTS = uniform(5, 0.2, 2, 50)


def small_model(tf: Any, **options: Any) -> Any:
    L = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((6,)), L.Dense(8, activation="relu", **options), L.Dense(3, activation="softmax")])
    fill_weights(model.weights, seed=41)
    return model


def compiled(tf: Any, model: Any = None, **options: Any) -> Any:
    model = model or small_model(tf)
    arguments = {"optimizer": tf.keras.optimizers.Adam(0.01), "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    model.compile(**(arguments | options))
    return model


def history(model: Any, *data: Any, **options: Any) -> Arrays:
    arguments = {"batch_size": 8, "epochs": 4, "shuffle": False, "verbose": 0} | options
    result = model.fit(*data, **arguments)
    found = {f"history_{k}": np.array(v, "float32") for k, v in result.history.items()}
    weights = np.concatenate([array(w).ravel() for w in model.weights])
    return found | {"epochs": np.array(result.epoch), "weights": weights, "keys": np.array(list(result.history), dtype="U")}


def add(name: str, run: Callable[[Any], Arrays], tolerance: float = 1e-4) -> None:
    CASES[name] = Case(run, tolerance)


def evaluate_and_predict(tf: Any) -> Arrays:
    model = compiled(tf)
    return {
        "evaluate": np.array(model.evaluate(X, Y, batch_size=8, verbose=0), "float32"),
        "weighted": np.array(model.evaluate(X, Y, batch_size=16, sample_weight=WEIGHTS, verbose=0), "float32"),
        "predict": model.predict(X, batch_size=7, verbose=0),
        "one_row": model.predict(X[:1], verbose=0),
        "call": array(model(X)),
        "on_batch": np.asarray(model.predict_on_batch(X[:5])),
    }


def train_on_batch(tf: Any) -> Arrays:
    model = compiled(tf)
    logs = [model.train_on_batch(X[i : i + 10], Y[i : i + 10]) for i in (0, 10, 20, 30, 40)]
    weighted = model.train_on_batch(X[:9], Y[:9], sample_weight=WEIGHTS[:9], return_dict=True)
    tested = model.test_on_batch(X2, Y2)
    return {
        "logs": np.array(logs, "float32"),
        "weighted": np.array([weighted[k] for k in sorted(weighted)], "float32"),
        "tested": np.array(tested, "float32"),
        "after": np.array(model.evaluate(X2, Y2, verbose=0), "float32"),
    }


def regularized(tf: Any) -> Arrays:
    R = tf.keras.regularizers
    options = {"kernel_regularizer": R.L1L2(0.01, 0.02), "bias_regularizer": "l2", "activity_regularizer": R.L2(0.001)}
    return history(compiled(tf, small_model(tf, **options)), X, Y, validation_data=(X2, Y2))


def masked(tf: Any) -> Arrays:
    """A mask that starts in Embedding reaches the loss through Dense: padded steps count for nothing."""
    L = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((7,), dtype="int32"), L.Embedding(200, 4, mask_zero=True), L.Dense(3, activation="softmax")])
    fill_weights(model.weights, seed=43)
    words, tags = distinct(6, 200, 24, 7) * integers(8, 0, 2, 24, 7), integers(7, 0, 3, 24, 7)
    return history(compiled(tf, model), words, tags, epochs=3)


def two_outputs(tf: Any) -> Arrays:
    L = tf.keras.layers
    x = tf.keras.Input((6,), name="features")
    h = L.Dense(8, activation="tanh", name="hidden")(x)
    model = tf.keras.Model(x, {"label": L.Dense(3, activation="softmax", name="label")(h), "size": L.Dense(1, name="size")(h)})
    fill_weights(model.weights, seed=44)
    model.compile(
        optimizer=tf.keras.optimizers.SGD(0.1),
        loss={"label": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"label": 1.0, "size": 0.3},
        metrics={"label": ["accuracy"], "size": ["mae"]},
    )
    return history(model, X, {"label": Y, "size": X[:, :1] * 2})


def scheduled(tf: Any) -> Arrays:
    halve = tf.keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch else rate)
    return history(compiled(tf), X, Y, callbacks=[halve])


def plateau(tf: Any) -> Arrays:
    reduce = tf.keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.3, patience=1, min_delta=0.05, min_lr=1e-4)
    return history(compiled(tf), X, Y, validation_data=(X2, Y2), epochs=8, callbacks=[reduce])


def early(tf: Any) -> Arrays:
    stop = tf.keras.callbacks.EarlyStopping(monitor="val_loss", patience=2, min_delta=0.02, restore_best_weights=True)
    model = compiled(tf, optimizer=tf.keras.optimizers.SGD(0.5, momentum=0.9))
    return history(model, X, Y, validation_data=(X2, Y2), epochs=30, callbacks=[stop])


class Doubled:
    """A custom train_step, built for whichever package runs it."""

    @staticmethod
    def model(tf: Any) -> Any:
        class Model(tf.keras.Model):
            def train_step(self, data: Any) -> dict[str, Any]:
                x, y = data
                with tf.GradientTape() as tape:
                    prediction = self(x, training=True)
                    loss = 2 * self.compute_loss(x=x, y=y, y_pred=prediction)
                grads = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply_gradients(zip(grads, self.trainable_variables, strict=True))
                for metric in self.metrics:
                    if metric.name == "loss":
                        metric.update_state(loss)
                    else:
                        metric.update_state(y, prediction)
                return {m.name: m.result() for m in self.metrics}

        inner = small_model(tf)
        return Model(inner.inputs, inner.outputs)


add("plain", lambda tf: history(compiled(tf), X, Y))
add("full_batches", lambda tf: history(compiled(tf), X[:48], Y[:48], batch_size=16))
add("default_batch_size", lambda tf: history(compiled(tf), X, Y, batch_size=None))
add("validation_data", lambda tf: history(compiled(tf), X, Y, validation_data=(X2, Y2)))
add("validation_weighted", lambda tf: history(compiled(tf), X, Y, validation_data=(X2, Y2, WEIGHTS[:21])))
add("validation_split", lambda tf: history(compiled(tf), X, Y, validation_split=0.3))
add("validation_every_two", lambda tf: history(compiled(tf), X, Y, validation_data=(X2, Y2), validation_freq=2))
add("sample_weight", lambda tf: history(compiled(tf), X, Y, sample_weight=WEIGHTS))
add("sample_weight_metrics", lambda tf: history(compiled(tf, metrics=None, weighted_metrics=["accuracy"]), X, Y, sample_weight=WEIGHTS))
add("class_weight", lambda tf: history(compiled(tf), X, Y, class_weight={0: 1.0, 1: 0.5, 2: 3.0}))
add(
    "class_weight_one_hot",
    lambda tf: history(compiled(tf, loss="categorical_crossentropy"), X, np.eye(3, dtype="float32")[Y], class_weight={0: 1.0, 1: 0.5, 2: 3.0}),
)
add("initial_epoch", lambda tf: history(compiled(tf), X, Y, initial_epoch=2))
add("steps_per_epoch", lambda tf: history(compiled(tf), X, Y, steps_per_epoch=3, epochs=2))
add("column_labels", lambda tf: history(compiled(tf), X, Y[:, None]))
add("loss_object_sum", lambda tf: history(compiled(tf, loss=tf.keras.losses.SparseCategoricalCrossentropy(reduction="sum")), X, Y))
add("sgd_string", lambda tf: history(compiled(tf, optimizer="sgd"), X, Y))
add("rmsprop_string", lambda tf: history(compiled(tf, optimizer="rmsprop"), X, Y))
add("adamw_string", lambda tf: history(compiled(tf, optimizer="adamw"), X, Y))
add("evaluate_and_predict", evaluate_and_predict)
add("train_on_batch", train_on_batch)
add("regularized", regularized)
add("masked", masked)
add("two_outputs", two_outputs)
add("learning_rate_scheduler", scheduled)
add("reduce_on_plateau", plateau)
add("early_stopping", early)
add("custom_train_step", lambda tf: history(compiled(tf, Doubled.model(tf)), X, Y))
