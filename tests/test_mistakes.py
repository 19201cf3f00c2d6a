"""Classic mistakes: each gives a typed error that names the layer, operation or argument, and says what to do."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tenfold as tf

keras = tf.keras
L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.random((12, 4), "float32")
IMAGES = RNG.random((4, 8, 8, 3), "float32")
LABELS = np.arange(12) % 3
TARGETS = X.sum(1, keepdims=True)
Mistake = tuple[Callable[[], Any], type | tuple[type, ...], tuple[str, ...]]
MISTAKES: dict[str, Mistake] = {}


def mistake(error: type | tuple[type, ...], *words: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """A function that makes a mistake; the error's message must hold all the words."""

    def add(function: Callable[[], Any]) -> Callable[[], Any]:
        MISTAKES[function.__name__] = (function, error, words)
        return function

    return add


def dense(units: int = 3, activation: str | None = "softmax", **options: Any) -> Any:
    model = keras.Sequential([keras.Input((4,)), L.Dense(units, activation=activation, name="head")])
    if options:
        model.compile(**{"optimizer": "sgd"} | options)
    return model


def fitted(x: Any = X, y: Any = LABELS, model: Any = None, **options: Any) -> Any:
    return (model or dense(loss="sparse_categorical_crossentropy")).fit(x, y, **{"verbose": 0} | options)


# --- shapes and layers ---
@mistake(ValueError, "conv", "expected", "ndim=4", "found ndim=3", "Try", "x[None")
def image_without_batch() -> None:
    L.Conv2D(4, 3, name="conv")(IMAGES[0])


@mistake(ValueError, "head", "axis -1", "value 4", "(12, 5)")
def features_do_not_match() -> None:
    layer = L.Dense(3, name="head")
    layer(X)
    layer(np.ones((12, 5), "float32"))


@mistake(ValueError, "input_image", "expected shape=(None, 8, 8, 3)", "found shape=(4, 8, 8, 1)")
def channels_do_not_match() -> None:
    keras.Sequential([keras.Input((8, 8, 3), name="input_image"), L.Conv2D(4, 3)])(IMAGES[..., :1])


@mistake(ValueError, "input_row", "expected shape=(None, 4)", "Try x[None")
def row_without_batch() -> None:
    keras.Sequential([keras.Input((4,), name="input_row"), L.Dense(2)]).predict(X[0], verbose=0)


@mistake(ValueError, "units", "positive integer", "-3")
def negative_units() -> None:
    L.Dense(-3)


@mistake(ValueError, "units", "positive integer", "2.5")
def fractional_units() -> None:
    L.Dense(2.5)


@mistake(ValueError, "too_big", "kernel")
def kernel_larger_than_image() -> None:
    keras.Sequential([keras.Input((2, 2, 1)), L.Conv2D(4, 5, name="too_big")])


@mistake(ValueError, "sizes differ|12", "Reshape|reshape")
def reshape_to_other_size() -> None:
    keras.Sequential([keras.Input((12,)), L.Reshape((5, 2))])


@mistake(ValueError, "padding", "sane")
def unknown_padding() -> None:
    L.Conv2D(4, 3, padding="sane")


@mistake(ValueError, "rate", "1.5")
def dropout_rate_above_one() -> None:
    L.Dropout(1.5)


@mistake(ValueError, "list", "Add")
def merge_layer_on_one_tensor() -> None:
    L.Add(name="Add")(X)


@mistake(ValueError, "cat", "(12, 4)", "(11, 4)")
def concatenating_different_shapes() -> None:
    L.Concatenate(axis=-1, name="cat")([X, X[:11]])


@mistake(ValueError, "relo", "relu")
def unknown_activation() -> None:
    L.Dense(3, activation="relo")


@mistake(ValueError, "Unrecognized keyword arguments", "Dense", "activatoin")
def misspelled_argument() -> None:
    L.Dense(3, activatoin="relu")


@mistake(AttributeError, "keras.layers", "Dnese", "Dense")
def misspelled_layer() -> None:
    L.Dnese(3)


@mistake(ValueError, "Only input tensors", "dense_list", "Try np.array")
def layer_called_on_a_list() -> None:
    L.Dense(3, name="dense_list")([[1.0, 2.0]])


@mistake(RuntimeError, "super().__init__()")
def forgotten_super() -> None:
    class Mine(L.Layer):
        def __init__(self) -> None:
            self.inner = 3

        def call(self, x: Any) -> Any:
            return x

    Mine()(X)


# --- models ---
@mistake(ValueError, "add", "Dense", "Try Dense(...)")
def class_instead_of_layer() -> None:
    keras.Sequential([L.Dense])


@mistake(ValueError, "unique names", "same", "name=")
def double_layer_names() -> None:
    keras.Sequential([L.Dense(2, name="same"), L.Dense(2, name="same")])


@mistake(ValueError, "KerasTensors", "ndarray", "keras.Input")
def model_of_arrays() -> None:
    keras.Model(X, X)


@mistake(ValueError, "expects 2 input(s)", "received 1", "'a'", "'b'")
def wrong_number_of_inputs() -> None:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    keras.Model([a, b], L.Add()([a, b])).predict(X, verbose=0)


@mistake(ValueError, "missing data for input 'a'", "['c', 'b']", "Try")
def wrong_input_names() -> None:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    keras.Model([a, b], L.Add()([a, b]))({"c": X, "b": X})


@mistake(ValueError, "Graph disconnected", "'b'", "Try adding")
def disconnected_graph() -> None:
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    keras.Model(a, L.Add()([a, b]))


@mistake(ValueError, "KerasTensor", "Try", "Layer")
def tensorflow_function_on_symbolic_tensor() -> None:
    tf.reduce_mean(keras.Input((4,)))


@mistake(TypeError, "symbolic", "truth value", "keras.ops")
def python_if_on_symbolic_tensor() -> None:
    x = keras.Input((4,))
    if x > 0:
        raise AssertionError


@mistake(NotImplementedError, "call()", "Try")
def model_without_call() -> None:
    keras.Model()(X)


@mistake(ValueError, "count_params", "isn't built")
def counting_an_unbuilt_model() -> None:
    keras.Sequential([L.Dense(3)]).count_params()


@mistake(ValueError, "set_weights", "length 1", "2 weights")
def too_few_weights() -> None:
    dense().set_weights([np.zeros((4, 3))])


@mistake(ValueError, "(4, 3)", "(3, 4)")
def transposed_weights() -> None:
    dense().set_weights([np.zeros((3, 4)), np.zeros(3)])


@mistake(ValueError, "No such layer: hed", "head")
def unknown_layer_name() -> None:
    dense().get_layer("hed")


# --- compile ---
@mistake(ValueError, "fit", "compile()", "Try model.compile")
def fit_before_compile() -> None:
    dense().fit(X, LABELS)


@mistake(ValueError, "adm", "'adam'")
def unknown_optimizer() -> None:
    dense(optimizer="adm", loss="mse")


@mistake(ValueError, "categorical_crossentorpy", "'categorical_crossentropy'")
def unknown_loss() -> None:
    dense(loss="categorical_crossentorpy")


@mistake(ValueError, "acuracy", "accuracy")
def unknown_metric() -> None:
    dense(loss="mse", metrics=["acuracy"])


@mistake(ValueError, "metrics", "list", "Try ['accuracy']")
def metrics_not_in_a_list() -> None:
    dense(loss="mse", metrics="accuracy")


@mistake(ValueError, "MeanSquaredError", "Try MeanSquaredError()")
def loss_class_instead_of_object() -> None:
    dense(loss=keras.losses.MeanSquaredError)


@mistake(ValueError, "No loss to compute", "Try compile(loss=")
def fit_without_loss() -> None:
    fitted(model=dense(loss=None))


@mistake(ValueError, "without an optimizer", "Try model.compile")
def fit_without_optimizer() -> None:
    fitted(model=dense(loss="mse", optimizer=None), y=np.eye(3)[LABELS])


@mistake(ValueError, "hed", "head", "Did you mean 'head'")
def loss_for_an_unknown_output() -> None:
    x = keras.Input((4,))
    model = keras.Model(x, [L.Dense(1, name="head")(x), L.Dense(1, name="tail")(x)])
    model.compile("sgd", {"hed": "mse", "tail": "mse"})
    model.fit(X, [TARGETS, TARGETS], verbose=0)


@mistake(ValueError, "learning_rate", "fast")
def learning_rate_that_is_no_number() -> None:
    keras.optimizers.Adam("fast")


# --- data ---
@mistake(tf.errors.InvalidArgumentError, "sparse_categorical_crossentropy", "label value of 3", "[0, 3)", "Try")
def label_out_of_range() -> None:
    fitted(y=LABELS + 1)


@mistake(tf.errors.InvalidArgumentError, "label value of -1", "[0, 3)")
def negative_label() -> None:
    fitted(y=LABELS - 1)


@mistake(tf.errors.InvalidArgumentError, "class numbers", "float32", "Try")
def float_labels() -> None:
    fitted(y=TARGETS[:, 0] * 0.3)


@mistake(ValueError, "categorical_crossentropy", "sparse_categorical_crossentropy")
def class_numbers_for_one_hot_loss() -> None:
    fitted(model=dense(loss="categorical_crossentropy"))


@mistake(ValueError, "sparse_categorical_crossentropy", "categorical_crossentropy")
def one_hot_for_sparse_loss() -> None:
    fitted(y=np.eye(3, dtype="float32")[LABELS])


@mistake(ValueError, "shape", "(None, 1)", "(None, 3)")
def binary_loss_for_three_outputs() -> None:
    fitted(y=LABELS[:, None] > 0, model=dense(loss="binary_crossentropy", activation="sigmoid"))


@mistake(ValueError, "'x' sizes: 12", "'y' sizes: 11", "same number of samples")
def different_lengths() -> None:
    fitted(y=LABELS[:11])


@mistake(ValueError, "`x`", "Python number", "Try np.array(x)")
def lists_instead_of_arrays() -> None:
    fitted(x=X.tolist(), y=LABELS.tolist())


@mistake(ValueError, "0 rows", "at least one")
def empty_data() -> None:
    fitted(x=X[:0], y=LABELS[:0])


@mistake(ValueError, "targets", "Try model.fit(x, y)")
def fit_without_targets() -> None:
    dense(loss="mse").fit(X, verbose=0)


@mistake(ValueError, "batch_size", "positive integer", "0", "Try batch_size=32")
def batch_size_zero() -> None:
    fitted(batch_size=0)


@mistake(ValueError, "batch_size", "positive integer", "'32'")
def batch_size_in_quotes() -> None:
    fitted(batch_size="32")


@mistake(ValueError, "epochs", "-1")
def negative_epochs() -> None:
    fitted(epochs=-1)


@mistake(ValueError, "validation_split", "1.5", "between 0 and 1")
def validation_split_above_one() -> None:
    fitted(validation_split=1.5)


@mistake(TypeError, "expects float32; it received string", "astype", "TextVectorization")
def strings_as_data() -> None:
    fitted(x=np.array([["a"] * 4] * 12))


@mistake((ValueError, TypeError), "x", "object", "padding")
def rows_of_different_lengths() -> None:
    fitted(x=np.array([[1.0] * (i % 3 + 1) for i in range(12)], dtype=object))


@mistake(ValueError, "y", "generator", "must not be given")
def generator_and_targets() -> None:
    fitted(x=((X, LABELS) for _ in range(2)))


@mistake(ValueError, "class_weight", "dict", "list")
def class_weight_as_a_list() -> None:
    fitted(class_weight=[1.0, 2.0, 3.0])


@mistake(ValueError, "sample_weight", "'sample_weight' sizes: 5")
def too_few_sample_weights() -> None:
    fitted(sample_weight=np.ones(5))


@mistake(ValueError, "callbacks", "EarlyStopping", "Try EarlyStopping(...)")
def callback_class_instead_of_object() -> None:
    fitted(callbacks=[keras.callbacks.EarlyStopping])


@mistake(ValueError, "verbose", "'loud'")
def unknown_verbosity() -> None:
    fitted(verbose="loud")


@mistake(ValueError, "2 output(s)", "`y` has 1 part", "Try one array per output")
def too_few_targets() -> None:
    x = keras.Input((4,))
    model = keras.Model(x, [L.Dense(1)(x), L.Dense(1)(x)])
    model.compile("sgd", "mse")
    model.fit(X, TARGETS, verbose=0)


@mistake(ValueError, "to_categorical", "num_classes=4")
def too_few_classes() -> None:
    keras.utils.to_categorical([0, 3], num_classes=3)


# --- operations and variables ---
@mistake(TypeError, "float32", "float64|int32", "Try tf.cast")
def mixed_types() -> None:
    tf.constant([1.0]) + tf.constant([1])


@mistake(ValueError, "matmul", "(2, 3)", "(2, 3)", "Try")
def matrices_that_do_not_fit() -> None:
    tf.matmul(tf.ones((2, 3)), tf.ones((2, 3)))


@mistake(ValueError, "add", "broadcast", "(2, 3)", "(2, 4)", "Try tf.reshape")
def shapes_that_do_not_broadcast() -> None:
    tf.ones((2, 3)) + tf.ones((2, 4))


@mistake(ValueError, "assign", "(2,)", "(3,)")
def assigning_another_shape() -> None:
    tf.Variable([1.0, 2.0]).assign([1.0, 2.0, 3.0])


@mistake(ValueError, "axis", "2")
def axis_out_of_range() -> None:
    tf.reduce_sum(tf.ones((2, 3)), axis=2)


@mistake(TypeError, "traced", "tf.cond")
def python_if_in_a_function() -> None:
    @tf.function
    def positive(x: Any) -> Any:
        return x if x > 0 else -x

    positive(tf.constant(1.0))


@mistake(TypeError, "setitem", "tensor_scatter_nd_update")
def writing_into_a_tensor() -> None:
    tf.constant([1, 2])[0] = 5


@mistake((tf.errors.ResourceExhaustedError, MemoryError), "not enough memory", "float32(16777216, 16777216)")
def too_large() -> None:
    tf.ones([1 << 24, 1]) * tf.ones([1 << 24])[None, :]


@mistake(ValueError, "reduce_sum", "axis must be an integer", "'rows'")
def axis_by_name() -> None:
    tf.reduce_sum(X, axis="rows")


@mistake(TypeError, "cond", "same structure", "1 tensors", "2")
def branches_of_different_structures() -> None:
    tf.function(lambda x: tf.cond(x > 0, lambda: x, lambda: (x, x)))(tf.constant(3))


@mistake(ValueError, "scan", "first dimension", "scalar")
def mapping_over_a_scalar() -> None:
    tf.map_fn(lambda x: x, tf.constant(1.0))


@mistake(ValueError, "conv2d", "strides must be positive", "0")
def strides_of_zero() -> None:
    tf.nn.conv2d(IMAGES, tf.ones([2, 2, 3, 1]), 0, "SAME")


@mistake(ValueError, "one_hot", "depth", "-3")
def negative_depth() -> None:
    tf.one_hot([1], -3)


@mistake(ValueError, "pad_sequences", "list of sequences", "Try")
def padding_one_sequence() -> None:
    keras.utils.pad_sequences([1, 2])


@mistake(ValueError, "pad_sequences", "`dtype` int32 is not compatible", "dtype=object")
def text_between_numbers() -> None:
    keras.utils.pad_sequences([["a"], ["a", "b"]], value="pad")


def kept_from_a_function() -> Any:
    kept = []
    tf.function(lambda x: kept.append(x + 1.0))(tf.zeros(3))
    return kept[0]


@mistake(TypeError, "tanh", "kept from another traced function", "Try returning it")
def a_traced_tensor_afterwards() -> None:
    tf.tanh(kept_from_a_function())


@mistake(TypeError, "add", "kept from another traced function")
def a_traced_tensor_and_another() -> None:
    tf.zeros(3) + kept_from_a_function()


@mistake(TypeError, "reshape", "kept from another traced function")
def a_traced_tensor_and_attributes() -> None:
    tf.reshape(kept_from_a_function(), (3, 1))


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name: str) -> None:
    function, error, words = MISTAKES[name]
    with pytest.raises(error) as caught:
        function()
    text = str(caught.value)
    for word in words:
        assert any(choice in text for choice in word.split("|")), f"{word!r} is missing in:\n{text}"
    for foreign in ("numpy.", "llvm", "LLVM", "Traceback", "operands could not", "_ArrayMemoryError", "AssertionError"):
        assert foreign not in text, f"{foreign!r} shows in:\n{text}"


def test_there_are_at_least_forty() -> None:
    assert len(MISTAKES) >= 40


def test_nan_in_the_data_ends_training_with_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    x = X.copy()
    x[0, 0] = np.nan
    fitted(x=x, epochs=5, callbacks=[keras.callbacks.TerminateOnNaN()])
    assert "Invalid loss, terminating training" in capsys.readouterr().out
