"""Reference data: shipped, dated tables, each of which a newer file may take the place of.

Tables stand in the package, with source and licence. Where XUNJIAN_REFERENCE_FOLDER names a folder
with a file of the same name, the one that was retrieved later counts. They are read where verdicts
are made, on the collector; an agent never needs them.
"""

import os
from datetime import date
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

VARIABLE = "XUNJIAN_REFERENCE_FOLDER"


class Dated(Protocol):
    """What every table has."""

    @property
    def licence(self) -> str:
        """Return under which terms its data came."""
        ...

    @property
    def retrieved_on(self) -> date:
        """Return the day on which its sources were read."""
        ...


Table = TypeVar("Table", bound=Dated)


class ReferenceDataUnusable(Exception):
    """A file that should take the place of a shipped table is none; the words say why."""


def in_force(package: str, name: str, kind: type[Table]) -> tuple[Table, Path | None]:
    """Return the table that counts, and the file it came from; None: the shipped one.

    Raise ReferenceDataUnusable for a file that is there and can't be used: old data must not pass
    for what somebody has put in its place.
    """
    # Here, because an agent imports modules that name a table and never reads one.
    import pkgutil

    data = pkgutil.get_data(package, name)
    assert data is not None, "the table is shipped with the package"
    shipped = read(data, kind, name)
    folder = os.environ.get(VARIABLE)
    if not folder:
        return shipped, None
    path = Path(folder, name)
    try:
        given = read(path.read_bytes(), kind, str(path))
    except FileNotFoundError:
        return shipped, None
    except OSError as error:
        raise ReferenceDataUnusable(f"{path}: {error.strerror or error}") from error
    return (given, path) if given.retrieved_on >= shipped.retrieved_on else (shipped, None)


def read(data: bytes, kind: type[Table], name: str) -> Table:
    """Return the table in a file. Raise ReferenceDataUnusable."""
    import tomllib

    try:
        return msgspec.convert(tomllib.loads(data.decode()), kind)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ReferenceDataUnusable(f"{name}: {error}") from error
