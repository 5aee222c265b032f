"""The report of a year from the database: gathered, composed, rendered, in seconds and memory."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.figures import Figure, Origin, Peer
from bench.processes import environment
from bench.server import SERVERS, Server
from bench.year import write_year
from checks.discovery import discover

BUDGET_PDF_SECONDS = 1.0
BUDGET_HTML_SECONDS = 0.3
BUDGET_PEAK_MEBIBYTES = 250

_MEBIBYTE = 2**20
_LAST_DAY = 357
# Design, §9: rendering alone, without database and composing, on a like machine.
_PDF_PEERS = (
    Peer("Typst alone", (0.47,), Origin.EARLIER),
    Peer("Chromium", (2.2,), Origin.EARLIER),
    Peer("WeasyPrint", (7.4,), Origin.EARLIER),
)


class Made(Struct, frozen=True):
    """What one report took. Both times begin at the database and end with the bytes."""

    pdf_seconds: float
    html_seconds: float
    gather_seconds: float
    compose_seconds: float
    peak_bytes: int
    pdf_digest: str
    pdf_bytes: int
    html_bytes: int
    pages: int
    pictures: int


def measure(*, tiny: bool = False) -> list[Figure]:
    """Return seconds and memory for two years of five servers.

    In the first one all of them are inspected each week; the second one has about as many pages
    and pictures as the budget speaks of: three servers were taken over at the end of the year.
    """
    days = range(_LAST_DAY - 7 if tiny else 0, _LAST_DAY + 1, 7)
    lone = [_LAST_DAY]
    two = {server: days if server.number < 2 else lone for server in SERVERS}
    if tiny:
        return _figures("one server", {SERVERS[0]: days}, runs=1)
    every = dict.fromkeys(SERVERS, days)
    return [
        *_figures("5 servers each week", every, runs=5),
        *_figures("2 servers each week, 3 new ones", two, runs=5),
    ]


def _figures(what: str, days: Mapping[Server, Sequence[int]], *, runs: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="xunjian-bench-") as folder:
        write_year(Path(folder), discover(), days).close()
        made = [_make(f"sqlite:///{folder}/collector.db") for _ in range(runs)]
    first = made[0]
    if any(each.pdf_digest != first.pdf_digest for each in made):
        raise RuntimeError("the same database and date gave two different PDFs")
    note = (
        f"{what}: {first.pages} pages, {first.pictures} pictures, PDF {first.pdf_bytes // 1024} "
        f"KiB, HTML {first.html_bytes // 1024} KiB; of it gathering {first.gather_seconds:.2f} s, "
        f"composing {first.compose_seconds:.2f} s. Each run a process of its own, its start not "
        f"counted; {len(made)} PDFs, the same bytes."
    )
    return [
        Figure(
            f"report as PDF, {what}",
            tuple(each.pdf_seconds for each in made),
            "s",
            BUDGET_PDF_SECONDS,
            note=note,
            peers=_PDF_PEERS,
        ),
        Figure(
            f"report as HTML, {what}",
            tuple(each.html_seconds for each in made),
            "s",
            BUDGET_HTML_SECONDS,
            note=note,
        ),
        Figure(
            f"report, peak memory, {what}",
            tuple(each.peak_bytes / _MEBIBYTE for each in made),
            "MiB",
            BUDGET_PEAK_MEBIBYTES,
            note=note,
        ),
    ]


def _make(url: str) -> Made:
    done = subprocess.run(
        [sys.executable, "-m", "bench.one_report", url],
        env=environment(),
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the report could not be made: {done.stderr.decode()[-500:]}")
    return msgspec.json.decode(done.stdout, type=Made)
