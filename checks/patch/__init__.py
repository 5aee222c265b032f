"""The chapter of patches: what is missing, and what waits for a restart."""
