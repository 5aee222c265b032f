"""Tests that need a real SQL Server are left out where none is named."""

import os

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what is marked `sql_server` unless XUNJIAN_SQL_SERVER names a server."""
    if os.environ.get("XUNJIAN_SQL_SERVER"):
        return
    left_out = [item for item in items if item.get_closest_marker("sql_server")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
