"""Whether the other side is this very host: then nothing is offsite.

A clone of a virtual machine keeps its host keys, a tunnel or a container shows an address of this
host: neither alone decides. The kernel's boot id does, where a shell shows it.
"""

import socket
from pathlib import Path

import psutil
from msgspec import Struct

from agent.ssh.host_keys import HostKey, read_keys


class ThisHost(Struct, frozen=True):
    """Where this host says who it is."""

    keys: Path = Path("/etc/ssh")
    """Folder of the host keys of its own SSH server."""
    boot_id: Path = Path("/proc/sys/kernel/random/boot_id")
    addresses: frozenset[str] | None = None
    """None: those of its network adapters."""

    def host_keys(self) -> frozenset[HostKey]:
        """Return the public keys of its SSH server; none where it has none."""
        texts = (_text(path) for path in sorted(self.keys.glob("ssh_host_*_key.pub")))
        return frozenset(key for text in texts for key in read_keys(text))

    def boot(self) -> str:
        """Return the id of this boot, empty where it can't be told."""
        return _text(self.boot_id).strip()

    def has_address(self, address: str) -> bool:
        """Tell whether an address is one of its own."""
        own = self.addresses
        if own is None:
            families = (socket.AF_INET, socket.AF_INET6)
            own = frozenset(
                each.address.partition("%")[0]
                for adapter in psutil.net_if_addrs().values()
                for each in adapter
                if each.family in families
            )
        bare = address.partition("%")[0].removeprefix("::ffff:")
        return bare in own or (bare.startswith("127.") and "127.0.0.1" in own)


def is_same_host(
    this: ThisHost, *, shown: HostKey, address: str, boot_id: str | None
) -> bool | None:
    """Return whether a server is this host; None: it can't be told.

    `shown` is the key of the server, `address` where it was reached, `boot_id` what its shell said.
    """
    own_boot = this.boot()
    if boot_id and own_boot:
        return boot_id == own_boot
    same_key = shown in this.host_keys()
    same_address = this.has_address(address)
    if same_key == same_address:
        return same_key
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
