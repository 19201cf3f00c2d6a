"""Module names of TensorFlow that are private there, but that programs import all the same."""
