"""`xunjian-collector customer` and `site`: whom the collector works for."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer
from sqlalchemy import Select, func, select

from checks.api import Text
from collector.customers.models import Contract, Customer, Host, Site
from collector.customers.service import (
    add_customer,
    add_site,
    ensure_host,
    find_customer,
    find_site,
    set_contract,
)
from collector.enrolment.record import audit, person_here
from collector.errors import Unusable
from collector.options import (
    HERE,
    CustomerName,
    DataOption,
    JsonOption,
    LanguageOption,
    day_of,
    opened,
    print_json,
    print_table,
    said,
)
from collector.reports.words import Language

customers = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="客户。 Customers.", add_completion=False
)
sites = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="客户的站点。 Sites of a customer."
)
hosts = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="客户的主机。 Hosts of a customer."
)
Name = Annotated[str, typer.Argument(help="名称。 The name.")]

_NAME = Text("名称", "name")
_SITES = Text("站点", "sites")
_SITE = Text("站点", "site")
_HOSTS = Text("主机", "hosts")
_ZONE = Text("时区", "time zone")


@customers.command("add")
def customer_add(
    name: Name, lang: LanguageOption = Language.CHINESE, data: DataOption = HERE
) -> None:
    """新增客户。 Add a customer.

    \b
    Examples:
      xunjian-collector customer add 示例公司
    """
    with opened(data) as database, database.writing(alone=True) as session:
        now = datetime.now(UTC)
        owner = add_customer(session, name, now)
        audit(session, owner.id, person_here(), "customer.added", name, now=now)
    typer.echo(said(Text(f"已新增客户“{name}”。", f"Added the customer {name!r}."), lang))


@customers.command("list")
def customer_list(
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """列出客户。 List the customers."""
    with opened(data) as database, database.reading() as session:
        rows = [
            {
                "name": owner.name,
                "sites": session.scalar(_count(Site, owner)),
                "hosts": session.scalar(_count(Host, owner)),
            }
            for owner in session.scalars(select(Customer).order_by(Customer.name))
        ]
    if as_json:
        print_json(rows)
    elif rows:
        cells = [[str(row[name]) for name in ("name", "sites", "hosts")] for row in rows]
        print_table((_NAME, _SITES, _HOSTS), cells, lang)
    else:
        typer.echo(
            said(
                Text(
                    "还没有客户：xunjian-collector customer add 名称",
                    "No customers yet: xunjian-collector customer add NAME",
                ),
                lang,
            )
        )


@customers.command("contract")
def customer_contract(
    name: Name,
    begins: Annotated[
        str, typer.Option("--from", metavar="DATE", help="合同开始日。 First day of the contract.")
    ],
    ends: Annotated[
        str | None,
        typer.Option("--to", metavar="DATE", help="合同终止日（含）。 Its last day, if any."),
    ] = None,
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """设置合同期：此期间每天的备份都在要求之列，没有数据的日子显示为未知。
    Set the time of the contract: backups are expected in it, and days without data are unknown.

    已封存的日子不变。 Days that are frozen stay as they are.

    \b
    Examples:
      xunjian-collector customer contract 示例公司 --from 2026-01-01
      xunjian-collector customer contract 示例公司 --from 2026-01-01 --to 2028-12-31
    """
    first = day_of(begins, "--from")
    last = day_of(ends, "--to") if ends else None
    with opened(data) as database, database.writing(alone=True) as session:
        owner = find_customer(session, name)
        known = session.get(Contract, owner.id)
        before = None if known is None else _contract(known.begins, known.ends)
        set_contract(session, owner, first, last)
        audit(
            session,
            owner.id,
            person_here(),
            "customer.contract",
            name,
            before=before,
            after=_contract(first, last),
            now=datetime.now(UTC),
        )
    until = Text(f"至 {last}", f" to {last}") if last else Text("起", " on")
    done = Text("客户“{name}”的合同期：{first} {until}。", "{name}: contract from {first}{until}.")
    typer.echo(said(done.format(name=name, first=str(first), until=until), lang))


def _contract(begins: date, ends: date | None) -> dict[str, str | None]:
    return {"begins": str(begins), "ends": str(ends) if ends else None}


@sites.command("add")
def site_add(
    name: Name,
    customer: CustomerName,
    time_zone: Annotated[
        str, typer.Option(help="站点时区（IANA）。 Time zone of the site (IANA).")
    ] = "Asia/Shanghai",
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """新增客户的站点。 Add a site of a customer.

    \b
    Examples:
      xunjian-collector site add 总部机房 --customer 示例公司
      xunjian-collector site add Berlin --customer 示例公司 --time-zone Europe/Berlin
    """
    with opened(data) as database, database.writing(alone=True) as session:
        owner = find_customer(session, customer)
        add_site(session, owner, name, time_zone)
        audit(session, owner.id, person_here(), "site.added", name, now=datetime.now(UTC))
    added = Text(
        f"已为客户“{customer}”新增站点“{name}”（{time_zone}）。",
        f"Added the site {name!r} of {customer!r} ({time_zone}).",
    )
    typer.echo(said(added, lang))


@sites.command("list")
def site_list(
    customer: CustomerName,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """列出客户的站点。 List the sites of a customer."""
    with opened(data) as database, database.reading() as session:
        owner = find_customer(session, customer)
        rows = [
            {
                "name": place.name,
                "time_zone": place.time_zone,
                "hosts": session.scalar(_count(Host, owner).where(Host.site_id == place.id)),
            }
            for place in session.scalars(
                select(Site).where(Site.customer_id == owner.id).order_by(Site.name)
            )
        ]
    if as_json:
        print_json(rows)
    elif rows:
        cells = [[str(row[name]) for name in ("name", "time_zone", "hosts")] for row in rows]
        print_table((_NAME, _ZONE, _HOSTS), cells, lang)
    else:
        typer.echo(
            said(
                Text(
                    f"客户“{customer}”还没有站点：xunjian-collector site add 名称 --customer "
                    f"{customer}",
                    f"{customer!r} has no sites yet: xunjian-collector site add NAME --customer "
                    f"{customer}",
                ),
                lang,
            )
        )


@hosts.command("add")
def host_add(
    name: Name,
    customer: CustomerName,
    site: Annotated[str, typer.Option(help="站点名称。 Name of the site.")],
    lang: LanguageOption = Language.CHINESE,
    data: DataOption = HERE,
) -> None:
    """新增不安装代理、只做远程巡检的主机；安装代理的主机由 slot add 新增。
    Add a host that is inspected over remote sessions only; slot add adds those that get an agent.

    \b
    Examples:
      xunjian-collector host add erp-db --customer 示例公司 --site 总部机房
    """
    with opened(data) as database, database.writing(alone=True) as session:
        owner = find_customer(session, customer)
        place = find_site(session, owner, site)
        if name in session.scalars(_names_at(place)).all():
            raise Unusable(
                Text(
                    f"站点“{site}”已有主机“{name}”。",
                    f"The site {site!r} has a host {name!r} already.",
                )
            )
        ensure_host(session, place, name)
        what = f"{site} / {name}"
        audit(session, owner.id, person_here(), "host.added", what, now=datetime.now(UTC))
    added = Text(
        f"已为客户“{customer}”的站点“{site}”新增主机“{name}”。",
        f"Added the host {name!r} at {site!r} of {customer!r}.",
    )
    typer.echo(said(added, lang))


@hosts.command("list")
def host_list(
    customer: CustomerName,
    lang: LanguageOption = Language.CHINESE,
    as_json: JsonOption = False,
    data: DataOption = HERE,
) -> None:
    """列出客户的主机。 List the hosts of a customer."""
    with opened(data) as database, database.reading() as session:
        owner = find_customer(session, customer)
        rows = [
            {"site": place, "name": name}
            for place, name in session.execute(
                select(Site.name, Host.name)
                .join(Host, (Host.customer_id == Site.customer_id) & (Host.site_id == Site.id))
                .where(Site.customer_id == owner.id)
                .order_by(Site.name, Host.name)
            )
        ]
    if as_json:
        print_json(rows)
    elif rows:
        print_table((_SITE, _NAME), [[row["site"], row["name"]] for row in rows], lang)
    else:
        none = Text(
            f"客户“{customer}”还没有主机：用 slot add（安装代理）或 host add（只做远程巡检）添加。",
            f"{customer!r} has no hosts yet: slot add for those that get an agent, host add for "
            "those that are inspected over remote sessions only.",
        )
        typer.echo(said(none, lang))


def _names_at(place: Site) -> Select[str]:
    return select(Host.name).where(Host.customer_id == place.customer_id, Host.site_id == place.id)


def _count(table: type[Site] | type[Host], owner: Customer) -> Select[int]:
    return select(func.count()).select_from(table).where(table.customer_id == owner.id)
