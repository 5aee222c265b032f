"""Chapter 8, the backups: the state in words and numbers, then each set with its year of days."""
