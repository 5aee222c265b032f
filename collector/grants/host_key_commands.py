"""`xunjian-collector host-key`: by which SSH keys the hosts of a customer are known."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Customer, Host, Site
from collector.customers.service import find_customer
from collector.enrolment.record import person_here
from collector.errors import Unusable
from collector.grants import host_keys as store
from collector.grants.files import read_file
from collector.grants.host_keys import TYPED, Kept, type_of
from collector.grants.importing import FAULTS, Line, import_lines
from collector.grants.models import SshHostKey
from collector.grants.typed import find_host, host_of
from collector.options import (
    HERE,
    CustomerName,
    DataOption,
    JsonOption,
    LanguageOption,
    local,
    opened,
    print_json,
    print_table,
    said,
)
from collector.reports.words import Language
from wire.host_keys import KEY_TYPES, read_known_hosts

host_keys = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="SSH 主机公钥：远程会话据此认定主机。 SSH host keys: what remote sessions trust hosts by.",
)
_LARGEST_KEY_BYTES = 64 * 2**10
_LARGEST_FILE_BYTES = 4 * 2**20
_SOURCES = {
    store.INVENTORY: Text("主机代理上报", "told by its agent"),
    store.TYPED: Text("手工录入", "typed"),
    store.KNOWN_HOSTS: Text("known_hosts 导入", "known_hosts"),
}
_COLUMNS = (
    Text("编号", "id"),
    Text("站点 / 主机", "site / host"),
    Text("类型", "type"),
    Text("指纹", "fingerprint"),
    Text("来源", "source"),
    Text("登记", "added"),
)
_KEPT = {
    Kept.ADDED: Text("已登记", "added"),
    Kept.PRESENT: Text("早已登记", "known already"),
    Kept.CHANGED: Text(
        "与已登记的同类公钥不同，未登记：请核实后先 host-key remove 旧公钥",
        "another key of this type is known; not taken: find out why, then remove the old one",
    ),
    Kept.REMOVED: Text("曾被移除，未登记", "was removed by a person; not taken"),
}
_REVOKED = Text("标记为已吊销，未登记", "marked as revoked; not taken")
_NO_HOST = Text("不是该客户的主机", "no host of this customer")


@host_keys.command("list")
def host_key_list(
    customer: CustomerName,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """列出客户主机的 SSH 公钥。 List the SSH host keys of a customer's hosts.

    \b
    Examples:
      xunjian-collector host-key list --customer 示例公司
    """
    with opened(data) as database, database.reading() as session:
        rows = _rows(session, find_customer(session, customer))
    if as_json:
        print_json([plain for plain, _ in rows])
    elif rows:
        print_table(
            _COLUMNS,
            [(*cells[:4], said(_SOURCES[cells[4]], lang), cells[5]) for _, cells in rows],
            lang,
        )
    else:
        none = Text(
            f"客户“{customer}”还没有主机公钥：用 host-key add 或 host-key import 登记；"
            "装有代理的主机在授权时自动登记。",
            f"{customer!r} has no host keys yet: use host-key add or host-key import; those of "
            "hosts with an agent are taken in when a grant is made.",
        )
        typer.echo(said(none, lang))


@host_keys.command("add")
def host_key_add(
    key: Annotated[
        str,
        typer.Argument(
            metavar="LINE-or-FILE", help="公钥一行，或 .pub 文件。 A public key, or a .pub file."
        ),
    ],
    customer: CustomerName,
    host: Annotated[str, typer.Option(help="主机名称。 Name of the host.")],
    site: Annotated[str, typer.Option(help="主机所在站点。 Site of the host.")] = "",
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """登记主机公钥：内容应由客户在服务器上读取后提供。
    Add the key of a host, as the customer has read it on the server.

    \b
    Examples:
      xunjian-collector host-key add ssh_host_ed25519_key.pub --customer 示例公司 --host erp-db
      xunjian-collector host-key add "ssh-ed25519 AAAA..." --customer 示例公司 --host erp-db
    """
    is_line = any(f"{type} " in key for type in KEY_TYPES)
    text = key if is_line else read_file(Path(key), _LARGEST_KEY_BYTES).decode("utf-8", "replace")
    keys = store.read_typed(text)
    now = datetime.now(UTC)
    told = []
    with opened(data) as database, database.writing(alone=True) as session:
        machine = find_host(session, find_customer(session, customer), host, site)
        for each in keys:
            kept = store.keep(session, machine, each, source=TYPED, person=person_here(), now=now)
            if kept is Kept.CHANGED:
                raise Unusable(store.changed_key(machine, each, store.keys_of(session, machine)))
            told.append(
                Text("{key}：{what}", "{key}: {what}").format(key=str(each), what=_KEPT[kept])
            )
    for sentence in told:
        typer.echo(said(sentence, lang))


@host_keys.command("import")
def host_key_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="known_hosts 文件。 Its lines.")],
    customer: CustomerName,
    host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=ADDRESS,...",
            help="主机在文件中的地址，可重复。 How the file calls a host; repeatable.",
        ),
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """从 known_hosts 文件登记主机公钥：按主机名称和地址对应，含散列名称。
    Take host keys from a known_hosts file, by the names and addresses of the hosts.

    同类公钥与已登记的不同时不登记，退出码为 1。
    A key that contradicts a known one is not taken; exit code 1.

    \b
    Examples:
      xunjian-collector host-key import known_hosts --customer 示例公司 --host erp-db=10.0.0.5
    """
    text = read_file(file, _LARGEST_FILE_BYTES).decode("utf-8", "replace")
    read = read_known_hosts(text)
    named = [host_of(each, "--host") for each in host or ()]
    with opened(data) as database, database.writing(alone=True) as session:
        owner = find_customer(session, customer)
        lines = import_lines(session, owner, read, named, person_here(), datetime.now(UTC))
    if as_json:
        print_json(
            [_plain_line(line) for line in lines]
            + [
                {"line": each.line, "fault": each.fault.value, "kept": None}
                for each in read.passed_over
            ]
        )
    else:
        for line in lines:
            typer.echo(said(_told(line), lang))
        for each in read.passed_over:
            bad = Text("第 {line} 行未读取：{why}", "line {line} was passed over: {why}")
            typer.echo(said(bad.format(line=each.line, why=FAULTS[each.fault]), lang))
        added = sum(line.kept is Kept.ADDED for line in lines)
        total = Text(f"登记了 {added} 把公钥。", f"{added} keys were added.")
        typer.echo(said(total, lang))
    if any(line.kept is Kept.CHANGED for line in lines):
        raise typer.Exit(1)


@host_keys.command("remove")
def host_key_remove(
    key: Annotated[
        str,
        typer.Argument(metavar="ID", help="编号的开头，或指纹。 Start of its id, or fingerprint."),
    ],
    customer: CustomerName,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """移除主机公钥：此后的授权不再包含；已交出的授权文件不变。
    Remove a host key: grants that are made from now on don't name it; earlier files still do.

    \b
    Examples:
      xunjian-collector host-key remove 1a2b --customer 示例公司
      xunjian-collector host-key remove SHA256:... --customer 示例公司
    """
    with opened(data) as database, database.writing(alone=True) as session:
        found, machine = store.find_key(session, find_customer(session, customer), key)
        what = f"{machine.name}: {type_of(found)} {found.fingerprint}"
        store.remove(session, found, machine, person_here(), datetime.now(UTC))
    done = Text(
        f"已移除 {what}。已交出的授权仍含此公钥：需要时请撤销并重新授权。",
        f"Removed {what}. Grants that were made still name it: revoke them and grant again.",
    )
    typer.echo(said(done, lang))


def _rows(session: Session, owner: Customer) -> list[tuple[dict[str, object], tuple[str, ...]]]:
    rows = session.execute(
        select(SshHostKey, Host, Site)
        .join(Host, (Host.customer_id == SshHostKey.customer_id) & (Host.id == SshHostKey.host_id))
        .join(Site, (Site.customer_id == Host.customer_id) & (Site.id == Host.site_id))
        .where(SshHostKey.customer_id == owner.id, SshHostKey.removed_at.is_(None))
        .order_by(Site.name, Host.name, SshHostKey.fingerprint)
    )
    return [(_plain(key, host, site), _cells(key, host, site)) for key, host, site in rows]


def _plain(key: SshHostKey, host: Host, site: Site) -> dict[str, object]:
    return {
        "id": key.id,
        "site": site.name,
        "host": host.name,
        "type": type_of(key),
        "fingerprint": key.fingerprint,
        "line": key.line,
        "source": key.source,
        "added_at": key.added_at.isoformat(),
        "added_by": key.added_by,
    }


def _cells(key: SshHostKey, host: Host, site: Site) -> tuple[str, ...]:
    return (
        key.id[:8],
        f"{site.name} / {host.name}",
        type_of(key),
        key.fingerprint,
        key.source,
        f"{local(key.added_at, site.time_zone)} {key.added_by}",
    )


def _plain_line(line: Line) -> dict[str, object]:
    return {
        "line": line.number,
        "host": line.host,
        "key": line.key,
        "kept": line.kept.value if line.kept else None,
        "revoked": line.revoked,
    }


def _told(line: Line) -> Text:
    what = _NO_HOST if not line.host else _REVOKED if line.revoked else None
    if what is None and line.kept is not None:
        what = _KEPT[line.kept]
    return Text("第 {line} 行 {host} {key}：{what}", "line {line}, {host} {key}: {what}").format(
        line=line.number, host=line.host or "-", key=line.key, what=what or ""
    )
