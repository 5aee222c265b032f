"""What every check declares is whole: texts in both languages, units and origins of thresholds."""

import re
from typing import Any, get_type_hints

import pytest

from checks.api import Check, Rule
from checks.discovery import discover

CHECKS = discover().checks
RULES = [rule for check in CHECKS.values() for rule in check.rules]


def test_every_check_loads() -> None:
    assert discover().errors == ()


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_a_check_with_a_probe_says_what_it_reads(check: Check[Any]) -> None:
    assert bool(check.reads) == (check.probe is not None)
    assert check.title.zh != check.title.en


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_says_why_and_what_to_do_in_whole_sentences(rule: Rule[Any, Any]) -> None:
    for text in (rule.why, rule.remedy):
        assert re.search("[一-鿿]", text.zh)
        assert text.zh.endswith("。")
        assert text.en.endswith(".")
        assert not re.search("[一-鿿]", text.en)
    assert rule.priority in (1, 2, 3)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_threshold_has_a_default_a_unit_and_an_origin(rule: Rule[Any, Any]) -> None:
    thresholds = rule.thresholds()
    for name, hint in get_type_hints(rule.thresholds, include_extras=True).items():
        assert getattr(thresholds, name) is not None
        stated = hint.__metadata__[0].extra
        assert stated["unit"]
        assert stated["origin"]


def test_a_trend_draws_thresholds_that_its_rule_has() -> None:
    for check in discover().checks.values():
        rules = {rule.code: rule for rule in check.rules}
        for trend in check.trends:
            assert trend.title.zh
            assert trend.title.en
            if trend.rule:
                fields = rules[trend.rule].thresholds.__struct_fields__
                assert trend.warning in fields
                assert trend.critical in fields
