"""Databases of the settings: one connection each, reading queries alone."""
