"""Thresholds in force, each knowing the layer that set it. Today there is one layer: default."""
