"""What the operating system refuses while backups are looked at, as ProbeErrors."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from checks.errors import NotPermitted, ProbeError, TimedOut, UnexpectedOutput, Unreachable

_UNREACHABLE = {
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.EIO,
    errno.ENOTCONN,
    errno.ENXIO,
    errno.ESTALE,
}


def refusal(subject: str, error: OSError) -> ProbeError:
    """Return what an error of the operating system means for a reading of `subject`."""
    words = error.strerror or str(error)
    if isinstance(error, PermissionError):
        return NotPermitted(subject, words)
    if isinstance(error, FileNotFoundError):
        return UnexpectedOutput(subject, "it is not there; is its volume mounted?")
    if isinstance(error, NotADirectoryError):
        return UnexpectedOutput(subject, "not a folder")
    if error.errno == errno.ETIMEDOUT:
        return TimedOut(subject, words)
    if error.errno in _UNREACHABLE:
        return Unreachable(subject, words)
    return UnexpectedOutput(subject, words)


@contextmanager
def refusals(subject: str) -> Iterator[None]:
    """Raise what the operating system refuses within the block as a ProbeError of `subject`."""
    try:
        yield
    except OSError as error:
        raise refusal(subject, error) from error
    except ValueError as error:  # a NUL character in a path
        raise UnexpectedOutput(subject, str(error)) from error
