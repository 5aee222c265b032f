"""What the kind `restic` is made of: asking, listing, hashing, verifying, restoring, comparing."""
