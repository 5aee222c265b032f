"""Queries that the settings declare: examined before anything runs, asked like every other."""
