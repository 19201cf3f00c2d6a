"""`keras.losses`: loss functions and the objects made of them."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.losses",
    {
        "tenfold.keras.losses.formulas": """
            BCE=binary_crossentropy KLD=kl_divergence MAE=mean_absolute_error MAPE=mean_absolute_percentage_error MSE=mean_squared_error
            MSLE=mean_squared_logarithmic_error bce=binary_crossentropy binary_crossentropy binary_focal_crossentropy categorical_crossentropy
            categorical_focal_crossentropy categorical_hinge cosine_similarity hinge huber kl_divergence kld=kl_divergence
            kullback_leibler_divergence=kl_divergence log_cosh logcosh=log_cosh mae=mean_absolute_error mape=mean_absolute_percentage_error
            mean_absolute_error mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error mse=mean_squared_error
            msle=mean_squared_logarithmic_error poisson sparse_categorical_crossentropy squared_hinge
        """,
        "tenfold.keras.losses.objects": """
            BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalHinge CosineSimilarity
            Hinge Huber KLDivergence LogCosh MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError
            Poisson Reduction SparseCategoricalCrossentropy SquaredHinge deserialize get serialize
        """,
        "tenfold.keras.losses.structured": """
            CTC CategoricalGeneralizedCrossEntropy Circle Dice Tversky categorical_generalized_cross_entropy circle ctc dice tversky
        """,
        "tenfold.keras.losses.base": "Loss LossFunctionWrapper",
    },
)
