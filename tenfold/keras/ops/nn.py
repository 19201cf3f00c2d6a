"""`keras.ops.nn`: activations, convolutions, normalizations, losses. `keras.ops` holds them as well."""

from tenfold.keras.base import lazy

NAMES = {
    "tenfold.keras.ops.activations": "celu elu gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu log_sigmoid log_softmax "
    "polar relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh_shrink "
    "threshold",
    "tenfold.keras.ops.attention": "dot_product_attention",
    "tenfold.keras.ops.convolutions": "conv conv_transpose depthwise_conv separable_conv",
    "tenfold.keras.ops.crossentropy": "binary_crossentropy categorical_crossentropy psnr sparse_categorical_crossentropy",
    "tenfold.keras.ops.ctc": "ctc_decode ctc_loss",
    "tenfold.keras.ops.encoding": "multi_hot one_hot",
    "tenfold.keras.ops.normalizing": "batch_normalization layer_normalization moments normalize rms_normalization",
    "tenfold.keras.ops.patches": "depth_to_space fold space_to_depth unfold",
    "tenfold.keras.ops.pooling": "adaptive_average_pool adaptive_max_pool average_pool max_pool",
}
__getattr__, __dir__, __all__ = lazy.names("tenfold.keras.ops.nn", NAMES)
