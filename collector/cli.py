"""The command `xunjian-collector`."""

import json
import logging
import sys
from datetime import datetime
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import structlog
import typer
from rich.console import Console
from sqlalchemy import select

from checks.api import Text
from checks.discovery import discover
from collector.app import create_app
from collector.backups.commands import backups
from collector.bundles.commands import import_files
from collector.customers.commands import customers, hosts, sites
from collector.customers.models import Customer
from collector.customers.service import no_customer
from collector.database import open_database
from collector.enrolment import commands as enrolment
from collector.enrolment.agent_commands import agents
from collector.enrolment.commands import slots
from collector.errors import CollectorError, Unusable
from collector.grants.engineer_commands import engineers
from collector.grants.grant_commands import grants
from collector.grants.host_key_commands import host_keys
from collector.grants.proof_commands import proofs
from collector.here.console import ProgressBar, as_json, show
from collector.here.service import Job, inspect_here, local_time_zone, read_material
from collector.identity import open_identity
from collector.intake.models import Quarantine
from collector.options import HERE, WIDTH_OF_A_FILE, DataOption, LanguageOption, day_of
from collector.policy.commands import policy
from collector.reference import references
from collector.reports.service import write_report
from collector.reports.words import Language
from collector.server import Encryption, listen, serve, usable_encryption
from collector.sessions.commands import commands as remote_sessions
from collector.settings import from_environment

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="巡检采集端：接收巡检数据，评判，生成系统巡检报告。 Xunjian collector: takes in "
    "inspections, judges them, writes the report.",
)
app.add_typer(customers, name="customer")
app.add_typer(sites, name="site")
app.add_typer(hosts, name="host")
app.add_typer(slots, name="slot")
app.add_typer(agents, name="agent")
app.add_typer(backups, name="backups")
app.add_typer(policy, name="policy")
app.add_typer(references, name="reference")
app.add_typer(engineers, name="engineer")
app.add_typer(grants, name="grant")
app.add_typer(host_keys, name="host-key")
app.add_typer(proofs, name="proof")
app.add_typer(remote_sessions, name="session")
app.command("enrol")(enrolment.enrol)
app.command("alarms")(enrolment.alarms)
app.command("import")(import_files)
_STOPPED = Text(
    "已中断：已采集的数据保留，下次巡检时上传。",
    "Stopped: what had been read is kept, and uploaded by the next inspection.",
)


CustomerOption = Annotated[
    str, typer.Option(help="主机所属客户。 Customer that the host belongs to.")
]


@app.command("inspect-here")
def inspect_here_command(
    customer: CustomerOption = "本机",
    lang: LanguageOption = Language.CHINESE,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="只运行匹配的检查，可重复。 Run only checks that fit; repeatable.",
        ),
    ] = None,
    as_json_lines: Annotated[
        bool, typer.Option("--json", help="以 JSON 输出结果。 Print the result as JSON.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="报告目录（默认 var/here/report）。 Folder of the report.")
    ] = None,
) -> None:
    """巡检本机，评判，生成系统巡检报告。 Inspect this machine, judge it, write the report.

    完成任务退出码为 0（无论发现什么），未能完成为 2。
    Exit code 0 when it did its job, whatever it found; 2 when it could not.

    \b
    Examples:
      xunjian-collector inspect-here
      xunjian-collector inspect-here --only 'host.*' --lang en
      xunjian-collector inspect-here --json | jq .score
    """
    catalogue = discover()
    console = Console(stderr=True)
    _log_to(HERE / "collector.log")
    bar = ProgressBar.on(console, lang.value)
    job = Job(HERE, customer, lang, tuple(only or ()), output or HERE / "report")
    try:
        with bar.progress:
            done = inspect_here(job, catalogue, bar.heard)
    except KeyboardInterrupt:
        typer.echo(_STOPPED.en if lang is Language.ENGLISH else _STOPPED.zh, err=True)
        raise typer.Exit(130) from None
    if as_json_lines:
        typer.echo(json.dumps(as_json(done), ensure_ascii=False, indent=2))
    else:
        width = None if sys.stdout.isatty() else WIDTH_OF_A_FILE
        show(done, Console(width=width), lang.value)


@app.command()
def report(
    customer: CustomerOption = "本机",
    year: Annotated[
        int | None, typer.Option(help="报告年度（默认今年）。 Year of the report.")
    ] = None,
    day: Annotated[
        str | None,
        typer.Option("--date", help="报告日期 YYYY-MM-DD（默认今天）。 Date of the report."),
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    output: Annotated[Path, typer.Option(help="报告目录。 Folder of the report.")] = HERE
    / "report",
    data: DataOption = HERE,
) -> None:
    """由数据库重新生成报告，不做新的巡检。 Write the report again, without a new inspection.

    同一数据库、同一日期生成的 PDF 逐字节相同。
    The same database and the same date give the same PDF, byte for byte.

    \b
    Examples:
      xunjian-collector report
      xunjian-collector report --customer 示例公司 --year 2026 --date 2026-12-31 --output out
    """
    today = day_of(day) if day else datetime.now(ZoneInfo(local_time_zone())).date()
    database = open_database(from_environment(data).database_url)
    material = read_material(database, customer, discover(), year=year or today.year, today=today)
    written = write_report(material, lang, output)
    typer.echo(written.pdf)
    typer.echo(written.html)


@app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="监听地址。 Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="监听端口。 Port to listen on.", min=0, max=65535)
    ] = 8400,
    certificate: Annotated[
        Path | None,
        typer.Option(help="TLS 证书链（PEM）。 Certificate chain for TLS (PEM)."),
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option(help="TLS 证书的私钥（PEM）。 Private key of the certificate.")
    ] = None,
    data: DataOption = HERE,
) -> None:
    """接收代理上传的签名数据包并评判。 Take in signed batches and assess them, until stopped.

    不用 TLS 时只监听回环地址，由反向代理加密。
    Without TLS it listens on loopback only, for a reverse proxy that encrypts.

    \b
    Examples:
      xunjian-collector serve
      xunjian-collector serve --host 0.0.0.0 --certificate chain.pem --certificate-key key.pem
      XUNJIAN_DATABASE_URL=postgresql+psycopg:///xunjian xunjian-collector serve --port 8401
    """
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    encryption = _encryption(host, certificate, certificate_key)
    settings = from_environment(data)
    listener = listen(host, port)
    database = open_database(settings.database_url)
    identity = open_identity(settings.key_file, database)
    application = create_app(database, discover(), identity, apart=True)
    structlog.get_logger().info(
        "listening",
        host=host,
        port=listener.getsockname()[1],
        tls=encryption is not None,
        fingerprint=identity.fingerprint,
    )
    serve(application, listener, encryption)


@app.command()
def quarantine(
    customer: CustomerOption = "本机",
    as_json_lines: Annotated[
        bool, typer.Option("--json", help="以 JSON 输出。 Print JSON.")
    ] = False,
    data: DataOption = HERE,
) -> None:
    """列出收到但无法解读的数据。 List what came in and could not be read; its bytes are kept."""
    database = open_database(from_environment(data).database_url)
    with database.reading() as session:
        owner = session.scalar(select(Customer).where(Customer.name == customer))
        if owner is None:
            raise no_customer(session, customer)
        rows = session.scalars(
            select(Quarantine)
            .where(Quarantine.customer_id == owner.id)
            .order_by(Quarantine.created_at)
        ).all()
    if as_json_lines:
        entries = [
            {
                "at": row.created_at.isoformat(),
                "agent": row.agent_id,
                "batch": row.digest,
                "line": row.line,
                "reason": row.reason,
            }
            for row in rows
        ]
        typer.echo(json.dumps(entries, ensure_ascii=False, indent=2))
        return
    if not rows:
        typer.echo("Nothing is in quarantine. (隔离区为空)")
    for row in rows:
        line = f" line {row.line}" if row.line else ""
        typer.echo(f"{row.created_at:%Y-%m-%d %H:%M:%SZ}  {row.digest[:12]}{line}  {row.reason}")


def _encryption(
    host: str, certificate: Path | None, certificate_key: Path | None
) -> Encryption | None:
    """Return how to encrypt. Raise Unusable for half of it, a bad file, or none where it must."""
    if certificate is None and certificate_key is None:
        if not _is_loopback(host):
            raise Unusable(
                Text(
                    f"在 {host} 上监听须加密：请给出 --certificate 和 --certificate-key，"
                    "或监听 127.0.0.1 并由反向代理加密。",
                    f"Listening on {host} needs TLS: give --certificate and --certificate-key, or "
                    "listen on 127.0.0.1 behind a reverse proxy that encrypts.",
                )
            )
        return None
    if certificate is None or certificate_key is None:
        raise Unusable(
            Text(
                "--certificate 与 --certificate-key 须同时给出。",
                "--certificate and --certificate-key belong together.",
            )
        )
    return usable_encryption(certificate, certificate_key)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError as error:
        raise Unusable(
            Text(
                f"--host {host}：请给出 IP 地址，例如 127.0.0.1 或 0.0.0.0。",
                f"--host {host}: give an IP address such as 127.0.0.1 or 0.0.0.0.",
            )
        ) from error


def _log_to(path: Path) -> None:
    """Keep logs in a file: no traceback is for the person at the terminal."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        logging.basicConfig(filename=path, encoding="utf-8", level=logging.WARNING)
    except OSError:
        logging.basicConfig(handlers=[logging.NullHandler()])


def main() -> None:
    """Run the command; an error is one sentence and exit code 2."""
    try:
        app()
    except CollectorError as error:
        english = "--lang=en" in sys.argv or ("--lang", "en") in pairwise(sys.argv)
        typer.echo(f"xunjian-collector: {error.text.en if english else error.text.zh}", err=True)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
