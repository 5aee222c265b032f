"""The sign-in settings of sshd: as it says they are in force, or as its files have them."""

import re

from checks.api import Host, Struct
from checks.errors import ToolMissing, UnexpectedOutput


class Setting(Struct, frozen=True):
    """One keyword of sshd, in lower case as `sshd -T` prints it."""

    keyword: str
    value: str


KEYWORDS = ("permitrootlogin", "passwordauthentication", "permitemptypasswords")


def effective_sshd_settings(host: Host) -> tuple[Setting, ...]:
    """Return what `sshd -T` prints; raise ToolMissing or what the system refuses with."""
    for path in ("/usr/sbin/sshd", "/usr/local/sbin/sshd"):
        if host.exists(path):
            return parse_sshd(host.run(path, "-T", timeout_seconds=5).text, first_wins=False)
    raise ToolMissing("sshd")


def configured_sshd_settings(host: Host) -> tuple[Setting, ...]:
    """Return what sshd_config and its includes say; () where there is no OpenSSH server."""
    main = "/etc/ssh/sshd_config"
    if not host.exists(main):
        return ()
    return parse_sshd(_with_includes(host, host.read(main)), first_wins=True)


def _with_includes(host: Host, text: str) -> str:
    """Return the text with its Include lines replaced by the files, one level deep."""
    lines: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0].lower() == "include":
            for pattern in words[1:]:
                absolute = pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"
                # A Match block ends with the file that it stands in.
                lines += [_before_match(host.read(path)) for path in host.list(absolute)]
        else:
            lines.append(line)
    return "\n".join(lines)


def _before_match(text: str) -> str:
    return re.split(r"(?im)^\s*match\s", text, maxsplit=1)[0]


def parse_sshd(text: str, *, first_wins: bool) -> tuple[Setting, ...]:
    """Read keywords and values up to the first Match block, which applies to some users only.

    In sshd_config the first value of a keyword wins. Raise UnexpectedOutput where nothing is
    said that `sshd -T` has to say.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split("#", 1)[0].replace("=", " ", 1).split()
        if not words:
            continue
        keyword = words[0].lower()
        if keyword == "match":
            break
        if keyword in KEYWORDS and len(words) > 1 and keyword not in found:
            found[keyword] = words[1].strip('"').lower()[:64]
    if not first_wins and len(found) < len(KEYWORDS):
        raise UnexpectedOutput("sshd -T", "its settings are not all there")
    return tuple(Setting(keyword, found[keyword]) for keyword in KEYWORDS if keyword in found)
