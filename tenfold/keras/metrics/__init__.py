"""`keras.metrics`: figures accumulated over batches."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.metrics",
    {
        "tenfold.keras.losses.formulas": """
            BCE=binary_crossentropy KLD=kl_divergence MAE=mean_absolute_error MAPE=mean_absolute_percentage_error MSE=mean_squared_error
            MSLE=mean_squared_logarithmic_error bce=binary_crossentropy binary_crossentropy binary_focal_crossentropy categorical_crossentropy
            categorical_focal_crossentropy categorical_hinge hinge huber kl_divergence kld=kl_divergence
            kullback_leibler_divergence=kl_divergence log_cosh logcosh=log_cosh mae=mean_absolute_error mape=mean_absolute_percentage_error
            mean_absolute_error mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error mse=mean_squared_error
            msle=mean_squared_logarithmic_error poisson sparse_categorical_crossentropy squared_hinge
        """,
        "tenfold.keras.metrics.accuracy": """
            Accuracy BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy SparseTopKCategoricalAccuracy TopKCategoricalAccuracy
            accuracy binary_accuracy categorical_accuracy sparse_categorical_accuracy sparse_top_k_categorical_accuracy
            top_k_categorical_accuracy
        """,
        "tenfold.keras.metrics.base": "Mean MeanMetricWrapper Metric Sum",
        "tenfold.keras.metrics.confusion": "AUC FalseNegatives FalsePositives Precision Recall TrueNegatives TruePositives",
        "tenfold.keras.metrics.correlation": "ConcordanceCorrelation PearsonCorrelation concordance_correlation pearson_correlation",
        "tenfold.keras.metrics.identify": "deserialize get serialize",
        "tenfold.keras.metrics.iou": "BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU",
        "tenfold.keras.metrics.scores": "F1Score FBetaScore R2Score",
        "tenfold.keras.metrics.tradeoffs": "PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity",
        "tenfold.keras.metrics.values": """
            BinaryCrossentropy CategoricalCrossentropy CategoricalHinge CosineSimilarity Hinge KLDivergence LogCoshError MeanAbsoluteError
            MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson RootMeanSquaredError
            SparseCategoricalCrossentropy SquaredHinge
        """,
    },
)
