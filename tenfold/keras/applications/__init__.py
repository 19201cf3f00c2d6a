"""`keras.applications`: image classifiers, with weights trained on ImageNet."""

from tenfold.keras.base import lazy as _lazy

_HERE = "tenfold.keras.applications."
__getattr__, __dir__, __all__ = _lazy.names(
    "tenfold.keras.applications",
    {
        _HERE + "convnext": "ConvNeXtBase ConvNeXtLarge ConvNeXtSmall ConvNeXtTiny ConvNeXtXLarge convnext=*",
        _HERE + "densenet": "DenseNet121 DenseNet169 DenseNet201 densenet=*",
        _HERE + "efficientnet": "EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6 "
        "EfficientNetB7 efficientnet=*",
        _HERE + "efficientnet_v2": "EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2L EfficientNetV2M "
        "EfficientNetV2S efficientnet_v2=*",
        _HERE + "imagenet_utils": "imagenet_utils=*",
        _HERE + "inception_resnet_v2": "InceptionResNetV2 inception_resnet_v2=*",
        _HERE + "inception_v3": "InceptionV3 inception_v3=*",
        _HERE + "mobilenet": "MobileNet mobilenet=*",
        _HERE + "mobilenet_v2": "MobileNetV2 mobilenet_v2=*",
        _HERE + "mobilenet_v3": "MobileNetV3Large MobileNetV3Small mobilenet_v3=*",
        _HERE + "nasnet": "NASNetLarge NASNetMobile nasnet=*",
        _HERE + "resnet": "ResNet101 ResNet152 ResNet50 resnet=*",
        _HERE + "resnet50": "resnet50=*",
        _HERE + "resnet_v2": "ResNet101V2 ResNet152V2 ResNet50V2 resnet_v2=*",
        _HERE + "vgg16": "VGG16 vgg16=*",
        _HERE + "vgg19": "VGG19 vgg19=*",
        _HERE + "xception": "Xception xception=*",
    },
)
