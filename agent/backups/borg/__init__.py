"""What the kind `borg` is made of: asking, listing, verifying, restoring, comparing."""
