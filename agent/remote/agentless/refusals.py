"""What the host's tools say of a refusal (in the C locale), as LocalHost would say it."""

import errno

from agent.host import meaning
from checks.errors import ProbeError, UnexpectedOutput

_NUMBERS = {
    "permission denied": errno.EACCES,
    "operation not permitted": errno.EPERM,
    "no such file or directory": errno.ENOENT,
    "not a directory": errno.ENOTDIR,
    "input/output error": errno.EIO,
    "i/o error": errno.EIO,
    "stale file handle": errno.ESTALE,
    "stale nfs file handle": errno.ESTALE,
    "host is down": errno.EHOSTDOWN,
    "no route to host": errno.EHOSTUNREACH,
    "host is unreachable": errno.EHOSTUNREACH,
    "transport endpoint is not connected": errno.ENOTCONN,
    "socket not connected": errno.ENOTCONN,
    "connection timed out": errno.ETIMEDOUT,
    "operation timed out": errno.ETIMEDOUT,
    "resource temporarily unavailable": errno.EAGAIN,
    "too many levels of symbolic links": errno.ELOOP,
    "symbolic link loop": errno.ELOOP,
}
"""As glibc, musl and Busybox say it."""


def refusal(subject: str, errors: bytes) -> ProbeError:
    """Return what the last line of a tool's complaints means."""
    lines = errors.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
    words = lines[-1].rpartition(": ")[2].strip()[:500]
    number = _NUMBERS.get(words.lower())
    if number is None:
        return UnexpectedOutput(subject, words)
    return meaning(subject, OSError(number, words))
