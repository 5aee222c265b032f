"""Which packs the index of a local repository names, and which of them are not there.

`restic check` tells that, too, but where a tree is in a missing pack it then tries to read it again
for a quarter of an hour and longer.
"""

from pathlib import Path

import msgspec
from msgspec import Struct

from agent.backups.kind import Budget
from agent.backups.restic import asking
from agent.backups.restic.asking import Repository
from checks.errors import UnexpectedOutput

_MOST_ASKED = 200
"""Each costs the derivation of the key; prune leaves few."""


class _Pack(Struct, frozen=True):
    id: str


class _Index(Struct, frozen=True):
    packs: tuple[_Pack, ...] | None = None


def missing_packs(repository: Repository, folder: Path, budget: Budget) -> tuple[str, ...]:
    """Return the packs that an index names and that are not there. Raise a ProbeError.

    An index never changes, so each is read once.
    """
    kept = repository.source.cache / f"restic-index-{repository.side}.json"
    try:
        known = msgspec.json.decode(kept.read_bytes(), type=dict[str, tuple[str, ...]])
    except (OSError, msgspec.DecodeError):
        known = {}
    names = sorted(path.name for path in (folder / "index").iterdir())
    known = {name: packs for name, packs in known.items() if name in names}
    new = [name for name in names if name not in known]
    for name in new[:_MOST_ASKED]:
        if budget.left_seconds() <= 0:
            break
        text = asking.demand(repository, "cat", "index", name)
        try:
            packs = msgspec.json.decode(text, type=_Index).packs or ()
        except msgspec.DecodeError as error:
            raise UnexpectedOutput("restic cat index", str(error)) from error
        known[name] = tuple(pack.id for pack in packs)
    kept.write_bytes(msgspec.json.encode(known))
    stored = {path.name for path in (folder / "data").rglob("*") if path.is_file()}
    named = {pack for packs in known.values() for pack in packs}
    gone = sorted(named - stored)
    # A prune that runs now removes index and packs one after the other.
    current = {path.name for path in (folder / "index").iterdir()}
    return tuple(gone) if current == set(names) else ()
