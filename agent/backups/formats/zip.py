"""zip: every member is read and compared with its checksum."""

import lzma
import struct
import zipfile
import zlib

from agent.backups.formats.format import Format, Structure, failed, passed, unproven
from agent.backups.kind import Budget, Source
from agent.backups.refusals import refusal
from agent.backups.streaming import BUDGET, Seen
from checks.errors import NotPermitted, TimedOut, Unsupported

_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_READ_BYTES = 2**20
_ENCRYPTED = 1
_METHOD = "zip, checksums"
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    OverflowError,
    ValueError,
)
"""What zipfile and its decoders raise for bytes that are not what they have to be."""


def _recognises(head: bytes) -> bool:
    return head.startswith(_MAGIC)


def _judge(_source: Source, seen: Seen, budget: Budget) -> Structure:
    if seen.coding:
        return unproven(_METHOD, Unsupported("zip", f"inside of {seen.coding}").failure())
    member = ""
    try:
        with zipfile.ZipFile(seen.path) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            if not members:
                return failed(_METHOD, "there is no file in it")
            for each in members:
                member = each.filename
                if each.flag_bits & _ENCRYPTED:
                    words = f"{member} is encrypted"
                    return unproven(_METHOD, NotPermitted("zip", words).failure())
                with archive.open(each) as file:
                    while file.read(_READ_BYTES):
                        if budget.left_seconds() <= 0:
                            raise TimedOut(BUDGET, f"the time of this run ended at {member}")
    except NotImplementedError as error:
        return unproven(_METHOD, Unsupported("zip", f"{member}: {error}").failure())
    except _BROKEN as error:
        return failed(_METHOD, f"{member}: {error}" if member else str(error))
    except OSError as error:
        if error.errno is not None:
            raise refusal(seen.path, error) from error
        return failed(_METHOD, f"{member}: {error}")  # bz2 has no other word for broken data
    except RuntimeError as error:  # zipfile's word for a lack of the password
        return unproven(_METHOD, NotPermitted("zip", f"{member}: {error}").failure())
    return passed(_METHOD)


FORMAT = Format(name="zip", declared=("zip",), recognises=_recognises, judge=_judge)
