"""The commands `xunjian-agent export` and `receipt`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent import bundle_messages, identity, messages, settings
from agent.bundle_parts import Period
from agent.commands import COULD_NOT, DONE
from agent.console import Console
from agent.errors import BundleError
from agent.export import Slip, export
from agent.receipts import Taken, take_in
from agent.spool import Spool
from agent.spool_file import exclusive
from checks.api import Text

LEAST_PART_MEBIBYTES = 10
"""A batch of 8 MiB and what belongs to it."""
MOST_PART_MEBIBYTES = 4095
"""FAT32 takes files of less than 4 GiB."""


def write_out(
    console: Console,
    settings_path: str,
    file: str,
    *,
    part_mebibytes: int,
    force: bool,
    as_json: bool,
) -> int:
    """Write what waits to a file, and print the slip that goes with it."""
    if not LEAST_PART_MEBIBYTES <= part_mebibytes <= MOST_PART_MEBIBYTES:
        raise BundleError(
            bundle_messages.PART_SIZE.format(
                least=LEAST_PART_MEBIBYTES, most=MOST_PART_MEBIBYTES, given=part_mebibytes
            )
        )
    with _spool(settings_path) as (spool, state):
        slip = export(
            spool,
            identity.load(state),
            Path(file),
            part_bytes=part_mebibytes * 2**20,
            replace=force,
        )
    if as_json:
        console.json(slip)
    elif slip is None:
        console.say(bundle_messages.NOTHING_WAITS)
    else:
        _show(console, slip)
    return DONE


def take_receipts(
    console: Console, settings_path: str, files: Sequence[str], *, as_json: bool
) -> int:
    """Take receipts in; one that is wrong holds up no other."""
    code = DONE
    with _spool(settings_path) as (spool, state):
        for file in files:
            try:
                taken = take_in(spool, state, file)
            except BundleError as error:
                console.complain(error.text)
                code = COULD_NOT
                continue
            if as_json:
                console.json(taken)
            else:
                _tell(console, taken)
    return code


@contextmanager
def _spool(settings_path: str) -> Iterator[tuple[Spool, Path]]:
    state = Path(settings.load(settings_path).agent.state)
    # First: a host that is not enrolled gets no state folder by this.
    identity.load(state)
    with exclusive(state):
        spool = Spool(state)
        try:
            yield spool, state
        finally:
            spool.close()


def _show(console: Console, slip: Slip) -> None:
    def field(title: Text, value: Text | str) -> None:
        shown = value if isinstance(value, str) else console.words(value)
        console.say(messages.FIELD.format(title=title, value=shown))

    console.say(bundle_messages.SLIP)
    field(bundle_messages.SLIP_WHERE, f"{slip.customer} / {slip.site} / {slip.host}")
    field(bundle_messages.SLIP_BATCHES, str(slip.batches))
    if slip.period is not None:
        field(bundle_messages.SLIP_PERIOD, _spoken(slip.period))
    for each in slip.files:
        size = f"{each.bytes / 1024:,.0f}"
        field(
            bundle_messages.SLIP_FILE,
            bundle_messages.FILE.format(file=each.file, size=size, batches=each.batches),
        )
        words, numbers = " ".join(each.words), " ".join(each.numbers)
        field(
            bundle_messages.SLIP_WORDS, bundle_messages.WORDS.format(words=words, numbers=numbers)
        )
    if slip.left:
        console.say(bundle_messages.OTHER_AGENT.format(batches=slip.left))
    console.say(bundle_messages.NEXT)


def _spoken(period: Period) -> Text:
    try:
        zone, name = ZoneInfo(period.time_zone), period.time_zone
    except (ZoneInfoNotFoundError, ValueError):
        return bundle_messages.PERIOD.format(
            first=f"{period.first_at.astimezone(UTC):%Y-%m-%d %H:%M}",
            last=f"{period.last_at.astimezone(UTC):%Y-%m-%d %H:%M}",
            zone="UTC",
        )
    return bundle_messages.PERIOD.format(
        first=f"{period.first_at.astimezone(zone):%Y-%m-%d %H:%M}",
        last=f"{period.last_at.astimezone(zone):%Y-%m-%d %H:%M}",
        zone=name,
    )


def _tell(console: Console, taken: Taken) -> None:
    console.say(
        bundle_messages.RECEIVED.format(
            file=taken.file,
            confirmed=taken.confirmed,
            known=taken.known,
            waiting=taken.waiting,
        )
    )
    for happened, sentence in (
        (taken.key_confirmed, bundle_messages.KEY_CONFIRMED),
        (taken.forked, bundle_messages.FORKED),
        (taken.pending, bundle_messages.PENDING),
    ):
        if happened:
            console.say(sentence)
