"""Oracle Database, as far as it is asked over ODBC."""

TARGET = "oracle"
TARGETS = {"backups": ("backup", "oracle")}
