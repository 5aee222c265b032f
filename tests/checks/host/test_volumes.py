"""Each volume is listed once, asked without hanging, and judged by share and room together."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.host import LocalHost
from checks.api import Past, State
from checks.errors import UnexpectedOutput
from checks.host import _volume_usage
from checks.host._mounted_volumes import Mount, volumes
from checks.host._volume_usage import Facts, Usage, asked, readable, server_of, usage_of
from checks.host.volumes import CHECK, SpaceThresholds, probe, space, space_state
from tests.situation import ROOT, CapturedHost
from wire.messages import Reason

STAT = ["stat", "-f", "-c", "%S %b %f %a %c %d", "--"]


class Row:
    """A row of psutil.disk_partitions()."""

    def __init__(self, device: str, mountpoint: str, fstype: str, opts: str = "rw") -> None:
        self.device, self.mountpoint, self.fstype, self.opts = device, mountpoint, fstype, opts


def places(*rows: Row) -> list[str]:
    return [mount.mount_point for mount in volumes(rows)]


def kinds(*rows: Row) -> dict[str, str]:
    return {mount.mount_point: mount.kind for mount in volumes(rows)}


def test_a_device_bound_to_many_places_is_listed_once_at_its_shortest() -> None:
    rows = [
        Row("/dev/sdb1", "/var/named/chroot/data", "xfs"),
        Row("/dev/sdb1", "/data", "xfs"),
        Row("/dev/sdb1", "/bin", "xfs", "ro"),
    ]
    assert places(*rows) == ["/data"]


def test_pseudo_file_systems_images_and_containers_are_left_out() -> None:
    assert places(
        Row("proc", "/proc", "proc"),
        Row("/dev/loop3", "/snap/core/1", "squashfs", "ro"),
        Row("/dev/sr0", "/media/cdrom", "iso9660", "ro"),
        Row("overlay", "/var/lib/docker/overlay2/abc/merged", "overlay"),
        Row("tmpfs", "/var/lib/kubelet/pods/1/volumes/token", "tmpfs"),
        Row("tmpfs", "/run/user/1000", "tmpfs"),
        Row("tmpfs", "/sys/fs/cgroup", "tmpfs"),
        Row("/dev/sda1", "/etc/resolv.conf", "ext4"),
        Row("", "E:\\", "", "cdrom"),
    ) == []  # fmt: skip


def test_memory_file_systems_of_people_are_volumes_of_their_own() -> None:
    rows = [
        Row("tmpfs", "/run", "tmpfs"),
        Row("tmpfs", "/dev/shm", "tmpfs"),
        Row("tmpfs", "/srv/x", "tmpfs"),
        Row("tmpfs", "/mnt/x", "tmpfs"),
    ]
    assert kinds(*rows) == dict.fromkeys(["/run", "/dev/shm", "/srv/x", "/mnt/x"], "memory")


def test_the_root_of_a_container_is_a_volume() -> None:
    assert places(Row("overlay", "/", "overlay")) == ["/"]


def test_what_may_hang_is_not_asked_in_the_probe_itself() -> None:
    rows = [
        Row("/dev/sda1", "/", "ext4"),
        Row("nas:/x", "/mnt/nas", "nfs4"),
        Row("/dev/sdc1", "/mnt/nas/disk", "ext4"),
        Row("/dev/sdd1", "/mnt/nas2", "ext4"),
        Row("//nas/y", "/mnt/smb", "cifs"),
        Row("/dev/sde1", "/usb", "fuseblk"),
        Row("pool", "/gpfs", "gpfs"),
    ]
    assert kinds(*rows) == {
        "/": "local",
        "/mnt/nas": "remote",
        "/mnt/nas/disk": "remote",
        "/mnt/nas2": "local",
        "/mnt/smb": "remote",
        "/usb": "remote",
        "/gpfs": "remote",
    }


def test_a_later_mount_hides_the_earlier_one_at_the_same_place() -> None:
    [mount] = volumes([Row("tmpfs", "/data", "tmpfs"), Row("/dev/sdb1", "/data", "xfs")])
    assert mount.file_system == "xfs"


def test_programs_that_name_no_device_are_told_apart() -> None:
    assert len(places(Row("s3fs", "/a", "fuse.s3fs"), Row("s3fs", "/b", "fuse.s3fs"))) == 2


def remote(place: str, device: str) -> Mount:
    return Mount(place, device, "nfs4", "remote", False)


def captured(*entries: dict[str, Any]) -> CapturedHost:
    return CapturedHost({"commands": list(entries)})


def test_a_silent_server_is_asked_once() -> None:
    host = captured(
        {"command": [*STAT, "/a"], "failure": "timeout"},
        {"command": [*STAT, "/b"], "output": "4096 100 50 40 10 5\n"},
        {"command": [*STAT, "/c"], "output": "4096 100 50 40 0 0\n"},
    )
    mounts = [remote("/a", "nas:/a"), remote("/b", "nas:/b"), remote("/c", "other:/c")]
    first, second, third = asked(host, mounts)
    assert first.failure is not None
    assert first.failure.reason is Reason.TIMEOUT
    assert first.failure.subject == "/a"
    assert second.failure is not None
    assert second.failure.detail == "nas did not answer for another mount"
    assert third.usage == Usage(409600, 204800, 163840, None, 0)


def test_a_server_that_refuses_one_mount_is_asked_for_the_next() -> None:
    host = captured(
        {"command": [*STAT, "/a"], "exit_code": 1},
        {"command": [*STAT, "/b"], "output": "4096 100 50 40 10 5\n"},
    )
    first, second = asked(host, [remote("/a", "nas:/a"), remote("/b", "nas:/b")])
    assert first.failure is not None
    assert first.failure.subject == "/a"
    assert second.usage is not None


def test_many_silent_servers_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_volume_usage, "REMOTE_TOTAL_SECONDS", 0.0)
    host = captured({"command": [*STAT, "/a"], "output": "4096 100 50 40 10 5\n"})
    [volume] = asked(host, [remote("/a", "nas:/a")])
    assert volume.failure is not None
    assert volume.failure.detail == "other network mounts used up the time"


def test_a_volume_without_a_size_is_left_out() -> None:
    host = captured({"command": [*STAT, "/a"], "output": "4096 0 0 0 0 0\n"})
    assert list(asked(host, [remote("/a", "nas:/a")])) == []


def test_a_mount_that_is_gone_is_said_to_be_unreadable(tmp_path: Path) -> None:
    place = str(tmp_path / "gone")
    [volume] = asked(LocalHost(), [Mount(place, "/dev/sdz", "ext4", "local", False)])
    assert volume.failure is not None
    assert volume.failure.reason is Reason.ERROR
    assert volume.failure.subject == place


def test_the_server_of_a_device() -> None:
    assert server_of("nas:/export/a") == "nas"
    assert server_of("[fe80::1]:/x") == "[fe80::1]"
    assert server_of("//nas/share/a") == "nas"
    assert server_of("/dev/sda1") == "/dev/sda1"


@pytest.mark.parametrize("text", ["", "4096 1 1 1 1", "4096 1 1 1 1 -1", "a b c d e f"])
def test_an_answer_that_is_none_is_not_taken(text: str) -> None:
    with pytest.raises(UnexpectedOutput):
        usage_of(text, "/a")


def test_an_answer_beyond_all_disks_is_not_taken() -> None:
    with pytest.raises(UnexpectedOutput):
        usage_of(f"4096 {2**60} 0 0 0 0", "/a")


@given(st.lists(st.integers(0, 2**31), min_size=6, max_size=6))
def test_any_answer_gives_shares_between_nothing_and_everything(numbers: list[int]) -> None:
    assume(numbers[3] <= numbers[1])
    usage = usage_of(" ".join(map(str, numbers)), "/a")
    assert 0 <= usage.used_percent <= 100
    assert usage.files_used_percent is None or 0 <= usage.files_used_percent <= 100


def test_a_name_in_another_encoding_can_travel() -> None:
    name = os.fsdecode("/mnt/备份".encode("gb18030"))
    assert "\ufffd" in readable(name)
    readable(name).encode()
    assert readable("/mnt/备 份") == "/mnt/备 份"


STATES = [State.OK, State.WARNING, State.CRITICAL]


@given(st.integers(1, 2**50), st.integers(0, 2**50), st.integers(1, 2**40))
def test_writing_more_never_makes_a_volume_look_better(total: int, used: int, more: int) -> None:
    used %= total
    after = min(total, used + more)
    thresholds = SpaceThresholds()
    first = space_state(Usage(total, used, total - used), thresholds)
    second = space_state(Usage(total, after, total - after), thresholds)
    assert STATES.index(second) >= STATES.index(first)


@pytest.mark.parametrize(
    ("total_gib", "used_percent", "state"),
    [
        (2, 50, State.OK),
        (2, 81, State.WARNING),
        (2, 91, State.CRITICAL),
        (10_000, 85, State.OK),
        (10_000, 91, State.WARNING),
        (10_000, 98.5, State.CRITICAL),
    ],
)
def test_share_and_room_are_judged_together(
    total_gib: int, used_percent: float, state: State
) -> None:
    total = total_gib * 2**30
    used = round(total * used_percent / 100)
    assert space_state(Usage(total, used, total - used), SpaceThresholds()) is state


def test_the_live_volumes_agree_with_df() -> None:
    facts = probe(LocalHost())
    assert "/" in [volume.mount_point for volume in facts.volumes]
    for volume in facts.volumes:
        assert volume.usage is not None
        lines = subprocess.check_output(
            ["df", "-B1", "--output=size,used,avail,itotal", volume.mount_point], text=True
        )
        size, used, free, files = map(int, lines.splitlines()[1].split())
        assert volume.usage.total_bytes == size
        assert volume.usage.used_bytes == pytest.approx(used, abs=2**28)
        assert volume.usage.free_bytes == pytest.approx(free, abs=2**28)
        assert (volume.usage.files_total or 0) == files


# Mounts of these tests are seen by no other process: each runs in a mount namespace of its own.
FILLED = """
import subprocess, sys
from pathlib import Path
place = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "x", place], check=True)
(place / "file").write_bytes(bytes(2**20))
"""
# Nobody serves this end of the device, as with a network server that went away.
SILENT = """
import os, subprocess, sys
from checks.host import _volume_usage
_volume_usage.REMOTE_SECONDS = 0.5
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
command = ["mount", "-i", "-t", "fuse.sshfs", "-o", options, "nas:/backup", sys.argv[1]]
subprocess.run(command, pass_fds=[device], check=True)
"""
PROBE = """
import msgspec
from checks.host.volumes import probe
from agent.host import LocalHost
sys.stdout.buffer.write(msgspec.json.encode(probe(LocalHost())))
"""


def facts_with_a_mount(code: str, place: Path) -> Facts:
    """Return what the probe says after `code` has mounted something at the place."""
    place.mkdir()
    own_mounts = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-r", "--mount"]
    if subprocess.run([*own_mounts, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this container may not mount")
    output = subprocess.check_output(
        [*own_mounts, sys.executable, "-c", code + PROBE, str(place)],
        env=os.environ | {"PYTHONPATH": str(ROOT.parent.parent)},
        timeout=60,
    )
    return CHECK.decoder.decode(output)


def test_a_memory_file_system_that_somebody_filled_is_critical(tmp_path: Path) -> None:
    place = tmp_path / "满 盘"
    facts = facts_with_a_mount(FILLED, place)
    past: Past[Facts] = Past(datetime.now(UTC))
    found = {verdict.object: verdict for verdict in space(facts, SpaceThresholds(), past)}
    assert found[str(place)].state is State.CRITICAL
    assert found[str(place)].current.zh == "100.0%，剩余 0 B"


@pytest.mark.skipif(not Path("/dev/fuse").exists(), reason="a mount that hangs needs /dev/fuse")
def test_a_mount_that_never_answers_costs_seconds_and_only_its_own_row(tmp_path: Path) -> None:
    place = tmp_path / "备份"
    started = time.monotonic()
    rows = {volume.mount_point: volume for volume in facts_with_a_mount(SILENT, place).volumes}
    assert time.monotonic() - started < 10
    assert rows["/"].usage is not None
    failure = rows[str(place)].failure
    assert failure is not None
    assert failure.reason is Reason.TIMEOUT


def test_windows_lists_its_drives_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[bool] = []

    def partitions(all: bool) -> list[Row]:
        asked_for.append(all)
        return [Row("C:\\", "C:\\", "NTFS", "rw,fixed")]

    class Room:
        total, used, free = 100, 60, 40

    class WindowsHost(LocalHost):
        system = "windows"

    monkeypatch.setattr(psutil, "disk_partitions", partitions)
    monkeypatch.setattr(psutil, "disk_usage", lambda place: Room)
    [volume] = probe(WindowsHost()).volumes
    assert asked_for == [False]
    assert volume.kind == "local"
    assert volume.usage == Usage(100, 60, 40)
