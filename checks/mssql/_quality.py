"""MSSQL-007, 008 and 054: where the backups lie, whether they are good, and their certificates."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.mssql._chain import ChainThresholds, aside
from checks.mssql._history import Certificate, Database, Facts
from checks.wording import days, duration, listing
from wire.messages import Reason


class CertificateThresholds(Thresholds, frozen=True):
    """The catalogue's 30 days for the backup of a key that never changes would warn all year."""

    warning_expiry_days: Annotated[float, limit("d", "DCK: 1 month")] = 30
    warning_backup_days: Annotated[float, limit("d", "OWN; FRK#119 has 30")] = 366


_APART = Text("与数据文件不在同一磁盘", "on another drive than the data files")
_NO_LOCAL = Text(
    "近 14 天没有写到本机磁盘的备份。", "No backup of the last 14 days is on a drive of the server."
)
_TOGETHER = Text(
    "数据库 {name} 的备份写在 {drives}，其数据文件也在该磁盘上：磁盘损坏时两者一起丢失。",
    "The backups of {name} are on {drives}, where its data files are: one disk loses both.",
)
_GOOD = Text("校验和已启用，无损坏", "with checksums, none damaged")
_BAD = Text(
    "数据库 {name} 有 {count} 个不可用的备份：{what}。", "{name} has {count} bad backups: {what}."
)
_NO_CHECKSUM = Text(
    "数据库 {name} 最近的备份没有启用 CHECKSUM（{what}）：写入时的损坏不会被发现。",
    "The last backups of {name} were made without CHECKSUM ({what}): damage while writing stays "
    "unseen.",
)
_NO_BACKUP = Text("没有备份可供检查。", "There is no backup to look at.")
_ESCROWED = Text("私钥已备份，未到期", "private key backed up, not expired")
_NONE = Text(
    "没有用于数据库或备份加密的证书。", "No certificate encrypts a database or its backups."
)
_KEY_NEVER = Text(
    "证书 {name} 的私钥从未备份：服务器损毁后，用它加密的数据库和备份将永远无法恢复。",
    "The private key of {name} was never backed up: what it encrypts is lost with this server.",
)
_KEY_OLD = Text(
    "证书 {name} 的私钥在 {age}前备份：请确认该备份及其密码仍在。",
    "The private key of {name} was backed up {age} ago: make sure that copy and its password are "
    "still there.",
)
_EXPIRES = Text(
    "证书 {name} 于 {day} 到期：到期后无法再做加密备份。",
    "The certificate {name} expires on {day}: no encrypted backup can be made afterwards.",
)


def drives(facts: Facts, _thresholds: ChainThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether backups lie on a drive of the data."""
    for database in facts.databases:
        yield aside(database) or _drive(facts, database)


def quality(facts: Facts, _thresholds: ChainThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge damaged, discarded and unchecked backups."""
    for database in facts.databases:
        yield aside(database) or _quality(database)


def escrow(facts: Facts, thresholds: CertificateThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the certificates that encrypt databases and backups."""
    if isinstance(facts.certificates, Failure):
        yield not_run("", facts.certificates)
        return
    if not facts.certificates:
        yield not_applicable("", _NONE)
    for certificate in facts.certificates:
        yield _certificate(certificate, thresholds, past.observed_at)


def _drive(facts: Facts, database: Database) -> Verdict:
    if facts.data_files is not None:
        return not_run(database.name, facts.data_files)
    if not database.backup_drives:
        return not_applicable(database.name, _NO_LOCAL)
    shared = sorted(set(database.backup_drives) & set(database.data_drives))
    current = Text.same(listing(list(database.backup_drives)))
    if shared:
        message = _TOGETHER.format(name=database.name, drives=listing(shared))
        return critical(database.name, current, _APART, message)
    if any(place.startswith("/") for place in database.backup_drives):
        failure = Failure(Reason.UNSUPPORTED, "volume of the backup", database.backup_drives[0])
        return not_run(database.name, failure)
    if not database.data_drives:
        failure = Failure(Reason.PERMISSION, "sys.master_files", "no data file was told")
        return not_run(database.name, failure)
    return ok(database.name, current, _APART)


def _quality(database: Database) -> Verdict:
    name = database.name
    if database.bad:
        message = _BAD.format(name=name, count=len(database.bad), what=listing(list(database.bad)))
        return critical(name, Text("有损坏", "damaged"), _GOOD, message)
    newest = {
        "完整": database.full,
        "差异": database.differential,
        "日志": database.log,
    }
    made = {kind: backup for kind, backup in newest.items() if backup is not None}
    if not made:
        return not_applicable(name, _NO_BACKUP)
    english = {"完整": "full", "差异": "differential", "日志": "log"}
    unchecked = [kind for kind, backup in made.items() if not backup.checksum]
    if unchecked:
        what = Text("、".join(unchecked), ", ".join(english[kind] for kind in unchecked))
        message = _NO_CHECKSUM.format(name=name, what=what)
        return warning(name, Text("无校验和", "no checksum"), _GOOD, message)
    return ok(name, _GOOD, _GOOD)


def _certificate(
    certificate: Certificate, thresholds: CertificateThresholds, now: datetime
) -> Verdict:
    name = certificate.name
    if certificate.backed_up_at is None:
        return critical(name, Text("从未备份", "never"), _ESCROWED, _KEY_NEVER.format(name=name))
    age = duration((now - certificate.backed_up_at).total_seconds())
    expires = certificate.expires_at
    if expires is not None:
        left = (expires - now).total_seconds() / 86400
        if left < thresholds.warning_expiry_days:
            message = _EXPIRES.format(name=name, day=f"{expires:%Y-%m-%d}")
            return warning(name, days(left), _ESCROWED, message)
    if (now - certificate.backed_up_at).days >= thresholds.warning_backup_days:
        return warning(name, age, _ESCROWED, _KEY_OLD.format(name=name, age=age))
    return ok(name, age, _ESCROWED)


DRIVES = Rule(
    code="MSSQL-007",
    title=Text("备份与数据同盘", "Backups on a drive of the data"),
    why=Text(
        "备份和数据文件在同一磁盘上，磁盘故障或被加密时两者同时失去。",
        "Where backups share a drive with the data, a broken or encrypted disk takes both.",
    ),
    remedy=Text(
        "把备份作业的目标改到独立的磁盘或备份服务器共享，并同步一份到异地。",
        "Let the job write to a drive of its own or a share of a backup server, and keep a copy "
        "offsite.",
    ),
    priority=1,
    thresholds=ChainThresholds,
    evaluate=drives,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
QUALITY = Rule(
    code="MSSQL-008",
    title=Text("备份是否损坏、是否带校验和", "Damaged backups and checksums"),
    why=Text(
        "被标记为损坏、写到 NUL 或不带校验和的备份，恢复时可能失败，而作业历史却显示成功。",
        "A backup marked as damaged, written to NUL or made without checksums may not restore "
        "although its job says success.",
    ),
    remedy=Text(
        "在备份命令中加上 WITH CHECKSUM（或设置 backup checksum default），"
        "对损坏的数据库执行 DBCC CHECKDB 并重做备份；不要用 DISK='NUL' 截断日志。",
        "Add WITH CHECKSUM to the backup (or set backup checksum default), run DBCC CHECKDB and "
        "back up again where it is damaged; never back up to DISK='NUL'.",
    ),
    priority=1,
    thresholds=ChainThresholds,
    evaluate=quality,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
CERTIFICATES = Rule(
    code="MSSQL-054",
    title=Text("加密证书与私钥备份", "Encryption certificates and their keys"),
    why=Text(
        "TDE 或备份加密使用的证书若没有备份私钥，换一台服务器就无法恢复数据库和备份。",
        "Without a backup of the private key, a database or backup that it encrypts can't be "
        "restored on another server.",
    ),
    remedy=Text(
        "执行 BACKUP CERTIFICATE … WITH PRIVATE KEY，把文件和密码分开存放在本机以外；"
        "到期前建立新证书并重新加密。",
        "Run BACKUP CERTIFICATE … WITH PRIVATE KEY, keep file and password apart and not on this "
        "host; make a new certificate before this one expires.",
    ),
    priority=2,
    thresholds=CertificateThresholds,
    evaluate=escrow,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
