"""The inventory shows the keys of a host as people compare them."""

import subprocess
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from collector.reports.compose import compose
from collector.reports.words import Language
from tests.collector.reports import sample


@pytest.mark.parametrize("language", Language)
def test_the_ssh_keys_of_a_host_are_shown_by_their_fingerprints(
    language: Language, tmp_path: Path
) -> None:
    private = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private, "-C", ""], check=True
    )
    told = subprocess.run(
        ["ssh-keygen", "-l", "-f", f"{private}.pub"], check=True, capture_output=True, text=True
    )
    fingerprint = told.stdout.split()[1]
    line = Path(f"{private}.pub").read_text().strip()
    material = sample.small()
    facts = {**(material.hosts[0].inventory or {}), "ssh_host_keys": [line]}
    host = replace(material.hosts[0], inventory=facts)
    shown = msgspec.json.encode(
        msgspec.to_builtins(compose(replace(material, hosts=(host,)), language).chapters)
    ).decode()
    assert f"ssh-ed25519 {fingerprint}" in shown
    assert line.split()[1] not in shown
    assert ("SSH 主机公钥" if language is Language.CHINESE else "SSH host keys") in shown
