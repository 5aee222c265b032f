"""Backups as the contract sees them: expectations, evidence, the calendar, the morning page."""
