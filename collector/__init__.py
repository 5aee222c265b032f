"""The collector: accepts inspections, judges them, keeps their history, writes the report."""
