"""Every situation gives the facts and the verdicts that its file says."""

from typing import Any

import msgspec
import pytest

from checks.discovery import discover
from tests.situation import ROOT, Situation, expected_failure, situations
from wire.messages import Failure

SITUATIONS = situations()


def named(situation: Situation) -> str:
    return str(situation.path.relative_to(ROOT).with_suffix(""))


@pytest.mark.parametrize("situation", SITUATIONS, ids=named)
def test_a_situation_gives_the_facts_and_verdicts_it_says(situation: Situation) -> None:
    observed = situation.observe()
    failure = expected_failure(situation)
    if failure is not None:
        assert isinstance(observed, Failure)
        assert observed.reason == failure.reason
        assert observed.subject == failure.subject
        return
    assert not isinstance(observed, Failure), observed
    if "facts" in situation.content:
        assert observed == msgspec.convert(situation.content["facts"], situation.check.facts)
    # What travels is what was observed.
    assert situation.check.decoder.decode(msgspec.json.encode(observed)) == observed

    judged = situation.judge(observed)
    wanted: list[dict[str, Any]] = situation.content["verdicts"]
    assert sorted(
        (code, verdict.object, verdict.state.value) for code, verdict in judged
    ) == sorted((entry["code"], entry.get("object", ""), entry["state"]) for entry in wanted)
    by_key = {(code, verdict.object): verdict for code, verdict in judged}
    for entry in wanted:
        verdict = by_key[entry["code"], entry.get("object", "")]
        assert entry.get("current", "") in verdict.current.zh
        if "message" in entry:
            assert verdict.message is not None
            assert entry["message"] in verdict.message.zh
        if entry["state"] in ("warning", "critical", "info"):
            assert verdict.message is not None


def test_every_check_has_at_least_three_situations() -> None:
    counted: dict[int, int] = {}
    for situation in SITUATIONS:
        counted[id(situation.check)] = counted.get(id(situation.check), 0) + 1
    missing = [
        check_id
        for check_id, check in discover().checks.items()
        if check.rules and counted.get(id(check), 0) < 3
    ]
    assert missing == []
