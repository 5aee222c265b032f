"""SQL Server, as far as it is asked over ODBC."""

TARGET = "mssql"
TARGETS = {"backups": ("backup", "mssql")}
