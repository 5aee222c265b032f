"""Accounts: without a password, from anywhere, anonymous; old plug-ins, and TLS."""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Scope,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    not_applicable,
    ok,
    warning,
)
from checks.databases import Database, Engine
from checks.errors import part
from checks.judging import missing
from checks.mysql import TARGET
from checks.mysql._account_rows import Account, Accounts, accounts
from checks.mysql._server import SYSTEMS, UNKNOWN, settings, switched_on
from checks.wording import listing

VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('have_ssl', 'ssl_cert', "
    "'require_secure_transport', 'skip_networking')"
)


class Facts(Struct, frozen=True):
    """Who may sign in, and whether the way there is encrypted."""

    engine: Engine
    major: int
    accounts: Accounts | None
    accounts_refused: Failure | None
    """Why there are none."""
    encrypted: bool
    """TLS is offered."""
    encryption_demanded: bool
    networking: bool


def probe(database: Database) -> Facts:
    """Ask accounts and TLS settings. Raise a ProbeError."""
    variables = settings(database, VARIABLES)
    offered = variables.get("have_ssl")
    found = part(lambda: accounts(database))
    return Facts(
        engine=database.engine,
        major=database.version[0],
        accounts=None if isinstance(found, Failure) else found,
        accounts_refused=found if isinstance(found, Failure) else None,
        # MySQL 8.4 has no have_ssl any more.
        encrypted=offered == "YES" if offered else bool(variables.get("ssl_cert")),
        encryption_demanded=bool(switched_on(variables, "require_secure_transport")),
        networking=not switched_on(variables, "skip_networking"),
    )


class AccountThresholds(Thresholds, frozen=True):
    """Nothing to set: an account is safe or somebody waives it."""


class TransportThresholds(Thresholds, frozen=True):
    """Nothing to set."""


_OPEN = Text(
    "账号 {name} 没有密码：任何能连到数据库的人都可以登录。",
    "{name} has no password: whoever reaches the server may sign in.",
)
_ANONYMOUS = Text(
    "存在匿名账号 {name}：不报用户名也能登录。",
    "There is an anonymous account {name}: it takes no name to sign in.",
)
_ROOT = Text(
    "管理员账号 {name} 可以从任何主机登录：口令被猜中或泄露，整个数据库就失守。",
    "The administrator {name} may sign in from anywhere: one guessed password and all is lost.",
)
_ANYWHERE = Text(
    "账号 {name} 可以从任何主机登录：应限定为应用服务器的地址。",
    "{name} may sign in from anywhere: name the application's servers instead.",
)
_GOOD = Text("{good} / {total} 个账号无此问题", "{good} of {total} accounts are well")
_WANTED = Text("有密码、限定主机、非匿名", "password, named hosts, no anonymous")


def weak(facts: Facts, _thresholds: AccountThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every account; locked ones can't sign in. One verdict tells of all good ones."""
    if facts.accounts is None:
        yield from missing(facts.accounts_refused or UNKNOWN)
        return
    bad = [
        verdict
        for account in facts.accounts.listed
        if not account.is_locked and (verdict := _account(account)) is not None
    ]
    good, total = facts.accounts.total - len(bad), facts.accounts.total
    yield ok("", _GOOD.format(good=good, total=total), _WANTED)
    yield from bad


def _account(account: Account) -> Verdict | None:
    name = account.name
    if account.is_open:
        message = _OPEN.format(name=name)
        return critical(name, Text("无密码", "no password"), _WANTED, message)
    if not account.user_name:
        message = _ANONYMOUS.format(name=name)
        return critical(name, Text("匿名", "anonymous"), _WANTED, message)
    if account.is_anywhere:
        current = Text("任何主机", "any host")
        if account.user_name.lower() == "root" or account.has_super:
            return critical(name, current, _WANTED, _ROOT.format(name=name))
        return warning(name, current, _WANTED, _ANYWHERE.format(name=name))
    return None


_NO_TLS = Text(
    "没有启用 TLS：口令之外的所有数据在网络上都是明文。",
    "TLS is off: all data travel in the clear.",
)
_OLD_PLUGIN = Text(
    "{number} 个账号使用旧的认证插件：{names}。",
    "{number} accounts use an old authentication plug-in: {names}.",
)


def transport(
    facts: Facts, _thresholds: TransportThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge whether TLS is offered, and the plug-ins that accounts sign in by."""
    if not facts.networking:
        why = Text("实例不监听网络。", "The server does not listen on the network.")
        yield not_applicable("tls", why)
    elif facts.encrypted:
        demanded = Text("已启用，且强制", "on, demanded")
        on = Text("已启用", "on")
        yield ok("tls", demanded if facts.encryption_demanded else on, on)
    else:
        yield warning("tls", Text("未启用", "off"), Text("已启用", "on"), _NO_TLS)
    if facts.accounts is None:
        yield from missing(facts.accounts_refused or UNKNOWN, "plugins")
        return
    # MariaDB's own default is mysql_native_password, and MySQL 5 has hardly another one.
    old = {"mysql_old_password"}
    if facts.engine is Engine.MYSQL and facts.major >= 8:
        old.add("mysql_native_password")
    found = [
        each.name for each in facts.accounts.listed if each.plugin in old and not each.is_locked
    ]
    reference = Text("无旧插件", "no old plug-in")
    if found:
        message = _OLD_PLUGIN.format(number=len(found), names=listing(found))
        yield warning("plugins", Text.same(f"{len(found)}"), reference, message)
    else:
        yield ok("plugins", Text.same("0"), reference)


CHECK: Check[Facts] = Check(
    title=Text("MySQL 账号与加密", "MySQL accounts and TLS"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=(
        "mysql.user, mysql.global_priv (MariaDB 10.4+): names, hosts, plug-ins, empty or not",
        "SHOW GLOBAL VARIABLES (have_ssl, ssl_cert, require_secure_transport, skip_networking)",
    ),
    privilege=Text(
        "mysql.user 的 SELECT；MariaDB 10.4+：mysql.global_priv 的 SELECT",
        "SELECT on mysql.user; MariaDB 10.4+: SELECT on mysql.global_priv",
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="MY-016",
            title=Text("账号安全", "Safety of accounts"),
            why=Text(
                "空口令、匿名账号和 root@% 是数据库被勒索删库最常见的入口。",
                "Empty passwords, anonymous accounts and root@% are how databases are held to "
                "ransom.",
            ),
            remedy=Text(
                "设置密码：ALTER USER 'x'@'host' IDENTIFIED BY '…'；匿名账号 DROP USER ''@'host'；"
                "把 % 改为应用服务器地址：RENAME USER 'x'@'%' TO 'x'@'10.0.0.%'"
                "（先查 SHOW PROCESSLIST 确认来源，改错会使业务连不上）。",
                "Set a password: ALTER USER 'x'@'host' IDENTIFIED BY '…'; anonymous ones: DROP "
                "USER ''@'host'; replace % by the application's servers: RENAME USER 'x'@'%' TO "
                "'x'@'10.0.0.%' (look in SHOW PROCESSLIST where they come from: a wrong one locks "
                "the application out).",
            ),
            priority=1,
            thresholds=AccountThresholds,
            evaluate=weak,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="MY-017",
            title=Text("认证插件与 TLS", "Authentication plug-ins and TLS"),
            why=Text(
                "明文传输的数据可以在网络上被截取；旧认证插件的口令散列容易被破解，"
                "新版本也已移除。",
                "What travels in the clear can be read on the way; the hashes of the old plug-ins "
                "are easily broken, and new releases have dropped them.",
            ),
            remedy=Text(
                "配置 ssl_ca、ssl_cert、ssl_key 启用 TLS，应用改用 TLS 连接后再设置 "
                "require_secure_transport=ON（过早设置会使旧程序连不上）；"
                "账号改用 caching_sha2_password（先确认驱动版本支持）。",
                "Set ssl_ca, ssl_cert and ssl_key, let the applications use TLS, and only then "
                "require_secure_transport=ON (old clients can't connect any more); move accounts "
                "to caching_sha2_password where their drivers know it.",
            ),
            priority=3,
            thresholds=TransportThresholds,
            evaluate=transport,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
