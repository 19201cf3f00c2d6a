"""Layers that prepare and augment images, with their labels, boxes and masks."""
