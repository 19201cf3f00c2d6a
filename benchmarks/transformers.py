"""Transformers: a step of training of a small GPT (6 layers x 384, 6 heads, 256 characters, batch 8, AdamW), and BERT-base's encoder
at batch 1 and 128 words. The `bf16` workloads are the same in mixed precision.
"""

from collections.abc import Callable
from typing import Any

import common
import steps
import transformers_jax
from common import Run, Suite

SUITE = Suite("transformers.py")
GPT = {"layers": 6, "size": 384, "heads": 6, "steps": 256, "batch": 8, "vocabulary": 65}
BERT = {"layers": 12, "size": 768, "heads": 12, "steps": 128, "batch": 1, "vocabulary": 30522}


def words(sizes: dict[str, int], extra: int = 0) -> Any:
    import numpy as np

    return np.random.default_rng(0).integers(0, sizes["vocabulary"], (sizes["batch"], sizes["steps"] + extra)).astype("int32")


def block(L: Any, x: Any, sizes: dict[str, int], first: bool, causal: bool) -> Any:
    """One layer; `first`: normalized before attention and MLP (GPT) or after them (BERT)."""
    size, heads = sizes["size"], sizes["heads"]
    y = L.LayerNormalization(epsilon=1e-5)(x) if first else x
    y = L.MultiHeadAttention(heads, size // heads)(y, y, use_causal_mask=causal)
    x = L.Add()([x, y])
    x = x if first else L.LayerNormalization(epsilon=1e-12)(x)
    y = L.LayerNormalization(epsilon=1e-5)(x) if first else x
    y = L.Dense(size)(L.Dense(4 * size, activation="gelu")(y))
    x = L.Add()([x, y])
    return x if first else L.LayerNormalization(epsilon=1e-12)(x)


def keras_gpt(tf: Any, sizes: dict[str, int]) -> Any:
    L, K = tf.keras.layers, tf.keras
    x = K.Input((sizes["steps"],), dtype="int32")
    places = tf.keras.ops.arange(sizes["steps"])
    y = L.Embedding(sizes["vocabulary"], sizes["size"])(x) + L.Embedding(sizes["steps"], sizes["size"])(places)
    for _ in range(sizes["layers"]):
        y = block(L, y, sizes, first=True, causal=True)
    logits = L.Dense(sizes["vocabulary"], use_bias=False)(L.LayerNormalization(epsilon=1e-5)(y))
    return K.Model(x, L.Activation("linear", dtype="float32")(logits))


def keras_bert(tf: Any) -> Any:
    L, K = tf.keras.layers, tf.keras
    x = K.Input((BERT["steps"],), dtype="int32")
    places = tf.keras.ops.arange(BERT["steps"])
    y = L.Embedding(BERT["vocabulary"], BERT["size"])(x) + L.Embedding(BERT["steps"], BERT["size"])(places)
    y = L.LayerNormalization(epsilon=1e-12)(y)
    for _ in range(BERT["layers"]):
        y = block(L, y, BERT, first=False, causal=False)
    return K.Model(x, L.Activation("linear", dtype="float32")(y))


def policy(tf: Any, workload: str) -> None:
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16" if workload.endswith("bf16") else "float32")


def gpt_step(tf: Any, workload: str, sizes: dict[str, int] = GPT, **options: Any) -> Run:
    policy(tf, workload)
    data = words(sizes, 1)
    loss, optimizer = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), tf.keras.optimizers.AdamW(3e-4, weight_decay=0.1)
    return steps.tape_step(tf, keras_gpt(tf, sizes), loss, optimizer, (data[:, :-1], data[:, 1:]), **options)


def bert_call(tf: Any, workload: str, **options: Any) -> Run:
    policy(tf, workload)
    model = keras_bert(tf)
    x = tf.constant(words(BERT))
    compiled = tf.function(lambda inputs: model(inputs, training=False), **options)
    return Run(lambda: compiled(x), wait=lambda y: y.numpy())


def torch_blocks(torch: Any, sizes: dict[str, int], first: bool, causal: bool) -> Any:
    nn, functional = torch.nn, torch.nn.functional
    size, heads = sizes["size"], sizes["heads"]
    epsilon = 1e-5 if first else 1e-12

    class Block(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.n1, self.n2 = nn.LayerNorm(size, eps=epsilon), nn.LayerNorm(size, eps=epsilon)
            self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
            self.up, self.down = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)

        def attend(self, x: Any) -> Any:
            b, t, _ = x.shape
            q, k, v = (z.view(b, t, heads, -1).transpose(1, 2) for z in self.qkv(x).split(size, dim=2))
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
            return self.out(y.transpose(1, 2).reshape(b, t, size))

        def forward(self, x: Any) -> Any:
            if first:
                x = x + self.attend(self.n1(x))
                return x + self.down(functional.gelu(self.up(self.n2(x))))
            x = self.n1(x + self.attend(x))
            return self.n2(x + self.down(functional.gelu(self.up(x))))

    class Body(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = nn.Embedding(sizes["vocabulary"], size), nn.Embedding(sizes["steps"], size)
            self.blocks = nn.Sequential(*(Block() for _ in range(sizes["layers"])))
            self.norm = nn.LayerNorm(size, eps=epsilon)
            self.head = nn.Linear(size, sizes["vocabulary"], bias=False) if first else nn.Identity()

        def forward(self, x: Any) -> Any:
            y = self.words(x) + self.places.weight
            return self.head(self.norm(self.blocks(y))) if first else self.blocks(self.norm(y))

    return Body()


def torch_gpt(workload: str, compiled: bool) -> Run:
    torch = common.torch()
    model = torch_blocks(torch, GPT, first=True, causal=True)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-4, weight_decay=0.1, fused=True)
    data = torch.from_numpy(words(GPT, 1)).long()
    x, labels = data[:, :-1].contiguous(), data[:, 1:].reshape(-1)
    half = workload.endswith("bf16")

    def loss_of(inputs: Any, targets: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = model(inputs)
        return torch.nn.functional.cross_entropy(logits.float().view(-1, GPT["vocabulary"]), targets)

    return steps.torch_step(torch, loss_of, optimizer, (x, labels), compiled)


def torch_bert(workload: str, compiled: bool) -> Run:
    torch = common.torch()
    model = torch_blocks(torch, BERT, first=False, causal=False).eval()
    x = torch.from_numpy(words(BERT)).long()
    if workload.endswith("bf16"):
        model = model.to(torch.bfloat16)
    forward = torch.compile(model) if compiled else model

    def call() -> Any:
        with torch.inference_mode():
            return forward(x)

    return Run(call)


def register(workload: str) -> None:
    train = workload.startswith("gpt")
    ours, theirs = (gpt_step, torch_gpt) if train else (bert_call, torch_bert)

    def add(framework: str, variant: str, prepare: Callable[[], Run]) -> None:
        SUITE.add(workload, framework, variant)(prepare)

    add("tenfold", "function", lambda: ours(common.tenfold(), workload))
    add("tensorflow", "function", lambda: ours(common.tensorflow(), workload))
    add("tensorflow", "jit_compile", lambda: ours(common.tensorflow(), workload, jit_compile=True))
    add("torch", "eager", lambda: theirs(workload, compiled=False))
    add("torch", "compile", lambda: theirs(workload, compiled=True))
    if workload == "gpt":
        add("jax", "jit", lambda: transformers_jax.step(words(GPT, 1), GPT))
    if workload == "bert":
        add("jax", "jit", lambda: transformers_jax.call(words(BERT), BERT))


for each in ("gpt", "gpt_bf16", "bert", "bert_bf16"):
    register(each)

if __name__ == "__main__":
    common.main(SUITE)
