"""MSSQL-026: files on the drive of the operating system."""

from collections.abc import Iterator

from checks.api import (
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    not_applicable,
    ok,
    warning,
)
from checks.mssql._files import unseen
from checks.mssql._history import drive_of
from checks.mssql._room import Facts


class PlaceThresholds(Thresholds, frozen=True):
    """Nothing to tune: FRK#24, #25, #26."""


_SYSTEM_DRIVE = "c:"
_ELSEWHERE = Text("不在 C 盘", "not on C:")
_HERE = Text("C 盘有 {files} 个文件", "{files} files on C:")
_USER = Text(
    "数据库 {name} 的文件在系统盘：{files}。文件增长会写满系统盘，重装系统时也容易丢失。",
    "Files of {name} lie on the drive of the operating system: {files}. They can fill it up, and "
    "go with it when Windows is installed anew.",
)
_SYSTEM = Text(
    "系统数据库 {name} 的文件在系统盘：{files}。",
    "Files of the system database {name} lie on the drive of the operating system: {files}.",
)
_LINUX = Text(
    "Linux 上没有盘符，见主机的文件系统检查。",
    "Linux has no drives: see the host's check of volumes.",
)


def places(facts: Facts, _thresholds: PlaceThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge on which drive the files of each database lie."""
    yield from unseen(facts.hidden)
    if facts.files and all(file.physical_name.startswith("/") for file in facts.files):
        yield not_applicable("", _LINUX)
        return
    databases: dict[str, list[str]] = {}
    system = {file.name for file in facts.files if file.is_system}
    for file in facts.files:
        on_system_drive = drive_of(file.physical_name) == _SYSTEM_DRIVE
        found = databases.setdefault(file.name, [])
        if on_system_drive:
            found.append(file.physical_name)
    for name, paths in databases.items():
        if not paths:
            yield ok(name, _ELSEWHERE, _ELSEWHERE)
            continue
        files = "; ".join(paths[:3]) + ("…" if len(paths) > 3 else "")
        state, message = (warning, _SYSTEM) if name in system else (critical, _USER)
        current = _HERE.format(files=len(paths))
        yield state(name, current, _ELSEWHERE, message.format(name=name, files=files))


PLACES = Rule(
    code="MSSQL-026",
    title=Text("数据库文件在系统盘", "Files on the system drive"),
    why=Text(
        "系统盘被数据库写满时 Windows 也会停摆；系统损坏重装时，系统盘上的账套会一起丢失。",
        "A database that fills the system drive stops Windows, too; and the books on it go when "
        "the system is installed anew.",
    ),
    remedy=Text(
        "在维护窗口迁移：ALTER DATABASE [库名] MODIFY FILE (NAME = 逻辑名, FILENAME = '新路径')，"
        "将数据库脱机、移动文件并授予服务账户权限、再联机；tempdb 修改后重启服务即可。"
        "迁移前先做完整备份。",
        "In a maintenance window: full backup, ALTER DATABASE [name] MODIFY FILE (NAME = …, "
        "FILENAME "
        "= 'new path'), take it offline, move the files, give the service account its rights, "
        "bring "
        "it online; tempdb moves with a restart of the service.",
    ),
    priority=1,
    thresholds=PlaceThresholds,
    evaluate=places,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
