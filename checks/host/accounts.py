"""Accounts: who is root, who may become it, and who has no password.

Of /etc/shadow only one thing leaves the host: the names of accounts whose password is empty.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Host,
    Measure,
    Past,
    Rule,
    Scope,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    info,
    limit,
    not_run,
    ok,
    warning,
)
from checks.errors import NotPermitted, ProbeError, UnexpectedOutput, part
from checks.wording import count, listing

NAMES_ALONE = ("awk", "-F:", "length($2)<1{print$1}", "/etc/shadow")
ADMINISTRATOR_GROUPS = ("sudo", "wheel", "admin")


class Facts(Struct, frozen=True):
    """Names only."""

    accounts: int
    root_accounts: tuple[str, ...]
    """Accounts with user id 0."""
    administrators: tuple[str, ...]
    """Members of sudo, wheel or admin, as primary or further group."""
    without_password: tuple[str, ...] | Failure


def probe(host: Host) -> Facts:
    """Read passwd, group and shadow; without root, shadow is recorded as not permitted."""
    users = _rows(host.read("/etc/passwd"), "/etc/passwd", 7)
    groups = _rows(host.read("/etc/group"), "/etc/group", 4)
    powerful = {row[2] for row in groups if row[0] in ADMINISTRATOR_GROUPS}
    members = {
        name for row in groups if row[0] in ADMINISTRATOR_GROUPS for name in row[3].split(",")
    }
    members |= {row[0] for row in users if row[3] in powerful}
    return Facts(
        accounts=len(users),
        root_accounts=tuple(sorted(row[0] for row in users if _is_zero(row[2]))),
        administrators=tuple(sorted(members - {""})),
        without_password=part(lambda: _without_password(host, users)),
    )


def _is_zero(user_id: str) -> bool:
    # "000" is 0, too.
    return user_id != "" and user_id.strip("0") == ""


def _without_password(host: Host, users: list[list[str]]) -> tuple[str, ...]:
    try:
        shadow = _rows(host.read("/etc/shadow"), "/etc/shadow", 2)
        without = {row[0] for row in shadow if row[1] == ""}
    except NotPermitted as refused:
        without = _names_alone(host, refused)
    # An empty field in passwd means "no password" whatever shadow says.
    empty = {row[0] for row in users if row[1] == ""}
    local = {row[0] for row in users}
    return tuple(sorted(empty | (without & local)))


def _names_alone(host: Host, refused: NotPermitted) -> set[str]:
    """Ask for the names: an agent that is not root may be granted this line, never the file."""
    try:
        return set(host.run(*NAMES_ALONE, timeout_seconds=5).text.split())
    except NotPermitted:
        raise  # it says what to do about it
    except ProbeError:
        raise refused from None


def _rows(text: str, path: str, fields: int) -> list[list[str]]:
    """Return the colon-separated rows; comments and NIS markers (+, -) are no accounts."""
    rows = []
    for line in text.splitlines():
        if not line.strip() or line[0] in "#+-":
            continue
        row = [field[:255] for field in line.split(":")]
        if len(row) < fields or not row[0]:
            raise UnexpectedOutput(path, "a line does not have the fields that it should have")
        rows.append(row)
    if not rows:
        raise UnexpectedOutput(path, "the file holds no entry")
    return rows


class AdministratorThresholds(Thresholds, frozen=True):
    """Who may be root."""

    accepted_root_accounts: Annotated[
        tuple[str, ...], limit("account names", "LYN AUTH-9204: root alone")
    ] = ("root",)
    accepted_administrators: Annotated[
        tuple[str, ...], limit("account names", "OWN: approved by the customer")
    ] = ()
    new_for_days: Annotated[
        float, limit("d", "OWN: a quarter, so that the next review meets the change")
    ] = 90


def administrators(
    facts: Facts, thresholds: AdministratorThresholds, past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge accounts with user id 0, and changes among the administrators."""
    reference = Text("仅 root 的 UID 为 0", "root alone has user id 0")
    for name in facts.root_accounts:
        if name in thresholds.accepted_root_accounts:
            yield ok(f"uid0:{name}", Text.same("UID 0"), reference)
            continue
        yield critical(
            f"uid0:{name}",
            Text.same("UID 0"),
            reference,
            Text(
                f"账户 {name} 的 UID 为 0，拥有与 root 相同的全部权限。",
                f"The account {name} has user id 0 and with it all of root's rights.",
            ),
        )
    number = count(len(facts.administrators), "人", "members")
    if past.previous is None:
        yield ok(
            "administrators", number, Text("首次采集，作为基线", "first reading: the baseline")
        )
        return
    before, now = set(past.previous.administrators), set(facts.administrators)
    added = sorted(
        name
        for name in now - set(thresholds.accepted_administrators)
        if name not in before or _is_new(name, thresholds.new_for_days, past)
    )
    removed = sorted(before - now)
    baseline = Text(
        f"与上次一致（{len(before)} 人）", f"as in the last inspection ({len(before)} members)"
    )
    if added:
        yield warning(
            "administrators",
            number,
            baseline,
            Text(
                f"管理员组（sudo/wheel/admin）新增成员：{listing(added)}；"
                f"经客户确认前，{thresholds.new_for_days:g} 天内持续提示。",
                f"New members of the administrators' groups: {listing(added)}; shown for"
                f" {thresholds.new_for_days:g} days unless the customer approves them.",
            ),
        )
    elif removed:
        yield info(
            "administrators",
            number,
            baseline,
            Text(
                f"管理员组（sudo/wheel/admin）移除成员：{listing(removed)}。",
                f"Members removed from the administrators' groups: {listing(removed)}.",
            ),
        )
    else:
        yield ok("administrators", number, baseline)


def _is_new(name: str, days: float, past: Past[Facts]) -> bool:
    """Tell whether the membership began after the first inspection, and not long ago.

    Without this a new administrator would be "resolved" by the next inspection, with nobody
    having looked at it.
    """
    member = {point.at for point in past.series("administrator", name)}
    since = None
    for point in reversed(past.series("administrators", "")):
        if point.at not in member:
            return since is not None and past.observed_at - since <= timedelta(days=days)
        since = point.at
    return False  # a member in every inspection there was: the baseline


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep who was an administrator when, so that a change is remembered."""
    yield Measure("administrators", "", float(len(facts.administrators)))
    for name in facts.administrators[:200]:
        yield Measure("administrator", name, 1.0)


class PasswordThresholds(Thresholds, frozen=True):
    """No limits: one account without a password is one too many (LYN AUTH-9283; CIS)."""


def passwords(
    facts: Facts, _thresholds: PasswordThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge accounts with an empty password."""
    reference = Text("0 个空口令账户", "no account without a password")
    if isinstance(facts.without_password, Failure):
        yield not_run("", facts.without_password)
        return
    for name in facts.without_password:
        yield critical(
            name,
            Text("口令为空", "empty password"),
            reference,
            Text(
                f"账户 {name} 的口令为空，任何人无需口令即可登录。",
                f"The account {name} has an empty password: anyone can sign in with it.",
            ),
        )
    if not facts.without_password:
        yield ok("", count(0, "个", "accounts"), reference)


CHECK = Check(
    title=Text("账户与管理员", "Accounts and administrators"),
    chapter=Chapter.SECURITY,
    facts=Facts,
    probe=probe,
    measures=measures,
    reads=(
        "/etc/passwd",
        "/etc/group",
        "/etc/shadow (only: is the password empty)",
        " ".join(NAMES_ALONE),
    ),
    privilege=Text(
        "root，或 xunjian-agent install 授权的一行命令（只输出密码为空的账户名）",
        "root, or the one line that xunjian-agent install allows (it prints the names alone)",
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    agentless=True,
    rules=(
        Rule(
            "OS-ACC-001",
            Text("特权账户与管理员变更", "Root accounts and changes of administrators"),
            why=Text(
                "多余的特权账户是常见的后门；管理员名单的变化应当是已知且经过批准的。",
                "A further root account is a common back door; a change among the administrators"
                " should be known and approved.",
            ),
            remedy=Text(
                "与客户管理员核对名单：确认 UID 为 0 的非 root 账户的来源，"
                "用 userdel 或 usermod -u 清理；"
                "未经批准的管理员用 gpasswd -d 用户 sudo（或 wheel）移除，并检查登录记录 last。",
                "Go through the names with the customer: find out where a second account with user"
                " id 0 comes from and remove it (userdel, usermod -u); take unapproved members out"
                " (gpasswd -d USER sudo or wheel) and read the sign-ins (last).",
            ),
            priority=1,
            thresholds=AdministratorThresholds,
            evaluate=administrators,
        ),
        Rule(
            "OS-ACC-002",
            Text("空口令账户", "Accounts without a password"),
            why=Text(
                "空口令账户等于对能够连接本机的所有人敞开大门，也是等级保护测评的高风险项。",
                "An account without a password is an open door to all who can reach this host, and"
                " a high risk in any security audit.",
            ),
            remedy=Text(
                "用 passwd 账户名 设置强口令，不用的账户用 "
                "usermod -L -s /sbin/nologin 账户名 锁定；"
                "并确认 sshd 配置 PermitEmptyPasswords no。",
                "Set a strong password (passwd USER) or lock the account (usermod -L -s"
                " /sbin/nologin USER), and keep PermitEmptyPasswords no in sshd_config.",
            ),
            priority=1,
            thresholds=PasswordThresholds,
            evaluate=passwords,
        ),
    ),
)
