"""`xunjian-collector proof`: what proves a backup good before a change."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from checks.api import Text
from collector.customers.service import find_customer
from collector.enrolment.record import person_here
from collector.grants.documents import LARGEST_DOCUMENT_BYTES, add_document
from collector.grants.files import read_file, write_file
from collector.grants.proofs import look_for, proof_for
from collector.grants.proved import OBSERVATION, UPLOADED, YOUNG
from collector.grants.typed import find_host, moment_of, zone_of
from collector.identity import open_identity
from collector.options import (
    HERE,
    CustomerName,
    DataOption,
    JsonOption,
    LanguageOption,
    local,
    opened,
    print_fields,
    print_json,
    said,
)
from collector.reports.words import Language
from collector.settings import from_environment
from wire.sessions import PROOF

proofs = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="备份证明：变更前 24 小时内验证过的备份。 Proofs: a backup that is good, before a change.",
)
HostName = Annotated[str, typer.Option("--host", help="主机名称。 Name of the host.")]
SiteName = Annotated[str, typer.Option("--site", help="主机所在站点。 Site of the host.")]
_KINDS = {
    OBSERVATION: Text("代理校验通过", "verified by its agent"),
    UPLOADED: Text("上传的文档", "a document that was handed in"),
}
_NONE = Text(
    "主机“{host}”没有可用的备份证明。有效的证明：24 小时内开始且读到结尾、校验通过的恢复点"
    "（其后没有校验失败），或用 proof add 上传 24 小时内的验证文档。",
    "The host {host!r} has no proof of a good backup. What counts: a restore point of the last 24 "
    "hours that was read to its end and found intact (and none found damaged since), or a document "
    "of the last 24 hours, handed in with proof add.",
)


@proofs.command("add")
def proof_add(
    customer: CustomerName,
    host: HostName,
    document: Annotated[
        Path, typer.Option(metavar="FILE", help="验证记录、截图等，随库保存。 It is kept.")
    ],
    at: Annotated[
        str,
        typer.Option(metavar="MOMENT", help="备份被验证的时间（站点时区）。 When it was proved."),
    ],
    note: Annotated[str, typer.Option(help="证明了什么。 What it proves.")],
    site: SiteName = "",
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """上传证明备份可用的文档：自验证时间起 24 小时内可用于变更。
    Hand in a document that proves a backup good: it counts for 24 hours from that time.

    \b
    Examples:
      xunjian-collector proof add --customer 示例公司 --host erp-db --document 恢复验证.pdf \\
        --at 2026-11-22T09:30 --note "RMAN validate 通过"
    """
    content = read_file(document, LARGEST_DOCUMENT_BYTES)
    with opened(data) as database, database.writing(alone=True) as session:
        machine = find_host(session, find_customer(session, customer), host, site)
        zone = zone_of(session, machine)
        row = add_document(
            session,
            machine,
            name=document.name,
            document=content,
            proved_at=moment_of(at, "--at", zone),
            note=note,
            person=person_here(),
            now=datetime.now(UTC),
        )
        until, digest = local(row.proved_at + YOUNG, zone), row.digest
    done = Text(
        f"已保存（SHA-256 {digest}），可用于变更至 {until}。",
        f"Kept (SHA-256 {digest}); it counts until {until}.",
    )
    typer.echo(said(done, lang))


@proofs.command("show")
def proof_show(
    customer: CustomerName,
    host: HostName,
    site: SiteName = "",
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="签名的证明，供离线变更使用。 Signed, for offline work."),
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """显示主机当前的备份证明；没有时退出码为 1，并说明原因。
    Show what proves a backup of a host good now; exit code 1 and the reasons where nothing does.

    \b
    Examples:
      xunjian-collector proof show --customer 示例公司 --host erp-db
      xunjian-collector proof show --customer 示例公司 --host erp-db --output erp.proof
    """
    now = datetime.now(UTC)
    with opened(data) as database:
        with database.reading() as session:
            machine = find_host(session, find_customer(session, customer), host, site)
            zone = zone_of(session, machine)
            found = look_for(session, machine.customer_id, machine.id, now)
            proof = proof_for(session, machine.customer_id, machine.id, now)
        if proof is not None and output is not None:
            identity = open_identity(from_environment(data).key_file, database)
            write_file(output, identity.sign(proof, PROOF))
    if as_json:
        why = [said(each, lang) for each in found.lacking]
        print_json({"proof": msgspec.to_builtins(proof), "lacking": why})
    elif proof is not None:
        fields = {
            Text("证明", "proof"): said(_KINDS[proof.kind], lang),
            Text("内容", "subject"): proof.subject,
            Text("验证时间", "proved"): local(proof.proved_at, zone),
            Text("有效至", "counts until"): local(proof.proved_at + YOUNG, zone),
            Text("证据 SHA-256", "SHA-256 of the evidence"): proof.evidence,
        }
        print_fields(fields, lang)
        if output is not None:
            print_fields({Text("证明文件", "file"): str(output)}, lang)
    else:
        typer.echo(said(_NONE.format(host=host), lang))
        for each in found.lacking:
            typer.echo(f"- {said(each, lang)}")
    if proof is None:
        raise typer.Exit(1)
