"""Digests that were written beside a backup when it was made: `erp.dump.sha256`."""

import re
from pathlib import Path

from msgspec import Struct

from agent.backups.naming import shown
from agent.backups.refusals import refusals

_SUFFIXES = {
    ".sha256": "sha256",
    ".sha256sum": "sha256",
    ".sha512": "sha512",
    ".sha512sum": "sha512",
    ".sha1": "sha1",
    ".md5": "md5",
    ".md5sum": "md5",
}
_LENGTHS = {"sha256": 64, "sha512": 128, "sha1": 40, "md5": 32}
_MOST_BYTES = 2**16
_BSD = re.compile(r"\w+ ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9A-Fa-f]+)")
_GNU = re.compile(r"\\?(?P<digest>[0-9A-Fa-f]+)(?:[ \t]+[*]?(?P<name>.+))?")


class Sidecar(Struct, frozen=True):
    """What a file beside a backup says of it."""

    name: str
    algorithm: str
    digest: str
    """Hexadecimal, lower case; empty: there is none of this backup in it."""


def sidecars(path: str) -> tuple[Sidecar, ...]:
    """Return what files beside a backup say of its digest. Raise a ProbeError."""
    found = []
    base = Path(path).name
    for suffix, algorithm in _SUFFIXES.items():
        beside = path + suffix
        if not Path(beside).is_file():
            continue
        with refusals(shown(base + suffix)), Path(beside).open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
        digest = _digest(text, base, _LENGTHS[algorithm])
        found.append(Sidecar(base + suffix, algorithm, digest))
    return tuple(found)


def _digest(text: str, base: str, length: int) -> str:
    alone = ""
    lines = [line.strip() for line in text.lstrip("\ufeff").splitlines() if line.strip()]
    for line in lines:
        match = _BSD.fullmatch(line) or _GNU.fullmatch(line)
        if match is None or len(match["digest"]) != length:
            continue
        digest = match["digest"].lower()
        name = (match["name"] or "").strip()
        if re.split(r"[/\\]", name)[-1] == base:
            return digest
        alone = digest
    return alone if len(lines) == 1 else ""
