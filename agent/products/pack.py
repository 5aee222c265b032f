"""Read a pack file and fill its parameters in: the result is a checks.product_packs.Declaration.

A text of a pack may name parameters in braces. One that is nothing but `"{name}"` becomes the
parameter's value with its type; elsewhere the value is put in as text. What is left without its
main entry by that (a page without an address) is not declared.
"""

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from agent import messages
from agent.settings_lines import line_of, place_of
from checks.api import Text
from checks.product_packs import Declaration

Part = TypeVar("Part")

FORMAT = 1
LONGEST_BYTES = 2**18
_SHIPPED = files("checks") / "product" / "packs"
"""Also in the agent's own package, where it is a folder of an archive."""
_SUFFIX = ".toml"
_WHOLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_KINDS = {str: Text("文本", "a text"), bool: Text("true 或 false", "true or false")}
_LIST, _NUMBER = Text("列表", "a list"), Text("数字", "a number")
_HEAD = ("format", "parameters")


class PackError(Exception):
    """A pack or its parameters are wrong: `keys` below the product, and what is expected there."""

    def __init__(self, keys: tuple[str, ...], expected: Text) -> None:
        super().__init__(expected.en)
        self.keys = keys
        self.expected = expected


def shipped() -> tuple[str, ...]:
    """Return the names of the packs of this installation."""
    return tuple(
        sorted(
            place.name.removesuffix(_SUFFIX)
            for place in _SHIPPED.iterdir()
            if place.name.endswith(_SUFFIX)
        )
    )


def declaration(pack: str, parameters: Mapping[str, Any]) -> Declaration:
    """Return a pack with its parameters filled in. Raise PackError."""
    path = _path_of(pack)
    text, content = _read(path)
    defaults = content.get("parameters", {})
    if content.get("format") != FORMAT or not isinstance(defaults, dict):
        raise _wrong(path, text, ("format",), Text(f"{FORMAT}", f"{FORMAT}"))
    values = {**defaults, **_demand(parameters, defaults)}
    filled = {
        key: _filled(value, values, path, text, (key,))
        for key, value in content.items()
        if key not in _HEAD
    }
    try:
        found = msgspec.convert(filled, Declaration)
    except msgspec.ValidationError as error:
        raise _misshapen(error, content, path, text) from error
    for expression in (
        found.logs and found.logs.errors,
        found.licence and found.licence.expression,
    ):
        _demand_expression(expression or "", path)
    return _pruned(found)


def origin(pack: str, place: str) -> tuple[str, ...]:
    """Return the key below the product that a part of its pack comes from: of `a.b` or `a[1].b`."""
    _, at = _read(_path_of(pack))
    found: Any = at
    for key in place.partition("[")[0].split("."):
        found = found.get(key) if isinstance(found, dict) else None
    whole = _WHOLE.fullmatch(found) if isinstance(found, str) else None
    return ("parameters", whole[1]) if whole else ("pack",)


def _path_of(pack: str) -> Traversable:
    if Path(pack).is_absolute():
        return Path(pack)
    if pack in shipped():
        return _SHIPPED / f"{pack}{_SUFFIX}"
    names, hint = ", ".join(shipped()), messages.nearest(pack, shipped())
    raise PackError(
        ("pack",),
        Text(
            f"随附的产品包（{names}）之一或产品包文件的绝对路径{hint.zh}",
            f"one of the shipped packs ({names}) or the absolute path of a pack file{hint.en}",
        ),
    )


def _read(path: Traversable) -> tuple[str, dict[str, Any]]:
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_BYTES + 1)
        if len(content) > LONGEST_BYTES:
            raise _unusable(path, Text("超过 256 KiB", "it has more than 256 KiB"))
        text = content.decode("utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        words = error.strerror or str(error)
        raise _unusable(path, Text(f"无法读取：{words}", f"it can't be read: {words}")) from error
    except UnicodeDecodeError as error:
        raise _unusable(path, Text("不是 UTF-8 文本", "it is not UTF-8")) from error
    except tomllib.TOMLDecodeError as error:
        line, _ = place_of(str(error), text)
        words = str(error).split(" (at ")[0]
        said = Text(
            f"第 {line} 行不是有效的 TOML（{words}）", f"line {line} is not valid TOML ({words})"
        )
        raise _unusable(path, said) from error


def _demand(parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters of the settings; raise PackError for one that can't be."""
    for name, value in parameters.items():
        keys = ("parameters", name)
        if name not in defaults:
            known, hint = ", ".join(defaults), messages.nearest(name, defaults)
            raise PackError(
                keys,
                Text(
                    f"产品包的参数之一：{known}{hint.zh}",
                    f"one of the pack's parameters: {known}{hint.en}",
                ),
            )
        if not _is_like(value, defaults[name]):
            raise PackError(keys, _kind_of(defaults[name]))
    return parameters


def _is_like(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return type(value) is type(default)
    numbers = (int, float)
    return isinstance(value, type(default)) or (
        isinstance(value, numbers) and isinstance(default, numbers)
    )


def _kind_of(default: object) -> Text:
    if isinstance(default, list):
        return _LIST
    return _KINDS.get(type(default), _NUMBER)


def _filled(
    value: object, values: Mapping[str, Any], path: Traversable, text: str, keys: tuple[str, ...]
) -> object:
    if isinstance(value, dict):
        return {key: _filled(each, values, path, text, (*keys, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values, path, text, keys) for each in value]
    if not isinstance(value, str):
        return value
    unknown = [name for name in _WHOLE.findall(value) if name not in values]
    if unknown:
        said = Text(
            f"只引用 [parameters] 中的参数，{unknown[0]} 不在其中",
            f"a text that names parameters of [parameters] only; {unknown[0]} is none",
        )
        raise _wrong(path, text, keys, said)
    whole = _WHOLE.fullmatch(value)
    if whole:
        return values[whole[1]]
    return _WHOLE.sub(lambda match: str(values[match[1]]), value)


def _misshapen(
    error: msgspec.ValidationError, content: Mapping[str, Any], path: Traversable, text: str
) -> PackError:
    message, _, where = str(error).partition(" - at `$")
    keys = tuple(
        part for part in re.sub(r"\[(\.\.\.|\d+)\]", "", where.rstrip("`")).split(".") if part
    )
    if "unknown field" in message or "missing required field" in message:
        keys += (message.split("`")[1],)
    at: Any = content
    for key in keys:
        at = at.get(key) if isinstance(at, dict) else None
    # What a parameter has brought in is told where the parameter stands.
    if isinstance(at, str) and (whole := _WHOLE.fullmatch(at)):
        return PackError(
            ("parameters", whole[1]),
            Text(f"可用的值（{message}）", f"a value that fits ({message})"),
        )
    return _wrong(path, text, keys, Text(f"可用的值（{message}）", f"what fits ({message})"))


def _demand_expression(expression: str, path: Traversable) -> None:
    try:
        re.compile(expression)
    except re.error as error:
        said = Text(
            f"正则表达式 {expression} 有误（{error}）",
            f"the expression {expression} is wrong ({error})",
        )
        raise _unusable(path, said) from error


def _wrong(path: Traversable, text: str, keys: tuple[str, ...], expected: Text) -> PackError:
    key, line = ".".join(keys), line_of(text, keys)
    return _unusable(
        path,
        Text(
            f"第 {line} 行的 {key} 应为{expected.zh}",
            f"its {key} (line {line}) must be {expected.en}",
        ),
    )


def _unusable(path: Traversable, why: Text) -> PackError:
    said = Text(f"可用的产品包（{path}：{why.zh}）", f"a pack that can be used ({path}: {why.en})")
    return PackError(("pack",), said)


def _pruned(found: Declaration) -> Declaration:
    """Leave out what has no main entry once the parameters are filled in."""

    def kept(part: Part | None, *main: str) -> Part | None:
        return part if part is not None and any(getattr(part, key) for key in main) else None

    return structs.replace(
        found,
        page=kept(found.page, "address"),
        licence=kept(found.licence, "query", "file"),
        account_sets=kept(found.account_sets, "query"),
        periods=kept(found.periods, "query"),
        automatic_backups=kept(found.automatic_backups, "folders"),
        logs=kept(found.logs, "folders"),
    )
