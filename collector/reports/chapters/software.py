"""The software of a host: what is installed from packages, and what of it runs."""

from collections.abc import Mapping

from collector.reports.blocks import Block, Cell, Column, Table
from collector.reports.chapters.inventory import failure_reason, rows_of
from collector.reports.material import HostMaterial
from collector.reports.source import Source


def software(source: Source, host: HostMaterial) -> list[Block]:
    """Return the table of products with their versions, or the line that says why there is none."""
    words = source.voice.words
    if host.software is None:
        why = source.voice.say(host.software_reason) or words("no reason was recorded")
        return [source.empty(words("Software: not collected ({why}).", why=why))]
    packages = _by_product(host.software.get("packages"), ("package", "version"))
    running = _by_product(host.software.get("running"), ("processes",))
    blocks: list[Block] = []
    if packages or running:
        blocks.append(
            Table(
                words("{host}: software", host=host.name),
                (
                    Column(words("Product"), 1.6),
                    Column(words("Installed packages"), 4.4),
                    Column(words("Running processes"), 1, numeric=True),
                ),
                tuple(
                    (
                        Cell(product),
                        Cell(source.voice.together(packages.get(product, [])) or "—"),
                        Cell("".join(running.get(product, [])) or "—"),
                    )
                    for product in sorted({*packages, *running}, key=str.casefold)
                ),
            )
        )
    refused = failure_reason(source, host.software.get("packages"))
    if refused:
        blocks.append(
            source.empty(words("Installed packages: not collected ({why}).", why=refused))
        )
    return blocks or [source.empty(words("Software: none of the products looked for is here."))]


def _by_product(value: object, fields: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Return what a list of facts says about each product, its fields in one text."""
    found: dict[str, list[str]] = {}
    for row in rows_of(value):
        said = " ".join(str(row[name]) for name in fields if name in row)
        found.setdefault(str(row.get("product", "")), []).append(said)
    return found
