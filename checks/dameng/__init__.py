"""达梦 DM8."""

TARGET = "dameng"
