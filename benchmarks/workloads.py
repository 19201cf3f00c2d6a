"""All benchmarks there are, what they are called, and how fast Tenfold shall be."""

from dataclasses import dataclass

import eager
import exported
import first
import fit_predict
import keras_models
import recurrent
import scaling
import startup
import train_steps
import transformers
import vision
from common import FRAMEWORKS, Key, Suite

FILES = (train_steps, vision, recurrent, transformers, exported, fit_predict, keras_models, eager, startup, first, scaling)
SUITES: tuple[Suite, ...] = tuple(file.SUITE for file in FILES)
NAMES = dict(zip(FRAMEWORKS, ("Tenfold", "TensorFlow", "PyTorch", "JAX", "ONNX Runtime", "OpenVINO", "LiteRT"), strict=True))
TITLES = {
    "mlp_b128": "MLP 784-128-10, Adam, batch 128, one step",
    "cnn_b32": "CIFAR CNN, Adam, batch 32, one step",
    "cnn_b256": "CIFAR CNN, Adam, batch 256, one step",
    "resnet18_train": "ResNet-18, 224x224, SGD with momentum, batch 16, one step",
    "resnet18_b1": "ResNet-18, batch 1, inference",
    "resnet18_b1_bf16": "the same in bfloat16",
    "mobilenetv2_b1": "MobileNetV2, batch 1, inference",
    "lstm": "Embedding 20000x128, LSTM 128, 100 steps, Adam, batch 64, one step",
    "gru": "The same with GRU 128",
    "simple_rnn": "The same with SimpleRNN 128",
    "gpt": "GPT, 6 layers x 384, 6 heads, T 256, AdamW, batch 8, one step",
    "gpt_bf16": "the same in mixed bfloat16",
    "bert": "BERT-base encoder, T 128, batch 1, inference",
    "bert_bf16": "the same in bfloat16",
    "fit_mlp": "`fit` per step, MLP, batch 128",
    "fit_cnn_b32": "`fit` per step, CIFAR CNN, batch 32",
    "keras_bilstm": "`fit`, 20 batches: bidirectional LSTM on masked reviews of 250 words",
    "keras_digits": "`fit`, 5 batches: convolutions on spectrograms",
    "keras_shakespeare": "`fit`, 40 batches: GPT of 4 layers x 128, T 64, batch 12",
    "keras_table": "`fit`, 50 batches: a table of numbers and words through a FeatureSpace",
    "keras_efficientnet": "EfficientNetB0: built anew, and one step of batch 8",
    "predict_row": "`predict` of one row, MLP",
    "add_8x8": "eager add of 8x8",
    "tanh_gradient": "eager tanh(a @ w).sum() and its gradient, 8x8",
    "import": "import",
    "import_and_add": "import and one addition",
    "resnet18_first_cold": "ResNet-18 training, first step, caches empty",
    "resnet18_first_warm": "ResNet-18 training, first step, caches filled",
    "bert_first_cold": "BERT-base inference, first call, caches empty",
    "bert_first_warm": "BERT-base inference, first call, caches filled",
}
TENFOLD_ALONE = {
    **{f"resnet18_{n}_images": f"ResNet-18 training, batch {n}, one step" for n in scaling.BATCHES},
    scaling.ONE_THREAD: "ResNet-18 training, batch 16, one step, one thread",
    **{f"gpt_{n}": f"GPT, {n} layers, one step" for n in scaling.DEPTHS},
    **{f"gpt_{n}_first_cold": f"GPT, {n} layers, first step, caches empty" for n in scaling.DEPTHS},
    **{f"gpt_{n}_first_warm": f"GPT, {n} layers, first step, caches filled" for n in scaling.DEPTHS},
}


@dataclass(frozen=True)
class Goal:
    """At most `factor` times what it is compared with: the best rival, what runs in turns with it in its process, or one second."""

    factor: float
    to: str = "rival"


GOALS = {
    "mlp_b128": Goal(0.6),
    "cnn_b32": Goal(0.65),
    "cnn_b256": Goal(0.75),
    "resnet18_train": Goal(0.75),
    "resnet18_b1": Goal(0.8),
    "resnet18_b1_bf16": Goal(1.0),
    "mobilenetv2_b1": Goal(1.0),
    "lstm": Goal(0.65),
    "gpt": Goal(0.75),
    "gpt_bf16": Goal(0.75),
    "bert": Goal(0.95),
    "bert_bf16": Goal(1.0),
    **dict.fromkeys(("keras_bilstm", "keras_digits", "keras_shakespeare", "keras_table"), Goal(1 / 1.5)),
    "keras_efficientnet": Goal(1.0),
    "fit_mlp": Goal(1.1, "beside"),
    "fit_cnn_b32": Goal(1.1, "beside"),
    "predict_row": Goal(0.3e-3, "second"),
    "add_8x8": Goal(2e-6, "second"),
    "tanh_gradient": Goal(42e-6, "second"),
    "import": Goal(0.25, "second"),
    "import_and_add": Goal(0.25, "second"),
    "resnet18_first_cold": Goal(5.0, "second"),
    "resnet18_first_warm": Goal(0.5, "second"),
    "bert_first_cold": Goal(1.5, "second"),
    "bert_first_warm": Goal(0.3, "second"),
}
MEMORY = {"resnet18_train": Goal(1.0), "gpt": Goal(1.0), "lstm": Goal(1.0)}  # the process's peak, beside the rival that needs least


def benchmarks(workload: str) -> list[tuple[Suite, Key]]:
    return [(suite, key) for suite in SUITES for key in suite.benchmarks if key.workload == workload]
