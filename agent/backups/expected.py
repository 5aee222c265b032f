"""What each setting of a backup set must be, in words, and which two contradict each other."""

import re
from pathlib import PurePath
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.backups.settings import BackupSettings
from checks.api import Text
from checks.backup_sets import Kind, OffsiteBy

_PATH = Text("一个绝对路径", "an absolute path")
_TEXT = Text("不超过 255 个字符的文本", "a text of at most 255 characters")
_SIZE = Text(
    '数字加单位 B、KiB、MiB、GiB 或 TiB，例如 "100 MiB"',
    'a number and one of B, KiB, MiB, GiB, TiB, such as "100 MiB"',
)
_CLOCK = Text('24 小时制的时刻，例如 "20:00"', 'a time of day, such as "20:00"')
_HOURS = Text("大于 0、不超过 8784 的小时数", "hours, more than 0 and at most 8784")
_FLAG = Text("true 或 false", "true or false")
_DATE = Text("日期，例如 2026-01-01", "a date, such as 2026-01-01")
_LIST = Text("文本的列表", "a list of texts")
_SECRET = Text(
    '{ credential = "…" }、{ file = "/…" } 或 { command = ["/…"] } 之一',
    'one of { credential = "…" }, { file = "/…" }, { command = ["/…"] }',
)
_SECTION = Text("形如 [backups.erp] 的节", "sections like [backups.erp]")


def _secret(key: str) -> dict[str, Text]:
    return {
        key: _SECRET,
        f"{key}.credential": Text("LoadCredential= 中的名称", "a name of LoadCredential="),
        f"{key}.file": _PATH,
        f"{key}.command": Text("以绝对路径开头的列表", "a list that starts with an absolute path"),
    }


_KINDS = "、".join(kind.value for kind in Kind)
_WAYS = "、".join(way.value for way in OffsiteBy)
EXPECTED = {
    "backups": _SECTION,
    "backups.*": _SECTION,
    "backups.*.kind": Text(f"{_KINDS} 之一", f"one of {_KINDS.replace('、', ', ')}"),
    "backups.*.place": Text(
        "备份所在的文件夹、仓库或连接", "the folder, the repository or the connection of the backup"
    ),
    "backups.*.title": _TEXT,
    "backups.*.pattern": Text('文件名模式，例如 "erp_*.dump"', 'a pattern, such as "erp_*.dump"'),
    "backups.*.format": _TEXT,
    "backups.*.objects": _LIST,
    "backups.*.role": Text("source 或 offsite", "source or offsite"),
    "backups.*.protects": Text("绝对路径的列表", "a list of absolute paths"),
    "backups.*.minimum_size": _SIZE,
    "backups.*.budget": _SIZE,
    "backups.*.rpo_hours": _HOURS,
    "backups.*.retention_days": Text("0 至 36600 的天数", "days, from 0 to 36600"),
    "backups.*.retention_points": Text("0 至 100000 的个数", "a number from 0 to 100000"),
    "backups.*.verify_every_days": Text("1 至 366 的天数", "days, from 1 to 366"),
    "backups.*.restore_every_days": Text("0 至 3660 的天数", "days, from 0 to 3660"),
    "backups.*.settle_minutes": Text("0 至 1440 的分钟数", "minutes, from 0 to 1440"),
    "backups.*.expect_trailer": _FLAG,
    "backups.*.key_escrow": _TEXT,
    "backups.*.user": _TEXT,
    **_secret("backups.*.password"),
    "backups.*.hosts": _LIST,
    "backups.*.tags": _LIST,
    "backups.*.command": _PATH,
    "backups.*.scratch": _PATH,
    "backups.*.scratch_size": _SIZE,
    "backups.*.valid_from": _DATE,
    "backups.*.valid_to": _DATE,
    "backups.*.schedule": Text(
        "一个 [backups.名称.schedule] 节", "a section [backups.NAME.schedule]"
    ),
    "backups.*.schedule.window_start": _CLOCK,
    "backups.*.schedule.deadline": _CLOCK,
    "backups.*.schedule.grace_minutes": Text("0 至 1440 的整数", "a whole number from 0 to 1440"),
    "backups.*.schedule.weekdays": Text(
        "mon tue wed thu fri sat sun 中的若干", "some of mon tue wed thu fri sat sun"
    ),
    "backups.*.schedule.time_zone": Text(
        '时区名称，例如 "Asia/Shanghai"', 'the name of a time zone, such as "Asia/Shanghai"'
    ),
    "backups.*.offsite": Text("一个 [backups.名称.offsite] 节", "a section [backups.NAME.offsite]"),
    "backups.*.offsite.by": Text(f"{_WAYS} 之一", f"one of {_WAYS.replace('、', ', ')}"),
    "backups.*.offsite.place": Text(
        "异地副本所在的文件夹或仓库", "the folder or the repository of the offsite copy"
    ),
    "backups.*.offsite.hours": _HOURS,
    "backups.*.offsite.host": Text("异地服务器的地址", "the address of the offsite server"),
    "backups.*.offsite.port": Text("1 至 65535 的端口", "a port from 1 to 65535"),
    "backups.*.offsite.user": Text("登录用户名", "the name of a user"),
    "backups.*.offsite.host_key": Text(
        '异地服务器的公钥，例如 "ssh-ed25519 AAAA…"，请通过可信途径取得',
        'the public key of the offsite server, such as "ssh-ed25519 AAAA…", from a trusted source',
    ),
    **_secret("backups.*.offsite.key"),
    **_secret("backups.*.offsite.password"),
    "backups.*.offsite.shell": _FLAG,
    "backups.*.offsite.budget": _SIZE,
}

_NAME = re.compile(r"[\w.-]{1,64}")
_FOLDERS = (Kind.FILES, Kind.SQLITE)
_HOST_KEY = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/=]{40,}( .*)?"
)


def contradiction(name: str, settings: BackupSettings) -> tuple[tuple[str, ...], Text] | None:
    """Return the key that can't stand beside the others, and what it must be; None: all is well."""
    if _NAME.fullmatch(name) is None:
        return (), Text(
            "名称只能由字母、汉字、数字、点、下划线和连字符组成，最多 64 个",
            "a section whose name has letters, digits, dots, underscores and hyphens, at most 64",
        )
    if settings.kind in _FOLDERS and not PurePath(settings.place).is_absolute():
        return ("place",), _PATH
    if settings.objects and settings.kind in _FOLDERS and "{object}" not in settings.pattern:
        return ("pattern",), Text(
            "含有 {object} 的模式，因为设置了 objects",
            "a pattern with {object}, as objects are set",
        )
    zone = settings.schedule.time_zone
    if zone and not _is_zone(zone):
        return ("schedule", "time_zone"), EXPECTED["backups.*.schedule.time_zone"]
    if settings.valid_from and settings.valid_to and settings.valid_to < settings.valid_from:
        return ("valid_to",), Text("不早于 valid_from 的日期", "a date not before valid_from")
    return _offsite_contradiction(settings)


def _offsite_contradiction(settings: BackupSettings) -> tuple[tuple[str, ...], Text] | None:
    offsite = settings.offsite
    if offsite is None or offsite.by is OffsiteBy.AGENT:
        return None
    needed = ["place"]
    if offsite.by is OffsiteBy.SFTP:
        needed += ["host", "user", "host_key"]
    for key in needed:
        if not getattr(offsite, key):
            return ("offsite", key), EXPECTED[f"backups.*.offsite.{key}"]
    if offsite.by is OffsiteBy.FOLDER and not PurePath(offsite.place).is_absolute():
        return ("offsite", "place"), _PATH
    if offsite.by is OffsiteBy.SFTP:
        if _HOST_KEY.fullmatch(offsite.host_key) is None:
            return ("offsite", "host_key"), EXPECTED["backups.*.offsite.host_key"]
        if offsite.key is None and offsite.password is None:
            return ("offsite", "key"), _SECRET
    return None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
