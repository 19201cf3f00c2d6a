"""ResNet50 under the name that it had at first."""

from tenfold.keras.applications.resnet import ResNet50 as ResNet50
from tenfold.keras.applications.resnet import decode_predictions as decode_predictions
from tenfold.keras.applications.resnet import preprocess_input as preprocess_input
