"""Worse facts of KingbaseES never give a better state, and the worst tier has no end."""

from datetime import timedelta
from itertools import pairwise

from checks.databases import Engine, Instance
from checks.kingbase import backups, instance
from tests.worse import NOW, assert_never_better, assert_worst_has_no_bound

SERVER = Instance(Engine.KINGBASE, "12.1", "KingbaseES V008R006", 0.0)


def licence(days_gone: float) -> instance.Facts:
    return instance.Facts(SERVER, int(100 - days_gone), "oracle")


def backup(hours: float) -> backups.Facts:
    return backups.Facts((backups.Stanza("kingbase", newest_at=NOW - timedelta(hours=hours)),))


def test_a_shorter_licence_is_never_better() -> None:
    rule = instance.CHECK.rules[0]
    # 102 would be -2, which means that it never ends.
    for better, worse in pairwise((0, 10, 70, 99, 100, 101, 103, 10_000)):
        assert_never_better(rule, licence, better, worse)
    assert_worst_has_no_bound(rule, licence, (70, 100, 101, 103, 10_000))


def test_an_older_backup_is_never_better() -> None:
    rule = backups.CHECK.rules[0]
    for better, worse in pairwise((0, 25.9, 26, 50, 100_000)):
        assert_never_better(rule, backup, better, worse)
    assert_worst_has_no_bound(rule, backup, (50, 1000, 100_000))
