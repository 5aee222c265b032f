"""Backup sets on the customer's host: what is listed, proven and restored."""
