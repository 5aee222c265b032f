"""The chapters of the report, a module each or a few small ones together."""
