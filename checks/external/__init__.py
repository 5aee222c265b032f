"""Queries that the settings declare."""

TARGET = "query"
