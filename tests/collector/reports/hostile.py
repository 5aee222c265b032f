"""Values that try to be markup, code or layout; and a report with one in every place."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

import msgspec

from checks.api import Text
from collector.reports.material import Material
from tests.collector.reports import sample

VALUES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><link rel=stylesheet href=//evil.example/x.css>",
    "{{7*7}}{% raw %}{#",
    '#read("/etc/passwd")',
    "$x^2$ *b* _i_ @ref <label> = h `c` \\ // -- ~ [c] #h(1fr)",
    "\\u{41} \\# \\\\server\\share",
    "]]>&amp;&#60;b&#62;<!--",
    "{name} {0} %s %(x)d",
    "a\x00b\x1b[31mc\x7f\x85\u2028d",
    "\u202egpj.exe\u202c \u200fabc\u2066",
    "\ufeff\ufffe\uffff\ue000\U0010ffff",
    "😀👨‍👩‍👧 ok",
    "한국어 ไทย العربية עברית हिन्दी",
    "月 ⽉ 曜 龘靐齉 𠮷",
    "x" * 10_000,
    "很长的名称" * 80,
    "/a/very/long/path" * 20,
    "line one\nline two\tend\r\n",
    " " * 50,
    "",
    "data:text/html,<b>x</b> https://evil.example/ file:///etc/passwd",
)


def poisoned(value: str) -> Material:
    """Return the small sample with the value in every text that a customer's host can set."""
    material: Material = _poison(sample.small(), value)
    # These are dates, zones and words of our own, not texts of a customer.
    cover = replace(material.cover, time_zone="Asia/Shanghai")
    return replace(material, cover=cover)


_KEPT = {
    *("check", "change", "chapter", "code", "measure", "time_zone", "unit"),
    *("window_start", "deadline"),
}


def _poison(thing: Any, value: str) -> Any:
    if isinstance(thing, Text):
        return Text.same(value)
    if is_dataclass(thing) and not isinstance(thing, type):
        changed = {
            field.name: getattr(thing, field.name)
            if field.name in _KEPT
            else _poison(getattr(thing, field.name), value)
            for field in fields(thing)
        }
        return type(thing)(**changed)
    if isinstance(thing, msgspec.Struct):
        struct = {
            name: getattr(thing, name) if name in _KEPT else _poison(getattr(thing, name), value)
            for name in thing.__struct_fields__
        }
        return type(thing)(**struct)
    if isinstance(thing, Enum):
        return thing
    if isinstance(thing, str):
        return value
    if isinstance(thing, tuple):
        return tuple(_poison(item, value) for item in thing)
    if isinstance(thing, list):
        return [_poison(item, value) for item in thing]
    if isinstance(thing, Mapping):
        if thing and isinstance(next(iter(thing)), tuple):
            # Series: the check and the measure are names of ours, the object is not.
            return {(*key[:2], value + key[2]): points for key, points in thing.items()}
        return {key: _poison(item, value) for key, item in thing.items()} | {value: value}
    return thing
