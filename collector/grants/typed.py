"""Words of the command line about grants: moments, hosts with addresses, scopes, checks."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Customer, Host, Site
from collector.errors import NotFound, Unusable
from collector.grants.granting import WantedHost
from wire.scopes import DEFAULT_SCOPES, Scope

SCOPES = {
    Scope.METADATA: Text("元数据", "metadata"),
    Scope.CONFIG: Text("配置内容", "contents of configuration"),
    Scope.QUERY_TEXT: Text("查询语句文本", "texts of queries"),
    Scope.BUSINESS_DATA: Text("业务数据", "business data"),
    Scope.SYSTEM_PASSWORD: Text("使用系统口令登录", "signing in with system passwords"),
    Scope.CHANGE: Text("变更（远程命令行）", "change (a remote shell)"),
}
"""What each scope permits, in words."""
_PATTERN = re.compile(r"[A-Za-z0-9_.*?\[\]-]{1,100}")
_ADDRESS = re.compile(r"[^\s,=\[\]@/]{1,255}|\[[0-9A-Fa-f:.]+\]")
_MOST_ADDRESSES = 20
_FIRST_YEAR, _LAST_YEAR = 2000, 9000
_MOST_NAMES = 50
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class NamedHost:
    """A host as somebody typed it: NAME or NAME=ADDRESS,ADDRESS."""

    name: str
    addresses: tuple[str, ...] = ()


def moment_of(text: str, option: str, zone: str, *, is_end: bool = False) -> datetime:
    """Return a moment: a date (its beginning, or its end) or a time, in a time zone where it names
    none. Raise Unusable."""
    place = ZoneInfo(zone)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    try:
        if day is None:
            found = datetime.fromisoformat(text)
            found = found if found.tzinfo else found.replace(tzinfo=place)
        elif is_end:
            found = datetime.combine(day + timedelta(days=1), time(), place)
        else:
            found = datetime.combine(day, time(), place)
        if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
            raise ValueError(text)
        found = found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unusable(
            Text(
                f"{option} {text}：应写作 YYYY-MM-DD 或 YYYY-MM-DDTHH:MM（站点时区）。",
                f"{option} {text}: it is written YYYY-MM-DD or YYYY-MM-DDTHH:MM, in the time zone "
                "of the site.",
            )
        ) from error
    return found - _TICK if day is not None and is_end else found


def host_of(text: str, option: str) -> NamedHost:
    """Return the host that a word names, with its addresses. Raise Unusable."""
    name, equals, rest = text.partition("=")
    addresses = tuple(each.strip() for each in rest.split(",")) if equals else ()
    if not name.strip() or not all(_ADDRESS.fullmatch(each) for each in addresses):
        raise Unusable(
            Text(
                f"{option} {text}：应写作 主机名 或 主机名=地址,地址。",
                f"{option} {text}: it is written NAME, or NAME=ADDRESS,ADDRESS.",
            )
        )
    if len(addresses) > _MOST_ADDRESSES:
        raise Unusable(
            Text(
                f"{option} {name}：最多 {_MOST_ADDRESSES} 个地址。",
                f"{option} {name}: at most {_MOST_ADDRESSES} addresses.",
            )
        )
    return NamedHost(name.strip(), tuple(dict.fromkeys(each.strip("[]") for each in addresses)))


def find_host(session: Session, owner: Customer, name: str, site: str = "") -> Host:
    """Return the host of a customer that has this name. Raise NotFound, naming those that there
    are, or Unusable where several have it."""
    known = session.execute(
        select(Host, Site.name)
        .join(Site, (Site.customer_id == Host.customer_id) & (Site.id == Host.site_id))
        .where(Host.customer_id == owner.id)
        .order_by(Site.name, Host.name)
    ).all()
    if site and site not in {place for _, place in known}:
        sites = ", ".join(dict.fromkeys(place for _, place in known))
        raise NotFound(
            Text(
                f"客户“{owner.name}”没有站点“{site}”或其下没有主机；现有：{sites or '无'}。",
                f"{owner.name!r} has no site {site!r} with hosts; there are: {sites or 'none'}.",
            )
        )
    found = [(host, place) for host, place in known if host.name == name and site in ("", place)]
    if len(found) == 1:
        return found[0][0]
    if found:
        sites = ", ".join(place for _, place in found)
        raise Unusable(
            Text(
                f"客户“{owner.name}”有多台主机“{name}”：请用 --site 指明站点（{sites}）。",
                f"{owner.name!r} has several hosts {name!r}: say which with --site ({sites}).",
            )
        )
    names = ", ".join(host.name for host, _ in known[:_MOST_NAMES])
    raise NotFound(
        Text(
            f"客户“{owner.name}”没有主机“{name}”；现有：{names or '无'}。新主机请先用 host add "
            "添加。",
            f"{owner.name!r} has no host {name!r}; there are: {names or 'none'}. Add a new one "
            "with host add.",
        )
    )


def wanted_hosts(
    session: Session, owner: Customer, named: Sequence[NamedHost], site: str
) -> list[WantedHost]:
    """Return the hosts that are named. Raise as find_host does, and Unusable where a name or an
    address stands for two of them."""
    found = [
        WantedHost(find_host(session, owner, each.name, site), each.addresses) for each in named
    ]
    stands_for: dict[str, str] = {}
    for each in found:
        for word in {each.host.name.lower(), *(address.lower() for address in each.addresses)}:
            if word in stands_for:
                raise Unusable(
                    Text(
                        f"“{word}”重复：既指 {stands_for[word]} 又指 {each.host.name}。",
                        f"{word!r} stands for two: {stands_for[word]} and {each.host.name}.",
                    )
                )
            stands_for[word] = each.host.name
    return found


def zone_of(session: Session, host: Host) -> str:
    """Return the time zone of a host's site."""
    return session.get_one(Site, (host.customer_id, host.site_id)).time_zone


def scopes_of(words: Iterable[str]) -> tuple[Scope, ...]:
    """Return the scopes of some words; those of a grant that names none. Raise Unusable."""
    known = {scope.value: scope for scope in Scope}
    found = []
    for word in words:
        if word not in known:
            raise Unusable(
                Text(
                    f"--scope {word}：没有这个范围；可用：{', '.join(known)}。",
                    f"--scope {word}: there is no such scope; there are: {', '.join(known)}.",
                )
            )
        found.append(known[word])
    return tuple(dict.fromkeys(found)) or DEFAULT_SCOPES


def patterns_of(words: Iterable[str], checks: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns of checks. Raise Unusable for one that fits none that there is."""
    known = sorted(checks)
    found = tuple(dict.fromkeys(words))
    for word in found:
        fits = any(fnmatchcase(each, word) or each.startswith(f"{word}.") for each in known)
        if not _PATTERN.fullmatch(word) or not fits:
            chapters = ", ".join(dict.fromkeys(each.partition(".")[0] for each in known))
            raise Unusable(
                Text(
                    f"--check {word}：没有匹配的检查；可写检查编号、通配（如 host.*）或章："
                    f"{chapters}。",
                    f"--check {word}: no check fits; write the id of a check, a glob such as "
                    f"host.*, or a chapter: {chapters}.",
                )
            )
    return found
