"""The inventory of a host: whatever its check collected, with names and units for people."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from checks import wording
from checks.api import Failure, Text
from collector.reports.blocks import Block, Cell, Column, Table
from collector.reports.material import HostMaterial
from collector.reports.source import Source
from collector.reports.words import to_translate
from wire.host_keys import read_keys

SSH_HOST_KEYS = "ssh_host_keys"
"""Shown by their fingerprints, as people compare them."""
KEYS = {
    "addresses": to_translate("Addresses"),
    "default_gateways": to_translate("Default gateways"),
    "hardware.disks": to_translate("Disks"),
    "hardware.logical_cores": to_translate("Logical cores"),
    "hardware.memory_bytes": to_translate("Memory"),
    "hardware.model": to_translate("Model"),
    "hardware.physical_cores": to_translate("Physical cores"),
    "hardware.processor": to_translate("Processor"),
    "hardware.serial": to_translate("Serial number"),
    "hardware.vendor": to_translate("Vendor"),
    "hardware.virtualization": to_translate("Virtualization"),
    "hardware_address": to_translate("MAC address"),
    "interfaces": to_translate("Network interfaces"),
    "model": to_translate("Model"),
    "name": to_translate("Name"),
    "name_servers": to_translate("Name servers"),
    "rotational": to_translate("Rotating"),
    "size_bytes": to_translate("Size"),
    SSH_HOST_KEYS: to_translate("SSH host keys"),
    "system": to_translate("Operating system"),
    "system.architecture": to_translate("Architecture"),
    "system.id": to_translate("Linux distribution"),
    "system.kernel": to_translate("Kernel"),
    "system.name": to_translate("Operating system"),
    "system.version": to_translate("Version of the system"),
    "time_zone": to_translate("Time zone"),
}
"""Path of a fact, or its key alone, → its name; any other (a newer agent's) stands as it is."""
FAILURE_OF = "_failure"
"""A fact `<name>_failure` tells why the fact `<name>` is not there."""
MOST_COLUMNS = 6


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
    for path, rows in _tables(host.inventory, ""):
        blocks.append(_listed(source, f"{host.name}: {name_of(source, path)}", rows))
    return blocks or [source.empty(words("Inventory: it is empty."))]


def rows_of(value: object) -> list[Mapping[str, object]]:
    """Return the rows of a value that is a table."""
    if not isinstance(value, list | tuple):
        return []
    return [row for row in value if isinstance(row, Mapping)]


def failure_reason(source: Source, value: object) -> str:
    """Return why a part could not be read; nothing for a part that was."""
    if not isinstance(value, Mapping) or "reason" not in value:
        return ""
    try:
        return source.voice.say(wording.reason(msgspec.convert(value, Failure)))
    except msgspec.ValidationError:
        return ""


def name_of(source: Source, path: str) -> str:
    """Return the name of a fact for people."""
    key = path.rpartition(".")[2]
    known = KEYS.get(path) or KEYS.get(key)
    return source.voice.words(known) if known else key.replace("_", " ")


def _simple(source: Source, facts: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each fact that is no table, those of its parts among them."""
    for key, value in facts.items():
        path = f"{prefix}{key}"
        if key.endswith(FAILURE_OF):
            if value is not None:
                yield name_of(source, path.removesuffix(FAILURE_OF)), _value(source, path, value)
        elif value is None and facts.get(f"{key}{FAILURE_OF}") is not None:
            continue
        elif isinstance(value, Mapping) and not failure_reason(source, value):
            yield from _simple(source, value, f"{path}.")
        elif not rows_of(value):
            yield name_of(source, path), _value(source, path, value)


def _tables(
    facts: Mapping[str, object], prefix: str
) -> Iterator[tuple[str, list[Mapping[str, object]]]]:
    for key, value in facts.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _tables(value, f"{path}.")
        elif rows := rows_of(value):
            yield path, rows


def _listed(source: Source, caption: str, rows: Sequence[Mapping[str, object]]) -> Table:
    keys = list(dict.fromkeys(key for row in rows for key in row))[:MOST_COLUMNS]
    return Table(
        caption,
        tuple(Column(name_of(source, key)) for key in keys),
        tuple(tuple(Cell(_value(source, key, row.get(key))) for key in keys) for row in rows),
    )


def _value(source: Source, path: str, value: object) -> str:
    words = source.voice.words
    if value is None or value in ("", [], ()):
        return words("Not stated by the host")
    if path.endswith("virtualization") and value == "none":
        return words("None: a physical machine")
    if isinstance(value, bool):
        return words("Yes") if value else words("No")
    if path == SSH_HOST_KEYS and isinstance(value, list | tuple):
        keys = read_keys("\n".join(each for each in value if isinstance(each, str)))
        return source.voice.together([str(key) for key in keys])
    if isinstance(value, list | tuple):
        return source.voice.together([_value(source, path, item) for item in value])
    if isinstance(value, Mapping):
        why = failure_reason(source, value)
        if why:
            return words("Not collected ({why})", why=why)
        return source.voice.together(
            [
                f"{name_of(source, name)} {_value(source, name, item)}"
                for name, item in value.items()
            ]
        )
    if isinstance(value, int | float):
        return source.voice.say(_number(path, value))
    return str(value)


def _number(path: str, value: float) -> Text:
    if path.endswith("_bytes"):
        return wording.size(value)
    if path.endswith("_seconds"):
        return wording.duration(value)
    if path.endswith("_percent"):
        return wording.percent(value)
    return Text.same(f"{value:g}" if isinstance(value, float) else str(value))
