"""Agentless is what sees its host through the port alone, and all of that is declared so."""

from pathlib import Path
from typing import Any

import pytest

from checks.api import Check
from checks.discovery import discover
from tests.checks import reach
from tests.checks.reach import touched

PROBED = {
    check_id: check for check_id, check in discover().checks.items() if check.probe is not None
}


@pytest.mark.parametrize(("check_id", "check"), PROBED.items(), ids=PROBED.keys())
def test_agentless_is_what_sees_the_host_through_its_port_and_nothing_else(
    check_id: str, check: Check[Any]
) -> None:
    assert check.probe is not None
    sees = touched(check.probe.__module__, check.probe.__name__)
    # The ports of other targets are made where the agent runs.
    assert check.agentless == (check.target == "host" and not sees), sees


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("import psutil\ndef probe(host): return psutil.boot_time()", {"psutil"}),
        ("import os\ndef far(): return os.uname()\ndef probe(host): return far()", {"os"}),
        ("def probe(host):\n    from pathlib import Path\n    return Path('/')", {"pathlib"}),
        ("from time import time as t\nNOW = t()\ndef probe(host): return NOW", {"time"}),
        ("from datetime import datetime\ndef probe(host): return datetime.now()", {".now()"}),
        (
            "from datetime import datetime\ndef probe(host): return datetime.fromtimestamp(1)",
            {".fromtimestamp()"},
        ),
        ("def probe(host): return open('/etc/passwd').read()", {"open()"}),
        ("import os\ndef rule(facts): return os.sep\ndef probe(host): return 1", set()),
        ("import re\ndef probe(host): return re.sub('a', 'b', host.read('/a'))", set()),
        ("from checks.host import _processor_times as p\ndef probe(host): return p", {"psutil"}),
        ("from checks.lifecycle import table\ndef probe(host): return table", {"tomllib"}),
    ],
)
def test_whatever_a_probe_uses_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, expected: set[str]
) -> None:
    monkeypatch.setattr(reach, "ROOT", tmp_path)
    reach.module.cache_clear()
    (tmp_path / "checks").symlink_to(Path(__file__).parents[2] / "checks")
    (tmp_path / "sample.py").write_text(lines)
    try:
        sees = touched("sample", "probe")
    finally:
        reach.module.cache_clear()
    assert expected <= sees if expected else not sees
