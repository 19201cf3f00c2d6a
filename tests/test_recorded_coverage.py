"""Every public layer, loss, metric, optimizer, schedule and initializer is recorded in two configurations, with gradients, twenty steps and 16-bit
types where it has them; or stands here with the reason."""

import pytest
from recorded.coverage import FILE, MODULES, Coverage, found, public_classes, table

import tenfold as tf

FOREIGN = "holds a model of another framework"
BASE = "says what its kind has in common; nothing to compute"
COMPOSED = "applies, at random, layers that are recorded one by one"
NOT_RECORDED = {
    **dict.fromkeys(("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"), FOREIGN),
    **dict.fromkeys(("InputLayer", "InputSpec", "Layer", "Wrapper", "Loss", "LossFunctionWrapper", "Reduction", "Metric", "Optimizer"), BASE),
    **dict.fromkeys(("LearningRateSchedule", "Initializer", "OptimizerMap"), BASE),
    **dict.fromkeys(("AugMix", "RandAugment"), COMPOSED),
}
COUNTS = "strings, integers or counts: without gradient"
CHANCE = "random: mean and deviation, and what given parameters do"
NOTHING_TO_TRAIN = "pictures in, pictures out: nothing to train"
SPECTRA = "spectra of sound: values only"
NO_KERNEL = "TensorFlow computes it in float32 only"
PARTLY = {
    **dict.fromkeys(("CategoryEncoding", "Discretization", "HashedCrossing", "Hashing"), COUNTS),
    **dict.fromkeys(("IntegerLookup", "StringLookup", "TextVectorization"), COUNTS),
    **dict.fromkeys(("ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "MaxNumBoundingBoxes"), COUNTS),
    **dict.fromkeys(("AutoContrast", "CenterCrop", "Pipeline", "Resizing"), NOTHING_TO_TRAIN),
    **dict.fromkeys(("MelSpectrogram", "STFTSpectrogram"), SPECTRA),
    **dict.fromkeys(("AdaptiveMaxPooling3D", "MaxPooling3D", "TopKCategoricalAccuracy"), NO_KERNEL),
    **dict.fromkeys(("CutMix", "MixUp", "Solarization", *(f"Random{what}" for what in (
        "Brightness", "ColorDegeneration", "ColorJitter", "Contrast", "Crop", "ElasticTransform", "Erasing", "Flip", "GaussianBlur", "Grayscale",
        "Hue", "Invert", "Perspective", "Posterization", "Rotation", "Saturation", "Sharpness", "Shear", "Translation", "Zoom"))), CHANCE),
    "MultiOptimizer": "calls others, which are recorded in 16 bits",
    "LossScaleOptimizer": "wraps every optimizer in its float16 cases; what it does itself is recorded step by step",
    "Orthogonal": "decomposed in float32 whatever the type",
    "STFT": "Keras computes the angles in 16 bits; here they are computed in float32",
}  # fmt: skip
REASONS = NOT_RECORDED | PARTLY
WHOLE = {"layers": Coverage(2, 1, 1, 2), "losses": Coverage(2, 1, 1, 2), "metrics": Coverage(2, 0, 0, 2), "optimizers": Coverage(2, 0, 2, 2),
         "optimizers.schedules": Coverage(2, 0, 0, 0), "initializers": Coverage(2, 0, 0, 2)}  # fmt: skip
K = tf.keras


def lacks(has: Coverage, needed: Coverage) -> list[str]:
    return [what for what in Coverage.__annotations__ if getattr(has, what) < getattr(needed, what)]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_class_is_recorded(module):
    missing = {name: lacks(found(module, names), WHOLE[module]) for name, names in public_classes(K, module).items() if not names & REASONS.keys()}
    assert {name: what for name, what in missing.items() if what} == {}


@pytest.mark.parametrize("module", MODULES)
def test_what_is_recorded_in_part_is_so_in_two_configurations(module):
    counts = {name: found(module, names).configurations for name, names in public_classes(K, module).items() if names & PARTLY.keys()}
    assert {name: count for name, count in counts.items() if count < 2} == {}


def test_reasons_are_needed():
    classes = [(module, names) for module in MODULES for names in public_classes(K, module).values()]
    assert {name for _, names in classes for name in names} >= REASONS.keys()
    needed = {name for module, names in classes if lacks(found(module, names), WHOLE[module]) for name in names}
    assert REASONS.keys() <= needed


def test_the_table_is_of_today():
    assert FILE.read_text() == table(K, REASONS)
