"""`keras.ops.nn`: activations, convolutions, normalizations, losses. `keras.ops` holds them as well."""

from tenfold.keras import lazy

NAMES = {
    "tenfold.keras.ops.activations": "elu gelu leaky_relu log_sigmoid log_softmax relu relu6 selu sigmoid silu softmax softplus softsign swish",
    "tenfold.keras.ops.attention": "dot_product_attention",
    "tenfold.keras.ops.encoding": "one_hot",
}
__getattr__, __dir__ = lazy.names("tenfold.keras.ops.nn", NAMES)
