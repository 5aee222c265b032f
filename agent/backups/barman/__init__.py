"""What the kind `barman` is made of: asking, listing, verifying."""
