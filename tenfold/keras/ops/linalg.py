"""`keras.ops.linalg`: decompositions of matrices and what is made from them. `keras.ops` holds them as well."""

from tenfold.keras.base import lazy

NAMES = {
    "tenfold.keras.ops.decompositions": "cholesky cholesky_inverse det eig eigh inv lstsq lu_factor matrix_rank norm pinv qr solve "
    "solve_triangular svd",
    "tenfold.keras.ops.forward_mode": "jvp",
}
__getattr__, __dir__, __all__ = lazy.names("tenfold.keras.ops.linalg", NAMES)
