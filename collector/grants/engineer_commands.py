"""`xunjian-collector engineer`: persons of ours who open remote sessions."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from checks.api import Text
from collector.enrolment.record import person_here
from collector.errors import Unusable
from collector.grants import engineers as store
from collector.grants.files import read_file, write_file
from collector.grants.models import Engineer
from collector.identity import open_identity
from collector.options import (
    HERE,
    DataOption,
    JsonOption,
    LanguageOption,
    local,
    opened,
    print_fields,
    print_json,
    print_table,
    said,
)
from collector.reports.words import Language
from collector.settings import from_environment
from wire import envelope
from wire.codes import fingerprint, numbers

engineers = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="工程师：登记、列出、移除可打开远程会话的人。 Engineers: who may open remote sessions.",
)
_URL = re.compile(
    r"(https://[^\s/?#]+|http://(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?)(/[^\s?#]*)?"
)
_COLUMNS = (
    Text("姓名", "name"),
    Text("指纹", "fingerprint"),
    Text("登记", "added"),
    Text("移除", "removed"),
)


@engineers.command("add")
def engineer_add(
    registration: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="工程师电脑生成的登记文件。 The registration that his computer wrote.",
        ),
    ],
    answer: Annotated[
        Path,
        typer.Option(metavar="FILE", help="应答文件，带回工程师电脑。 The answer to take back."),
    ],
    url: Annotated[
        str,
        typer.Option(
            help="采集端地址，供会话联机；不填则离线。 Where we are reached; none: offline."
        ),
    ] = "",
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """登记工程师：请与本人核对两把密钥的指纹后再交付应答文件。
    Add an engineer: compare both fingerprints with him before you hand the answer over.

    \b
    Examples:
      xunjian-collector engineer add zhang.request --answer zhang.answer
      xunjian-collector engineer add zhang.request --answer zhang.answer \\
        --url https://inspection.example.com
    """
    if url and not _URL.fullmatch(url):
        raise Unusable(
            Text(
                f"--url {url}：应以 https:// 开头（http:// 仅限本机）。",
                f"--url {url}: it starts with https:// (http:// for this machine only).",
            )
        )
    shown = store.read_registration(read_file(registration, envelope.LARGEST_BYTES))
    with opened(data) as database:
        identity = open_identity(from_environment(data).key_file, database)
        with database.writing(alone=True) as session:
            known = store.take_in(session, shown, person_here(), datetime.now(UTC))
            plain = _plain(known)
        write_file(answer, store.answer(identity, shown, url))
    if as_json:
        print_json(plain | {"collector_fingerprint": identity.fingerprint, "answer": str(answer)})
        return
    print_fields(
        {
            Text("工程师", "engineer"): str(plain["name"]),
            Text("其密钥指纹", "fingerprint of his key"): str(plain["fingerprint"]),
            Text("采集端指纹", "fingerprint of this collector"): identity.fingerprint,
            Text("应答文件", "answer"): str(answer),
        },
        lang,
    )
    compare = Text(
        "请与本人当面或电话核对：其密钥指纹应与他的电脑显示一致；采集端指纹由他在 "
        "xunjian-agent remote register --answer 时输入。不一致请立即 engineer remove。",
        "Compare by telephone: the first is what his computer shows; the second is what he types "
        "at xunjian-agent remote register --answer. If they differ, run engineer remove at once.",
    )
    typer.echo(said(compare, lang))


@engineers.command("list")
def engineer_list(
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """列出工程师，含已移除的。 List the engineers, those who were removed, too.

    \b
    Examples:
      xunjian-collector engineer list
      xunjian-collector engineer list --json
    """
    with opened(data) as database, database.reading() as session:
        rows = [(_plain(each), _cells(each)) for each in store.engineers(session)]
    if as_json:
        print_json([plain for plain, _ in rows])
    elif rows:
        print_table(_COLUMNS, [cells for _, cells in rows], lang)
    else:
        none = Text(
            "还没有工程师：用 xunjian-collector engineer add 登记。",
            "No engineers yet: add one with xunjian-collector engineer add.",
        )
        typer.echo(said(none, lang))


@engineers.command("remove")
def engineer_remove(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="姓名，或密钥编号的开头。 Name, or start of the id."),
    ],
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """移除工程师：此后打开的会话一律拒绝。不可恢复，须换新密钥登记。
    Remove an engineer: sessions that he opens from now on are denied. For good.

    离线工作的电脑在下次联机前不知道移除；交出的授权请另行 grant revoke。
    A computer that works offline does not know of it until it is online again.

    \b
    Examples:
      xunjian-collector engineer remove 张工
    """
    with opened(data) as database, database.writing(alone=True) as session:
        engineer = store.find_engineer(session, name)
        removed = engineer.name
        concerned = store.remove(session, engineer, person_here(), datetime.now(UTC))
    done = Text(
        f"已移除工程师“{removed}”：{len(concerned)} 个客户的授权中有此人。",
        f"Removed the engineer {removed!r}: grants of {len(concerned)} customers name him.",
    )
    typer.echo(said(done, lang))


def _words(engineer: Engineer) -> str:
    public = engineer.public_key
    return f"{' '.join(fingerprint(public))} ({' '.join(numbers(public))})"


def _plain(engineer: Engineer) -> dict[str, object]:
    removed = engineer.removed_at
    return {
        "id": engineer.id,
        "name": engineer.name,
        "fingerprint": _words(engineer),
        "added_at": engineer.added_at.isoformat(),
        "added_by": engineer.added_by,
        "removed_at": removed.isoformat() if removed else None,
        "removed_by": engineer.removed_by,
    }


def _cells(engineer: Engineer) -> Sequence[str]:
    removed = engineer.removed_at
    return (
        engineer.name,
        _words(engineer),
        f"{local(engineer.added_at, 'UTC')}Z {engineer.added_by}",
        f"{local(removed, 'UTC')}Z {engineer.removed_by}" if removed else "-",
    )
