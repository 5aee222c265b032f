"""The last reading of each heavy check, used again for a while.

Why: docs/decisions/0007-heavy-checks.md. What is used again is sent as it was read, with its own
`observed_at`: nothing is claimed to have been read now. A reading with a failure, also in a part of
its facts, is never used again.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from agent import redaction
from agent.spool import Spool
from checks.api import Check, Host
from checks.errors import ProbeError
from wire.messages import Failure, Inspection, Observation


class Memory:
    """The heavy readings of earlier runs, as the inspection at hand may use them."""

    def __init__(
        self, spool: Spool, host: Host, inspection: Inspection, interval_hours: float
    ) -> None:
        self._spool = spool
        self._host = host
        self._inspection = inspection
        self._interval = timedelta(hours=interval_hours)
        self._circumstances: dict[str, str] = {}

    def recall(self, check_id: str, check: Check[Any]) -> Observation | None:
        """Return the earlier reading of a heavy check, if it is young and nothing has changed.

        Changes are: another boot, other sources of the checks, other dates of `fresh_while`.
        """
        if not check.heavy or not self._interval:
            return None
        # Taken before the reading: a change in the middle of it makes it void.
        circumstances = self._circumstances[check_id] = self._now(check)
        earlier = self._spool.remembered(check_id, circumstances)
        if earlier is None or not self._is_young(earlier) or earlier.facts is UNSET:
            return None
        # Filtered again: this run may know secrets that the run which read it did not.
        facts = Raw(redaction.clean_json(bytes(earlier.facts)))
        return msgspec.structs.replace(earlier, facts=facts)

    def keep(self, observation: Observation) -> None:
        """Remember a heavy reading that is whole."""
        circumstances = self._circumstances.get(observation.check)
        if circumstances is None or observation.facts is UNSET or observation.failure is not None:
            return
        if not _has_failure(msgspec.json.decode(observation.facts)):
            self._spool.remember(observation, circumstances)

    def _now(self, check: Check[Any]) -> str:
        dates = [_date(self._host, path) for path in check.fresh_while]
        pack = (self._inspection.boot_id, self._inspection.checks_digest)
        return msgspec.json.encode((*pack, *dates)).decode()

    def _is_young(self, earlier: Observation) -> bool:
        """Return whether both clocks agree that it is: one alone may have been set or stopped."""
        wall = datetime.now(UTC) - earlier.observed_at
        steady = timedelta(seconds=time.monotonic() - earlier.monotonic_seconds)
        return all(timedelta() <= age < self._interval for age in (wall, steady))


def _date(host: Host, path: str) -> str:
    try:
        return host.modified_at(path).isoformat()
    except ProbeError as error:  # mostly: there is none, and there being one is the change
        return error.failure().reason.value


def _has_failure(facts: object) -> bool:
    """Return whether a part of the facts (checks.errors.part) looks like a Failure."""
    if isinstance(facts, dict):
        if "reason" in facts and facts.keys() <= set(Failure.__struct_fields__):
            return True
        facts = list(facts.values())
    return isinstance(facts, list) and any(_has_failure(part) for part in facts)
