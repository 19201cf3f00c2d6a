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
