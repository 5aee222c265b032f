"""What every part of a session is given to write its record with."""

from collections.abc import Callable

from wire.record import Event

Recording = Callable[[Event], None]
"""Durable when it returns. It raises RecordLost where it can't keep the event: then nothing more
may reach the host."""


def unrecorded(_event: Event) -> None:
    """Keep nothing: for tests of what is below a session."""
