"""Thresholds in layers, and waivers: default → customer → site → host → object."""
