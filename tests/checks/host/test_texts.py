"""What every check says is said in both languages, in sentences, with units and origins."""

from typing import Any

import msgspec
import pytest

from checks.api import Check, Rule, Text
from checks.discovery import discover
from tests.situation import Situation, situations
from wire.messages import Failure

CATALOGUE = discover()
SITUATIONS = situations()
RULES = [rule for check in CATALOGUE.checks.values() for rule in check.rules]


def test_every_check_loads() -> None:
    assert CATALOGUE.errors == ()


@pytest.mark.parametrize("check", CATALOGUE.checks.values(), ids=list(CATALOGUE.checks))
def test_a_check_says_its_title_and_what_it_reads(check: Check[Any]) -> None:
    assert check.title.zh
    assert check.title.en
    assert check.reads or check.derive


@pytest.mark.parametrize("rule", RULES, ids=[rule.code for rule in RULES])
def test_a_rule_says_why_and_what_to_do_in_sentences(rule: Rule[Any, Any]) -> None:
    assert rule.title.zh
    assert rule.title.en
    text: Text
    for text in (rule.why, rule.remedy):
        assert text.zh.endswith("。")
        assert text.en.endswith(".")
        assert text.zh != text.en


@pytest.mark.parametrize("situation", SITUATIONS, ids=[str(it.path.stem) for it in SITUATIONS])
def test_a_verdict_is_filled_in_and_said_in_both_languages(situation: Situation) -> None:
    observed = situation.observe()
    if isinstance(observed, Failure):
        return
    for code, verdict in situation.judge(observed):
        for text in (verdict.current, verdict.reference, verdict.message or verdict.current):
            assert bool(text.zh) == bool(text.en), code
            assert not set("{}") & set(text.zh + text.en), code
            assert not set("，。（）；：") & set(text.en), code


@pytest.mark.parametrize("rule", RULES, ids=[rule.code for rule in RULES])
def test_a_threshold_has_a_default_a_unit_and_an_origin(rule: Rule[Any, Any]) -> None:
    rule.thresholds()
    described = msgspec.inspect.type_info(rule.thresholds)
    assert isinstance(described, msgspec.inspect.StructType)
    for field in described.fields:
        assert isinstance(field.type, msgspec.inspect.Metadata), field.name
        assert field.type.extra is not None
        assert field.type.extra["unit"]
        assert field.type.extra["origin"]
