"""`xunjian-collector slot`, `enrol` and `alarms`: codes, hosts without a network, attacks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from checks.api import Text
from collector.customers.models import Customer
from collector.customers.service import ensure_host, find_customer, find_site
from collector.enrolment import service
from collector.enrolment.models import Alarm
from collector.enrolment.record import person_here
from collector.errors import CollectorError, NotEnrolled, Refused, Unusable
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
    print_table,
    said,
)
from collector.reports.words import Language
from collector.settings import from_environment

slots = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="登记位：为一台主机发放一次性登记码。 Slots: a one-time code for one host.",
)
_ALARMS = {
    "code_reused": Text("登记码被另一密钥再次使用", "a used code came with another key"),
    "forked": Text("数据链分叉（克隆或还原快照）", "chain forked (clone or restored snapshot)"),
    "rotation_refused": Text("密钥更换被拒绝", "a change of keys was refused"),
    "session_late": Text(
        "事后上报的远程会话未获授权（可用 session accept 追认）",
        "a remote session that had been held was not permitted (see session accept)",
    ),
    "record_changed": Text(
        "会话记录再次上传时内容不同", "the record of a session came again with another content"
    ),
}


@slots.command("add")
def slot_add(
    customer: CustomerName,
    site: Annotated[str, typer.Option(help="站点名称。 Name of the site.")],
    host: Annotated[str, typer.Option(help="主机标签。 Label of the host.")],
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """为一台主机发放一次性登记码（7 天内有效，只显示一次）。
    Make a one-time code for a host: good for 7 days, shown once.

    \b
    Examples:
      xunjian-collector slot add --customer 示例公司 --site 总部机房 --host ERP-DB-01
    """
    settings = from_environment(data)
    with opened(data) as database:
        identity = open_identity(settings.key_file, database)
        with database.writing(alone=True) as session:
            place = find_site(session, find_customer(session, customer), site)
            machine = ensure_host(session, place, host)
            slot = service.open_slot(session, machine, person_here(), datetime.now(UTC))
            zone = place.time_zone
    if as_json:
        print_json(
            {
                "customer": customer,
                "site": site,
                "host": host,
                "code": slot.code,
                "expires_at": slot.expires_at.isoformat(),
                "collector_fingerprint": identity.fingerprint,
            }
        )
        return
    print_fields(
        {
            Text("登记码", "code"): slot.code,
            Text("有效期至", "good until"): local(slot.expires_at, zone),
            Text("采集端指纹", "fingerprint of this collector"): identity.fingerprint,
            Text("在主机上执行", "run on the host"): (
                f"xunjian-agent enrol {said(Text('采集端地址', 'URL'), lang)} --code '{slot.code}'"
            ),
        },
        lang,
    )


def enrol(
    request: Annotated[
        Path, typer.Argument(help="代理生成的请求文件。 The request that the agent wrote.")
    ],
    answer: Annotated[
        Path | None,
        typer.Option(help="应答文件（默认在请求旁）。 The answer (default: beside the request)."),
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """登记一台没有网络的主机：读请求文件，写应答文件。
    Enrol a host without a network: read its request, write the answer.

    \b
    Examples:
      xunjian-collector enrol /media/usb/erp-db.request
    """
    written = answer or request.with_name(f"{request.name}.answer")
    try:
        with request.open("rb") as file:
            body = file.read(2**20)
    except OSError as error:
        raise _file_unusable(request, error) from error
    with opened(data) as database:
        identity = open_identity(from_environment(data).key_file, database)
        refused: Refused | None = None
        with database.writing(alone=True) as session:
            try:
                told = service.enrol(session, identity, body, datetime.now(UTC))
            except Refused as error:
                refused = error  # an alarm that comes with it is committed
    if refused is not None:
        raise NotEnrolled(_REFUSALS.get(type(refused).__name__, refused.text)) from refused
    try:
        written.write_bytes(told)
    except OSError as error:
        raise _file_unusable(written, error) from error
    done = Text(
        f"应答已写入 {written}：请带回主机，执行 xunjian-agent enrol --answer {written.name}",
        f"The answer is in {written}: take it back and run xunjian-agent enrol --answer "
        f"{written.name}",
    )
    typer.echo(said(done, lang))


def alarms(
    customer: Annotated[
        str | None, typer.Option(help="只列出该客户的。 Those of this customer only.")
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """列出不该发生的事：登记码被重用、数据链分叉、密钥更换被拒。有则退出码为 1。
    List what should not happen: reused codes, forks, refused keys. Exit code 1 if there is any.

    \b
    Examples:
      xunjian-collector alarms
    """
    with opened(data) as database, database.reading() as session:
        query = select(Alarm, Customer.name).join(Customer, Customer.id == Alarm.customer_id)
        if customer:
            query = query.where(Alarm.customer_id == find_customer(session, customer).id)
        found = [
            {
                "at": row.at.isoformat(timespec="seconds"),
                "customer": name,
                "kind": row.kind,
                "agent": row.agent_id,
                "subject": row.subject,
            }
            for row, name in session.execute(query.order_by(Alarm.at.desc()))
        ]
    if as_json:
        print_json(found)
    elif found:
        columns = (
            Text("时间（UTC）", "at (UTC)"),
            Text("客户", "customer"),
            Text("事项", "what"),
            Text("代理", "agent"),
            Text("详情", "details"),
        )
        cells = [
            [
                str(row["at"])[:16].replace("T", " "),
                str(row["customer"]),
                said(_ALARMS[str(row["kind"])], lang),
                (row["agent"] or "-")[:12],
                str(row["subject"]),
            ]
            for row in found
        ]
        print_table(columns, cells, lang)
    else:
        typer.echo(said(Text("没有告警。", "No alarms."), lang))
    if found:
        raise typer.Exit(1)


_REFUSALS = {
    "CodeRefused": Text(
        "登记码不存在、已过期，或已被另一密钥使用：请核对，或用 slot add 发放新的登记码。",
        "The code is unknown, expired, or was used with another key: compare it, or make a new one "
        "with slot add.",
    ),
    "NotABatch": Text(
        "这不是登记请求文件：请在主机上用 xunjian-agent enrol --code 登记码 --request 文件 生成。",
        "This is no enrolment request: make one on the host with xunjian-agent enrol --code CODE "
        "--request FILE.",
    ),
    "UnknownKey": Text(
        "请求文件的签名无效：文件可能已损坏，请重新生成。",
        "The signature of the request is not valid: the file may be damaged, make it again.",
    ),
}


def _file_unusable(path: Path, error: OSError) -> CollectorError:
    what = error.strerror or str(error)
    return Unusable(
        Text(f"文件 {path} 无法读写：{what}。", f"The file {path} can't be used: {what}.")
    )
