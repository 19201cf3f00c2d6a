"""Layers with windows over positions: convolution, pooling, padding, cropping, enlarging, convolutional recurrence."""

from typing import Any

from recorded.cases.common import Arrays, Case, array, fill_weights, normal
from recorded.cases.layer_runs import Table

TABLE = Table()
CASES, add = TABLE.cases, TABLE.add
SEQUENCE, IMAGE, VOLUME = normal(8, 2, 11, 4), normal(4, 2, 9, 8, 4), normal(3, 2, 5, 4, 6, 3)
SMALL = normal(1, 2, 7, 6, 4)
FILMS = {1: normal(4, 2, 3, 7, 3), 2: normal(5, 2, 3, 5, 6, 3), 3: normal(6, 2, 2, 4, 3, 4, 2)}

# --- convolutions ---
CONV2D: dict[str, dict[str, Any]] = {
    "valid": {},
    "same": {"padding": "same"},
    "relu": {"padding": "same", "activation": "relu"},
    "no_bias": {"use_bias": False},
    "strides2_valid": {"strides": 2},
    "strides2_same": {"strides": 2, "padding": "same"},
    "strides_2_1_same": {"strides": (2, 1), "padding": "same"},
    "strides3_same": {"strides": 3, "padding": "same"},
    "dilation2_valid": {"dilation_rate": 2},
    "dilation_1_2_same": {"dilation_rate": (1, 2), "padding": "same"},
    "groups2": {"groups": 2, "padding": "same"},
    "groups4_strides2": {"groups": 4, "strides": 2, "padding": "same"},
}
for name, options in CONV2D.items():
    add(f"conv2d_{name}", lambda L, o=options: L.Conv2D(8, 3, **o), IMAGE)
add("conv2d_1x1", lambda L: L.Conv2D(6, 1), IMAGE)
add("conv2d_2x2_same", lambda L: L.Conv2D(6, 2, padding="same"), IMAGE)
add("conv2d_kernel_5x3", lambda L: L.Conv2D(3, (5, 3), padding="same", strides=(1, 2)), IMAGE)
add("conv2d_7x7_strides2_same", lambda L: L.Conv2D(5, 7, strides=2, padding="same"), normal(5, 1, 15, 13, 3))
add("conv2d_one_channel", lambda L: L.Conv2D(8, (3, 3), activation="relu"), normal(6, 3, 12, 12, 1))
add("conv2d_wide", lambda L: L.Conv2D(33, 3, padding="same"), normal(7, 1, 6, 6, 37))
add("conv2d_whole_image", lambda L: L.Conv2D(4, (9, 8)), IMAGE)
CONV1D: dict[str, dict[str, Any]] = {
    "valid": {},
    "causal_dilation2": {"padding": "causal", "dilation_rate": 2},
    "same": {"padding": "same", "activation": "relu"},
    "causal": {"padding": "causal"},
    "strides2_same": {"padding": "same", "strides": 2},
    "strides3_valid": {"strides": 3},
    "dilation3": {"dilation_rate": 3},
    "groups2": {"groups": 2},
}
for name, options in CONV1D.items():
    add(f"conv1d_{name}", lambda L, o=options: L.Conv1D(6, 3, **o), SEQUENCE)
add("conv3d", lambda L: L.Conv3D(5, 3, padding="same"), VOLUME)
add("conv3d_strides", lambda L: L.Conv3D(5, 2, strides=2), VOLUME)
add("depthwise2d", lambda L: L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"), SMALL)
add("depthwise2d_same_strides", lambda L: L.DepthwiseConv2D(3, strides=2, padding="same"), SMALL)
add("depthwise1d", lambda L: L.DepthwiseConv1D(3, padding="same"), SEQUENCE)
add("depthwise1d_strides", lambda L: L.DepthwiseConv1D(3, strides=2, use_bias=False), SEQUENCE)
add("separable2d", lambda L: L.SeparableConv2D(6, 3, padding="same", depth_multiplier=2), SMALL)
add("separable2d_strides", lambda L: L.SeparableConv2D(5, 3, strides=2, activation="tanh"), SMALL)
add("separable1d", lambda L: L.SeparableConv1D(6, 3, strides=2), SEQUENCE)
add("separable1d_same", lambda L: L.SeparableConv1D(5, 2, padding="same", depth_multiplier=2, use_bias=False), SEQUENCE)
for padding in ("valid", "same"):
    for strides in (2, 1, 3):
        add(f"transpose2d_{padding}_{strides}", lambda L, p=padding, s=strides: L.Conv2DTranspose(5, 3, strides=s, padding=p), SMALL)
    add(f"transpose2d_{padding}_even", lambda L, p=padding: L.Conv2DTranspose(5, (4, 2), strides=2, padding=p), SMALL)
    add(f"transpose1d_{padding}", lambda L, p=padding: L.Conv1DTranspose(5, 3, strides=2, padding=p), SEQUENCE)
    add(f"transpose3d_{padding}", lambda L, p=padding: L.Conv3DTranspose(2, 2, strides=2, padding=p), VOLUME[:, :3])
add("transpose2d_output_padding", lambda L: L.Conv2DTranspose(5, 3, strides=2, padding="same", output_padding=1), SMALL)
add("transpose2d_short_kernel", lambda L: L.Conv2DTranspose(5, 1, strides=2, padding="same"), SMALL)

# --- pooling ---
POOL2D: dict[str, dict[str, Any]] = {
    "2": {"pool_size": 2},
    "3_strides2_same": {"pool_size": 3, "strides": 2, "padding": "same"},
    "2_same": {"pool_size": 2, "padding": "same"},
    "2_channels_first": {"pool_size": 2, "data_format": "channels_first"},
    "3_strides2_same_channels_first": {"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"},
    "3_strides2_valid": {"pool_size": 3, "strides": 2},
    "3_strides1_same": {"pool_size": 3, "strides": 1, "padding": "same"},
    "2x3": {"pool_size": (2, 3)},
    "2x3_same": {"pool_size": (2, 3), "strides": (1, 2), "padding": "same"},
}
# What TensorFlow cannot do in 16 bits; and of equal elements, which there are in bfloat16, it gives the gradient to all in volumes, to one in images.
NO_KERNEL = {"Max": {"mixed_bfloat16": 0.0, "mixed_float16": 0.0}, "Average": {"mixed_float16": 0.0}}
for kind in ("Max", "Average"):
    for name, options in POOL2D.items():
        add(f"{kind}_pooling2d_{name}", lambda L, k=kind, o=options: getattr(L, f"{k}Pooling2D")(**o), normal(9, 2, 7, 9, 3))
    for rank, x in ((1, SEQUENCE), (3, VOLUME)):
        mixed = NO_KERNEL[kind] if rank == 3 else {}
        add(f"{kind}_pooling{rank}d", lambda L, k=kind, r=rank: getattr(L, f"{k}Pooling{r}D")(2), x, mixed=mixed)
        add(f"{kind}_pooling{rank}d_same", lambda L, k=kind, r=rank: getattr(L, f"{k}Pooling{r}D")(3, strides=2, padding="same"), x, mixed=mixed)
    for rank, x in ((1, SEQUENCE), (2, SMALL), (3, VOLUME)):
        add(f"global_{kind}{rank}d", lambda L, k=kind, r=rank: getattr(L, f"Global{k}Pooling{r}D")(), x)
        add(f"global_{kind}{rank}d_first", lambda L, k=kind, r=rank: getattr(L, f"Global{k}Pooling{r}D")("channels_first", keepdims=True), x)
    for rank, x, size in ((1, SEQUENCE, 4), (2, SMALL, (3, 4)), (3, VOLUME, (2, 4, 3))):
        mixed = NO_KERNEL[kind] if rank == 3 else {}
        add(f"adaptive_{kind}{rank}d", lambda L, k=kind, r=rank, s=size: getattr(L, f"Adaptive{k}Pooling{r}D")(s), x, mixed=mixed)
        add(f"adaptive_{kind}{rank}d_one", lambda L, k=kind, r=rank: getattr(L, f"Adaptive{k}Pooling{r}D")(2, "channels_first"), x, mixed=mixed)
    add(f"adaptive_{kind}_even", lambda L, k=kind: getattr(L, f"Adaptive{k}Pooling2D")((7, 2)), SMALL)
    add(f"adaptive_{kind}_larger", lambda L, k=kind: getattr(L, f"Adaptive{k}Pooling1D")(13), SEQUENCE)
add("global_average1d_masked", lambda L: L.GlobalAveragePooling1D(), SEQUENCE, options={"mask": SEQUENCE[..., 0] > 0})

# --- margins and sizes ---
add("zero_padding1d", lambda L: L.ZeroPadding1D((1, 2)), SEQUENCE)
add("zero_padding1d_first", lambda L: L.ZeroPadding1D(2, data_format="channels_first"), SEQUENCE)
add("zero_padding2d", lambda L: L.ZeroPadding2D(((1, 2), (0, 3))), SMALL)
add("zero_padding2d_first", lambda L: L.ZeroPadding2D((1, 2), data_format="channels_first"), SMALL)
add("zero_padding3d", lambda L: L.ZeroPadding3D(((1, 0), (0, 2), (1, 1))), VOLUME)
add("zero_padding3d_first", lambda L: L.ZeroPadding3D(1, data_format="channels_first"), VOLUME)
add("cropping1d", lambda L: L.Cropping1D((1, 2)), SEQUENCE)
add("cropping1d_one", lambda L: L.Cropping1D(1), SEQUENCE)
add("cropping2d", lambda L: L.Cropping2D(((1, 2), (0, 3))), SMALL)
add("cropping2d_first", lambda L: L.Cropping2D(1, data_format="channels_first"), SMALL)
add("cropping3d", lambda L: L.Cropping3D(((1, 1), (0, 2), (1, 0))), VOLUME)
add("cropping3d_first", lambda L: L.Cropping3D(1, data_format="channels_first"), VOLUME)
add("up_sampling1d", lambda L: L.UpSampling1D(3), SEQUENCE)
add("up_sampling1d_two", lambda L: L.UpSampling1D(), SEQUENCE)
add("up_sampling2d", lambda L: L.UpSampling2D((2, 3)), SMALL)
add("up_sampling2d_bilinear", lambda L: L.UpSampling2D((2, 3), interpolation="bilinear"), SMALL)
for how, tolerance in (("bicubic", 5e-3), ("lanczos3", 1e-5), ("lanczos5", 1e-5)):  # TensorFlow reads bicubic weights from a coarse table
    add(f"up_sampling2d_{how}", lambda L, h=how: L.UpSampling2D((2, 3), interpolation=h), SMALL, tolerance)
add("up_sampling3d", lambda L: L.UpSampling3D((2, 1, 3)), VOLUME)
add("up_sampling3d_first", lambda L: L.UpSampling3D(2, data_format="channels_first"), VOLUME)

# --- convolutional recurrence ---
for rank, film in FILMS.items():
    add(f"conv_lstm{rank}d", lambda L, r=rank: getattr(L, f"ConvLSTM{r}D")(3, 2), film, 2e-5)
    options = {"padding": "same", "return_sequences": True, "unit_forget_bias": False}
    add(f"conv_lstm{rank}d_same", lambda L, r=rank, o=options: getattr(L, f"ConvLSTM{r}D")(2, 3, **o), film, 2e-5,
        {"mixed_bfloat16": 0.06, "mixed_float16": 0.01})  # fmt: skip
for name, options in {
    "strides": {"strides": 2, "padding": "same"},
    "dilation": {"dilation_rate": 2, "use_bias": False},
    "backwards": {"go_backwards": True, "return_sequences": True, "activation": "relu", "recurrent_activation": "hard_sigmoid"},
}.items():
    add(f"conv_lstm_{name}", lambda L, o=options: L.ConvLSTM2D(3, (3, 2), **o), FILMS[2], 2e-5)


def states(tf: Any) -> Arrays:
    """A stateful ConvLSTM over two batches, its states returned."""
    layer = tf.keras.layers.ConvLSTM2D(3, 2, return_state=True, stateful=True)
    x = tf.constant(FILMS[2])
    layer(x)
    layer.reset_state()
    fill_weights(layer.weights, seed=41)
    found = [*layer(x), *layer(x)]
    return {f"y{i}": array(y) for i, y in enumerate(found)}


CASES["conv_lstm_states"] = Case(states, 2e-5)
