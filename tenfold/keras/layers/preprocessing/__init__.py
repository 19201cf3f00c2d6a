"""Layers that prepare data: numbers, categories, text, tables; images; sound."""
