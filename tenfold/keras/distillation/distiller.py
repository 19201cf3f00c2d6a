"""Distiller: a model that trains a student on labels and on what a frozen teacher says."""

from __future__ import annotations

import warnings
from typing import Any

from tenfold.core.errors import FailedPreconditionError, InvalidArgumentError
from tenfold.keras import losses, ops, tree
from tenfold.keras.base.registry import register
from tenfold.keras.metrics import Mean
from tenfold.keras.models.model import Functional, Model
from tenfold.keras.saving.serialization import deserialize_keras_object, serialize_keras_object

FINAL = "final_output"  # the key of a model's own outputs among its features


@register("keras.distillation")
class Distiller(Model):
    """Trains a student: on labels, and on the outputs or layers of a teacher, which is frozen.

    The loss is student_loss_weight · (loss of `compile`) + (1 - student_loss_weight) · Σ weight · distillation_loss. As a model it is the student.

    Args:
        teacher: a trained model.
        student: the model to train, with inputs and outputs like the teacher's.
        distillation_losses: a DistillationLoss, or a list of them.
        distillation_loss_weights: a factor for each of the list; default: 1.
        student_loss_weight: the share of the labels, from 0 to 1.
        name: the name of the distiller.
        kwargs: further arguments of a Model.

    Raises:
        ValueError: the models do not fit together, or to the losses.

    Example:
        >>> layers, distillation = tf.keras.layers, tf.keras.distillation
        >>> teacher = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(16, "relu"), layers.Dense(3)])
        >>> student = tf.keras.Sequential([tf.keras.Input((4,)), layers.Dense(3)])
        >>> soft = distillation.LogitsDistillation(temperature=3.0, loss=tf.keras.losses.KLDivergence())
        >>> distiller = distillation.Distiller(teacher, student, soft, student_loss_weight=0.3)
        >>> distiller.compile("adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> history = distiller.fit(np.ones((8, 4), "float32"), np.zeros(8, "int32"), verbose=0)
        >>> sorted(history.history)
        ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    def __init__(self, teacher: Any, student: Any, distillation_losses: Any, distillation_loss_weights: Any = None,
                 student_loss_weight: float = 0.5, name: str = "distiller", **kwargs: Any) -> None:  # fmt: skip
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        self.teacher, self.student = teacher, student
        if not isinstance(student_loss_weight, (int, float)):
            raise InvalidArgumentError(f"[Distiller] student_loss_weight must be a number, got {type(student_loss_weight)}. Try 0.5.")
        if not 0.0 <= student_loss_weight <= 1.0:
            raise InvalidArgumentError(f"[Distiller] student_loss_weight must be between 0.0 and 1.0, got {student_loss_weight}. Try 0.5.")
        self.student_loss_weight = student_loss_weight
        self.distillation_losses, self.distillation_loss_weights = _with_weights(distillation_losses, distillation_loss_weights)
        for loss in self.distillation_losses:
            loss.validate_model_compatibility(teacher, student)
        self._teacher_feature_extractor = _extractor(teacher, [_layer_of(loss, "teacher") for loss in self.distillation_losses])
        self._student_feature_extractor = _extractor(student, [_layer_of(loss, "student") for loss in self.distillation_losses])
        teacher.trainable = False
        self.student_loss_tracker = Mean(name="student_loss")
        self.distillation_loss_tracker = Mean(name="distillation_loss")
        self.total_loss_tracker = Mean(name="total_loss")

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None,  # type: ignore[override]
                **kwargs: Any) -> None:  # fmt: skip
        """Says how the student is to be trained.

        Args:
            optimizer: a name or an object.
            loss: the loss of the labels: a name, function or object; for several outputs a list or dict of them.
            metrics: a list of names, functions or objects.
            kwargs: further arguments of `Model.compile`.

        Raises:
            ValueError: there is no loss, a name is unknown, or metrics is no list.
        """
        if all(leaf is None for leaf in tree.flatten(loss)):
            raise InvalidArgumentError("[compile] 'loss' cannot be `None`. Try loss='sparse_categorical_crossentropy'.")
        if metrics is not None and not isinstance(metrics, (list, tuple)):
            raise InvalidArgumentError(f"[compile] metrics must be a list or tuple, got {type(metrics)}. Try ['accuracy'].")
        self._student_loss = tree.map_structure(losses.get, loss)
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def call(self, inputs: Any, training: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """The student's outputs."""
        return self.student(inputs, training=training, **kwargs)

    # --- the loss ---
    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        """The loss of a batch, which the three trackers take note of.

        Args:
            x: the inputs.
            y: the targets; None: there is no loss of labels.
            y_pred: the student's outputs; default: they are computed.
            sample_weight: not used, as in Keras.
            training: whether the student is in training.
        """
        self._checked("compute_loss")
        if y_pred is None:
            y_pred = self(x, training=training)
        share = self.student_loss_weight
        student_loss = self._label_loss(y, y_pred) if share > 0.0 and y is not None else 0.0
        distillation_loss = self._distillation_loss(x, y_pred, training) if share < 1.0 else 0.0
        total = ops.add(ops.multiply(share, student_loss), ops.multiply(1.0 - share, distillation_loss))
        self.student_loss_tracker.update_state(student_loss)
        self.distillation_loss_tracker.update_state(distillation_loss)
        self.total_loss_tracker.update_state(total)
        return total

    def _label_loss(self, y: Any, y_pred: Any) -> Any:
        values = tree.map_structure(lambda loss, *pair: None if loss is None else loss(*pair), self._student_loss, y, y_pred)
        found = [value for value in tree.flatten(values) if value is not None]
        return ops.mean(found[0]) if len(found) == 1 else ops.sum(ops.stack(found))

    def _distillation_loss(self, x: Any, y_pred: Any, training: bool) -> Any:
        """The weighted sum of the distillation losses, for which each model runs once more at most."""
        features = {
            "teacher": _features(self.teacher, self._teacher_feature_extractor, x, training=False),
            "student": {FINAL: y_pred},
        }
        if self._student_feature_extractor is not None:
            features["student"] = {**_features(self.student, self._student_feature_extractor, x, training), FINAL: y_pred}
        total: Any = 0.0
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights, strict=True):
            told, learned = (_feature(loss, role, features[role]) for role in ("teacher", "student"))
            loss.validate_outputs(told, learned)
            value = loss.compute_loss(told, learned)
            if len(getattr(value, "shape", ())) > 0:
                raise InvalidArgumentError(f"[Distiller] Distillation loss {type(loss).__name__} returned a non-scalar loss with shape "
                                           f"{tuple(value.shape)}. The compute_loss method must return a scalar tensor. Try ops.mean.")  # fmt: skip
            total = ops.add(total, ops.multiply(weight, value))
        return total

    # --- files ---
    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make it anew."""
        return {
            **super().get_config(),
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": serialize_keras_object(self.distillation_losses),
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A distiller from its config."""
        parts = {key: deserialize_keras_object(config[key], custom_objects) for key in ("teacher", "student", "distillation_losses")}
        return cls(**{**config, **parts})

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given, for files; an empty dict if it was not called."""
        config = super().get_compile_config()
        return {**config, "loss": serialize_keras_object(self._student_loss)} if config else config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles with what `get_compile_config` gave; files of Keras's do not tell the loss, so that they leave this to the program."""
        if config and config.get("loss") is None:
            warnings.warn(f"[Distiller] `compile()` was not called as part of model loading: the file does not tell the loss of {self.name!r}. Try "
                          "distiller.compile(optimizer, loss).", stacklevel=2)  # fmt: skip
        elif config:
            super().compile_from_config(config)


# --- which models fit together ---
def _check_models(teacher: Any, student: Any) -> None:
    """Raises ValueError unless both are models, with the same inputs and outputs as far as these are known."""
    for role, model in (("Teacher", teacher), ("Student", student)):
        if not isinstance(model, Model):
            raise InvalidArgumentError(f"[Distiller] {role} must be a keras.Model, got {type(model)}.")
    for what in ("input", "output"):
        told, learned = (getattr(model, f"{what}s", None) for model in (teacher, student))
        if told is not None and learned is not None:
            tree.map_structure(lambda t, s, what=what: _check_alike(t, s, what), told, learned)


def _check_alike(teacher: Any, student: Any, what: str) -> None:
    """Raises ValueError if a tensor of the teacher's has another type or shape than that of the student's."""
    shapes = tuple(teacher.shape), tuple(student.shape)
    received = f"Teacher: {shapes[0]}, Student: {shapes[1]}."
    if len(shapes[0]) != len(shapes[1]):
        raise InvalidArgumentError(f"[Distiller] Teacher and student {what} shapes have different dimensions. {received}")
    if any(None not in (a, b) and a != b for a, b in zip(*shapes, strict=True)):
        raise InvalidArgumentError(f"[Distiller] Teacher and student {what} shapes are incompatible. {received} All dimensions must match.")
    if teacher.dtype != student.dtype:
        raise InvalidArgumentError(f"[Distiller] Teacher and student {what} dtypes must match. Teacher: {teacher.dtype.name}, "
                                   f"Student: {student.dtype.name}.")  # fmt: skip


def _with_weights(given: Any, weights: Any) -> tuple[list[Any], list[Any]]:
    """The distillation losses and their factors, as lists."""
    if given is None:
        raise InvalidArgumentError("[Distiller] 'distillation_losses' cannot be `None`. Provide a distillation loss (e.g., LogitsDistillation or "
                                   "FeatureDistillation) or a list of distillation losses.")  # fmt: skip
    if not isinstance(given, (list, tuple)):
        return [given], [1.0]
    if weights is None:
        return list(given), [1.0] * len(given)
    if len(weights) != len(given):
        raise InvalidArgumentError(f"[Distiller] Number of distillation_loss_weights ({len(weights)}) must match number of distillation_losses "
                                   f"({len(given)}).")  # fmt: skip
    return list(given), list(weights)


# --- what layers compute ---
def _layer_of(loss: Any, role: str) -> str:
    """The layer of the "teacher" or "student" that a loss compares."""
    return getattr(loss, f"{role}_layer_name", None) or FINAL


def _extractor(model: Any, names: list[str]) -> Any:
    """A model of the outputs and of what the named layers compute; None if no layer is named."""
    outputs = {name: model.get_layer(name=name).output for name in names if name != FINAL}
    if not outputs:
        return None
    return Functional(model.input, {FINAL: model.output, **outputs}, name=f"{model.name}_multi_feature_extractor")


def _features(model: Any, extractor: Any, x: Any, training: bool) -> dict[str, Any]:
    return {FINAL: model(x, training=training)} if extractor is None else dict(extractor(x, training=training))


def _feature(loss: Any, role: str, features: dict[str, Any]) -> Any:
    name = _layer_of(loss, role)
    if name not in features:
        raise FailedPreconditionError(f"[Distiller] Failed to extract features for {type(loss).__name__}: Layer {name!r} of the {role} not found in "
                                      f"extracted features. Available: {list(features)}. Try a new Distiller with this loss.")  # fmt: skip
    return features[name]
