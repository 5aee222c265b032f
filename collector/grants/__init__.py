"""Grants of customers, the engineers that they name, and the SSH host keys of the inventory."""
