"""Layers in few bits and with low-rank adaptation: what they compute, keep and save, and how they train; the functions of keras.quantizers."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, fill_weights, integers, normal

CASES: dict[str, Case] = {}
X, WORDS = normal(1, 4, 3, 24), integers(2, 0, 30, 4, 3)


def make(tf: Any, kind: str, policy: Any = None) -> Any:
    """A built layer with weights that depend on the seed only."""
    L = tf.keras.layers
    layer = {
        "dense": lambda: L.Dense(10, activation="relu", dtype=policy),
        "einsum_qkv": lambda: L.EinsumDense("btd,dnh->btnh", (None, 2, 5), bias_axes="nh", dtype=policy),
        "einsum_middle": lambda: L.EinsumDense("btd,ndh->btnh", (None, 2, 5), dtype=policy),
        "embedding": lambda: L.Embedding(30, 24, dtype=policy),
        "conv": lambda: L.Conv1D(10, 2, dtype=policy),
        "out": lambda: L.EinsumDense("bth,hd->btd", (None, 40), bias_axes="d", dtype=policy),
    }[kind]()
    layer(tf.constant(WORDS if kind == "embedding" else X))
    fill_weights(layer.weights, seed=3)
    return layer


def configured(tf: Any, mode: str) -> Any:
    q = tf.keras.quantizers
    return {
        "int8": lambda: q.Int8QuantizationConfig(),
        "int8_weights": lambda: q.Int8QuantizationConfig(activation_quantizer=None),
        "int4": lambda: q.Int4QuantizationConfig(block_size=None),
        "int4_blocks": lambda: q.Int4QuantizationConfig(block_size=10),
    }[mode]()


def quantized(tf: Any, kind: str, mode: str, policy: Any = None) -> Arrays:
    """Outputs, the gradient of the inputs, the weights' names, shapes and types, and what is saved."""
    layer = make(tf, kind, policy)
    layer.quantize(mode.split("_")[0], config=configured(tf, mode))
    x = tf.constant(WORDS if kind == "embedding" else X)
    with tf.GradientTape() as tape:
        if kind != "embedding":
            tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(tf.cast(y, "float32") * tf.constant(normal(4, *y.shape)))
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    kinds = sorted(f"{w.name} {tuple(w.shape)} {np.dtype(w.dtype if isinstance(w.dtype, str) else w.dtype.name)}" for w in layer.weights)
    found = {"y": array(tf.cast(y, "float32")), "weights": np.array(kinds), "policy": np.array(layer.dtype_policy.name)}
    if kind != "embedding":
        found["dx"] = array(tape.gradient(loss, x))
    return found | {f"saved_{k}": array(v) for k, v in store.items()}


for kind in ("dense", "einsum_qkv", "einsum_middle", "embedding"):
    for mode in ("int8", "int8_weights", "int4", "int4_blocks"):
        CASES[f"{kind}_{mode}"] = Case(lambda tf, k=kind, m=mode: quantized(tf, k, m), 2e-5)


for kind in ("dense", "einsum_qkv", "out"):
    CASES[f"{kind}_int8_bfloat16"] = Case(lambda tf, k=kind: quantized(tf, k, "int8", "mixed_bfloat16"), 2e-2)


def reversed_rows(tf: Any, mode: str, tied: bool) -> Arrays:
    """An embedding and its projection back, with the gradient of the vectors."""
    layer = tf.keras.layers.ReversibleEmbedding(30, 24, tie_weights=tied, logit_soft_cap=5.0)
    layer(tf.constant(WORDS))
    fill_weights(layer.weights, seed=3)
    layer.quantize(mode.split("_")[0], config=configured(tf, mode))
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, reverse=True)
    found = {"rows": array(layer(tf.constant(WORDS))), "y": array(y)}
    return found | ({"dx": array(tape.gradient(y, x))} if mode == "int8_weights" else {})  # Keras has no gradient of rounded vectors


for mode in ("int8", "int8_weights", "int4", "int4_blocks"):
    for tied in (True, False):
        CASES[f"reversible_{mode}_{tied}"] = Case(lambda tf, m=mode, t=tied: reversed_rows(tf, m, t), 2e-5)


def _watchable(layer: Any, mode: str) -> None:
    """Keras 3.15.1 watches `call`, which it does not call in layers that wait for calibration: so it learns nothing, unless they do."""
    whole = layer.quantized_call

    def call(*args: Any, **kwargs: Any) -> Any:
        return (whole if getattr(layer, f"is_{mode}_calibrated") else layer.call)(*args, **kwargs)

    layer.quantized_call = call


def calibrated(tf: Any, config: Any, count: int = 2) -> Arrays:
    """What blocks behind an embedding keep and compute, calibrated with one sample. (Keras goes astray where a group has but one sign.)"""
    L = tf.keras.layers

    class Block(L.Layer):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.heads, self.joined = L.EinsumDense("btd,dnh->btnh", (None, 2, 16), bias_axes="nh"), L.EinsumDense("btnh,nhd->btd", (None, 32))
            self.up, self.down = L.Dense(48, activation="relu"), L.Dense(32)

        def call(self, x: Any) -> Any:
            x = x + self.joined(self.heads(x))
            return x + self.down(self.up(x))

    embedding, blocks = L.Embedding(30, 32), [Block() for _ in range(count)]
    model = tf.keras.Sequential([tf.keras.Input((None,), dtype="int32"), embedding, *blocks])
    tokens = integers(15, 0, 30, 1, 64)
    model(tf.constant(tokens))
    fill_weights(model.weights, seed=16)
    for block in blocks:
        for layer in (block.heads, block.joined, block.up, block.down):
            _watchable(layer, config.mode)
    config.dataset, config.tokenizer = [tokens], object()
    config.quantization_layer_structure = {"pre_block_layers": [embedding], "sequential_blocks": blocks}
    model.quantize(config.mode, config=config)
    found = {"y": array(model(tf.constant(tokens)))}
    for i, block in enumerate(blocks):
        for name in ("heads", "joined", "up", "down"):
            layer = getattr(block, name)
            found |= {f"{i}_{name}_{what}": array(getattr(layer, what)) for what in ("quantized_kernel", "kernel_scale", "kernel_zero")}
            found[f"{i}_{name}_groups"] = np.floor(array(layer.g_idx))  # Keras keeps fractions
            if config.mode == "awq":
                found[f"{i}_{name}_factors"] = array(layer.awq_scales)
    return found


def gptq(tf: Any, count: int, **options: Any) -> Arrays:
    return calibrated(tf, tf.keras.quantizers.GPTQConfig(None, None, num_samples=1, sequence_length=64, **options), count)


def awq(tf: Any, **options: Any) -> Arrays:
    return calibrated(tf, tf.keras.quantizers.AWQConfig(None, None, num_samples=1, sequence_length=64, **options))


for name, options in {
    "groups": {"count": 1, "group_size": 16},
    "channels": {"count": 1, "group_size": -1},
    "symmetric": {"count": 1, "group_size": 16, "symmetric": True, "weight_bits": 8},
    "ordered": {"count": 1, "group_size": 16, "activation_order": True, "weight_bits": 3, "hessian_damping": 0.1},
}.items():
    CASES[f"gptq_{name}"] = Case(lambda tf, o=options: gptq(tf, **o), 2e-4)
CASES["awq_groups"] = Case(lambda tf: awq(tf, group_size=16), 2e-4)


def adapted(tf: Any, kind: str, mode: str | None) -> Arrays:
    """Four steps that train what adapts a layer; then what is saved is the sum."""
    layer = make(tf, kind)
    if mode is not None:
        layer.quantize(mode.split("_")[0], config=configured(tf, mode))
    layer.enable_lora(3, lora_alpha=6.0)
    fill_weights([w for w in layer.weights if "lora" in w.name], seed=5)
    x = tf.constant(WORDS if kind == "embedding" else X)
    target = tf.constant(normal(6, *layer(x).shape))
    optimizer = tf.keras.optimizers.SGD(0.05)
    losses = []
    for _ in range(4):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((layer(x) - target) ** 2)
        variables = layer.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        losses.append(float(loss))
    names = np.array([f"{w.name} {tuple(w.shape)}" for w in layer.trainable_weights])
    found = {"losses": np.array(losses, "float32"), "names": names, "y": array(layer(x))}
    if mode is None:
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        found |= {f"saved_{k}": array(v) for k, v in store.items()}
    return found


for kind in ("dense", "einsum_middle", "embedding", "conv"):
    CASES[f"lora_{kind}"] = Case(lambda tf, k=kind: adapted(tf, k, None), 2e-5)
for kind in ("dense", "einsum_qkv", "embedding"):
    for mode in ("int8", "int4_blocks"):
        CASES[f"lora_{kind}_{mode}"] = Case(lambda tf, k=kind, m=mode: adapted(tf, k, m), 1e-4)


def eight_bits(tf: Any, kind: str) -> Arrays:
    """Three steps in float8: losses, and the scales and histories that they leave."""
    layer = make(tf, kind)
    for w in layer.weights:  # Keras rounds biases to bfloat16, for the sake of its kernels
        if w.name == "bias":
            w.assign(w * 0)
    layer.quantize("float8")
    optimizer = tf.keras.optimizers.SGD(0.05)
    variables = [w for w in layer.trainable_variables if w.name != "bias"]
    optimizer.build(variables)

    @tf.function
    def step(x: Any, direction: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x, training=True) * direction)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    shape = layer(tf.constant(X)).shape
    losses = [float(step(tf.constant(normal(7 + i, *X.shape)), tf.constant(normal(20 + i, *shape)))) for i in range(3)]
    state = {w.name: array(w)[:4] if len(w.shape) == 1 else array(w) for w in layer.weights if "scale" in w.name or "history" in w.name}
    return {"losses": np.array(losses, "float32"), **state}


CASES["float8_dense"] = Case(lambda tf: eight_bits(tf, "dense"), 1e-4)
CASES["float8_einsum"] = Case(lambda tf: eight_bits(tf, "einsum_qkv"), 1e-4)


def functions(tf: Any) -> Arrays:
    """The functions of keras.quantizers."""
    q, found = tf.keras.quantizers, {}
    matrix = normal(8, 11, 6)
    for axis in (0, -1):
        found[f"q{axis}"], found[f"s{axis}"] = (array(t) for t in q.abs_max_quantize(tf.constant(matrix), axis))
    for name, t in zip(("gq", "gs", "gz"), q.abs_max_quantize_grouped_with_zero_point(tf.constant(matrix), 4, to_numpy=True), strict=True):
        found[name] = array(t)
    small = integers(9, -8, 8, 5, 7, dtype="int8")
    for axis in (0, 1):
        packed, shape, length = q.pack_int4(tf.constant(small), axis)
        found |= {f"p{axis}": array(packed), f"shape{axis}": np.array([*shape, length]), f"u{axis}": array(q.unpack_int4(packed, length, axis))}
    wide = (normal(10, 200) * np.exp(3 * normal(11, 200))).astype("float32")
    for kind in ("float8_e4m3fn", "float8_e5m2"):
        found[kind] = array(q.quantize_and_dequantize(tf.constant(wide), tf.constant(0.7), kind, "float32"))
    history = tf.constant(np.abs(normal(12, 6)))
    found["history"] = array(q.compute_float8_amax_history(tf.constant(wide), history))
    found["scale"] = np.array([float(q.compute_float8_scale(tf.constant(a), tf.constant(0.5), tf.constant(448.0))) for a in (0.0, 3.0, np.inf)])
    return found


CASES["functions"] = Case(functions)


def fake(tf: Any, axis: int | None, bits: int, narrow: bool) -> Arrays:
    """Fake quantization with the gradients of inputs and range."""
    x = tf.constant(3 * normal(13, 5, 4))
    low, high = (tf.constant(np.float32(v) if axis is None else np.linspace(v, 1.5 * v, 4).astype("float32")) for v in (-1.3, 2.1))
    with tf.GradientTape() as tape:
        tape.watch([x, low, high])
        y = tf.keras.quantizers.fake_quant_with_min_max_vars(x, low, high, bits, narrow, axis)
        loss = tf.reduce_sum(y * tf.constant(normal(14, 5, 4)))
    return {"y": array(y)} | {n: array(g) for n, g in zip(("dx", "dlow", "dhigh"), tape.gradient(loss, [x, low, high]), strict=True)}


for name, options in {"plain": (None, 8, False), "narrow": (None, 4, True), "channels": (1, 8, False)}.items():
    CASES[f"fake_{name}"] = Case(lambda tf, o=options: fake(tf, *o), 1e-5)


def normalizations(tf: Any) -> Arrays:
    """Renormalization over three batches, and layer normalization without the mean."""
    L, found = tf.keras.layers, {}
    bounds = {"rmax": 1.5, "rmin": 0.5, "dmax": 0.3}
    for name, options in (("free", {}), ("bound", {"renorm_clipping": bounds})):
        layer = L.BatchNormalization(renorm=True, renorm_momentum=0.8, momentum=0.9, **options)
        layer(tf.constant(X))
        for step in range(3):
            x = tf.constant(2 * normal(30 + step, 4, 3, 24) + 1)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True)
                loss = tf.reduce_sum(y * tf.constant(normal(40, *y.shape)))
            found |= {f"{name}_y{step}": array(y), f"{name}_dx{step}": array(tape.gradient(loss, x))}
        found |= {f"{name}_{w.name}": array(w) for w in layer.weights} | {f"{name}_inference": array(layer(x))}
    layer = L.LayerNormalization(rms_scaling=True)
    found["rms"] = array(layer(tf.constant(X)))
    found["weights"] = np.array([w.name for w in layer.weights])
    return found


CASES["normalizations"] = Case(normalizations, 5e-5)
