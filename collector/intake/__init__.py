"""Uploads: raw bytes durable first, then acknowledged, then read."""
