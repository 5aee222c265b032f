"""Benchmarks: each claim of the design beside its peer, in one run on one machine."""
