"""PostgreSQL, and KingbaseES where it shows the same."""

TARGET = "postgresql"
