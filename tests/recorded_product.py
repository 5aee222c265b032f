"""A product that answers from a situation: its pack as declared, and what was seen of it.

    [product]
    title = "ERP"
    [product.pack]                 # checks.product_packs.Declaration; name … may be left out
    services = ["erp.service"]
    [[product.processes]]          # what runs; others don't
    name = "java"
    found = 1
    [[product.ports]]              # checks.products.Reached
    [product.page]                 # checks.products.Fetched
    [product.folders."/var/log/erp"]   # checks.products.FolderSeen; or failure = "permission"
    [product.lines."/var/log/erp"]     # checks.products.Lines; or failure

The database is `[database]`; its answers name queries by the key of the pack (`account_sets.query`)
or by their constant in the check's chapter. Without it the settings name none.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from agent.databases.reading import demand_reading
from agent.products.queries import queries
from checks.api import Check, Host
from checks.databases import MOST_ROWS
from checks.errors import NotConfigured
from checks.product_packs import Declaration, Page, Process
from checks.products import Fetched, FolderSeen, Lines, Reached
from tests.recorded_database import ERRORS, RecordedDatabase

Seen = TypeVar("Seen")
_PACK = {
    "name": "test-erp",
    "version": "1",
    "title": {"zh": "测试 ERP", "en": "Test ERP"},
    "verified": {"zh": "未验证。", "en": "Not verified."},
}


class RecordedProduct:
    """A checks.products.Product made of `[product]`."""

    def __init__(self, content: dict[str, Any], check: Check[Any], host: Host) -> None:
        self._content = content["product"]
        self.title = self._content.get("title", "ERP")
        self.declaration = msgspec.convert({**_PACK, **self._content["pack"]}, Declaration)
        self.host = host
        self._database = None
        if "database" in content:
            known = {text: place for place, text in queries(self.declaration)}
            self._database = _WithPack(content["database"], check, host, known)

    @property
    def database_name(self) -> str:
        return self._database.name if self._database else ""

    @property
    def database(self) -> RecordedDatabase:
        if self._database is None:
            raise NotConfigured("database")
        return self._database

    def running(self, process: Process) -> int:
        return next(
            (
                int(each["found"])
                for each in self._content.get("processes", ())
                if each["name"] == process.name
            ),
            0,
        )

    def reach(self, place: str) -> Reached:
        (found,) = [each for each in self._content["ports"] if each["place"] == place]
        return msgspec.convert(found, Reached)

    def fetch(self, page: Page) -> Fetched:
        return msgspec.convert({"address": page.address, **self._content["page"]}, Fetched)

    def look(self, folder: str, pattern: str) -> FolderSeen:
        return _seen(self._content["folders"][folder], FolderSeen, folder)

    def count_errors(self, folder: str, pattern: str, expression: str) -> Lines:
        return _seen(self._content["lines"][folder], Lines, folder)


def _seen(content: Mapping[str, Any], kind: type[Seen], folder: str) -> Seen:
    if "failure" in content:
        raise ERRORS[content["failure"]](folder)
    return msgspec.convert({"folder": folder, **content}, kind)


class _WithPack(RecordedDatabase):
    """A recorded database that knows the queries of a pack, too."""

    def __init__(
        self, content: dict[str, Any], check: Check[Any], here: Host, known: Mapping[str, str]
    ) -> None:
        super().__init__(content, check, here)
        self._known = known

    def rows(self, query: str, kind: Any = None, *, most: int = MOST_ROWS) -> Any:
        if query not in self._known:
            return super().rows(query, kind, most=most)
        demand_reading(query)
        if self._content.get("failure"):
            raise ERRORS[self._content["failure"]]("erp")
        return self._answer(self._known[query], kind, most)
