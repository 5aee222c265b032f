"""The inventory of a host: whatever its check collected, names and units read from the keys."""

from collections.abc import Iterator, Mapping, Sequence

from checks import wording
from checks.api import Text
from collector.reports.blocks import Block, Cell, Column, Table
from collector.reports.material import HostMaterial
from collector.reports.source import Source
from collector.reports.words import to_translate

KEYS = {
    "address": to_translate("Address"),
    "addresses": to_translate("Addresses"),
    "architecture": to_translate("Architecture"),
    "cores": to_translate("Cores"),
    "cpu": to_translate("Processor"),
    "cpu_model": to_translate("Processor"),
    "device": to_translate("Device"),
    "disks": to_translate("Disks"),
    "hostname": to_translate("Host name"),
    "interfaces": to_translate("Network interfaces"),
    "kernel": to_translate("Kernel"),
    "logical_cores": to_translate("Logical cores"),
    "memory_bytes": to_translate("Memory"),
    "model": to_translate("Model"),
    "mount": to_translate("Mount"),
    "name": to_translate("Name"),
    "operating_system": to_translate("Operating system"),
    "physical_cores": to_translate("Physical cores"),
    "product": to_translate("Model"),
    "serial": to_translate("Serial number"),
    "size_bytes": to_translate("Size"),
    "software": to_translate("Software"),
    "swap_bytes": to_translate("Swap"),
    "time_zone": to_translate("Time zone"),
    "total_bytes": to_translate("Size"),
    "vendor": to_translate("Vendor"),
    "version": to_translate("Version"),
    "virtualization": to_translate("Virtualization"),
}
"""Keys with a name for people; any other is printed by its own name."""


def inventory(source: Source, host: HostMaterial) -> list[Block]:
    """Return the tables of the inventory, or the line that says why there is none."""
    words = source.voice.words
    if host.inventory is None:
        why = source.voice.say(host.inventory_reason) or words("no reason was recorded")
        return [source.empty(words("Inventory: not collected ({why}).", why=why))]
    simple = list(_simple(source, host.inventory, ""))
    blocks: list[Block] = []
    if simple:
        blocks.append(
            Table(
                words("{host}: inventory", host=host.name),
                (Column(words("Item")), Column(words("Content"), 3)),
                tuple((Cell(name), Cell(value)) for name, value in simple),
            )
        )
    for key, value in host.inventory.items():
        if rows := _rows(value):
            blocks.append(_listed(source, f"{host.name}: {_name(source, key)}", rows))
    return blocks or [source.empty(words("Inventory: it is empty."))]


def _rows(value: object) -> list[Mapping[str, object]]:
    """Return the rows of a value that is a table."""
    if not isinstance(value, list | tuple):
        return []
    return [row for row in value if isinstance(row, Mapping)]


def _simple(source: Source, facts: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in facts.items():
        name = f"{prefix}{_name(source, key)}"
        if isinstance(value, Mapping):
            yield from _simple(source, value, f"{name} · ")
        elif not _rows(value):
            yield name, _value(source, key, value)


def _listed(source: Source, caption: str, rows: Sequence[Mapping[str, object]]) -> Table:
    keys = list(dict.fromkeys(key for row in rows for key in row))[:6]
    return Table(
        caption,
        tuple(Column(_name(source, key)) for key in keys),
        tuple(tuple(Cell(_value(source, key, row.get(key))) for key in keys) for row in rows),
    )


def _name(source: Source, key: str) -> str:
    return source.voice.words(KEYS[key]) if key in KEYS else key.replace("_", " ")


def _value(source: Source, key: str, value: object) -> str:
    words = source.voice.words
    if value is None or value in ("", [], ()):
        return words("Not collected")
    if isinstance(value, bool):
        return words("Yes") if value else words("No")
    if isinstance(value, list | tuple):
        return source.voice.together([_value(source, key, item) for item in value])
    if isinstance(value, Mapping):
        return source.voice.together(
            [f"{_name(source, name)} {_value(source, name, item)}" for name, item in value.items()]
        )
    if isinstance(value, int | float):
        return source.voice.say(_number(key, value))
    return str(value)


def _number(key: str, value: float) -> Text:
    if key.endswith("_bytes"):
        return wording.size(value)
    if key.endswith("_seconds"):
        return wording.duration(value)
    if key.endswith("_percent"):
        return wording.percent(value)
    return Text.same(f"{value:g}" if isinstance(value, float) else str(value))
