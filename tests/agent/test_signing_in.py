"""Entries that sign in with a secret say so, so that a grant can refuse it."""

from pathlib import Path

import pytest

from agent.commands import entries_of
from agent.settings import load
from tests.agent.workbench import Site

SECRET = 'user = "xunjian"\npassword = { file = "/nowhere" }\n'
PASSWORD = 'password = { file = "/nowhere" }\n'
DATABASE = '[databases.erp]\nkind = "postgresql"\n'
QUERY = """
[queries.orders]
database = "erp"
query = "SELECT 1 AS value"
title = "待处理订单"
columns = { value = "integer" }
value = "value"
warning = 1
"""
BACKUP = '[backups.erp]\nkind = "files"\nplace = "/srv/backups"\n'
OFFSITE = f"""
[backups.erp.offsite]
by = "sftp"
host = "far"
host_key = "ssh-ed25519 {"A" * 68}"
place = "/copies"
user = "me"
"""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (DATABASE, {"erp": False}),
        (DATABASE + SECRET, {"erp": True}),
        (DATABASE + QUERY, {"erp": False, "orders": False}),
        (DATABASE + SECRET + QUERY, {"erp": True, "orders": True}),
        (BACKUP, {"erp": False}),
        (BACKUP + SECRET, {"erp": True}),
        (BACKUP + OFFSITE + PASSWORD, {"erp": True}),
        (BACKUP + OFFSITE + PASSWORD.replace("password", "key"), {"erp": True}),
    ],
)
def test_what_signs_in_with_a_secret_says_so(
    tmp_path: Path, lines: str, expected: dict[str, bool]
) -> None:
    settings = load(str(Site(tmp_path).configure(lines)))
    assert {each.target.name: each.signs_in for each in entries_of(settings)} == expected
