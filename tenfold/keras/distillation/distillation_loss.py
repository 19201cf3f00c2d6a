"""What a student is told by its teacher: losses between the outputs, or the layers, of two models."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras import losses, ops, tree
from tenfold.keras.base.registry import register
from tenfold.keras.losses import KLDivergence
from tenfold.keras.saving.serialization import serialize_keras_object


@register("keras.distillation")
class DistillationLoss:
    """Base of the losses between a teacher and a student: override `compute_loss`, and `get_config` for files.

    Example:
        >>> class Distance(tf.keras.distillation.DistillationLoss):
        ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        ...         return tf.reduce_mean(abs(teacher_outputs - student_outputs))
        >>> float(Distance().compute_loss(tf.ones((2, 3)), tf.zeros((2, 3))))
        1.0
    """

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The loss, a scalar tensor; to be written in subclasses.

        Args:
            teacher_outputs: what the teacher gave: a tensor, or a list or dict of them.
            student_outputs: what the student gave.
            kwargs: whatever a subclass wants.
        """
        raise NotImplementedError("Subclasses must implement compute_loss")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Raises ValueError unless both outputs are nested alike."""
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises ValueError if this loss cannot be had from these models."""


class _LossPerOutput(DistillationLoss):
    """The sum of ordinary losses, one per output, of which the teacher's outputs are the targets."""

    def __init__(self, loss: Any) -> None:
        self.loss = tree.map_structure(losses.get, loss)
        if all(leaf is None for leaf in tree.flatten(self.loss)):
            raise InvalidArgumentError(f"[{type(self).__name__}] the `loss` argument must contain at least one non-`None` value: at least one loss "
                                       f"must be non-`None`. Received: loss={loss!r}.")  # fmt: skip

    def _sum(self, one: Any, teacher_outputs: Any, student_outputs: Any) -> Any:
        """The sum of `one(loss, teacher_output, student_output)` over the outputs that have a loss."""
        values = tree.map_structure(lambda loss, *pair: 0.0 if loss is None else one(loss, *pair), self.loss, teacher_outputs, student_outputs)
        return ops.sum(ops.stack(tree.flatten(values)))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make it anew."""
        return {"loss": serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A loss from its config."""
        return cls(**{**config, "loss": losses.deserialize(config["loss"])})


@register("keras.distillation")
class FeatureDistillation(_LossPerOutput):
    """Brings what a layer of the student computes near to what a layer of the teacher computes.

    Args:
        loss: a name, function or object; a list or dict of them for layers with several outputs, where None leaves an output out.
        teacher_layer_name: the layer of the teacher; None: its final output.
        student_layer_name: the layer of the student; None: its final output.

    Raises:
        ValueError: there is no loss.

    Example:
        >>> loss = tf.keras.distillation.FeatureDistillation("mae", teacher_layer_name="block3", student_layer_name="block1")
        >>> float(loss.compute_loss(tf.constant([[1.0, 2.0]]), tf.constant([[1.0, 5.0]])))
        1.5
    """

    def __init__(self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None) -> None:
        super().__init__(loss)
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Raises ValueError unless both models have the layers, and a graph that leads to them."""
        wanted = {"teacher": (teacher, self.teacher_layer_name), "student": (student, self.student_layer_name)}
        if any(name is not None for _, name in wanted.values()):
            without = [role for role, (model, _) in wanted.items() if getattr(model, "inputs", None) is None]
            if without:
                raise InvalidArgumentError(
                    f"FeatureDistillation with specific layer names requires Functional or Sequential models. The {' and '.join(without)} model(s) "
                    f"appear to be subclassed (no symbolic inputs/outputs), or are not built. Try FeatureDistillation without layer names (it then "
                    f"compares final outputs), LogitsDistillation, or keras.Input as the first layer of a Sequential."
                )
        for role, (model, name) in wanted.items():
            if name is not None:
                try:
                    model.get_layer(name=name)
                except ValueError as error:
                    raise InvalidArgumentError(f"In {role} model: {error}") from None

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Raises ValueError unless both outputs and the losses are nested alike."""
        super().validate_outputs(teacher_outputs, student_outputs)
        try:
            tree.assert_same_structure(self.loss, teacher_outputs)
        except ValueError as error:
            raise InvalidArgumentError(f"[FeatureDistillation] Loss structure mismatch: there must be one loss per output. {error}") from None

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The sum of the mean losses of all outputs."""
        return self._sum(lambda loss, *pair: ops.mean(loss(*pair)), teacher_outputs, student_outputs)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make it anew."""
        return {**super().get_config(), "teacher_layer_name": self.teacher_layer_name, "student_layer_name": self.student_layer_name}


@register("keras.distillation")
class LogitsDistillation(_LossPerOutput):
    """Brings the student's outputs near to the teacher's, both divided by a temperature.

    `keras.losses.KLDivergence()` compares softmax(logits / temperature), and its gradients are kept as large as those of other losses by a factor
    temperature². Every other loss, the function that the name "kl_divergence" means among them, gets logits / temperature as they are, as in Keras.

    Args:
        temperature: above 1 the probabilities are softer, and tell more of classes that are not the first; usually 3 to 5.
        loss: a name, function or object; a list or dict of them for several outputs, where None leaves an output out.

    Raises:
        ValueError: there is no loss, or the temperature is not a positive number.

    Example:
        >>> loss = tf.keras.distillation.LogitsDistillation(temperature=2.0, loss=tf.keras.losses.KLDivergence())
        >>> logits = tf.constant([[2.0, 0.0, -2.0]])
        >>> float(loss.compute_loss(logits, logits))
        0.0
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        super().__init__(loss)
        if not isinstance(temperature, (int, float)):
            raise InvalidArgumentError(f"[LogitsDistillation] temperature must be a number, got {type(temperature)}. Try 3.0.")
        if not temperature > 0.0:
            raise InvalidArgumentError(f"[LogitsDistillation] temperature must be positive. Received: {temperature}. Try 3.0.")
        self.temperature = temperature

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The sum of the mean losses of all outputs."""
        return self._sum(self._softened, teacher_outputs, student_outputs)

    def _softened(self, loss: Any, teacher_logits: Any, student_logits: Any) -> Any:
        pair = [ops.divide(logits, self.temperature) for logits in (teacher_logits, student_logits)]
        if isinstance(loss, KLDivergence):
            return ops.mean(loss(*(ops.softmax(logits) for logits in pair))) * self.temperature**2
        return ops.mean(loss(*pair))

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make it anew."""
        return {"temperature": self.temperature, **super().get_config()}
