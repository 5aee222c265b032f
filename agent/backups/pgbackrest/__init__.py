"""What the kind `pgbackrest` is made of: asking, listing, verifying, restoring, comparing."""
