"""The two numbers of a host, by its newest verdicts."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Check, State
from collector.assessment.models import StoredVerdict
from collector.assessment.score import CATEGORY_OF, Judged, Score, of_host


def expected(checks: Mapping[str, Check[Any]], system: str) -> Mapping[str, Check[Any]]:
    """Return the checks that every host of a system is meant to have."""
    return {
        check_id: check
        for check_id, check in checks.items()
        if check.target == "host" and (check.derive is not None or system in check.systems)
    }


def score_of(
    session: Session,
    customer_id: str,
    host_id: str,
    system: str,
    checks: Mapping[str, Check[Any]],
) -> Score:
    """Return the two numbers of a host by its newest verdicts; what has none counts as not run."""
    rows = session.execute(
        select(StoredVerdict.code, StoredVerdict.state).where(
            StoredVerdict.customer_id == customer_id, StoredVerdict.host_id == host_id
        )
    )
    states: dict[str, list[State]] = {}
    for row in rows:
        states.setdefault(row.code, []).append(State(row.state))
    wanted = expected(checks, system)
    return of_host(
        Judged(
            CATEGORY_OF.get(check.chapter),
            rule.priority,
            tuple(states.get(rule.code, [State.NOT_RUN])),
        )
        for check_id, check in checks.items()
        for rule in check.rules
        if rule.code in states or check_id in wanted
    )
