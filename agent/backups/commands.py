"""`xunjian-agent backup`: list, check, verify, restore-script, record."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from agent import messages
from agent.backups import printing, texts
from agent.backups.ledger import Ledger
from agent.backups.restore_script import restore_script
from agent.backups.settings import BackupSettings, declaration
from agent.backups.subject import ConfiguredSet
from agent.console import Console
from agent.errors import AgentError
from agent.host import LocalHost
from agent.secret import foresee
from agent.settings import Settings, load
from checks import wording
from checks.api import Past
from checks.backup.restore_points import CHECK
from checks.backup_sets import BackupFacts, Level, Proof, Result
from checks.errors import ProbeError

WELL, NOT_WELL = 0, 1
_FOREVER_SECONDS = 30 * 86400.0
"""A look by hand ends when it is done, or when its person ends it."""


def list_sets(console: Console, settings_path: str, *, as_json: bool) -> int:
    """Print the sets of the settings with their newest proofs."""
    settings = load(settings_path)
    if not settings.backups:
        console.complain(texts.NONE_DECLARED.format(file=settings_path))
        return WELL
    ledger = Ledger(Path(settings.agent.state))
    try:
        for name, each in sorted(settings.backups.items()):
            declared = declaration(name, each)
            proofs = ledger.of(name).proofs()
            if as_json:
                console.json({"declaration": declared, "proofs": proofs})
            else:
                printing.say_set(console, declared, proofs)
    finally:
        ledger.close()
    return WELL


def look(
    console: Console,
    settings_path: str,
    name: str,
    *,
    prove: bool,
    full: bool = False,
    as_json: bool,
) -> int:
    """Look at a set, prove it where `prove` says so, and print what is known and what it means."""
    settings = load(settings_path)
    chosen = _chosen(settings, settings_path, name)
    foresee(chosen)

    def tell(point: str, level: Level) -> None:
        shown = point if point else console.words(texts.WHOLE_SET)
        sentence = texts.STEP.format(point=shown, level=texts.LEVELS[level])
        print(console.words(sentence), file=sys.stderr, flush=True)

    subject = ConfiguredSet(
        name,
        chosen,
        LocalHost(),
        Path(settings.agent.state),
        seconds=_FOREVER_SECONDS,
        full=full,
        prove=prove,
        tell=tell,
    )
    facts = _looked(subject, name)
    past: Past[BackupFacts] = Past(datetime.now(UTC))
    verdicts = printing.judged(CHECK, facts, past)
    if as_json:
        console.json(
            {
                "facts": facts,
                "verdicts": [{"code": code, "verdict": each} for code, _, each in verdicts],
            }
        )
    else:
        printing.say_look(console, facts, verdicts)
    return WELL if printing.is_well(verdicts) else NOT_WELL


def print_restore_script(
    console: Console, settings_path: str, name: str, database: str | None
) -> int:
    """Print the script of a SQL Server test restore."""
    settings = load(settings_path)
    chosen = _chosen(settings, settings_path, name)
    foresee(chosen)
    subject = ConfiguredSet(
        name,
        chosen,
        LocalHost(),
        Path(settings.agent.state),
        seconds=_FOREVER_SECONDS,
        prove=False,
    )
    console.say(restore_script(_looked(subject, name), database))
    return WELL


def record(
    console: Console,
    settings_path: str,
    name: str,
    *,
    point: str,
    result: str,
    person: str,
    minutes: float | None,
    note: str,
    at: str | None,
) -> int:
    """Keep a test restore that a person made; it goes out with the next inspection."""
    settings = load(settings_path)
    chosen = _chosen(settings, settings_path, name)
    foresee(chosen)
    now = datetime.now(UTC)
    finished = now if at is None else _moment(at)
    if finished > now + timedelta(minutes=5):
        raise AgentError(texts.FUTURE.format(at=at or ""))
    subject = ConfiguredSet(
        name,
        chosen,
        LocalHost(),
        Path(settings.agent.state),
        seconds=_FOREVER_SECONDS,
        prove=False,
    )
    facts = _looked(subject, name)
    known = {each.id: each for each in facts.points}
    if point not in known:
        hint = messages.nearest(point, known)
        raise AgentError(texts.NO_SUCH_POINT.format(name=name, point=point, hint=hint))
    content = known[point].content
    proof = Proof(
        point=point,
        level=Level.RESTORED,
        result=Result(result),
        at=finished,
        method="by hand",
        digest=content.removeprefix("sha256:") if content.startswith("sha256:") else "",
        seconds=(minutes or 0) * 60,
        detail=note[:2000],
        person=person[:255],
    )
    ledger = Ledger(Path(settings.agent.state))
    try:
        ledger.of(name).prove(proof)
    finally:
        ledger.close()
    outcome = texts.RESULTS[proof.result]
    console.say(texts.RECORDED.format(point=point, result=outcome, person=person))
    return WELL


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise AgentError(texts.NOT_A_MOMENT.format(at=text)) from error
    if moment.tzinfo is None:
        raise AgentError(texts.NOT_A_MOMENT.format(at=text))
    return moment.astimezone(UTC)


def _looked(subject: ConfiguredSet, name: str) -> BackupFacts:
    try:
        return subject.look()
    except ProbeError as error:
        failure = error.failure()
        why = wording.reason(failure)
        if failure.detail:
            why = msgspec.structs.replace(
                why, zh=f"{why.zh}（{failure.detail}）", en=f"{why.en} ({failure.detail})"
            )
        raise AgentError(texts.COULD_NOT_LOOK.format(name=name, why=why)) from error


def _chosen(settings: Settings, settings_path: str, name: str) -> BackupSettings:
    if not settings.backups:
        raise AgentError(texts.NONE_DECLARED.format(file=settings_path))
    if name not in settings.backups:
        known = sorted(settings.backups)
        raise AgentError(
            texts.UNKNOWN_SET.format(
                name=name, hint=messages.nearest(name, known), known=", ".join(known)
            )
        )
    chosen: BackupSettings = settings.backups[name]
    return chosen
