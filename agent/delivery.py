"""Hand over what waits in the spool, and believe nothing but what the collector has signed.

PUT {url}/v1/agents/{agent}/epochs/{epoch}/batches/{seq}: idempotent, so that a lost answer costs
one more try and no duplicate. What an answer means stands in agent/replies.py; here is what is
done. A batch that is not taken does not hold up the others; whoever can't take anything now is left
in peace for a while, which is kept over restarts (agent/backoff.py).
"""

import base64
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct

from agent import backoff, messages, surroundings, veto
from agent import delivery_messages as sentences
from agent.attempts import tried
from agent.errors import IdentityError, Unreached
from agent.events import (
    BatchDead,
    BatchesSealed,
    BatchKept,
    BatchSplit,
    BatchUploaded,
    DeliveryForbidden,
    DeliveryPaused,
    EpochForked,
    Event,
)
from agent.identity import Identity
from agent.pause import Pause, PauseReason
from agent.replies import Held, Rejected, Reply, Taken, TooLarge, meaning, unreached
from agent.settings import Settings
from agent.spool import Place, Sealed, Spool
from agent.transport import Transport
from checks.api import Host, Text
from wire.control import BATCH, DELIVERY, DELIVERY_HEADER, KEY_HEADER, SIGNATURE_HEADER, Delivery
from wire.envelope import to_header

Report = Callable[[Event], None]

_JSON = "application/json"


class Situation(Struct, frozen=True):
    """Whose data goes where, and who is told."""

    settings: Settings
    identity: Identity
    spool: Spool
    host: Host
    report: Report
    language: str

    def words(self, text: Text) -> str:
        """Return the text in the language of this run."""
        return messages.spoken(text, self.language)


def inspected(situation: Situation) -> bool:
    """Hand over after an inspection; return whether the collector took everything.

    A pause that the collector asked for is kept to, one of the agent's own back-off is not.
    """
    pause = situation.spool.pause()
    if pause is not None and pause.reason.asked_for and _lasts(situation, pause):
        _tell_pause(situation, pause)
        return False
    return _deliver(situation, pause, quiet=False)


def due(situation: Situation, *, now: bool) -> bool:
    """Hand over what waits, unless a pause lasts and `now` is false; return as `inspected` does.

    It is what a timer starts every few minutes: the same reason is told once a day.
    """
    counted = situation.spool.counts()
    pause = situation.spool.pause()
    if not now and counted.inspections + len(situation.spool.pending()) == 0:
        return True
    if not now and pause is not None and _lasts(situation, pause):
        return False
    return _deliver(situation, pause, quiet=not now)


def _lasts(situation: Situation, pause: Pause) -> bool:
    return backoff.remaining_seconds(pause, situation.host) > 0


def _deliver(situation: Situation, earlier: Pause | None, *, quiet: bool) -> bool:
    if not veto.load().upload:
        if not quiet:
            situation.report(DeliveryForbidden(situation.words(veto.NOT_UPLOADED)))
        return False
    transport = Transport(situation.settings.collector, situation.identity.collector_key)
    attempt = _Attempt(situation, transport)
    try:
        held = attempt.hand_over()
    finally:
        transport.close()
    if held is None:
        if earlier is not None:
            situation.spool.set_pause(None)
        return attempt.all_taken
    pause = backoff.after(held, earlier, situation.host)
    situation.spool.set_pause(pause)
    if not quiet or backoff.is_news(held, earlier):
        attempt.tell_kept(held)
        _tell_pause(situation, pause)
    return False


def _tell_pause(situation: Situation, pause: Pause) -> None:
    seconds = backoff.remaining_seconds(pause, situation.host)
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    why = situation.words(Text(*pause.why))
    situation.report(DeliveryPaused(until, round(seconds, 1), pause.reason.value, why))


class _Attempt:
    """One attempt to hand over everything."""

    def __init__(self, situation: Situation, transport: Transport) -> None:
        self._situation = situation
        self._identity = situation.identity
        self._transport = transport
        self._clock_kept = surroundings.clock_kept()
        self._boot_id = surroundings.boot_id(situation.host)
        self._rejected: dict[Place, Text] = {}
        self._collector_seen = False
        """Whether the collector has shown itself by something that it signed."""
        self.all_taken = True

    def hand_over(self) -> Held | None:
        """Send until nothing is left; return what held it up, None if nothing did."""
        if self._identity.rotation is not None:
            held = self._announce_key(self._identity.rotation)
            if held is not None:
                return held
        spool = self._situation.spool
        while True:
            place = next((one for one in spool.pending() if one not in self._rejected), None)
            if place is None:
                made = spool.seal_next(self._identity.agent, self._identity.key)
                if not made:
                    return self._count_refusals()
                self._situation.report(BatchesSealed(made))
                continue
            sealed = spool.batch(place)
            reply = tried(partial(self._send, sealed))
            if isinstance(reply, Held):
                # What the others were refused for counts if the collector was there.
                if self._collector_seen:
                    self._count_refusals()
                return reply
            self._react(place, reply)

    def tell_kept(self, held: Held) -> None:
        """Report every batch that stays for this reason; the first was tried."""
        why = held.text
        for place in self._situation.spool.pending():
            if place not in self._rejected:
                self._keep(place, why)
                why = sentences.NOT_TRIED

    def _react(self, place: Place, reply: Taken | TooLarge | Rejected) -> None:
        spool, report = self._situation.spool, self._situation.report
        if isinstance(reply, Taken):
            self._collector_seen = True
            answer = reply.acknowledgement
            spool.acknowledge(answer)
            report(BatchUploaded(place.seq, answer.duplicate))
            if answer.forked and answer.epoch == spool.epoch:
                report(EpochForked(place.seq, spool.new_epoch()))
            return
        if isinstance(reply, TooLarge):
            into = spool.split(place, reply.largest_bytes, self._identity.agent, self._identity.key)
            if into:
                report(BatchSplit(place.seq, into))
                return
        self.all_taken = False
        self._rejected[place] = reply.text
        self._keep(place, reply.text)

    def _count_refusals(self) -> Held | None:
        """Note the refusals of this attempt, if it was the collector that was reached.

        What refuses each and every thing may be something on the way: then none of it counts.
        """
        if not self._rejected:
            return None
        if not self._collector_seen:
            try:
                self._transport.collector_time()
            except Unreached:
                why = next(iter(self._rejected.values()))
                return Held(PauseReason.UNREACHED, sentences.UNPROVEN_REFUSAL.format(why=why))
            self._collector_seen = True
        spool = self._situation.spool
        for place, why in self._rejected.items():
            spool.refuse(place, why)
        waiting = set(spool.pending())
        for place, why in self._rejected.items():
            if place not in waiting:
                self._situation.report(BatchDead(place.seq, self._situation.words(why)))
        return None

    def _send(self, sealed: Sealed) -> Reply:
        headers = {
            "Content-Type": BATCH,
            "Accept": _JSON,
            KEY_HEADER: sealed.key_id,
            SIGNATURE_HEADER: to_header(sealed.signature),
        }
        # Its signature is of the batch's key: one that was rotated away can't tell the time.
        if sealed.key_id == self._identity.key.id:
            headers[DELIVERY_HEADER] = self._clocks(sealed.batch.digest)
        path = f"/v1/agents/{sealed.agent}/epochs/{sealed.epoch}/batches/{sealed.seq}"
        try:
            response = self._transport.request("PUT", path, sealed.batch.payload, headers)
        except Unreached as error:
            return unreached(error)
        return meaning(response, sealed, self._identity, self._transport.shown, datetime.now(UTC))

    def _clocks(self, digest: str) -> str:
        told = msgspec.json.encode(
            Delivery(
                agent=self._identity.agent,
                digest=digest,
                boot_id=self._boot_id,
                wall=datetime.now(UTC),
                monotonic_seconds=time.monotonic(),
                synchronised=self._clock_kept,
            )
        )
        signature = self._identity.key.sign(DELIVERY, told)
        return f"{base64.b64encode(told).decode()}.{to_header(signature)}"

    def _announce_key(self, statement: bytes) -> Held | None:
        """Have a new key confirmed before anything that it has signed goes out."""
        from agent import enrolment

        path = f"/v1/agents/{self._identity.agent}/keys"
        try:
            answer = self._transport.request("POST", path, statement, {"Content-Type": _JSON})
            self._identity = enrolment.confirm_rotation(
                Path(self._situation.settings.agent.state), answer.body
            )
        except Unreached as error:
            return unreached(error)
        except IdentityError as error:
            return Held(PauseReason.UNREACHED, error.text)
        return None

    def _keep(self, place: Place, why: Text) -> None:
        self._situation.report(BatchKept(place.seq, self._situation.words(why)))
