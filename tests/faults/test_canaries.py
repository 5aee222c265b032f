"""S7: fifty secrets are planted wherever the agent looks; none comes out anywhere.

Each stands in nine encodings in a file, in the arguments of a process and in a log that sample
probes read, in what they raise and in what the collector answers. The agent obtained them, as it
obtains every secret, through agent/secret.py. Ten more it was never told: those are known by how
they are written.
"""

import base64
import json
import os
import secrets as random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.agent.workbench import FakeCollector, Site, answering, collecting
from wire.batch import unpack

ENCODINGS = (
    lambda text: text,
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.b64encode(b"user:" + text.encode() + b":x").decode(),
    lambda text: base64.urlsafe_b64encode(b"ab" + text.encode()).decode(),
    lambda text: quote(text, safe=""),
    lambda text: json.dumps(text)[1:-1],
    lambda text: text.encode().hex(),
    lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    lambda text: "\ufffd".join(text),
)

OBTAIN = """
from pathlib import Path
from agent.secret import SecretSource, obtain
for path in sorted(Path({folder!r}).glob("*.secret")):
    obtain(SecretSource(file=str(path)), path.name)
LOG = {log!r}
"""

LEAKS = {
    "sample.a_file": "return Facts(host.read(LOG))",
    "sample.arguments": "return Facts(' '.join(host.read(p) for p in host.list('/proc/*/cmdline')"
    " if 'canaries' in host.read(p)))",
    "sample.tool": "return Facts(host.run('cat', LOG).text)",
    "sample.tool_fails": "return Facts(host.run('sh', '-c', 'cat ' + LOG + ' >&2; exit 3').text)",
    "sample.raises": "raise RuntimeError(host.read(LOG))",
    "sample.raises_bytes": "raise ValueError(host.read_bytes(LOG))",
    "sample.refused": "from checks.errors import NotPermitted; t = host.read(LOG);"
    " raise NotPermitted(t[:250], t)",
    "sample.each_refused": "from checks.errors import Unreachable;"
    " raise Unreachable('x' * 240 + host.read(LOG).splitlines()[0], 'x' * 1990 + host.read(LOG))",
    "sample.dies": "print(host.read(LOG)); sys.stderr.write(host.read(LOG)); os.abort()",
    "sample.exits": "raise SystemExit(host.read(LOG))",
}


@dataclass
class Planted:
    site: Site
    canaries: list[str]
    foreign: list[str]

    @property
    def forms(self) -> list[str]:
        """Everything that must not be seen, also as it stands inside of JSON."""
        plain = [encoding(canary) for canary in self.canaries for encoding in ENCODINGS]
        plain += [half for canary in self.canaries for half in (canary[:12], canary[-12:])]
        plain += self.foreign
        return [*plain, *(json.dumps(form, ensure_ascii=False)[1:-1] for form in plain)]


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[Planted]:
    site = Site(tmp_path)
    canaries = [f"cnry{number}-{random.token_urlsafe(9)}+/ä\"'&" for number in range(50)]
    foreign = [f"foreign{random.token_hex(8)}" for _ in range(10)]
    kept = tmp_path / "kept"
    kept.mkdir()
    for number, canary in enumerate(canaries):
        (kept / f"{number}.secret").write_text(canary)
        (kept / f"{number}.secret").chmod(0o600)
    lines = [encoding(canary) for canary in canaries for encoding in ENCODINGS]
    log = kept / "application.log"
    log.write_text("\n".join(lines + written_like_secrets(foreign)))
    site.checks(LEAKS | {"sample.z_broken": "pass"})
    start = OBTAIN.format(folder=str(kept), log=str(log))
    for module in site.plugins.glob("sample_*.py"):
        module.write_text(start + module.read_text())
    (site.plugins / "sample_sample_z_broken.py").write_text(
        start + "raise RuntimeError(Path(LOG).read_text())"
    )
    process = subprocess.Popen(
        ["/bin/sh", "-c", "sleep 300; true", "canaries", *canaries, "--password", foreign[0]]
    )
    try:
        yield Planted(site, canaries, foreign)
    finally:
        process.kill()
        process.wait()


def written_like_secrets(values: list[str]) -> list[str]:
    return [
        f"jdbc:postgresql://erp:{values[0]}@db/erp",
        f"PGPASSWORD={values[1]} pg_dump",
        f"Server=db;User=sa;Password={values[2]};",
        f"Pwd={values[3]};",
        f"mysqldump -uroot -p{values[4]} erp",
        f"curl --password {values[5]} -x http://proxy:{values[6]}@proxy:3128",
        f'{{"client_secret": "{values[7]}"}}',
        f"Authorization: Basic {values[8]}",
        f"-----BEGIN PRIVATE KEY-----\n{values[9]}\n-----END PRIVATE KEY-----",
    ]


def test_no_canary_leaves_the_host(planted: Planted) -> None:
    site = planted.site
    # What a proxy or a collector says goes into events, into the spool and into status.
    said = json.dumps({"detail": " ".join(planted.canaries[:5])}).encode()
    seen: dict[str, str] = {}
    with collecting(answering(400, said), answering(403, said)) as collector:
        site.url = collector.url
        site.configure()
        for name, arguments in {
            "check": ("check", "sample"),
            "check --json": ("check", "sample", "--json"),
            "check --list": ("check", "sample", "--list"),
            "run, refused": ("run", "--only", "sample"),
            "run, refused again": ("run", "--json", "--only", "sample", "--lang", "en"),
            "status": ("status",),
            "status --json": ("status", "--json"),
            "run": ("run", "--json", "--only", "sample"),
            # The collector's refusals made the agent pause: this ignores it.
            "deliver": ("deliver", "--json", "--now"),
        }.items():
            settings = (
                () if arguments[0] == "check" else ("--settings", f"{site.folder}/agent.toml")
            )
            finished = site.agent(*arguments, *settings)
            seen[f"{name}: output"] = finished.output
            seen[f"{name}: errors"] = finished.errors
            keep_files(site, f"after {name}", seen)
        seen.update(uploaded(collector))
    assert "***" in seen["check: output"]
    assert "***" in seen["run: errors"], "a check that can't be loaded is told of"
    assert sum(name.startswith("uploaded") for name in seen) >= 1
    found = [(name, form) for name, text in seen.items() for form in planted.forms if form in text]
    assert found[:5] == []


def test_a_crash_that_nobody_foresaw_shows_none(planted: Planted) -> None:
    (planted.site.plugins / "sitecustomize.py").write_text(
        "from pathlib import Path\nfrom agent import commands\n"
        "from agent.secret import SecretSource, obtain\n"
        f"folder = Path({str(planted.site.folder)!r}, 'kept')\n"
        "def crash(*_, **__):\n"
        "    for path in folder.glob('*.secret'):\n"
        "        obtain(SecretSource(file=str(path)), '')\n"
        "    raise RuntimeError((folder / 'application.log').read_text())\n"
        "commands.check = crash\n"
    )
    process = planted.site.start("check")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "RuntimeError: ***" in errors
    assert [form for form in planted.forms if form in errors] == []


def test_what_was_planted_would_be_found_without_the_filter(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: the same plant, with a filter that lets all pass."""
    (planted.site.plugins / "sitecustomize.py").write_text(
        "from agent import redaction\n"
        "redaction.clean = lambda text: text\nredaction.clean_json = lambda text: text\n"
    )
    output = planted.site.agent("check", "sample", "--json").output
    for canary in planted.canaries:
        assert json.dumps(canary, ensure_ascii=False)[1:-1] in output
    assert sum(foreign in output for foreign in planted.foreign) >= 9


def keep_files(site: Site, when: str, seen: dict[str, str]) -> None:
    for folder, _, names in os.walk(site.state):
        for name in names:
            content = Path(folder, name).read_bytes()
            seen[f"{when}: {name}"] = content.decode("utf-8", "replace")


def uploaded(collector: FakeCollector) -> dict[str, str]:
    return {
        f"uploaded {place}": unpack(payload).decode() for place, payload in collector.stored.items()
    }
