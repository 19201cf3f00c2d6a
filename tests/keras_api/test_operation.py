"""keras.Operation and keras.Function: operations of the user's own, and graphs of operations without a model."""

import numpy as np
import pytest

import tenfold as tf
from tenfold.keras import KerasTensor, ops


@tf.keras.saving.register_keras_serializable("test_operation")
class Power(tf.keras.Operation):
    def __init__(self, exponent: float, *, offset: float = 1.0, name: str | None = None) -> None:
        super().__init__(name=name)
        self.exponent, self.offset = exponent, offset

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x**self.exponent + self.offset


def test_a_model_with_an_operation_of_ones_own_comes_back_from_its_config() -> None:
    inputs = tf.keras.Input((3,))
    model = tf.keras.Model(inputs, Power(2.0)(inputs))
    x = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    for m in (model, tf.keras.Model.from_config(model.get_config()), tf.keras.models.clone_model(model)):
        np.testing.assert_array_equal(m(x), x**2 + 1)


def test_config_is_made_from_plain_arguments() -> None:
    assert Power(2.0, name="p").get_config() == {"name": "p", "exponent": 2.0, "offset": 1.0}
    with pytest.raises(NotImplementedError, match="get_config"):
        Power(np.ones(2)).get_config()
    with pytest.raises(ValueError, match="cannot contain"):
        Power(2.0, name="a/b")


def test_input_and_output_are_those_of_the_first_call() -> None:
    x, y = KerasTensor((2,)), KerasTensor((2,))
    power = Power(2.0)
    first, _ = power(x), power(y)
    assert power.input is x and power.output is first


def test_function_runs_from_tensors_in_the_middle() -> None:
    x = KerasTensor((None, 3))
    y = x * 2
    f = tf.keras.Function({"y": y}, [ops.sum(y + 1, axis=-1)])
    assert "multiply" not in [op.name for op in f.operations]
    np.testing.assert_array_equal(f({"y": np.ones((2, 3))})[0], [6, 6])
    assert f.compute_output_shape({"y": (5, 3)}) == [(5,)]
    assert f({"y": KerasTensor((7, 3))})[0].shape == (7,)


def test_function_checks_what_it_is_given() -> None:
    x = KerasTensor((None, 3))
    f = tf.keras.Function([x], x + 1)
    with pytest.raises(ValueError, match="invalid input structure"):
        f(np.ones((2, 3)))
    with pytest.raises(ValueError, match="incompatible inputs"):
        f([np.ones((2, 4))])
    with pytest.raises(ValueError, match="not connected to `inputs`"):
        tf.keras.Function([x], x + tf.keras.Input((3,)))


def test_rearrange() -> None:
    x = np.arange(24).reshape(2, 6, 2)
    y = ops.rearrange(x, "b (h w) c -> (b c) w h", h=2)
    np.testing.assert_array_equal(y, x.reshape(2, 2, 3, 2).transpose(0, 3, 2, 1).reshape(4, 3, 2))
    assert ops.rearrange(KerasTensor((None, 6, 2)), "b (h w) c -> b c h w", w=2).shape == (None, 2, 3, 2)
    with pytest.raises(ValueError, match="do not fit"):
        ops.rearrange(x, "b (h w) c -> b h w c", h=4)


class Failing(tf.keras.Operation):
    def __init__(self, error: Exception, inside: tf.keras.Operation | None = None) -> None:
        super().__init__()
        self.error, self.inside = error, inside

    def call(self, x: tf.Tensor, y: int = 10) -> tf.Tensor:
        if self.inside is not None:
            return self.inside(x)
        raise self.error

    def compute_output_spec(self, x: KerasTensor, y: int = 10) -> KerasTensor:
        raise self.error


class TwoArguments(Exception):
    def __init__(self, message: str, extra: int) -> None:
        super().__init__(message)


class Closed(Exception):
    """Takes no attributes, so that it cannot be marked as explained."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


@pytest.mark.parametrize("x", [np.ones((2, 3), np.float32), KerasTensor((2, 3))])
def test_errors_of_calls_say_with_what_it_was_called(x: object) -> None:
    with pytest.raises(ValueError) as caught:
        Failing(ValueError("bad input"))(x, y=99)
    for words in ("Exception encountered when calling Failing.call()", "bad input", "(shape=(2, 3), dtype=float32)", "y=99"):
        assert words in str(caught.value)
    with pytest.raises(RuntimeError, match="oops"):
        Failing(TwoArguments("oops", extra=1))(x)


def test_errors_are_explained_once_and_keep_their_kind() -> None:
    x = np.ones(2, np.float32)
    with pytest.raises(tf.errors.NotFoundError, match=r"calling Failing\.call") as caught:
        Failing(ValueError(), Failing(tf.errors.NotFoundError("gone")))(x)
    assert str(caught.value).count("Exception encountered") == 1 and caught.value.error_code == tf.errors.NOT_FOUND == 5
    with pytest.raises(Closed, match=r"^closed$"):
        Failing(ValueError(), Failing(Closed("closed")))(x)


def test_plain_errors_on_demand() -> None:
    class Broken(tf.keras.layers.Layer):
        def call(self, x: tf.Tensor) -> tf.Tensor:
            raise ValueError("bad layer")

    tf.keras.config.disable_traceback_filtering()
    try:
        with pytest.raises(ValueError, match=r"^bad input$"):
            Failing(ValueError("bad input"))(1)
        with pytest.raises(ValueError, match=r"^bad layer$"):
            Broken()(np.ones((2, 2)))
    finally:
        tf.keras.config.enable_traceback_filtering()
    with pytest.raises(ValueError, match=r"calling Broken\.call"):
        Broken()(np.ones((2, 2)))


def test_layers_and_models_are_operations() -> None:
    assert issubclass(tf.keras.layers.Layer, tf.keras.Operation)
    layer = tf.keras.layers.Dense(2)
    out = layer.symbolic_call(tf.keras.Input((3,)))
    assert out.shape == (None, 2)
    assert isinstance(tf.keras.Model(layer.input, out), tf.keras.Operation)
