"""Every public layer, loss, metric, optimizer, schedule and initializer has at least two cases, or stands here with the reason."""

import inspect
from collections import defaultdict
from functools import cache

import pytest
from recorded.compare import recorded
from recorded.families import FAMILIES, cases_of

import tenfold as tf

ELSEWHERE = "recorded in the cases of its family, which are not of a single class"
FOREIGN = "holds a model of another framework"
BASE = "says what its kind has in common; nothing to compute"
RANDOM = "random in a way that few draws do not pin down: tests/keras_api tests it"
EXCEPT = {
    **dict.fromkeys(("AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"), ELSEWHERE),
    **dict.fromkeys(("SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional", "TimeDistributed"), ELSEWHERE),
    **dict.fromkeys(("GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"), ELSEWHERE),
    **dict.fromkeys(("HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization"), ELSEWHERE),
    **dict.fromkeys(("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"), FOREIGN),
    **dict.fromkeys(("InputLayer", "InputSpec", "Layer", "Wrapper", "Loss", "LossFunctionWrapper", "Reduction", "Metric", "Optimizer"), BASE),
    **dict.fromkeys(("LearningRateSchedule", "Initializer", "OptimizerMap"), BASE),
    **dict.fromkeys(("AugMix", "CutMix", "RandAugment", "RandomElasticTransform", "RandomErasing", "RandomGaussianBlur"), RANDOM),
    "MaxNumBoundingBoxes": "only pads: tests/keras_api tests it",
    "Pipeline": "calls layers one after the other",
    "LossScaleOptimizer": "wraps every optimizer in its float16 cases",
    "MultiOptimizer": "one case: `several`",
    "RandomTranslation": "one case, and one among the bounding boxes",
    "ScheduleFreeAdamW": "on TensorFlow Keras takes the new momentum for the old one",
}
K = tf.keras
MODULES = (K.layers, K.losses, K.metrics, K.optimizers, K.optimizers.schedules, K.initializers)


@cache
def configurations() -> dict[str, set[str]]:
    """The names of the float32 cases of each class."""
    found: dict[str, set[str]] = defaultdict(set)
    for family in FAMILIES:
        for name, case in cases_of(family).items():
            if getattr(case, "kind", "") and getattr(case, "policy", "float32") == "float32" and name in recorded(family):
                found[case.kind].add(name)
    return found


def public_classes(module: object) -> dict[type, set[str]]:
    """The classes with all their names."""
    found: dict[type, set[str]] = defaultdict(set)
    for name, value in inspect.getmembers(module, inspect.isclass):
        if name[0].isupper() and name != "Any":
            found[value] |= {name, value.__name__}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_public_class_is_recorded(module):
    counted = {
        min(names): len(set().union(*(configurations().get(name, set()) for name in names)))
        for names in public_classes(module).values()
        if not names & EXCEPT.keys()
    }
    assert {name: count for name, count in counted.items() if count < 2} == {}


def test_exceptions_exist():
    known = {name for module in MODULES for names in public_classes(module).values() for name in names}
    assert EXCEPT.keys() <= known
