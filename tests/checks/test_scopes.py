"""What a check's facts hold is declared, so that a grant can cover it or not."""

from typing import Any

import pytest

from checks.api import Check, Scope
from checks.discovery import discover
from checks.wording import scope

CHECKS = discover().checks

ACCOUNTS_AND_SETTINGS = (
    *("/etc/passwd", "/etc/fstab", "/etc/ssh/sshd_config", "pg_hba", "pg_authid", "mysql.user"),
    *("dba_users", "DBA_USERS", "sys.configurations", "sys.sql_logins", "sysoperators"),
)
"""Readings whose very subject is configuration, accounts or their rights."""
BUSINESS = ("[queries.NAME] query", "the pack's queries", "the metrics of the pack", "the query or")
"""Readings that ask for what the customer's business tables hold."""


def reads_any(check: Check[Any], marks: tuple[str, ...]) -> bool:
    return any(mark in reading for reading in check.reads for mark in marks)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_every_check_holds_metadata_and_none_changes_or_needs_a_password_by_itself(
    check: Check[Any],
) -> None:
    assert check.scopes[0] is Scope.METADATA
    assert len(set(check.scopes)) == len(check.scopes)
    assert not {Scope.CHANGE, Scope.SYSTEM_PASSWORD} & set(check.scopes)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_accounts_settings_and_business_data_need_their_own_scope(check: Check[Any]) -> None:
    if reads_any(check, ACCOUNTS_AND_SETTINGS):
        assert Scope.CONFIG in check.scopes
    assert reads_any(check, BUSINESS) == (Scope.BUSINESS_DATA in check.scopes)


def test_every_scope_has_its_words() -> None:
    words = [scope(each) for each in Scope]
    assert len({word.zh for word in words}) == len({word.en for word in words}) == len(Scope)
