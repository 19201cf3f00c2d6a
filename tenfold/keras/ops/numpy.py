"""`keras.ops.numpy`: the functions that NumPy has too. `keras.ops` holds them as well."""

from tenfold.keras import lazy

NAMES = {
    "tenfold.keras.ops.comparing": "equal greater greater_equal isfinite isinf isnan less less_equal logical_and logical_not logical_or logical_xor "
    "not_equal where",
    "tenfold.keras.ops.creating": "arange eye full ones ones_like zeros zeros_like",
    "tenfold.keras.ops.elementwise": "abs absolute add ceil clip divide floor floor_divide maximum minimum mod multiply negative power reciprocal "
    "sign sqrt square subtract true_divide",
    "tenfold.keras.ops.indexing": "get_item take",
    "tenfold.keras.ops.joining": "concatenate split stack",
    "tenfold.keras.ops.products": "einsum matmul",
    "tenfold.keras.ops.reducing": "all any argmax argmin cumsum max mean min prod std sum var",
    "tenfold.keras.ops.shaping": "broadcast_to expand_dims flip ndim repeat reshape size squeeze tile transpose",
    "tenfold.keras.ops.transcendental": "arccos arccosh arcsin arcsinh arctan arctan2 arctanh cos cosh exp exp2 expm1 log log10 log1p log2 sin sinh "
    "tan tanh",
}
__getattr__, __dir__ = lazy.names("tenfold.keras.ops.numpy", NAMES)
