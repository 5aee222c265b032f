"""MSSQL-015 and 016: free space of the volumes, and files that may not grow."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    not_applicable,
    not_run,
    ok,
)
from checks.judging import judged, missing
from checks.mssql._files import File, unseen
from checks.wording import percent, size
from wire.messages import Count, Label, Reason


class Volume(Struct, frozen=True, kw_only=True):
    """A volume that holds files of databases: the answer to VOLUMES."""

    mount_point: Label | None = None
    """None or empty on Linux."""
    example_file: Label
    """One of the files that lie on it."""
    total_bytes: Count
    free_bytes: Count

    @property
    def name(self) -> str:
        """Return its mount point; on Linux the folder of one of its files."""
        return self.mount_point or self.example_file.rpartition("/")[0] or self.example_file


class Space(Struct, frozen=True, kw_only=True):
    """How full a file is inside: the answer to SPACE."""

    file_id: int
    used_bytes: Count | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """The files of an instance and the volumes that they lie on."""

    files: tuple[File, ...]
    files_left_out: Count = 0
    hidden: tuple[Label, ...] = ()
    """Databases whose files the login may not see."""
    spaces: Mapping[str, tuple[Space, ...] | Failure] = {}
    """By database, of those whose files are near a limit."""
    volumes: tuple[Volume, ...] | Failure = ()


class VolumeThresholds(Thresholds, frozen=True):
    """Free space that is left."""

    warning_free_percent: Annotated[float, limit("%", "DASH 0.20; DCK 20 %")] = 20
    critical_free_percent: Annotated[float, limit("%", "DASH 0.10")] = 10


class LimitThresholds(Thresholds, frozen=True):
    """How full a file group may be of all that its files may become."""

    warning_used_percent: Annotated[float, limit("%", "DASH 0.8 of max; free 0.2")] = 80
    critical_used_percent: Annotated[float, limit("%", "DASH 0.9 of max; free 0.1")] = 90


TIGHT = 0.8
"""Files that have taken this share of their limit are looked into."""
_VOLUME = Text(
    "卷 {volume} 只剩 {free}（共 {total}），写满后数据库会停止写入。",
    "The volume {volume} has {free} of {total} left; once it is full the databases stop.",
)
_LIMIT = Text(
    "数据库 {name} 的 {files} 已用 {used}，上限为 {limit}：达到后报错 1105 或 9002，业务停止。",
    "{files} of {name} hold {used} of at most {limit}: then come errors 1105 or 9002, and work "
    "ends.",
)
_UNLIMITED = Text("可增长", "may grow")
_BELOW = Text("< {limit} 上限", "< {limit} of the limit")
_OF = Text("{share}（{used} / {limit}）", "{share} ({used} of {limit})")
_NOT_OPEN = Text("数据库状态为 {state}。", "The database is {state}.")
_ALL_WELL = Text("{count} 组文件均未接近上限", "{count} groups of files, none near a limit")


def volumes(facts: Facts, thresholds: VolumeThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the free space of every volume that holds files."""
    if isinstance(facts.volumes, Failure):
        yield from missing(facts.volumes)
        return
    yield from unseen(facts.hidden)
    for volume in facts.volumes:
        name = volume.name
        if not volume.total_bytes:
            yield not_run(name, Failure(Reason.UNSUPPORTED, "sys.dm_os_volume_stats: 0 B"))
            continue
        yield judged(
            name,
            100 * volume.free_bytes / volume.total_bytes,
            thresholds.warning_free_percent,
            thresholds.critical_free_percent,
            show=percent,
            message=_VOLUME.format(
                volume=name, free=size(volume.free_bytes), total=size(volume.total_bytes)
            ),
            lower_is_worse=True,
        )
    if not facts.volumes and not facts.hidden:
        yield not_run("", Failure(Reason.UNSUPPORTED, "sys.dm_os_volume_stats"))


def groups(files: Sequence[File]) -> list[list[File]]:
    """Return the files by database and filegroup: one that may grow relieves the others."""
    found: dict[tuple[str, int, int], list[File]] = {}
    for file in files:
        found.setdefault((file.name, file.type, file.data_space_id), []).append(file)
    return list(found.values())


def is_tight(group: Sequence[File]) -> bool:
    """Return whether the files of a group may have taken most of what they may become."""
    capacity = _capacity(group)
    if capacity is None:
        return False
    # Of tempdb the instance tells how large it was made, not how large it is.
    taken = sum(file.size_bytes for file in group)
    return taken >= TIGHT * capacity or group[0].name == "tempdb"


def limits(facts: Facts, thresholds: LimitThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every group of files that can't grow without limit; one verdict for those that can."""
    yield from unseen(facts.hidden)
    well = 0
    for group in groups(facts.files):
        capacity = _capacity(group)
        if capacity is None or not is_tight(group):
            well += 1
        elif group[0].state != "ONLINE":
            yield not_applicable(_named(group), _NOT_OPEN.format(state=group[0].state))
        else:
            yield _limited(facts, group, capacity, thresholds)
    if well:
        shown = _ALL_WELL.format(count=well)
        yield ok("", shown, _BELOW.format(limit=percent(thresholds.warning_used_percent)))


def _limited(
    facts: Facts, group: Sequence[File], capacity: int, thresholds: LimitThresholds
) -> Verdict:
    name = _named(group)
    inside = facts.spaces.get(group[0].name)
    if inside is None:
        return not_run(name, Failure(Reason.NOT_SELECTED))
    if isinstance(inside, Failure):
        return not_run(name, inside)
    known = {space.file_id: space.used_bytes for space in inside}
    used = [known.get(file.file_id) for file in group]
    if not capacity or None in used:
        return not_run(name, Failure(Reason.PERMISSION, "FILEPROPERTY SpaceUsed"))
    total = sum(value for value in used if value is not None)
    share = 100 * total / capacity
    state = grade(share, thresholds.warning_used_percent, thresholds.critical_used_percent)
    values = {"used": size(total), "limit": size(capacity)}
    current = _OF.format(share=percent(share), **values)
    reference = _BELOW.format(limit=percent(thresholds.warning_used_percent))
    files = ", ".join(file.file_name for file in group[:5])
    message = _LIMIT.format(name=group[0].name, files=files, **values)
    return Verdict(name, state, current, reference, None if state is State.OK else message)


def _capacity(group: Sequence[File]) -> int | None:
    """Return how large the files of a group can become together; None: no limit but the disk."""
    each = [file.limit_bytes for file in group]
    return None if None in each else sum(value for value in each if value is not None)


def _named(group: Sequence[File]) -> str:
    return f"{group[0].name} / {group[0].file_name}"[:255]


VOLUMES = Rule(
    code="MSSQL-015",
    title=Text("数据文件所在卷的剩余空间", "Free space of the volumes with files"),
    why=Text(
        "卷写满后数据文件、日志和 tempdb 都无法增长，单据保存失败，数据库甚至进入可疑状态。",
        "Once a volume is full, data, log and tempdb can't grow: nothing is saved any more.",
    ),
    remedy=Text(
        "先找出占用空间的文件（旧备份、日志、转储），移走后再扩容卷；不要靠收缩数据文件腾空间。",
        "Find what fills it (old backups, logs, dumps), move that away and extend the volume; "
        "shrinking data files is no way to gain room.",
    ),
    priority=1,
    thresholds=VolumeThresholds,
    evaluate=volumes,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
LIMITS = Rule(
    code="MSSQL-016",
    title=Text("文件接近上限", "Files near their limit"),
    why=Text(
        "文件不允许增长或已到最大值时，磁盘还有空间也会报 1105（数据）或 9002（日志），"
        "系统停止写入。",
        "A file that may not grow, or has grown to its limit, stops the database with error 1105 "
        "or "
        "9002 though the disk has room.",
    ),
    remedy=Text(
        "执行 ALTER DATABASE [库名] MODIFY FILE (NAME = 逻辑名, MAXSIZE = …, FILEGROWTH = 256MB) "
        "放宽上限，或在其他卷上为该文件组增加文件。Express 版每库 10 GB "
        "的上限只能靠归档或升级解决。",
        "Raise it with ALTER DATABASE [name] MODIFY FILE (NAME = …, MAXSIZE = …, FILEGROWTH = "
        "256MB), or add a file to the filegroup on another volume. The 10 GB of Express give way "
        "to archiving or a licence alone.",
    ),
    priority=1,
    thresholds=LimitThresholds,
    evaluate=limits,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
