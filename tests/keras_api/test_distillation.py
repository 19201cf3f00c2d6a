"""keras.distillation: figures of Keras 3.15.1, one program per step, files, and what only shows with layers, dropout or several outputs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold import keras
from tenfold.keras import layers
from tenfold.keras.distillation import DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation

X = np.cos(np.arange(32, dtype="float32")).reshape(8, 4)
Y = np.arange(8) % 3
KL = keras.losses.KLDivergence
RECORDED = {  # what Keras 3.15.1 gives for the first test
    "accuracy": [0.0, 0.0],
    "distillation_loss": [1.5332527, 0.7587826],
    "loss": [1.5602714, 0.9885291],
    "student_loss": [1.6233147, 1.5246043],
    "total_loss": [1.5602714, 0.9885291],
    "val_accuracy": [0.0, 0.375],
    "val_distillation_loss": [1.0221672, -1.2785385],
    "val_loss": [1.1973927, -0.4632616],
    "val_student_loss": [1.6062522, 1.4390509],
    "val_total_loss": [1.1973927, -0.4632616],
}


def model(units: int, name: str, *between: Any) -> Any:
    made = keras.Sequential([keras.Input((4,)), layers.Dense(units, "tanh", name="hidden"), *between, layers.Dense(3, name="out")], name=name)
    for k, v in enumerate(made.weights):
        count = np.arange(np.prod(v.shape), dtype="float32")
        v.assign(np.sin(count.reshape(v.shape) * (k + 1) * 0.7 + (5 if name == "teacher" else 0.3)))
    return made


def distiller(*losses: Any, share: float = 0.3, student: Any = None, **options: Any) -> Any:
    made = Distiller(model(5, "teacher"), student or model(5, "student"), list(losses), student_loss_weight=share, **options)
    made.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True), ["accuracy"])
    return made


def features() -> FeatureDistillation:
    return FeatureDistillation("mse", teacher_layer_name="hidden", student_layer_name="hidden")


def test_training_gives_the_figures_of_keras() -> None:
    trained = distiller(
        LogitsDistillation(2.0), LogitsDistillation(3.0, KL()), features(), FeatureDistillation("cosine_similarity"),
        distillation_loss_weights=[1.0, 0.25, 0.5, 2.0],
    )  # fmt: skip
    history = trained.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y)).history
    assert sorted(history) == sorted(RECORDED)
    for name, figures in RECORDED.items():
        np.testing.assert_allclose(history[name], figures, rtol=2e-5, atol=2e-6, err_msg=name)


def test_a_step_is_one_program_and_the_teacher_stays() -> None:
    calls = []

    class Counted(LogitsDistillation):
        def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
            calls.append(type(student_outputs).__name__)
            return super().compute_loss(teacher_outputs, student_outputs)

    trained = distiller(Counted(2.0, KL()), features())
    before = [w.copy() for w in trained.teacher.get_weights()], [w.copy() for w in trained.student.get_weights()]
    trained.fit(X, Y, batch_size=2, epochs=3, verbose=0)
    assert len(calls) < 12, "the loss was computed operation by operation, not traced"
    assert all(np.array_equal(a, b) for a, b in zip(before[0], trained.teacher.get_weights(), strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(before[1], trained.student.get_weights(), strict=True))
    assert [v.path for v in trained.trainable_variables] == [v.path for v in trained.student.trainable_variables]


def test_without_labels_the_student_becomes_its_teacher() -> None:
    trained = distiller(LogitsDistillation(2.0, KL()), share=0.0)
    trained.compile(keras.optimizers.Adam(0.02), "mse")
    figures = trained.fit(X, epochs=300, verbose=0).history["loss"]
    assert figures[-1] < 1e-3 * figures[0]
    probabilities = [np.exp(m.predict(X, verbose=0)) for m in (trained.teacher, trained)]
    np.testing.assert_allclose(*(p / p.sum(-1, keepdims=True) for p in probabilities), atol=0.05)


def test_a_file_holds_everything(tmp_path: Path) -> None:
    saved = distiller(LogitsDistillation(4.0, KL()), features(), distillation_loss_weights=[2.0, 0.5])
    saved.fit(X, Y, verbose=0)
    saved.save(tmp_path / "distiller.keras")
    loaded = keras.models.load_model(tmp_path / "distiller.keras")
    assert type(loaded) is Distiller and not loaded.teacher.trainable
    assert loaded.get_config()["distillation_losses"] == saved.get_config()["distillation_losses"]
    assert loaded.evaluate(X, Y, verbose=0) == saved.evaluate(X, Y, verbose=0)
    first, second = (m.fit(X, Y, shuffle=False, verbose=0).history["loss"] for m in (saved, loaded))
    assert first == second


def test_a_file_without_the_loss_is_loaded_uncompiled() -> None:
    config = keras.saving.serialize_keras_object(distiller(LogitsDistillation()))
    config["compile_config"]["loss"] = None  # as Keras writes it
    with pytest.warns(UserWarning, match="does not tell the loss"):
        loaded = keras.saving.deserialize_keras_object(config)
    assert not loaded.compiled


def test_evaluation_leaves_the_statistics_of_the_student() -> None:
    trained = distiller(features(), student=model(5, "student", layers.BatchNormalization(name="norm")))
    before = trained.student.get_layer("norm").moving_mean.numpy()
    trained.evaluate(X, Y, verbose=0)
    np.testing.assert_array_equal(trained.student.get_layer("norm").moving_mean.numpy(), before)


def test_a_layer_of_one_model_and_the_output_of_the_other() -> None:
    mixed = distiller(FeatureDistillation("mae", student_layer_name="hidden"), share=0.0, student=model(3, "student"))
    told, hidden = mixed.teacher.predict(X, verbose=0), np.tanh(X @ mixed.student.weights[0].numpy() + mixed.student.weights[1].numpy())
    np.testing.assert_allclose(mixed.evaluate(X, Y, verbose=0, return_dict=True)["loss"], np.mean(np.abs(told - hidden)), rtol=1e-5)


def test_several_outputs_of_which_one_is_left_out() -> None:
    teacher, student = ([np.full((2, 3), value, "float32"), np.zeros((2, 1), "float32")] for value in (2.0, 0.5))
    loss = LogitsDistillation(0.5, ["mse", None])
    loss.validate_outputs(teacher, student)
    assert float(loss.compute_loss(teacher, student)) == 9.0  # (1.5 / 0.5)²
    again = LogitsDistillation.from_config(loss.get_config())
    assert again.get_config() == loss.get_config() and again.loss[1] is None
    with pytest.raises(ValueError, match="Loss structure mismatch"):
        FeatureDistillation("mse").validate_outputs(teacher, student)


def test_a_model_of_dicts() -> None:
    def named(units: int) -> Any:
        x = keras.Input((4,), name="x")
        hidden = layers.Dense(units, name="hidden")(x)
        return keras.Model({"x": x}, {"a": layers.Dense(3)(hidden), "b": layers.Dense(1)(hidden)})

    soft = LogitsDistillation(2.0, {"a": KL(), "b": "mse"})
    trained = Distiller(named(6), named(6), [soft, features()], student_loss_weight=0.5)
    trained.compile("sgd", {"a": None, "b": keras.losses.MeanSquaredError()})
    targets = {"a": np.zeros((8, 3), "float32"), "b": np.ones((8, 1), "float32")}
    expected = np.mean((trained.predict({"x": X}, verbose=0)["b"] - 1) ** 2)
    figures = trained.evaluate({"x": X}, targets, verbose=0, return_dict=True)
    np.testing.assert_allclose(figures["student_loss"], expected, rtol=1e-5)
    history = trained.fit({"x": X}, targets, epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_a_teacher_without_weights_yet() -> None:
    fresh = Distiller(unbuilt(), unbuilt(), LogitsDistillation())
    fresh.compile(loss="mse")
    fresh.fit(X, np.zeros((8, 3), "float32"), verbose=0)
    assert len(fresh.teacher.weights) == 2 and not fresh.teacher.trainable_variables


class Rows(DistillationLoss):
    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        return keras.ops.sum(abs(teacher_outputs - student_outputs), -1)


def other(shape: tuple[int, ...], units: int = 3, dtype: str = "float32") -> Any:
    return keras.Sequential([keras.Input(shape, dtype=dtype), layers.Dense(units)])


def unbuilt() -> Any:
    return keras.Sequential([layers.Dense(3, name="hidden")])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: LogitsDistillation(0.0), "temperature must be positive"),
        (lambda: LogitsDistillation(float("nan")), "temperature must be positive"),
        (lambda: LogitsDistillation("3"), "temperature must be a number"),
        (lambda: LogitsDistillation(loss=[None, None]), "at least one loss"),
        (lambda: FeatureDistillation("msee"), "Unknown loss"),
        (lambda: Distiller("teacher", other((4,)), LogitsDistillation()), "Teacher must be a keras.Model"),
        (lambda: Distiller(other((4,)), other((4,)), None), "cannot be `None`"),
        (lambda: Distiller(other((4,)), other((5,)), LogitsDistillation()), "input shapes are incompatible"),
        (lambda: Distiller(other((4,)), other((2, 4)), LogitsDistillation()), "different dimensions"),
        (lambda: Distiller(other((4,)), other((4,), 2), LogitsDistillation()), "output shapes are incompatible"),
        (lambda: Distiller(other((4,)), other((4,), dtype="int32"), LogitsDistillation()), "dtypes must match"),
        (lambda: Distiller(other((4,)), other((4,)), [LogitsDistillation()], [1.0, 2.0]), "must match number"),
        (lambda: Distiller(other((4,)), other((4,)), LogitsDistillation(), student_loss_weight=1.5), "between 0.0 and 1.0"),
        (lambda: distiller(FeatureDistillation(teacher_layer_name="hiden")), "In teacher model: .*No such layer: hiden"),
        (lambda: distiller(features(), student=unbuilt()), "The student model.* not built"),
        (lambda: distiller(LogitsDistillation()).compile("adam"), "'loss' cannot be `None`"),
        (lambda: distiller(LogitsDistillation()).compile("adam", "mse", "accuracy"), "metrics must be a list"),
        (lambda: distiller(Rows()).fit(X, Y, verbose=0), "Rows returned a non-scalar loss"),
    ],
)
def test_errors_say_what_is_wrong(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()
