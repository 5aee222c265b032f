"""Material that looks like a customer's, made without chance: for tests, benchmarks, pictures.

`small()` is two hosts with one inspection each. `full_year()` is five hosts, an inspection every
month, a point of every series every day: the report of design.md §9.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec

from checks.api import Chapter, Owner, Point, State, Text
from checks.host import inventory as inventory_check
from checks.host import software as software_check
from collector.assessment.score import Category, Grade, Part, Score
from collector.reports.material import (
    Cover,
    FindingRow,
    HostMaterial,
    InspectionRow,
    Material,
    RuleRow,
    Severity,
    ThresholdRow,
    TrendRow,
    VerdictRow,
)
from tests.collector.reports import backup_sample
from wire.messages import Failure, Reason

COVER = Cover(
    customer="华东精密机械有限公司",
    system="U8+ ERP 系统",
    year=2026,
    period_start=date(2026, 1, 1),
    period_end=date(2026, 12, 31),
    number="XJ-2026-0017",
    version="1.0",
    provider="明远软件技术服务部",
    engineer="李工",
    generated_on=date(2026, 12, 28),
    time_zone="Asia/Shanghai",
)
EMPTY_SCORE = Score(None, 0.0, None, False, ())
SYSTEMS = ("Debian GNU/Linux 12", "openEuler 22.03 LTS", "银河麒麟 V10 SP3")
HOSTS = ("erp-app-01", "erp-db-01", "erp-db-02", "file-01", "web-01")
VOLUMES = ("/", "/data", "/var", "/backup")

SOFTWARE = (
    ("apache2", "2.4.62"), ("bind9-dnsutils", "9.18.33"), ("chrony", "4.3"), ("curl", "7.88.1"),
    ("docker.io", "20.10.24"), ("nginx", "1.22.1"), ("nodejs", "18.20.4"), ("openjdk", "17.0.15"),
    ("openssh-server", "9.2p1"), ("openssl", "3.0.16"), ("php8.2", "8.2.28"),
    ("postgresql-15", "15.14"), ("python3", "3.11.2"), ("redis-server", "7.0.15"),
    ("bacula-fd", "9.6.7"), ("cups", "2.4.2"), ("exim4", "4.96"), ("git", "2.39.5"),
    ("haproxy", "2.6.12"), ("keepalived", "2.2.7"), ("mariadb-client", "10.11.11"),
    ("nfs-common", "2.6.2"), ("perl", "5.36.0"), ("smartmontools", "7.3"), ("snmpd", "5.9.3"),
    ("unixodbc", "2.3.11"), ("vim", "9.0.1378"),
    ("rsync", "3.2.7"), ("samba", "4.17.12"), ("sudo", "1.9.13p3"), ("tomcat10", "10.1.34"),
)  # fmt: skip

_H, _P, _S, _A = Chapter.HOST, Chapter.PATCH, Chapter.SECURITY, Chapter.AGENT
_CHECKS = {
    "host.cpu": (Text("处理器", "Processor"), ("/proc/stat", "/proc/loadavg")),
    "host.memory": (Text("内存", "Memory"), ("/proc/meminfo", "/proc/vmstat")),
    "host.volumes": (Text("磁盘与文件系统", "Volumes"), ("/proc/self/mounts", "statvfs(2)")),
    "host.uptime": (Text("运行时间", "Uptime"), ("/proc/uptime",)),
    "host.processes": (Text("进程", "Processes"), ("/proc/*/stat", "/proc/sys/fs/file-nr")),
    "host.time": (Text("时间同步", "Time"), ("chronyc -c tracking",)),
    "host.services": (Text("服务", "Services"), ("systemctl list-units --failed",)),
    "host.logs": (Text("系统日志", "Logs"), ("journalctl -p 3 -o json",)),
    "host.network": (Text("网络", "Network"), ("/sys/class/net/*/statistics",)),
    "host.lifecycle": (Text("生命周期", "Life cycle"), ("/etc/os-release",)),
    "host.accounts": (Text("账户", "Accounts"), ("/etc/passwd", "/etc/shadow")),
    "host.certificates": (Text("证书", "Certificates"), ("/etc/ssl/certs/*.pem",)),
    "patch.apt": (Text("系统补丁", "System patches"), ("apt-get -s dist-upgrade",)),
    "agent.run": (Text("采集过程", "The run"), ()),
}
_ENGLISH = (
    ("可读写", "writable"), ("已挂载", "mounted"), ("运行中", "running"), ("个", ""),
    ("次", "times"), ("条", "entries"), ("天", "days"), ("秒", "s"), ("否", "no"), ("无", "none"),
)  # fmt: skip
_OWN = "OWN"
# code, check, chapter, zh, en, priority, good value, reference, thresholds (name, value, unit)
_RULES: tuple[tuple[object, ...], ...] = (
    ("OS-CPU-001", "host.cpu", _H, "CPU 使用率", "Processor busy", 1, "23.4%", "< 80.0%",
     (("warning_busy_percent", "80", "%"), ("critical_busy_percent", "90", "%"))),
    ("OS-CPU-002", "host.cpu", _H, "每核负载", "Load per core", 2, "0.42", "< 2.0",
     (("warning_load_per_core", "2", "1"), ("critical_load_per_core", "4", "1"))),
    ("OS-CPU-003", "host.cpu", _H, "磁盘等待", "Waiting for disks", 2, "1.8%", "< 20.0%",
     (("warning_iowait_percent", "20", "%"), ("critical_iowait_percent", "40", "%"))),
    ("OS-MEM-001", "host.memory", _H, "内存使用率", "Memory used", 1, "61.0%", "< 85.0%",
     (("warning_used_percent", "85", "%"), ("critical_used_percent", "95", "%"))),
    ("OS-MEM-002", "host.memory", _H, "交换空间使用率", "Swap used", 1, "3.0%", "< 50.0%",
     (("warning_swap_percent", "50", "%"), ("critical_swap_percent", "80", "%"))),
    ("OS-MEM-003", "host.memory", _H, "内存不足终止进程", "Processes killed", 1, "0 次", "0 次",
     (("warning_kills", "1", ""), ("critical_kills", "3", ""))),
    ("OS-DSK-001", "host.volumes", _H, "磁盘空间使用率", "Disk space used", 1, "54.2%",
     "< 80.0%", (("warning_used_percent", "80", "%"), ("critical_used_percent", "90", "%"))),
    ("OS-DSK-002", "host.volumes", _H, "inode 使用率", "Inodes used", 1, "11.0%", "< 80.0%",
     (("warning_inodes_percent", "80", "%"), ("critical_inodes_percent", "90", "%"))),
    ("OS-DSK-003", "host.volumes", _H, "距写满天数", "Days until full", 1, "> 365 天",
     "≥ 90 天", (("warning_days", "90", "d"), ("critical_days", "30", "d"))),
    ("OS-TIM-001", "host.time", _H, "时钟偏差", "Clock offset", 1, "2.1 ms", "< 1.0 秒",
     (("warning_seconds", "1", "s"), ("critical_seconds", "60", "s"))),
    ("OS-SVC-001", "host.services", _H, "失败的服务", "Failed services", 1, "0 个", "0 个", ()),
    ("OS-LOG-001", "host.logs", _H, "内核错误日志", "Kernel errors", 1, "0 条", "0 条", ()),
    ("OS-NET-001", "host.network", _H, "网卡错误与丢包", "Network errors", 2, "0.0%",
     "< 1.0%", (("warning_drop_percent", "1", "%"), ("critical_drop_percent", "2", "%"))),
    ("OS-CPU-004", "host.cpu", _H, "虚拟化争用", "Taken by the hypervisor", 2, "0.2%", "< 5.0%",
     (("warning_steal_percent", "5", "%"), ("critical_steal_percent", "10", "%"))),
    ("OS-DSK-004", "host.volumes", _H, "只读挂载", "Read-only mounts", 1, "可读写", "可读写", ()),
    ("OS-DSK-005", "host.volumes", _H, "文件系统错误", "File system errors", 1, "0 个", "0 个",
     (("warning_errors", "1", ""),)),
    ("OS-DSK-010", "host.volumes", _H, "缺失的挂载", "Missing mounts", 2, "已挂载", "已挂载", ()),
    ("OS-TIM-002", "host.time", _H, "时间同步服务", "Time service", 1, "chronyd", "运行中",
     (("warning_stratum", "16", ""),)),
    ("OS-UPT-001", "host.uptime", _H, "运行时间", "Uptime", 2, "46 天", "1–365 天",
     (("warning_days", "365", "d"), ("warning_hours", "24", "h"))),
    ("OS-SVC-002", "host.services", _H, "反复重启的服务", "Crash loops", 2, "0 个", "< 3 次",
     (("warning_restarts", "3", ""), ("critical_restarts", "10", ""))),
    ("OS-PRC-001", "host.processes", _H, "僵尸进程", "Zombies", 3, "0 个", "0 个",
     (("warning_zombies", "1", ""), ("critical_zombies", "5", ""))),
    ("OS-PRC-002", "host.processes", _H, "文件句柄使用率", "File handles used", 2, "3.1%",
     "< 70.0%", (("warning_handles_percent", "70", "%"), ("critical_handles_percent", "90", "%"))),
    ("OS-EOL-001", "host.lifecycle", _P, "操作系统支持期", "Support of the system", 1,
     "2028-06-30", "≥ 180 天", (("warning_days", "180", "d"),)),
    ("OS-EOL-002", "host.lifecycle", _P, "运行内核版本", "Running kernel", 2, "6.1.0-41",
     "6.1.0-41", ()),
    ("PAT-LNX-001", "patch.apt", _P, "待安装安全更新", "Security updates", 1, "0 个", "0 个",
     (("warning_age_days", "7", "d"), ("critical_age_days", "30", "d"))),
    ("PAT-LNX-004", "patch.apt", _P, "需要重启", "Restart required", 2, "否", "否", ()),
    ("OS-ACC-001", "host.accounts", _S, "UID 0 账户", "Accounts with UID 0", 1, "root", "root", ()),
    ("OS-ACC-002", "host.accounts", _S, "空口令账户", "Empty passwords", 1, "0 个", "0 个", ()),
    ("OS-CRT-001", "host.certificates", _S, "证书到期", "Certificate expiry", 1, "212 天",
     "≥ 30 天", (("warning_days", "30", "d"), ("critical_days", "7", "d"))),
    ("OS-SEC-003", "host.accounts", _S, "高危端口与 SSH 设置", "Listeners and SSH", 1, "无", "无",
     ()),
    ("AGT-002", "agent.run", _A, "检查覆盖率", "Checks run", 1, "100.0%", "≥ 95.0%",
     (("warning_percent", "95", "%"), ("critical_percent", "80", "%"))),
    ("AGT-004", "agent.run", _A, "巡检开销", "Cost of the run", 2, "0.2 秒", "< 5.0%", ()),
)  # fmt: skip


def digest(*parts: object) -> str:
    """Return a SHA-256 made of the parts."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def rules() -> tuple[RuleRow, ...]:
    """Return the catalogue of the samples, by code."""
    return tuple(sorted((_rule(*row) for row in _RULES), key=lambda rule: rule.code))  # type: ignore[arg-type] # rows of one shape


def _rule(
    code: str,
    check: str,
    chapter: Chapter,
    zh: str,
    en: str,
    priority: int,
    _good: str,
    _reference: str,
    thresholds: tuple[tuple[str, str, str], ...],
) -> RuleRow:
    title, reads = _CHECKS[check]
    return RuleRow(
        code=code,
        check=check,
        check_title=title,
        chapter=chapter,
        title=Text(zh, en),
        why=Text(
            f"{zh}超出参考值会直接影响业务系统的可用性，严重时导致数据库停止写入或用户无法登录。",
            f"{en} beyond its reference puts the availability of the system at risk.",
        ),
        remedy=Text(
            "定位占用来源，清理或扩容；处理后重新巡检确认，并把结果记入服务记录。",
            "Find the cause, clean up or extend; inspect again and record the result.",
        ),
        priority=priority,
        owner=Owner.SYSTEM_ADMINISTRATOR if chapter is not _A else Owner.SERVICE_ENGINEER,
        reads=reads,
        thresholds=tuple(
            ThresholdRow(
                name,
                value,
                unit,
                f"{_OWN}: averages are taken over five minutes at least; ND 80–90",
                "default",
            )
            for name, value, unit in thresholds
        ),
    )


def _said(zh: str) -> Text:
    en = zh
    for chinese, english in _ENGLISH:
        en = en.replace(chinese, english)
    return Text(zh, en.strip())


def verdict(code: str, object_name: str, state: State, **changes: object) -> VerdictRow:
    """Return the verdict of a rule of the samples with its good values, changed as named."""
    row = next(row for row in _RULES if row[0] == code)
    good = VerdictRow(
        code=code,
        check=str(row[1]),
        object=object_name,
        state=state,
        current=_said(str(row[6])),
        reference=_said(str(row[7])),
        message=None,
        reason=None,
        observed_at=datetime(2026, 12, 26, 18, 30, tzinfo=UTC),
        evidence=digest("batch", code),
    )
    return replace(good, **changes)  # type: ignore[arg-type] # the fields of the class


def curve(
    base: float, growth: float, wave: float, count: int = 365, every_days: float = 1
) -> tuple[Point, ...]:
    """Return a series that grows in a wave, the same every time."""
    start = datetime(2026, 1, 1, 18, 30, tzinfo=UTC)
    return tuple(
        Point(
            start + timedelta(days=day * every_days),
            round(min(base + growth * day / count + wave * math.sin(day * 0.55) ** 3, 99.0), 2),
        )
        for day in range(count)
    )


def inspections(hosts: tuple[str, ...], months: int) -> tuple[InspectionRow, ...]:
    """Return one inspection a month of each host, oldest first."""
    rows = []
    for month in range(1, months + 1):
        for place, host in enumerate(hosts):
            started = datetime(2026, month, 26, 18, 30 + place, tzinfo=UTC)
            cut = month == 5 and place == 1
            rows.append(
                InspectionRow(
                    id=f"{host}-2026-{month:02d}",
                    host=host,
                    started_at=started,
                    finished_at=None if cut else started + timedelta(seconds=11),
                    planned=24,
                    collected=17 if cut else 24,
                    agent_version="0.1.0",
                    checks_digest=digest("pack", month > 6),
                    cpu_seconds=0.2 + place / 100,
                    batches=(digest(host, month),),
                )
            )
    return tuple(rows)


def score(value: float, coverage: float = 97.5, capped: bool = False) -> Score:
    """Return a score with its parts."""
    grade = next(
        grade
        for least, grade in (
            (90, Grade.EXCELLENT), (75, Grade.GOOD), (60, Grade.FAIR), (0, Grade.POOR),
        )
        if value >= least
    )  # fmt: skip
    parts = (
        Part(Category.HOST, value, coverage),
        Part(Category.SECURITY, min(value + 4, 100.0), coverage),
    )
    return Score(value, coverage, grade, capped, parts)


def inventory(place: int) -> Mapping[str, object]:
    """Return the facts of host.inventory of one host, as they come from the wire."""
    disks = (
        inventory_check.Disk("sda", 480 * 10**9, "PERC H740P", rotational=False),
        inventory_check.Disk("sdb", 4 * 10**12, "PERC H740P", rotational=True),
    )
    facts = inventory_check.Facts(
        hardware=inventory_check.Hardware(
            vendor="Dell Inc.",
            model="PowerEdge R740",
            serial=Failure(Reason.PERMISSION, "/sys/class/dmi/id/product_serial"),
            virtualization="none",
            processor="Intel(R) Xeon(R) Silver 4214R CPU @ 2.40GHz",
            logical_cores=24,
            physical_cores=12,
            memory_bytes=64 * 2**30,
            disks=disks,
        ),
        system=inventory_check.OperatingSystem(
            SYSTEMS[place % 3], "debian", "12", "6.1.0-41-amd64", "x86_64"
        ),
        interfaces=(
            inventory_check.Interface(
                "eno1",
                f"3c:ec:ef:00:10:{11 + place}",
                (f"192.168.10.{11 + place}/24", f"10.0.3.{11 + place}/24"),
            ),
        ),
        default_gateways=("192.168.10.1",),
        name_servers=("192.168.10.2", "192.168.10.3"),
        time_zone="Asia/Shanghai",
    )
    built: Mapping[str, object] = msgspec.to_builtins(facts)
    return built


def software() -> Mapping[str, object]:
    """Return the facts of host.software of a host, as they come from the wire."""
    facts = software_check.Facts(
        tuple(software_check.Package(name, name, version) for name, version in SOFTWARE),
        (software_check.Running("nginx", 5), software_check.Running("openssh-server", 1)),
    )
    built: Mapping[str, object] = msgspec.to_builtins(facts)
    return built


def trends() -> tuple[TrendRow, ...]:
    """Return the measures of the samples that are drawn."""
    return (
        TrendRow("host.cpu", "busy_percent", _H, Text("CPU 使用率", "Processor busy"), "%",
                 80.0, 90.0, fills_up=False),
        TrendRow("host.cpu", "iowait_percent", _H, Text("磁盘等待", "Waiting for disks"), "%",
                 20.0, 40.0, fills_up=False),
        TrendRow("host.memory", "used_percent", _H, Text("内存使用率", "Memory used"), "%",
                 85.0, 95.0, fills_up=False),
        TrendRow("host.volumes", "used_percent", _H, Text("磁盘空间使用率", "Disk space used"),
                 "%", 80.0, 90.0, fills_up=True),
    )  # fmt: skip


def _verdicts(place: int) -> tuple[VerdictRow, ...]:
    rows = []
    for spec in _RULES:
        code, check = str(spec[0]), str(spec[1])
        objects = VOLUMES if check == "host.volumes" else ("",)
        for name in objects:
            rows.append(_judged(code, name, place))
    return tuple(rows)


def _judged(code: str, name: str, place: int) -> VerdictRow:
    """Return a verdict: here and there something is wrong, always in the same places."""
    if code == "OS-DSK-001" and name == "/data" and place in (1, 2):
        used = 94.6 if place == 1 else 86.2
        return verdict(
            code, name, State.CRITICAL if place == 1 else State.WARNING,
            current=Text.same(f"{used}%"),
            message=Text(f"{name} 已使用 {used}%，仅剩 {100 - used:.1f}%。",
                         f"{name} is {used}% full."),
        )  # fmt: skip
    if code == "PAT-LNX-001" and place != 4:
        return verdict(
            code, name, State.WARNING, current=Text(f"{7 + place} 个", f"{7 + place}"),
            message=Text(f"有 {7 + place} 个安全更新未安装。",
                         f"{7 + place} security updates wait."),
        )  # fmt: skip
    if code == "OS-SVC-001" and place == 3:
        return verdict(
            code, "rsync-offsite.service", State.CRITICAL, current=Text("失败", "failed"),
            reference=Text("运行中", "running"),
            message=Text("rsync-offsite.service 启动失败，异地副本自 12 月 9 日起未更新。",
                         "rsync-offsite.service failed: no offsite copy since 9 December."),
        )  # fmt: skip
    if code == "OS-CRT-001" and place == 4:
        return verdict(
            code, "/etc/nginx/ssl/erp.crt", State.WARNING, current=Text("21 天", "21 days"),
            message=Text("证书将于 2027-01-18 到期。", "The certificate ends on 2027-01-18."),
        )  # fmt: skip
    if code == "OS-UPT-001" and place in (1, 2, 4):
        return verdict(
            code, name, State.WARNING, current=Text(f"{380 + place} 天", f"{380 + place} days"),
            message=Text(f"已连续运行 {380 + place} 天，内核补丁未生效。",
                         f"Up for {380 + place} days: kernel patches wait for a restart."),
        )  # fmt: skip
    if code == "OS-SVC-002" and place == 0:
        return verdict(
            code, "u8-scheduler.service", State.WARNING, current=Text("4 次", "4 times"),
            message=Text("u8-scheduler.service 7 天内重启 4 次。",
                         "u8-scheduler.service restarted 4 times in 7 days."),
        )  # fmt: skip
    if code == "OS-MEM-003" and place == 1:
        return verdict(
            code, name, State.CRITICAL, current=Text("3 次", "3 times"),
            message=Text("自上次巡检以来内核终止了 3 个进程，其中包括数据库进程。",
                         "The kernel killed 3 processes since last time, a database among them."),
        )  # fmt: skip
    if code == "OS-TIM-001" and place == 2:
        return verdict(
            code, name, State.NOT_RUN, current=Text.same(""), reference=Text.same(""),
            reason=Text("缺少工具：chronyc", "tool not installed: chronyc"),
        )  # fmt: skip
    if code == "OS-ACC-002" and place in (0, 3):
        return verdict(
            code, name, State.NOT_RUN, current=Text.same(""), reference=Text.same(""),
            reason=Text("权限不足：/etc/shadow", "not permitted: /etc/shadow"),
        )  # fmt: skip
    if code == "OS-LOG-001" and place == 4:
        return verdict(
            code, name, State.STALE,
            reason=Text("最近一次巡检未读到日志", "not read by the newest inspection"),
        )  # fmt: skip
    if code == "OS-SEC-003" and place == 3:
        return verdict(
            code, "0.0.0.0:445", State.WAIVED, current=Text("对外监听", "listening"),
            reason=Text("内网文件共享所需；王经理批准，至 2027-06-30",
                        "Needed inside; approved by Mr Wang until 2027-06-30"),
        )  # fmt: skip
    if code == "OS-CPU-003" and place == 0:
        return verdict(
            code, name, State.NOT_APPLICABLE, message=Text("容器内无此指标", "not in a container")
        )
    return verdict(code, name, State.OK)


def _findings(hosts: tuple[HostMaterial, ...]) -> tuple[FindingRow, ...]:
    severity = {"OS-DSK-001": Severity.S1, "OS-SVC-001": Severity.S2, "OS-CRT-001": Severity.S3}
    changes = ("recurring", "worsened", "new", "improved")
    rows = []
    for host in hosts:
        for row in host.verdicts:
            if row.state in (State.WARNING, State.CRITICAL):
                number = len(rows) + 1
                level = severity.get(row.code, Severity.S3)
                rows.append(
                    FindingRow(
                        number=f"F-{number:04d}",
                        host=host.name,
                        code=row.code,
                        object=row.object,
                        severity=level if row.state is State.CRITICAL else max(level, Severity.S3),
                        state=row.state,
                        change=changes[number % 4],
                        first_seen=datetime(2026, 1 + number % 11, 26, 18, 30, tzinfo=UTC),
                        last_seen=row.observed_at,
                        times=12 - number % 11,
                        current=row.current,
                        reference=row.reference,
                        message=row.message,
                        evidence=row.evidence,
                    )
                )
    rows.sort(key=lambda row: (row.severity, row.number))
    resolved = replace(
        rows[-1],
        number="F-0099",
        code="OS-MEM-002",
        object="",
        state=State.OK,
        change="resolved",
        current=Text.same("3.0%"),
    )
    return (*rows, resolved)


def material(hosts: tuple[HostMaterial, ...], months: int) -> Material:
    """Return the material of these hosts after so many monthly inspections."""
    values = sorted(host.score.score for host in hosts if host.score.score is not None)
    mean = sum(values) / len(values)
    total = replace(
        score(mean, sum(host.score.coverage for host in hosts) / len(hosts)),
        minimum=values[0],
        median=values[len(values) // 2],
    )
    return Material(
        cover=COVER,
        hosts=hosts,
        inspections=inspections(tuple(host.name for host in hosts), months),
        findings=_findings(hosts),
        rules=rules(),
        trends=trends(),
        backups=backup_sample.sets(),
        score=total,
        previous_score=score(81.4, 95.0),
        previous_date=date(2025, 12, 20),
        broken_checks=("plugin.example: the module can't be loaded: ImportError('oracledb')",),
        quarantined=("Batch 3f9a27c1b0d4 of erp-db-02, 2026-05-26: line 18 is not JSON",),
    )


def _series(place: int, points: int) -> Mapping[tuple[str, str, str], tuple[Point, ...]]:
    every = 365 / points
    series = {
        ("host.cpu", "busy_percent", ""): curve(22 + 6 * place, 8, 9, points, every),
        ("host.memory", "used_percent", ""): curve(55 + 4 * place, 6, 5, points, every),
    }
    if place in (1, 2):
        series["host.cpu", "iowait_percent", ""] = curve(4, 3, 3, points, every)
    for number, name in enumerate(VOLUMES):
        growth = 30 if name == "/data" else 4 + number
        base = 62 - 6 * place if name == "/data" else 25 + 9 * number
        series["host.volumes", "used_percent", name] = curve(base, growth, 1.5, points, every)
    return series


def full_year(points: int = 365) -> Material:
    """Return a year of five hosts; the report has 35 to 40 pages and 17 pictures."""
    scores = (91.2, 59.0, 78.4, 72.9, 88.0)
    hosts = tuple(
        HostMaterial(
            name=name,
            site="苏州机房" if place < 3 else "总部机房",
            system=SYSTEMS[place % 3],
            inventory=inventory(place),
            inventory_reason=None,
            software=software(),
            software_reason=None,
            verdicts=_verdicts(place),
            series=_series(place, points),
            score=score(scores[place], 98.0 - place, capped=place == 1),
        )
        for place, name in enumerate(HOSTS)
    )
    return material(hosts, 12)


def small() -> Material:
    """Return two hosts, two inspections each, no inventory on the second."""
    first, second, *_ = full_year(points=2).hosts
    second = replace(
        second,
        inventory=None,
        inventory_reason=Text("权限不足：/sys/class/dmi", "not permitted: /sys/class/dmi"),
        software=None,
        software_reason=Text("未纳入本次巡检", "not selected for this inspection"),
    )
    return material((first, second), 2)


def no_inspection() -> Material:
    """Return a customer that nothing is known of."""
    return Material(
        COVER, (), (), (), rules(), trends(), (), EMPTY_SCORE, None, None,
        broken_checks=(), quarantined=(),
    )  # fmt: skip


def nothing_ran() -> Material:
    """Return one host where every check was planned and none could run."""
    why = Text("权限不足：/proc", "not permitted: /proc")
    blank = Text.same("")
    host = HostMaterial(
        name="sealed-01",
        site="",
        system="Debian GNU/Linux 12",
        inventory=None,
        inventory_reason=why,
        software=None,
        software_reason=why,
        verdicts=tuple(
            verdict(str(row[0]), "", State.NOT_RUN, current=blank, reference=blank, reason=why)
            for row in _RULES
        ),
        series={},
        score=EMPTY_SCORE,
    )
    runs = tuple(replace(row, collected=0) for row in inspections(("sealed-01",), 1))
    return replace(no_inspection(), hosts=(host,), inspections=runs)
