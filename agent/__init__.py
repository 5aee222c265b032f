"""The agent: runs the probes on the customer's host, spools the observations, uploads them."""
