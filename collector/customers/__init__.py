"""Whom the collector works for: customers, their sites, hosts and agents."""
