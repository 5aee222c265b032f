"""KingbaseES, as far as it differs from PostgreSQL."""

TARGET = "postgresql"
