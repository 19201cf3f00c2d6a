"""`keras.ops.numpy`: the functions that NumPy has too. `keras.ops` holds them as well."""

from tenfold.keras.base import lazy

NAMES = {
    "tenfold.keras.ops.comparing": """
        allclose equal greater greater_equal isclose isfinite isin isinf isnan isneginf isposinf less less_equal logical_and logical_not
        logical_or logical_xor not_equal select where
    """,
    "tenfold.keras.ops.complexes": "angle conj conjugate imag isreal real",
    "tenfold.keras.ops.creating": """
        arange array copy empty empty_like eye full full_like geomspace identity linspace logspace meshgrid ones ones_like tri vander view zeros
        zeros_like
    """,
    "tenfold.keras.ops.diagonals": "diag diagflat diagonal trace tril triu",
    "tenfold.keras.ops.elementwise": """
        abs absolute add cbrt clip divide divide_no_nan fabs floor_divide fmod maximum minimum mod multiply negative power reciprocal sqrt
        square subtract true_divide
    """,
    "tenfold.keras.ops.indexing": "get_item nonzero take take_along_axis unravel_index",
    "tenfold.keras.ops.integers": """
        bitwise_and bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor gcd lcm left_shift right_shift
    """,
    "tenfold.keras.ops.joining": "append array_split column_stack concatenate dsplit dstack hsplit hstack split stack vsplit vstack",
    "tenfold.keras.ops.nans": """
        nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum nanvar
    """,
    "tenfold.keras.ops.products": "cross diff dot einsum inner kron matmul outer slogdet tensordot trapezoid vdot",
    "tenfold.keras.ops.reducing": "all amax amin any argmax argmin average count_nonzero cumprod cumsum max mean min prod ptp std sum var",
    "tenfold.keras.ops.rounding": "ceil floor fmax fmin heaviside ldexp nan_to_num nextafter round sign signbit trunc",
    "tenfold.keras.ops.shaping": """
        broadcast_to expand_dims flip fliplr flipud moveaxis ndim pad ravel repeat reshape roll rot90 size squeeze swapaxes tile transpose
    """,
    "tenfold.keras.ops.sorting": "argpartition argsort digitize searchsorted sort unique",
    "tenfold.keras.ops.statistics": "bincount corrcoef correlate histogram median percentile quantile",
    "tenfold.keras.ops.transcendental": """
        arccos arccosh arcsin arcsinh arctan arctan2 arctanh cos cosh deg2rad exp exp2 expm1 hypot i0 log log10 log1p log2 logaddexp logaddexp2
        rad2deg sin sinc sinh tan tanh
    """,
    "tenfold.keras.ops.windows": "bartlett blackman hamming hanning kaiser",
    "tenfold.keras.ops.vectorizing": "vectorize",
}
__getattr__, __dir__, __all__ = lazy.names("tenfold.keras.ops.numpy", NAMES)
