"""Each part of a report's material, gathered from its own tables."""
