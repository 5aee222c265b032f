"""Roles: superusers, passwords that expire, passwords kept as md5. Never a hash."""

from collections.abc import Iterator
from typing import Annotated

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
    grade,
    limit,
    not_run,
    ok,
    warning,
)
from checks.databases import Database
from checks.postgresql._parts import named
from checks.wording import count, days, listing
from wire.messages import Label

ROLES = """
SELECT rolname AS name, rolsuper AS superuser,
       CASE WHEN isfinite(rolvaliduntil)
            THEN EXTRACT(epoch FROM rolvaliduntil - clock_timestamp()) END AS expires_seconds
FROM pg_roles
WHERE rolcanlogin AND (rolsuper OR isfinite(rolvaliduntil))
ORDER BY rolname
LIMIT 1000
"""
# pg_authid is a superuser's; of a password only its kind is asked.
MD5 = """
SELECT rolname AS name FROM pg_authid
WHERE rolcanlogin AND rolpassword LIKE 'md5%'
ORDER BY rolname
LIMIT 1000
"""
ENCRYPTION = """
SELECT setting AS name FROM pg_settings WHERE name = 'password_encryption'
"""
_SUPERUSERS = "SUPERUSER"
_KEPT = "password_encryption"
_HASHES = "md5"


class Role(Struct, frozen=True, omit_defaults=True):
    """A role that may sign in and is a superuser, or whose password has an end."""

    name: Label
    superuser: bool
    expires_seconds: float | None = None
    """Negative: the password has expired."""


class Facts(Struct, frozen=True):
    """Who has power, and how passwords are kept."""

    roles: tuple[Role, ...]
    encryption: Label
    """password_encryption: how the next password will be kept; `on` before 10 means md5."""
    md5: tuple[Label, ...] | Failure
    """Roles whose password is kept as md5."""


class _Name(Struct, frozen=True):
    name: Label


def probe(database: Database) -> Facts:
    """Read the roles."""
    return Facts(
        roles=database.rows(ROLES, Role),
        encryption=database.rows(ENCRYPTION, _Name)[0].name,
        md5=named("pg_authid", lambda: tuple(row.name for row in database.rows(MD5, _Name))),
    )


class RoleThresholds(Thresholds, frozen=True):
    """How many superusers there may be, and how long before its end a password is told."""

    most_superusers: Annotated[int, limit("roles", "catalogue PG-032")] = 2
    warning_days: Annotated[float, limit("d", "COH password-expired 7 d")] = 7
    critical_days: Annotated[float, limit("d", "COH password-expired 3 d")] = 3


_MANY = Text(
    "可登录的超级用户有 {number} 个：{names}。",
    "{number} superusers may sign in: {names}.",
)
_EXPIRES = Text(
    "角色 {name} 的口令将在 {left}后过期，届时使用它的应用无法登录。",
    "The password of {name} expires in {left}; then what uses it can't sign in.",
)
_EXPIRED = Text(
    "角色 {name} 的口令已过期 {left}，不能再用口令登录。",
    "The password of {name} expired {left} ago: it can't sign in by it.",
)
_OLD_HASHES = Text(
    "{number} 个角色的口令仍以 md5 保存：{names}。",
    "The passwords of {number} roles are kept as md5: {names}.",
)
_NEXT = Text(
    "password_encryption = {value}：新设置的口令仍会以 md5 保存。",
    "password_encryption = {value}: new passwords, too, are kept as md5.",
)
_SCRAM = Text.same("scram-sha-256")


def accounts(facts: Facts, thresholds: RoleThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge superusers, the ends of passwords, and how passwords are kept."""
    superusers = [role.name for role in facts.roles if role.superuser]
    number = count(len(superusers), "个", "roles")
    reference = Text("≤ {most} 个", "at most {most}").format(most=thresholds.most_superusers)
    if len(superusers) > thresholds.most_superusers:
        message = _MANY.format(number=len(superusers), names=listing(superusers))
        yield warning(_SUPERUSERS, number, reference, message)
    else:
        yield ok(_SUPERUSERS, number, reference)
    for role in facts.roles:
        if role.expires_seconds is not None:
            yield _expiry(role.name, role.expires_seconds / 86400, thresholds)
    value = Text.same(facts.encryption)
    if facts.encryption in ("md5", "on"):
        yield warning(_KEPT, value, _SCRAM, _NEXT.format(value=facts.encryption))
    else:
        yield ok(_KEPT, value, _SCRAM)
    if isinstance(facts.md5, Failure):
        yield not_run(_HASHES, facts.md5)
    elif facts.md5:
        names = list(facts.md5)
        message = _OLD_HASHES.format(number=len(names), names=listing(names))
        yield warning(_HASHES, count(len(names), "个", "roles"), _SCRAM, message)
    else:
        yield ok(_HASHES, Text("无", "none"), _SCRAM)


def _expiry(name: str, left: float, thresholds: RoleThresholds) -> Verdict:
    object = f"VALID UNTIL {name}"[:255]
    reference = Text("> {limit}", "> {limit}").format(limit=days(thresholds.warning_days))
    state = grade(left, thresholds.warning_days, thresholds.critical_days, lower_is_worse=True)
    if state is State.OK:
        return ok(object, days(left), reference)
    message = (_EXPIRES if left > 0 else _EXPIRED).format(name=name, left=days(abs(left)))
    return Verdict(object, state, days(left), reference, message)


CHECK = Check(
    title=Text("PostgreSQL 角色", "PostgreSQL roles"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    reads=("pg_roles", "pg_settings", "pg_authid (only whether a password begins with md5)"),
    privilege=Text(
        "任意登录用户；查看口令是否为 md5 需要超级用户，不授予时该项记为未执行",
        "any account; whether passwords are md5 only a superuser sees: else that part is not run",
    ),
    systems=("linux", "windows"),
    target="postgresql",
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="PG-032",
            title=Text("超级用户与口令", "Superusers and passwords"),
            why=Text(
                "超级用户能读写一切并在服务器上执行命令；口令过期会让应用突然连不上；"
                "md5 口令容易被破解。",
                "A superuser reads and writes all and runs commands on the host; a password that "
                "expires stops an application at once; md5 passwords are easily broken.",
            ),
            remedy=Text(
                "应用账号不应是超级用户：ALTER ROLE 名称 NOSUPERUSER（先确认其不依赖超级权限）；"
                "到期的口令提前更换（ALTER ROLE 名称 VALID UNTIL '日期'），停用的账号设为 NOLOGIN；"
                "设置 password_encryption = 'scram-sha-256' 后逐个重设口令，先确认驱动支持 SCRAM。",
                "No application needs one: ALTER ROLE NAME NOSUPERUSER, once you know that it does "
                "not rely on it. Change passwords before they expire (ALTER ROLE NAME VALID UNTIL "
                "'DATE'), give NOLOGIN to accounts out of use. Set password_encryption = "
                "'scram-sha-256' and the passwords anew, once all drivers know SCRAM.",
            ),
            priority=2,
            thresholds=RoleThresholds,
            evaluate=accounts,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
