"""The checks: what is read on a host, and the rules that judge it. One folder a chapter."""
