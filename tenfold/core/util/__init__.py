"""Messages under the module names that TensorFlow has for them."""
