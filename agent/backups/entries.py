"""The backup sets of the settings as the runner takes them."""

from functools import partial
from pathlib import Path

from agent.backups.settings import BackupSettings
from agent.backups.subject import ConfiguredSet
from agent.planning import Entry
from agent.settings import Settings
from checks.api import Host
from wire.messages import Target

TARGET = "backup"


def entries(settings: Settings) -> tuple[Entry, ...]:
    """Return an entry for each set, by name."""
    state = Path(settings.agent.state)
    return tuple(
        Entry(
            Target(TARGET, name),
            each.kind.value,
            partial(_port, name, each, state),
            signs_in=_signs_in(each),
        )
        for name, each in sorted(settings.backups.items())
    )


def _signs_in(settings: BackupSettings) -> bool:
    offsite = settings.offsite
    secrets = [settings.password]
    if offsite is not None:
        secrets += [offsite.password, offsite.key]
    return any(secret is not None for secret in secrets)


def _port(
    name: str, settings: BackupSettings, state: Path, host: Host, seconds: float
) -> ConfiguredSet:
    return ConfiguredSet(name, settings, host, state, seconds=seconds)
