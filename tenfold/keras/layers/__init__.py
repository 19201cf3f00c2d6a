"""`keras.layers`: all layers. Each file is loaded when it is first used."""

from tenfold.keras.base import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.layers",
    {
        "tenfold.keras.layers.activation": "Activation ELU LeakyReLU PReLU ReLU Softmax",
        "tenfold.keras.layers.adaptive_pooling": """
            AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D
            AdaptiveMaxPooling3D
        """,
        "tenfold.keras.layers.attention": "AdditiveAttention Attention",
        "tenfold.keras.layers.base": "Layer",
        "tenfold.keras.layers.batch_normalization": "BatchNormalization",
        "tenfold.keras.layers.conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
        "tenfold.keras.layers.convolution": """
            Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose Convolution1D Convolution1DTranspose Convolution2D
            Convolution2DTranspose Convolution3D Convolution3DTranspose DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D
            SeparableConvolution1D SeparableConvolution2D
        """,
        "tenfold.keras.layers.core": "Dense Identity Lambda Masking",
        "tenfold.keras.layers.einsum_dense": "EinsumDense",
        "tenfold.keras.layers.embedding": "Embedding",
        "tenfold.keras.layers.foreign": "TFSMLayer TorchModuleWrapper",
        "tenfold.keras.layers.grouped_query": "GroupQueryAttention GroupedQueryAttention",
        "tenfold.keras.layers.identify": "deserialize serialize",
        "tenfold.keras.layers.input_spec": "InputSpec",
        "tenfold.keras.layers.jax_layer": "FlaxLayer JaxLayer",
        "tenfold.keras.layers.merging": """
            Add Average Concatenate Dot Maximum Minimum Multiply Subtract add average concatenate dot maximum=maximum_ minimum=minimum_
            multiply subtract
        """,
        "tenfold.keras.layers.multi_head": "MultiHeadAttention",
        "tenfold.keras.layers.normalization": "GroupNormalization LayerNormalization RMSNormalization UnitNormalization",
        "tenfold.keras.layers.pooling": """
            AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D GlobalAveragePooling1D GlobalAveragePooling2D
            GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D
            GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D
        """,
        "tenfold.keras.layers.recurrent": "GRU LSTM RNN SimpleRNN",
        "tenfold.keras.layers.recurrent_cells": "GRUCell LSTMCell SimpleRNNCell StackedRNNCells",
        "tenfold.keras.layers.regularization": """
            ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D SpatialDropout3D
        """,
        "tenfold.keras.layers.reshaping": """
            Cropping1D Cropping2D Cropping3D Flatten Permute RepeatVector Reshape ZeroPadding1D ZeroPadding2D ZeroPadding3D
        """,
        "tenfold.keras.layers.reversible_embedding": "ReversibleEmbedding",
        "tenfold.keras.layers.spectral": "SpectralNormalization",
        "tenfold.keras.layers.upsampling": "UpSampling1D UpSampling2D UpSampling3D",
        "tenfold.keras.layers.wrappers": "Bidirectional TimeDistributed Wrapper",
        "tenfold.keras.models.input_layer": "Input InputLayer",
        "tenfold.keras.layers.experimental": "experimental=*",
        "tenfold.keras.layers.preprocessing.audio": "MelSpectrogram STFTSpectrogram",
        "tenfold.keras.layers.preprocessing.category_encoding": "CategoryEncoding",
        "tenfold.keras.layers.preprocessing.discretization": "Discretization",
        "tenfold.keras.layers.preprocessing.hashing": "HashedCrossing Hashing",
        "tenfold.keras.layers.preprocessing.images.adaptive": "ContrastLimitedAdaptiveHistogramEqualization",
        "tenfold.keras.layers.preprocessing.images.colors": """
            RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomGrayscale RandomHue RandomInvert RandomSaturation
        """,
        "tenfold.keras.layers.preprocessing.images.distortions": "RandomElasticTransform RandomPerspective",
        "tenfold.keras.layers.preprocessing.images.filters": "RandomGaussianBlur RandomSharpness",
        "tenfold.keras.layers.preprocessing.images.mixing": "CutMix MaxNumBoundingBoxes MixUp RandomErasing",
        "tenfold.keras.layers.preprocessing.images.policies": "AugMix RandAugment",
        "tenfold.keras.layers.preprocessing.images.sizes": "CenterCrop RandomCrop RandomFlip Resizing",
        "tenfold.keras.layers.preprocessing.images.tones": "AutoContrast Equalization RandomPosterization Solarization",
        "tenfold.keras.layers.preprocessing.images.warps": "RandomRotation RandomShear RandomTranslation RandomZoom",
        "tenfold.keras.layers.preprocessing.lookups": "IntegerLookup StringLookup",
        "tenfold.keras.layers.preprocessing.normalization": "Normalization",
        "tenfold.keras.layers.preprocessing.pipeline": "Pipeline",
        "tenfold.keras.layers.preprocessing.rescaling": "Rescaling",
        "tenfold.keras.layers.preprocessing.text_vectorization": "TextVectorization",
    },
    gone={
        "CuDNNGRU": "Try GRU: it is one native loop.",
        "CuDNNLSTM": "Try LSTM: it is one native loop.",
        "DenseFeatures": "Feature columns ended with TensorFlow 2.15. Try keras.utils.FeatureSpace, or StringLookup, Discretization, Hashing.",
        "LocallyConnected1D": "Try a Conv1D, or keras.ops.einsum in a layer of your own.",
        "LocallyConnected2D": "Try a Conv2D, or keras.ops.einsum in a layer of your own.",
        "RandomHeight": "Try RandomZoom(height_factor=..., width_factor=0), or Resizing.",
        "RandomWidth": "Try RandomZoom(height_factor=0, width_factor=...), or Resizing.",
    },
)
