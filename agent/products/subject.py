"""A product of the settings as a probe sees it: the real `checks.products.Product`."""

from pathlib import PurePath

import psutil

from agent.products import folders, web
from checks.api import Host
from checks.databases import Database
from checks.errors import NotConfigured
from checks.product_packs import Declaration, Page, Process
from checks.products import Fetched, FolderSeen, Lines, Reached


class ConfiguredProduct:
    """One entry of [products]."""

    def __init__(
        self, title: str, declared: Declaration, host: Host, database: Database | None
    ) -> None:
        self._title = title
        self._declaration = declared
        self._host = host
        self._database = database

    @property
    def title(self) -> str:
        """Return what the settings call it."""
        return self._title

    @property
    def declaration(self) -> Declaration:
        """Return its pack, filled in."""
        return self._declaration

    @property
    def host(self) -> Host:
        """Return the agent's host."""
        return self._host

    @property
    def database_name(self) -> str:
        """Return the name of the database's entry."""
        return self._database.name if self._database is not None else ""

    @property
    def database(self) -> Database:
        """Return its database. Raise NotConfigured."""
        if self._database is None:
            raise NotConfigured("database", "the product's settings name no database")
        return self._database

    def running(self, process: Process) -> int:
        """Return how many processes fit."""
        return sum(_fits(each, process) for each in psutil.process_iter(["name"]))

    def reach(self, place: str) -> Reached:
        """Connect to host:port and hang up."""
        return web.reach(place)

    def fetch(self, page: Page) -> Fetched:
        """Get a page."""
        return web.fetch(page)

    def look(self, folder: str, pattern: str) -> FolderSeen:
        """Look through a folder. Raise a ProbeError."""
        return folders.look(folder, pattern)

    def count_errors(self, folder: str, pattern: str, expression: str) -> Lines:
        """Count lines of errors. Raise a ProbeError."""
        return folders.count_errors(folder, pattern, expression)


def _fits(running: psutil.Process, process: Process) -> bool:
    name = running.info["name"] or ""
    if PurePath(name).stem.lower() != PurePath(process.name).stem.lower() and name != process.name:
        return False
    if not process.argument:
        return True
    try:
        return process.argument in " ".join(running.cmdline())
    except psutil.Error:  # it ended, or belongs to somebody else
        return False
