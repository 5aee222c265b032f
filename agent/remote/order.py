"""What an inspection of a remote host is to read: the same for package, forced and agentless."""

from msgspec import Struct

from wire.grants import Coverage
from wire.messages import Identifier, Label, Remote


class Order(Struct, frozen=True, kw_only=True):
    """One inspection, as the engineer asked for it and the grant covers it."""

    agent: Identifier
    """The host's remote agent."""
    remote: Remote
    coverage: Coverage
    patterns: tuple[str, ...] = ()
    """Checks to run, as for `run --only`; empty: all."""
    light: bool = False
    """Only what takes next to no time (`--pack light`): nothing heavy, nothing that samples."""
    settings: str = ""
    """TOML of the entries to look at ([databases.…], [backups.…], …), without [collector] and
    [agent]; secrets in it are named by where the host keeps them."""
    language: Label = "zh-CN"
