"""What each setting of a product must be, in words, and what contradicts its pack or another."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent import messages
from agent.products.pack import PackError, declaration, origin, shipped
from agent.products.queries import queries
from agent.products.settings import ProductSettings
from agent.queries.examining import problem
from checks.api import Text

if TYPE_CHECKING:
    from agent.settings import Settings

_TEXT = Text("不超过 255 个字符的文本", "a text of at most 255 characters")
_SECTION = Text("形如 [products.u8] 的节", "sections like [products.u8]")
_PACKS = ", ".join(shipped())
_DATABASE = Text("[databases] 中一个条目的名称", "the name of an entry of [databases]")
EXPECTED = {
    "products": _SECTION,
    "products.*": _SECTION,
    "products.*.pack": Text(
        f"随附的产品包（{_PACKS}）之一或产品包文件的绝对路径",
        f"one of the shipped packs ({_PACKS}) or the absolute path of a pack file",
    ),
    "products.*.title": _TEXT,
    "products.*.database": _DATABASE,
    "products.*.parameters": Text(
        "一个 [products.名称.parameters] 节", "a section [products.NAME.parameters]"
    ),
}
_NAME = re.compile(r"[\w.-]{1,64}")
_NAMED = Text(
    "名称只能由字母、汉字、数字、点、下划线和连字符组成，最多 64 个",
    "a section whose name has letters, digits, dots, underscores and hyphens, at most 64",
)
Wrong = tuple[tuple[str, ...], Text]
"""The key that can't be, and what is expected there."""


def contradiction(name: str, settings: ProductSettings) -> Wrong | None:
    """Return what can't be in a product's settings or its pack; None: all fits together."""
    if not _NAME.fullmatch(name):
        return (), _NAMED
    try:
        declaration(settings.pack, settings.parameters)
    except PackError as error:
        return error.keys, error.expected
    return None


def contradiction_among(
    name: str, settings: ProductSettings, everything: "Settings"
) -> Wrong | None:
    """Return what does not fit the other sections: the database, and the queries for it."""
    del name
    if not settings.database:
        return None
    databases: Mapping[str, Any] = everything.databases
    if settings.database not in databases:
        known, hint = ", ".join(databases), messages.nearest(settings.database, databases)
        return ("database",), Text(
            f"{_DATABASE.zh}（现有：{known or '无'}{hint.zh}）",
            f"{_DATABASE.en} (there are: {known or 'none'}{hint.en})",
        )
    declared = declaration(settings.pack, settings.parameters)
    engine, home = databases[settings.database].kind, databases[settings.database].database
    if engine not in declared.engines:
        known = ", ".join(each.value for each in declared.engines)
        return ("database",), Text(
            f"产品包支持的数据库（{known or '无'}），而 {settings.database} 是 {engine.value}",
            f"one of an engine that the pack knows ({known or 'none'}); {settings.database} is "
            f"{engine.value}",
        )
    for place, query in queries(declared):
        wrong = problem(query, engine, columns=(), home=home)
        if wrong is not None:
            return origin(settings.pack, place), Text(
                f"可用的查询（产品包 {declared.name} 的 {place}：{wrong.zh}）",
                f"a query that can be asked ({place} of pack {declared.name}: {wrong.en})",
            )
    return None
