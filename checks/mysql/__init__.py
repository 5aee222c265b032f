"""MySQL and MariaDB."""

TARGET = "mysql"
