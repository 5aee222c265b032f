"""Access: which lines of pg_hba.conf let people in without a password, or from anywhere."""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Scope,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    not_run,
    ok,
)
from checks.databases import Database
from checks.errors import NotPermitted, Unsupported
from checks.postgresql._access_rules import (
    Entry,
    entries,
    includes,
    is_loopback,
    is_open,
    network,
)
from checks.postgresql._parts import named
from checks.wording import count
from wire.messages import Count, Label, Reason

HBA_RULES = """
SELECT line_number AS line, type AS kind, array_to_string(database, ',') AS databases,
       array_to_string(user_name, ',') AS roles, address, netmask, auth_method AS method,
       error IS NOT NULL AS broken
FROM pg_hba_file_rules
ORDER BY line_number
LIMIT 2000
"""
HBA_FILE = """
SELECT setting AS path FROM pg_settings WHERE name = 'hba_file'
"""
_VIEW = "pg_hba_file_rules"


class Facts(Struct, frozen=True):
    """The lines of pg_hba.conf, in their order."""

    source: Label
    """pg_hba_file_rules, or the path of the file."""
    entries: tuple[Entry, ...]
    elsewhere: bool
    """The file includes others, which were not read."""


class _Row(Struct, frozen=True):
    line: Count
    kind: Label | None
    databases: str | None
    roles: str | None
    address: str | None
    netmask: str | None
    method: Label | None
    broken: bool


class _Path(Struct, frozen=True):
    path: str


def probe(database: Database) -> Facts:
    """Read the rules from the server, or from the file where the server runs on this host.

    Raise a ProbeError where neither may be read.
    """
    rows = named(_VIEW, lambda: database.rows(HBA_RULES, _Row))
    if isinstance(rows, Failure):
        return _from_file(database, rows)
    found = tuple(
        Entry(
            row.line,
            row.kind or "",
            (row.databases or "")[:255],
            (row.roles or "")[:255],
            network(row.address or "", row.netmask or "")[:255],
            row.method or "",
            row.broken,
        )
        for row in rows
    )
    return Facts(_VIEW, found, elsewhere=False)


def _from_file(database: Database, refused: Failure) -> Facts:
    paths = database.rows(HBA_FILE, _Path)
    if database.here is None or not paths:
        kind = Unsupported if refused.reason is Reason.UNSUPPORTED else NotPermitted
        raise kind(_VIEW, refused.detail)
    text = database.here.read(paths[0].path)
    return Facts(paths[0].path[:255], tuple(entries(text)), elsewhere=includes(text))


class AccessThresholds(Thresholds, frozen=True):
    """Nothing to tune: a line asks for a password, or it does not."""


_AS_IT_IS = ("password", "ldap", "pam", "bsd", "radius")
"""Methods that have the client send the password itself to the server."""
_ENCRYPTED = ("hostssl", "hostgssenc")
_REFERENCE = Text("限定网段 + scram-sha-256", "named networks, scram-sha-256")
_BROKEN = Text(
    "pg_hba.conf 第 {line} 行有语法错误：重新加载时整个文件不生效，重启时数据库无法启动。",
    "Line {line} of pg_hba.conf is wrong: a reload ignores the whole file, and the server does not "
    "start with it.",
)
_TRUST = Text(
    "第 {line} 行“{name}”：来自 {address} 的任何人无需口令即可登录。",
    "Line {line}, “{name}”: anyone at {address} signs in without a password.",
)
_TRUST_HERE = Text(
    "第 {line} 行“{name}”：本机的任何系统用户无需口令即可登录。",
    "Line {line}, “{name}”: every user of the host signs in without a password.",
)
_PLAIN = Text(
    "第 {line} 行“{name}”：口令在网络上明文传输。",
    "Line {line}, “{name}”: passwords cross the network as they are.",
)
_OPEN = Text(
    "第 {line} 行“{name}”：允许从任何地址用口令登录，应限定到应用服务器的网段。",
    "Line {line}, “{name}”: passwords may be tried from any address; name the networks of the "
    "application.",
)
_WELL = Text("其余 {well}", "the other {well}")


def rules(facts: Facts, _thresholds: AccessThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every line; the good ones together."""
    judged = [verdict for entry in facts.entries if (verdict := _judged(entry)) is not None]
    # Two lines may say the same.
    yield from {verdict.object: verdict for verdict in judged}.values()
    if facts.elsewhere:
        yield not_run("", Failure(Reason.UNSUPPORTED, "include", facts.source))
    else:
        well = count(len(facts.entries) - len(judged), "条规则", "rules")
        yield ok("", _WELL.format(well=well) if judged else well, _REFERENCE)


def _judged(entry: Entry) -> Verdict | None:
    """Return what is wrong with a line, None where nothing is."""
    found = _fault(entry)
    if found is None:
        return None
    state, message = found
    told = message.format(line=entry.line, name=entry.name, address=entry.address)
    return Verdict(entry.name, state, Text.same(entry.method or "-"), _REFERENCE, told)


def _fault(entry: Entry) -> tuple[State, Text] | None:
    over_network = not is_loopback(entry)
    if entry.broken:
        return State.WARNING, _BROKEN
    if entry.method == "trust":
        return (State.CRITICAL, _TRUST) if over_network else (State.WARNING, _TRUST_HERE)
    if entry.method in _AS_IT_IS and over_network and entry.kind not in _ENCRYPTED:
        return State.WARNING, _PLAIN
    if is_open(entry) and entry.method in ("md5", "password"):
        return State.WARNING, _OPEN
    if is_open(entry) and entry.method.startswith("scram"):
        return State.INFO, _OPEN
    return None


CHECK = Check(
    title=Text("PostgreSQL 访问控制", "PostgreSQL access rules"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    reads=("pg_hba_file_rules", "pg_hba.conf (without options, where the view is refused)"),
    privilege=Text(
        "超级用户；或授予 pg_hba_file_rules 的 SELECT 与同名函数的 EXECUTE；"
        "或数据库在本机且代理可读 pg_hba.conf",
        "superuser; or SELECT on pg_hba_file_rules and EXECUTE on its function; or a server on "
        "this host whose pg_hba.conf the agent may read",
    ),
    systems=("linux", "windows"),
    target="postgresql",
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="PG-031",
            title=Text("pg_hba 访问规则", "Access rules (pg_hba)"),
            why=Text(
                "trust 表示不验证口令：网络上任何人都能以超级用户身份读写和删除全部数据；"
                "md5、明文口令和对所有地址开放会让口令被截获或被反复尝试。",
                "trust asks for no password: anyone on the network reads, changes and deletes all "
                "as a superuser; md5, plain passwords and open networks let passwords be caught "
                "or guessed.",
            ),
            remedy=Text(
                "把 trust 改为 scram-sha-256（本机管理可用 peer），地址改为应用服务器所在网段；"
                "改前先确认各应用都配置了口令、驱动支持 SCRAM；"
                "修改后查询 pg_hba_file_rules 确认无错误，再执行 SELECT pg_reload_conf()。"
                "已建立的连接不受影响，请保留一个管理会话以便回退。",
                "Write scram-sha-256 for trust (peer for administration on the host) and the "
                "application's networks for open addresses; first make sure that every "
                "application has its password and a driver that knows SCRAM. See that "
                "pg_hba_file_rules has no errors, then SELECT pg_reload_conf(), and keep one "
                "session open to take it back.",
            ),
            priority=1,
            thresholds=AccessThresholds,
            evaluate=rules,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
