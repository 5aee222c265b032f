"""The agent: runs the probes on the customer's host, spools the observations, uploads them."""

VERSION = "0.1.0"
"""Stands here too, not only in the package's metadata: reading those costs 5 ms at every start."""
