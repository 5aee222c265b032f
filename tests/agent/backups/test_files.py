"""The listing of backups in a folder: what is a restore point, of when, and in which state."""

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from agent.backups import listing
from agent.backups.kind import Catalogue
from agent.backups.kinds import files
from agent.backups.listing import listed
from agent.backups.patterns import compiled
from checks.backup_sets import DatedBy, Form, PointState, RestorePoint
from checks.errors import (
    NotConfigured,
    NotPermitted,
    ProbeError,
    TimedOut,
    UnexpectedOutput,
)
from tests.backup_sets import settings, source
from tests.unprivileged import as_nobody, open_folder

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
LAST_NIGHT = datetime(2026, 11, 21, 15, 10, 5, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    folder.mkdir()
    return folder


def _put(place: Path, name: str, at: datetime = LAST_NIGHT, data: bytes = b"content") -> Path:
    file = place / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    os.utime(file, (at.timestamp(), at.timestamp()))
    return file


def _catalogue(place: Path, **given: object) -> Catalogue:
    plain: dict[str, object] = {
        "kind": "files",
        "place": place,
        "schedule": {"time_zone": "Asia/Shanghai"},
    }
    given_settings = settings(**(plain | given))
    state = place.parent / "state"
    with source(given_settings, state) as own, time_machine.travel(NOW, tick=False):
        return files.catalogue(own)


def _only(place: Path, **given: object) -> RestorePoint:
    (point,) = _catalogue(place, **given).points
    return point


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("erp_20261121_231005.dump", LAST_NIGHT),
        ("erp-2026-11-21T23:10:05.dump", LAST_NIGHT),
        ("erp-2026-11-21T15:10:05Z.dump", LAST_NIGHT),
        ("erp_backup_2026_11_21_231005_1234567.bak", LAST_NIGHT),
        ("20261121231005.sql", LAST_NIGHT),
        ("2026-11-21/erp_231005.dump", LAST_NIGHT),
        ("2026/11/21/erp.dump", LAST_NIGHT),
        ("备份2026年11月21日.dump", LAST_NIGHT),
        ("erp_20261121.dump", LAST_NIGHT),
        ("erp_20261301_20261121.dump", LAST_NIGHT),
    ],
)
def test_a_date_in_the_name_is_read_in_the_zone_of_the_set(
    place: Path, name: str, at: datetime
) -> None:
    _put(place, name)
    point = _only(place, pattern="**/*")
    assert (point.started_at, point.dated_by, point.note) == (at, DatedBy.NAME, "")


def test_a_file_without_a_date_in_its_name_is_dated_by_itself(place: Path) -> None:
    _put(place, "erp.dump")
    point = _only(place)
    assert (point.started_at, point.dated_by) == (LAST_NIGHT, DatedBy.MODIFIED)


def test_a_dump_that_ends_after_midnight_belongs_to_the_day_in_its_name(place: Path) -> None:
    _put(place, "erp_20261121.dump", datetime(2026, 11, 21, 17, 0, tzinfo=UTC))
    point = _only(place)
    assert point.started_at == datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC)
    assert point.ended_at == datetime(2026, 11, 21, 17, 0, tzinfo=UTC)


def test_the_trailer_of_a_dump_outranks_its_name_and_a_disagreement_is_told(place: Path) -> None:
    text = b"-- MariaDB dump 10.19\nCREATE TABLE t;\n-- Dump completed on 2026-10-01  9:05:01\n"
    _put(place, "erp_20261121.sql", data=text)
    point = _only(place)
    assert point.dated_by is DatedBy.CONTENT
    assert point.started_at == datetime(2026, 10, 1, 1, 5, 1, tzinfo=UTC)
    assert "name says 2026-11-20 16:00Z, content says 2026-10-01 01:05Z" in point.note


def test_a_copied_file_whose_date_is_not_that_of_its_name_is_told(place: Path) -> None:
    _put(place, "erp_20260101.dump")
    assert _only(place).note == "name says 2025-12-31 16:00Z, written 2026-11-21 15:10Z"


def test_a_date_in_the_future_is_kept_and_told(place: Path) -> None:
    _put(place, "erp_20261125_230000.dump", NOW + timedelta(days=3))
    point = _only(place)
    assert point.started_at > NOW
    assert "name is in the future" in point.note


@pytest.mark.parametrize(
    ("name", "at", "data", "state"),
    [
        ("erp.dump", LAST_NIGHT, b"x", PointState.COMPLETE),
        ("erp.dump", NOW - timedelta(minutes=3), b"x", PointState.GROWING),
        ("erp.dump", LAST_NIGHT, b"", PointState.EMPTY),
        ("erp.dump.part", LAST_NIGHT, b"x", PointState.GROWING),
        ("erp.dump.filepart", LAST_NIGHT, b"x", PointState.GROWING),
        (".erp.dump.Xy12aB", LAST_NIGHT, b"x", PointState.GROWING),
        ("erp.dump.crdownload", LAST_NIGHT, b"", PointState.GROWING),
    ],
)
def test_the_state_of_a_file(
    place: Path, name: str, at: datetime, data: bytes, state: PointState
) -> None:
    _put(place, name, at, data)
    assert _only(place, pattern="*.dump").state is state


def test_a_pattern_that_fits_nothing_gives_no_points_and_counts_what_is_there(place: Path) -> None:
    _put(place, "erp.dump")
    _put(place, "erp.txt")
    _put(place, "sub/erp.dump")
    found = _catalogue(place, pattern="crm_*.dump")
    assert (found.points, found.unmatched) == ((), 3)


def test_objects_are_told_by_the_pattern(place: Path) -> None:
    for name in ("erp_20261121.dump", "crm_20261121.dump", "test_20261121.dump"):
        _put(place, name)
    found = _catalogue(place, pattern="{object}_*.dump", objects=["erp", "crm"])
    assert sorted(point.object for point in found.points) == ["crm", "erp"]
    assert found.unmatched == 1


def test_an_object_in_chinese_is_found_under_a_name_in_gbk(place: Path) -> None:
    name = os.fsdecode("账务_20261121.dump".encode("gbk"))
    _put(place, name)
    point = _only(place, pattern="{object}_*.dump", objects=["账务"])
    assert (point.id, point.object) == ("账务_20261121.dump", "账务")
    with source(settings(kind="files", place=place), place.parent / "state") as own:
        assert files.artefacts(own, point) == (name,)
        assert (place / files.path_of(own, point.id)).read_bytes() == b"content"


def test_two_names_that_look_alike_stay_two(place: Path) -> None:
    _put(place, "账务.dump", data=b"in UTF-8")
    _put(place, os.fsdecode("账务.dump".encode("gbk")), data=b"in GBK!")
    points = _catalogue(place).points
    assert len({point.id for point in points}) == 2
    with source(settings(kind="files", place=place), place.parent / "state") as own:
        paths = {files.path_of(own, point.id) for point in points}
    assert len(paths) == 2


def test_names_that_are_no_text_at_all_can_still_be_opened(place: Path) -> None:
    for raw in (b"erp\xff\xfe\xff.dump", b"line\nbreak.dump", b"x" * 200 + "数据".encode() * 9):
        _put(place, os.fsdecode(raw))
    _put(place, "/".join(["folder" * 10] * 5) + "/erp.dump")
    points = _catalogue(place, pattern="**/*").points
    assert len(points) == 4
    with source(settings(kind="files", place=place, pattern="**/*"), place.parent / "state") as own:
        for point in points:
            assert len(point.id) <= 255
            assert point.id.isprintable()
            assert (place / files.path_of(own, point.id)).read_bytes() == b"content"


def test_links_are_not_followed_out_of_the_place_and_loops_end(place: Path, tmp_path: Path) -> None:
    _put(place, "erp.dump")
    _put(tmp_path, "elsewhere/secret.dump")
    (place / "latest.dump").symlink_to("erp.dump")
    (place / "loop").symlink_to(".")
    (place / "up").symlink_to("..")
    (place / "out").symlink_to(tmp_path / "elsewhere")
    (place / "nowhere.dump").symlink_to("gone")
    found = _catalogue(place, pattern="**/*")
    assert [point.id for point in found.points] == ["erp.dump"]
    assert found.odd == (
        "3 symbolic links that lead out of the place or nowhere were not followed",
    )


def test_a_place_that_is_itself_a_link_is_followed(place: Path, tmp_path: Path) -> None:
    _put(place, "erp.dump")
    (tmp_path / "link").symlink_to(place)
    assert _only(tmp_path / "link").id == "erp.dump"


def test_pipes_and_devices_are_never_opened(place: Path) -> None:
    os.mkfifo(place / "erp.dump")
    found = _catalogue(place)
    assert (found.points, found.unmatched) == ((), 1)


def test_a_place_that_is_not_there_or_no_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UnexpectedOutput) as caught:
        _catalogue(tmp_path / "gone")
    assert caught.value.subject == str(tmp_path / "gone")
    with pytest.raises(UnexpectedOutput, match="not a folder"):
        _catalogue(_put(tmp_path, "file"))


def test_a_format_that_nobody_knows_is_refused(place: Path) -> None:
    with pytest.raises(NotConfigured, match="pgdump"):
        _catalogue(place, format="pgdump")


def _as_nobody(place: Path, pattern: str) -> str:
    def ask() -> str:
        try:
            found = listed(str(place), compiled(pattern, ()), UTC)
        except ProbeError as error:
            return f"{type(error).__name__} {error.subject}"
        return f"{len(found.entries)} {found.odd}"

    return as_nobody(ask)


def test_a_place_without_permission_is_an_error_and_never_an_empty_listing() -> None:
    with open_folder() as folder:
        place = folder / "backup"
        _put(place, "erp.dump")
        _put(place, "closed/erp.dump")
        (place / "closed").chmod(0o700)
        assert _as_nobody(place, "*/erp.dump").startswith(NotPermitted.__name__)
        assert "closed can't be listed: Permission denied" in _as_nobody(place, "**/erp.dump")
        place.chmod(0o700)
        assert _as_nobody(place, "*") == f"NotPermitted {place}"


def test_a_folder_with_very_many_files_keeps_the_newest_and_counts_the_rest(place: Path) -> None:
    first = datetime(2020, 1, 1, tzinfo=UTC)
    for number in range(300):
        _put(place, f"erp_{first + timedelta(days=number):%Y%m%d}.dump", data=b"x" * 10)
    found = listed(str(place), compiled("*.dump", ()), UTC, most=100)
    assert len(found.entries) == 100
    assert (found.left_out, found.left_out_bytes) == (200, 2000)
    assert found.entries[0].path == "erp_20201026.dump"
    assert min(entry.path for entry in found.entries) == "erp_20200719.dump"
    assert found.odd == ("200 older restore points are not listed one by one",)


def test_a_listing_that_does_not_end_in_time_is_an_error(place: Path) -> None:
    for number in range(600):
        (place / f"{number}").touch()
    with pytest.raises(TimedOut) as caught:
        listed(str(place), compiled("*", ()), UTC, seconds=-1)
    assert caught.value.subject == str(place)


def test_companions_are_no_restore_points(place: Path) -> None:
    for name in ("erp.dmp", "erp.dmp.sha256", "erp.dmp.md5", "erp.log", "SHA256SUMS", "crm.db-wal"):
        _put(place, name)
    _put(place, "alone.sha256")
    found = _catalogue(place)
    assert sorted(point.id for point in found.points) == ["alone.sha256", "crm.db-wal", "erp.dmp"]
    assert [point.id for point in _catalogue(place, pattern="*.log").points] == ["erp.log"]


def test_log_and_differential_backups_of_sql_server_are_told_by_their_names(place: Path) -> None:
    for name in ("SRV_ERP_FULL_20261121.bak", "SRV_ERP_DIFF_20261121.bak", "SRV_ERP_LOG_1.trn"):
        _put(place, name, data=b"TAPE")
    forms = {point.id: point.form for point in _catalogue(place).points}
    assert list(dict(sorted(forms.items())).values()) == [
        Form.DIFFERENTIAL,
        Form.FULL,
        Form.LOG,
    ]


def test_data_on_the_same_volume_is_told(place: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    found = _catalogue(place, protects=[str(tmp_path / "data"), "/proc", "/no/such/data"])
    assert found.destination is not None
    assert found.destination.with_data == (str(tmp_path / "data"),)
    assert found.destination.protects == (str(tmp_path / "data"), "/proc")
    assert found.destination.free_bytes
    assert found.odd == ("protects /no/such/data: No such file or directory",)


def test_a_place_that_everybody_may_write_to_is_told(place: Path) -> None:
    _put(place, "erp.dump").chmod(0o666)
    assert _catalogue(place).destination.writable_by_others == ("mode 0666 of erp.dump",)  # type: ignore[union-attr] # it is there
    place.chmod(0o777)
    assert "mode 0777" in _catalogue(place).destination.writable_by_others  # type: ignore[union-attr] # as above


def test_who_may_write_by_an_access_control_list_is_told(place: Path) -> None:
    entries = [(0x01, 7, 2**32 - 1), (0x02, 6, 65534), (0x04, 5, 2**32 - 1)]
    entries += [(0x10, 7, 2**32 - 1), (0x20, 0, 2**32 - 1)]
    content = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + right.to_bytes(2, "little") + number.to_bytes(4, "little")
        for tag, right, number in entries
    )
    os.setxattr(place, "system.posix_acl_access", content)
    found = _catalogue(place).destination
    assert found is not None
    assert "ACL user nobody" in found.writable_by_others


def test_what_lies_in_a_folder_that_is_a_backup_is_no_restore_point_of_its_own(place: Path) -> None:
    _put(place, "erp_20261121/toc.dat", data=b"PGDMP")
    _put(place, "erp_20261121/3001.dat.gz")
    _put(place, "erp_20261120/3001.dat.gz")
    folder_date = LAST_NIGHT.timestamp()
    for name in ("erp_20261121", "erp_20261120"):
        os.utime(place / name, (folder_date, folder_date))
    points = {point.id: point for point in _catalogue(place, pattern="**/*").points}
    assert sorted(points) == ["erp_20261120", "erp_20261121"]
    assert points["erp_20261121"].state is PointState.COMPLETE
    assert points["erp_20261121"].files == 2
    assert points["erp_20261120"].state is PointState.FAILED
    assert points["erp_20261120"].note.startswith("there is no toc.dat")


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Path]:
    """Make a folder of 10^5 empty files."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(100_000):
        os.close(os.open(folder / f"erp_{number:06}.dump", os.O_CREAT | os.O_WRONLY))
    yield folder
    shutil.rmtree(folder)


def test_a_folder_of_100000_files_is_listed_in_seconds(many: Path) -> None:
    began = time.perf_counter()
    found = listed(str(many), compiled("*.dump", ()), UTC)
    assert len(found.entries) + found.left_out == 100_000
    assert time.perf_counter() - began < listing.LISTING_SECONDS / 5
