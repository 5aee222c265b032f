"""Backups: what exists, what was proven of it, and what the contract expects."""

TARGET = "backup"
