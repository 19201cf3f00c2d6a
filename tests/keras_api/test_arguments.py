"""Arguments: in Keras's order where they are given by position; each works or is refused."""

import inspect

import numpy as np
import pytest

import tenfold as tf

keras = tf.keras
layers, optimizers = keras.layers, keras.optimizers
OPTIONS = ["weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
           "gradient_accumulation_steps", "name"]  # fmt: skip


def names_of(thing):
    return [name for name in inspect.signature(thing).parameters if name != "kwargs"]


def test_options_of_all_optimizers_follow_their_own_by_position():
    adam = optimizers.Adam(0.1, 0.9, 0.999, 1e-7, True, 0.02, 1.5)
    assert (adam.amsgrad, adam.weight_decay, adam.clipnorm, adam.name) == (True, 0.02, 1.5, "adam")
    assert optimizers.AdamW(0.1, 0.03, 0.8).weight_decay == 0.03
    for name in ("SGD", "RMSprop", "Adam", "Adagrad", "Adadelta", "Adamax", "Nadam", "Adafactor", "Ftrl", "Lamb", "Lion", "ScheduleFreeAdamW"):
        assert names_of(getattr(optimizers, name))[-10:] == OPTIONS, name
    muon = names_of(optimizers.Muon)
    assert muon[muon.index("clipnorm") : muon.index("exclude_layers")] == OPTIONS[1:]
    with pytest.raises(TypeError, match="multiple values"):
        optimizers.SGD(0.1, learning_rate=0.2)


def test_recurrent_layers_take_everything_by_position():
    tail = ["return_sequences", "return_state", "go_backwards", "stateful", "unroll"]
    assert names_of(layers.LSTM)[-7:] == ["seed", *tail, "use_cudnn"]
    assert names_of(layers.GRU)[-8:] == ["seed", *tail, "reset_after", "use_cudnn"]
    assert names_of(layers.SimpleRNN)[-6:] == [*tail, "seed"]
    given = [p.default for p in list(inspect.signature(layers.LSTM).parameters.values())[1:17]]
    layer = layers.LSTM(4, *given[:-1], 0.25, None, True)
    assert layer.return_sequences and layer.recurrent_dropout == 0.25
    with pytest.raises(TypeError, match="multiple values"):
        layers.GRU(4, units=5)
    with pytest.raises((TypeError, ValueError), match="use_cudnn"):
        layers.SimpleRNN(4, use_cudnn=False)


def test_orders_of_other_layers():
    transposed = layers.Conv2DTranspose(4, 3, 2, "same", None, None, 1, "relu", False)
    assert transposed.activation is keras.activations.relu and not transposed.use_bias
    with pytest.raises((TypeError, ValueError), match="groups"):
        layers.Conv2DTranspose(4, 3, groups=2)
    dropout = layers.SpatialDropout2D(0.5, "channels_first", 3)
    assert (dropout.data_format, dropout.seed) == ("channels_first", 3)
    assert layers.MaxPooling2D(2, 1, "same", None, "pool").name == "pool"
    assert keras.metrics.SparseCategoricalCrossentropy("m", None, True, 2).get_config()["ignore_class"] == 2
    assert keras.regularizers.l1_l2().get_config() == {"l1": 0.0, "l2": 0.0}


def test_arguments_without_a_meaning_are_refused(tmp_path):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="unexpected"):
        model.evaluate(np.ones((2, 2)), np.ones((2, 1)), workers=3)
    with pytest.raises(TypeError, match="unexpected"):
        keras.ops.einsum("ij->i", np.ones((2, 2)), out=None)
    with pytest.raises(ValueError, match="hash_algorithm"):
        keras.utils.get_file("a", "file:///a", file_hash="0" * 64, hash_algorithm="md5")
    with pytest.raises(NotImplementedError, match="one process"):
        keras.distribution.initialize(job_addresses="10.0.0.1:1,10.0.0.2:1")


def test_positions_of_a_summary():
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    widths = []
    for positions in ([0.5, 0.8, 1.0], [50, 80, 100], [0.3, 0.6, 1.0]):
        lines: list[str] = []
        model.summary(100, positions, print_fn=lines.append)
        widths.append([len(cell) for cell in next(line for line in lines if "Layer (type)" in line).split("┃")])
    assert widths[0] == widths[1] != widths[2]
    with pytest.raises(ValueError, match="where each column ends"):
        model.summary(positions=[0.5, 1.0])
