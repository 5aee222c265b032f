"""The collector's own identity: the key that signs its answers, and the one that opens bundles.

Both are in one file (0600) beside the SQLite database, or where XUNJIAN_KEY_FILE says: processes on
several machines share it as a credential, never through the database. The database knows the public
halves: where the file is missing or another one, nothing is made anew, because every agent in the
field trusts the old key.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct
from pyrage import IdentityError as AgeError
from pyrage.x25519 import Identity as AgeIdentity
from sqlalchemy import select

from checks.api import Text
from collector.database import Database
from collector.enrolment.models import CollectorKey
from collector.errors import IdentityUnusable
from wire import envelope
from wire.codes import fingerprint, numbers
from wire.signing import PrivateKey


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in the file."""

    signing_seed: bytes
    age_identity: str


@dataclass(frozen=True)
class Identity:
    """Signs as this collector, and opens what was encrypted to it."""

    key: PrivateKey
    age: AgeIdentity

    @property
    def recipient(self) -> str:
        """Return the age recipient that bundles are encrypted to."""
        return str(self.age.to_public())

    @property
    def fingerprint(self) -> str:
        """Return the six words of the signing key, and the same as numbers."""
        public = self.key.public
        return f"{' '.join(fingerprint(public))} ({' '.join(numbers(public))})"

    def sign(self, message: Struct, payload_type: str) -> bytes:
        """Return the message in an envelope signed by this collector."""
        return envelope.enclose(message, payload_type, self.key)


def open_identity(path: Path, database: Database) -> Identity:
    """Return the identity in the file; made when neither file nor database has one yet.

    Raise IdentityUnusable if the file can't be read or is not the one that the database knows.
    """
    with database.reading() as session:
        known = session.scalar(select(CollectorKey.id))
    if not path.exists():
        if known is not None:
            raise IdentityUnusable(
                Text(
                    f"采集端的密钥文件 {path} 不见了，而已登记的代理只信任原来的密钥："
                    "请从备份恢复，或用 XUNJIAN_KEY_FILE 指出它的位置。",
                    f"The collector's key file {path} is gone, and enrolled agents trust that key "
                    "only: restore it from a backup, or name its place in XUNJIAN_KEY_FILE.",
                )
            )
        _make(path)
    identity = _read(path)
    known = known or _recorded(database, identity)
    if known != identity.key.id:
        raise IdentityUnusable(
            Text(
                f"密钥文件 {path} 不属于此数据库（指纹 {identity.key.id[:16]}，数据库记录的是 "
                f"{known[:16]}）：请使用原来的密钥文件。",
                f"The key file {path} is not that of this database (it is {identity.key.id[:16]}, "
                f"the database knows {known[:16]}): use the original file.",
            )
        )
    return identity


def _make(path: Path) -> None:
    content = msgspec.json.encode(_File(PrivateKey.generate().seed(), str(AgeIdentity.generate())))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and linked: of two processes that start together one wins, both read it.
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error


def _read(path: Path) -> Identity:
    try:
        if path.stat().st_mode & 0o077:
            raise IdentityUnusable(
                Text(
                    f"密钥文件 {path} 可被其他用户读取，已拒绝使用：请改为 0600。",
                    f"The key file {path} can be read by others and is not used: make it 0600.",
                )
            )
        content = msgspec.json.decode(path.read_bytes(), type=_File)
        return Identity(
            PrivateKey(content.signing_seed), AgeIdentity.from_str(content.age_identity)
        )
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, AgeError) as error:
        raise _unusable(path, "it is damaged") from error


def _recorded(database: Database, identity: Identity) -> str:
    """Write the public half down, unless another process was first; return whose stands there."""
    with database.writing(alone=True) as session:
        known = session.scalar(select(CollectorKey.id))
        if known is None:
            known = identity.key.id
            session.add(
                CollectorKey(
                    id=known,
                    public_key=identity.key.public,
                    recipient=identity.recipient,
                    created_at=datetime.now(UTC),
                )
            )
    return known


def _unusable(path: Path, what: str) -> IdentityUnusable:
    return IdentityUnusable(
        Text(
            f"采集端的密钥文件 {path} 无法使用：{what}。请检查权限，或从备份恢复。",
            f"The collector's key file {path} can't be used: {what}. Look at its permissions, or "
            "restore it from a backup.",
        )
    )
