"""The words that `xunjian-agent remote` takes: built only where that command is given."""

import argparse
from collections.abc import Callable

from agent import messages
from agent.remote.help import HELP

PARALLEL = 8

Command = Callable[[str], argparse.ArgumentParser]


def words_in(language: str) -> Callable[[str], str]:
    """Return what gives a text of the help in a language."""
    return lambda name: messages.spoken(HELP[name], language)


def add(command: Command, language: str) -> None:
    """Add the actions; `command` makes the parser of one by its name."""
    words = words_in(language)
    register = command("register")
    register.add_argument("--person", metavar="NAME", help=words("remote_person"))
    register.add_argument("--request", metavar="FILE", help=words("remote_request"))
    register.add_argument("--answer", metavar="FILE", help=words("remote_answer_file"))
    register.add_argument("--fingerprint", metavar="WORDS", help=words("remote_fingerprint"))
    register.add_argument("--url", metavar="URL", help=words("remote_url"))
    register.add_argument("--ca-file", metavar="FILE", help=words("remote_ca_file"))

    inspect = command("inspect")
    inspect.add_argument("target", nargs="?", metavar="TARGET", help=words("remote_target"))
    _add_way(inspect, words)
    inspect.add_argument(
        "--pack", action="append", default=[], metavar="PACK", help=words("remote_pack")
    )
    inspect.add_argument("--settings", metavar="FILE", help=words("remote_settings"))
    inspect.add_argument("--agentless", action="store_true", help=words("remote_agentless"))
    inspect.add_argument("--bundle", metavar="FILE", help=words("remote_bundle"))
    inspect.add_argument("--inventory", metavar="FILE", help=words("remote_inventory"))
    inspect.add_argument(
        "--parallel", type=int, default=PARALLEL, metavar="N", help=words("remote_parallel")
    )

    shell = command("shell")
    shell.add_argument("target", metavar="TARGET", help=words("remote_target"))
    _add_way(shell, words)
    shell.add_argument("--proof", metavar="FILE", help=words("remote_proof"))

    deliver = command("deliver")
    deliver.add_argument("--bundle", metavar="FILE", help=words("remote_bundle"))
    command("sessions")

    authorized = command("authorized-key")
    authorized.add_argument("--key", required=True, metavar="FILE", help=words("remote_public_key"))
    authorized.add_argument("--program", metavar="PATH", help=words("remote_program"))
    answer = command("answer")
    answer.add_argument("--forced", action="store_true", help=words("remote_forced"))
    answer.add_argument("--folder", metavar="FOLDER", help=words("remote_folder"))


def _add_way(parser: argparse.ArgumentParser, words: Callable[[str], str]) -> None:
    parser.add_argument("--grant", metavar="FILE", help=words("remote_grant"))
    parser.add_argument(
        "--jump", action="append", default=[], metavar="TARGET", help=words("remote_jump")
    )
    parser.add_argument("--key", metavar="FILE", help=words("remote_key"))
    parser.add_argument(
        "--host-key",
        action="append",
        default=[],
        metavar="SHA256:…",
        help=words("remote_host_key"),
    )
