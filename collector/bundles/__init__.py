"""Bundles: batches that came in files, from hosts without a network."""
