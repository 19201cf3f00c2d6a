"""`keras.initializers`: initial values of weights."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.initializers",
    {
        "tenfold.keras.initializers.constant": """
            Constant Identity IdentityInitializer=Identity Initializer Ones STFT STFTInitializer=STFT Zeros constant=Constant
            identity=Identity ones=Ones stft=STFT zeros=Zeros
        """,
        "tenfold.keras.initializers.drawn": """
            GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform Orthogonal OrthogonalInitializer=Orthogonal RandomNormal
            RandomUniform TruncatedNormal VarianceScaling deserialize get glorot_normal=GlorotNormal glorot_uniform=GlorotUniform
            he_normal=HeNormal he_uniform=HeUniform lecun_normal=LecunNormal lecun_uniform=LecunUniform orthogonal=Orthogonal
            random_normal=RandomNormal random_uniform=RandomUniform serialize truncated_normal=TruncatedNormal
            variance_scaling=VarianceScaling
        """,
    },
)
