"""`xunjian-collector grant`: what customers permit."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from checks.api import Text
from checks.discovery import discover
from collector.customers.service import find_customer
from collector.enrolment.record import person_here
from collector.errors import Unusable
from collector.grants import service, typed
from collector.grants.documents import digest_of_paper
from collector.grants.engineers import find_engineer
from collector.grants.files import write_file
from collector.grants.granting import Made, Wanted, covered, make
from collector.grants.showing import (
    COLUMNS,
    STATES,
    VOID,
    cells_of,
    fields_of,
    plain_of,
    plain_of_kept,
    warnings_of,
    zone_of_grant,
)
from collector.identity import open_identity
from collector.options import (
    HERE,
    CustomerName,
    DataOption,
    JsonOption,
    LanguageOption,
    opened,
    print_fields,
    print_json,
    print_table,
    said,
)
from collector.reports.words import Language
from collector.settings import from_environment

grants = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="授权：客户允许谁、何时、在哪些主机上看什么。 Grants: what customers permit.",
)
GrantId = Annotated[
    str, typer.Argument(metavar="ID", help="授权编号（或其开头）。 Id of the grant, or its start.")
]


@grants.command("add")
def grant_add(
    customer: CustomerName,
    host: Annotated[
        list[str],
        typer.Option(
            metavar="NAME[=ADDRESS,...]",
            help="主机及其地址，可重复。 Host, its addresses; repeatable.",
        ),
    ],
    person: Annotated[
        list[str], typer.Option(metavar="NAME", help="工程师，可重复。 Engineer; repeatable.")
    ],
    begins: Annotated[
        str, typer.Option("--from", metavar="MOMENT", help="生效：日期或时间。 Date or time.")
    ],
    ends: Annotated[
        str,
        typer.Option("--to", metavar="MOMENT", help="终止；日期含当日。 A date has its day in it."),
    ],
    reason: Annotated[str, typer.Option(help="事由。 What for.")],
    signer: Annotated[
        str, typer.Option(help="客户方签字人。 Who of the customer's people signed.")
    ],
    output: Annotated[Path, typer.Option(metavar="FILE", help="授权文件。 File of the grant.")],
    site: Annotated[str, typer.Option(help="主机所在站点。 Site of the hosts.")] = "",
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="范围，可重复；默认只有 metadata。 Repeatable: "
            f"{', '.join(each.value for each in typed.SCOPES)}."
        ),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="只允许这些检查，可重复。 These checks only; repeatable."
        ),
    ] = None,
    document: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="签字文件，只记录其摘要。 The signed paper; its digest is kept."
        ),
    ] = None,
    jump: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=ADDRESS,...]", help="可经过的跳板机，可重复。 Jump host; repeatable."
        ),
    ] = None,
    weak_algorithms: Annotated[
        bool,
        typer.Option(
            "--weak-algorithms", help="客户接受弱加密算法。 Weak cryptography is accepted."
        ),
    ] = False,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """录入客户签字的授权，生成已签名的授权文件，交给工程师。
    Enter what the customer has signed; the file is for the engineer, and works without a network.

    日期按主机所在站点的时区。 Dates are in the time zone of the site.

    \b
    Examples:
      xunjian-collector grant add --customer 示例公司 --host erp-db=10.0.0.5 --person 张工 \\
        --from 2026-11-22 --to 2026-12-31 --reason 年度巡检 --signer 李经理 --output erp.grant
      xunjian-collector grant add --customer 示例公司 --host erp-db --person 张工 \\
        --scope metadata --scope change --from 2026-11-22T20:00 --to 2026-11-22T23:00 \\
        --reason 升级补丁 --signer 李经理 --document 授权书.pdf --output erp.grant
    """
    now = datetime.now(UTC)
    checks = dict(discover().checks)
    scopes = typed.scopes_of(scope or ())
    patterns = typed.patterns_of(check or (), checks)
    hosts = [typed.host_of(each, "--host") for each in host]
    jumps = [typed.host_of(each, "--jump") for each in jump or ()]
    digest = digest_of_paper(document) if document else None
    with opened(data) as database:
        identity = open_identity(from_environment(data).key_file, database)
        with database.writing(alone=True) as session:
            owner = find_customer(session, customer)
            wanted = typed.wanted_hosts(session, owner, hosts, site)
            zone = typed.zone_of(session, wanted[0].host)
            made = make(
                session,
                identity,
                Wanted(
                    owner=owner,
                    hosts=wanted,
                    jump_hosts=typed.wanted_hosts(session, owner, jumps, ""),
                    scopes=scopes,
                    checks=patterns,
                    persons=[find_engineer(session, each) for each in dict.fromkeys(person)],
                    not_before=typed.moment_of(begins, "--from", zone),
                    not_after=typed.moment_of(ends, "--to", zone, is_end=True),
                    reason=reason,
                    signer=signer,
                    document_digest=digest,
                    weak_algorithms=weak_algorithms,
                ),
                person_here(),
                now,
            )
            warnings = warnings_of(session, made)
    _write(output, made)
    names = covered(made.grant, checks)
    if as_json:
        more = {"covered": names, "of": len(checks), "warnings": [said(w, lang) for w in warnings]}
        print_json(plain_of(made.grant) | more | {"file": str(output)})
        return
    print_fields(fields_of(made.grant, zone, lang), lang)
    total = Text(f"{len(names)} 项（共 {len(checks)} 项）", f"{len(names)} of {len(checks)}")
    print_fields(
        {
            Text("覆盖的检查", "checks covered"): said(total, lang),
            Text("授权文件", "file"): str(output),
        },
        lang,
    )
    for warning in warnings:
        typer.echo(said(Text("注意：{what}", "Note: {what}").format(what=warning), lang))


@grants.command("list")
def grant_list(
    customer: CustomerName,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """列出客户的授权，最新的在前；签名不符的单独指出，退出码为 1。
    List the grants of a customer, the newest first; one without our signature is told, exit code 1.

    \b
    Examples:
      xunjian-collector grant list --customer 示例公司
    """
    now = datetime.now(UTC)
    with opened(data) as database, database.reading() as session:
        owner = find_customer(session, customer)
        rows = [
            (plain_of_kept(each, now), cells_of(session, each, now, lang))
            for each in service.grants_of(session, owner)
        ]
        void = service.void_of(session, owner)
    if as_json:
        print_json([plain for plain, _ in rows] + [{"id": id, "state": VOID} for id in void])
    elif rows:
        print_table(COLUMNS, [cells for _, cells in rows], lang)
    elif not void:
        none = Text(
            f"客户“{customer}”还没有授权：用 xunjian-collector grant add 录入。",
            f"{customer!r} has given no grants yet: enter one with xunjian-collector grant add.",
        )
        typer.echo(said(none, lang))
    for id in void:
        changed = Text(
            f"授权 {id} 的签名不是本采集端的：数据库中的内容已被改动，不起作用。",
            f"The grant {id} does not bear our signature: it was changed in the database and "
            "permits nothing.",
        )
        typer.echo(said(changed, lang), err=True)
    if void:
        raise typer.Exit(1)


@grants.command("show")
def grant_show(
    grant_id: GrantId,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="再次写出授权文件。 Write the file of the grant again."),
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """显示一个授权；可再次写出其文件。 Show a grant; write its file again.

    \b
    Examples:
      xunjian-collector grant show 3f2a
      xunjian-collector grant show 3f2a --output erp.grant
    """
    now = datetime.now(UTC)
    checks = dict(discover().checks)
    with opened(data) as database, database.reading() as session:
        kept = service.find_grant(session, grant_id)
        plain = plain_of_kept(kept, now) | {
            "covered": covered(kept.grant, checks),
            "of": len(checks),
        }
        fields = fields_of(kept.grant, zone_of_grant(session, kept.grant), lang)
        signed = kept.row.envelope
        why = kept.row.revoked_why
    if output is not None:
        write_file(output, signed)
    if as_json:
        print_json(plain)
        return
    state = said(STATES[str(plain["state"])], lang) + (f" ({why})" if why else "")
    print_fields({**fields, Text("状态", "state"): state}, lang)
    if output is not None:
        print_fields({Text("授权文件", "file"): str(output)}, lang)


@grants.command("revoke")
def grant_revoke(
    grant_id: GrantId,
    why: Annotated[str, typer.Option(help="原因，记入审计。 Why; it is written down.")],
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """撤销授权：此后打开的会话一律拒绝。不可恢复。
    Revoke a grant: sessions that are opened from now on are denied. For good.

    离线工作的电脑在下次联机前不知道撤销，其会话记录会注明“未询问撤销”。
    A computer that works offline does not know of it; its records say that it was not asked.

    \b
    Examples:
      xunjian-collector grant revoke 3f2a --why "项目结束"
    """
    with opened(data) as database, database.writing(alone=True) as session:
        kept = service.find_grant(session, grant_id)
        service.revoke(session, kept, why, person_here(), datetime.now(UTC))
        revoked = kept.grant.id
    typer.echo(said(Text(f"已撤销授权 {revoked}。", f"Revoked the grant {revoked}."), lang))


def _write(output: Path, made: Made) -> None:
    try:
        write_file(output, made.envelope)
    except Unusable as error:
        again = f"xunjian-collector grant show {made.grant.id[:12]} --output FILE"
        raise Unusable(
            Text(
                "授权已保存，但{why} 可再次写出：{again}", "The grant is kept, but: {why} {again}"
            ).format(why=error.text, again=again)
        ) from error
