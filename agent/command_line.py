"""The command line of `xunjian-agent`: which words it takes, and their help."""

import argparse
from collections.abc import Sequence
from itertools import pairwise

from agent import VERSION, bundle_messages, enrolment_messages, messages
from agent.backups import help as backup_help
from agent.databases import help as database_help
from agent.installation import texts as installation_texts
from agent.settings import DEFAULT_PATH
from checks.api import Text

INSTALLATION = ("install", "uninstall", "read-privileged")
_BACKUP = ("list", "check", "verify", "restore-script", "record")
_DATABASE = ("list", "test", "grant-script")
_ENGINES = ("mssql", "postgresql", "kingbase", "mysql", "mariadb", "oracle", "dameng")
"""checks.databases.Engine, which is not loaded for the help."""


def wants_english(given: Sequence[str]) -> bool:
    """Return whether English is asked for, before anything is parsed: the help is in it, too."""
    return "--lang=en" in given or ("--lang", "en") in pairwise(given)


def parser_in(language: str, *, remote: bool = False) -> argparse.ArgumentParser:
    """Return the parser, with its help in a language; `remote`: with all of that command, too."""

    of_remote: dict[str, Text] = {}
    if remote:
        from agent.remote import help as remote_help

        of_remote = remote_help.HELP

    def words(name: str) -> str:
        texts = (
            messages.HELP
            | enrolment_messages.HELP
            | installation_texts.HELP
            | bundle_messages.HELP
            | backup_help.HELP
            | database_help.HELP
            | of_remote
        )
        return messages.spoken(texts[name], language)

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--lang", choices=messages.LANGUAGES, default=messages.LANGUAGES[0], help=words("lang")
    )
    shared.add_argument("--json", action="store_true", help=words("json"))
    with_settings = argparse.ArgumentParser(add_help=False)
    with_settings.add_argument(
        "--settings", metavar="FILE", default=DEFAULT_PATH, help=words("settings")
    )
    parser = argparse.ArgumentParser(prog="xunjian-agent", description=words("agent"))
    parser.add_argument("--version", action="version", version=f"xunjian-agent {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, *parents: argparse.ArgumentParser, below: str = ""
    ) -> argparse.ArgumentParser:
        key = f"{below}_{name}" if below else name
        return (actions if below else commands).add_parser(
            name,
            parents=[shared, *parents],
            help=words(key),
            description=words(key),
            epilog=words(f"{key}_examples"),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def group(name: str) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
        return commands.add_parser(
            name,
            help=words(name),
            description=words(name),
            epilog=words(f"{name}_examples"),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        ).add_subparsers(dest="action", required=True, metavar="ACTION")

    check = command("check")
    check.add_argument("patterns", nargs="*", metavar="PATTERN", help=words("pattern"))
    check.add_argument("--list", action="store_true", help=words("list"))
    run = command("run", with_settings)
    run.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help=words("pattern")
    )
    deliver = command("deliver", with_settings)
    deliver.add_argument("--now", action="store_true", help=words("now"))
    command("status", with_settings)
    actions = group("backup")
    for name in _BACKUP:
        action = command(name, with_settings, below="backup")
        if name != "list":
            action.add_argument("name", metavar="NAME", help=words("backup_name"))
        if name == "verify":
            action.add_argument("--full", action="store_true", help=words("backup_full"))
        if name == "restore-script":
            action.add_argument("--database", metavar="DATABASE", help=words("backup_database"))
        if name == "record":
            results = ("passed", "failed")
            action.add_argument("--point", required=True, metavar="ID", help=words("backup_point"))
            action.add_argument(
                "--result", required=True, choices=results, help=words("backup_result")
            )
            action.add_argument(
                "--person", required=True, metavar="NAME", help=words("backup_person")
            )
            action.add_argument("--minutes", type=float, metavar="N", help=words("backup_minutes"))
            action.add_argument("--note", default="", metavar="TEXT", help=words("backup_note"))
            action.add_argument("--at", metavar="MOMENT", help=words("backup_at"))
    actions = group("database")
    for name in _DATABASE:
        if name != "grant-script":
            action = command(name, with_settings, below="database")
            if name == "test":
                action.add_argument("name", metavar="NAME", help=words("database_name"))
            continue
        action = command(name, below="database")
        action.add_argument("engine", choices=_ENGINES, help=words("database_engine"))
        action.add_argument(
            "--version", default="", metavar="VERSION", help=words("database_version")
        )
        action.add_argument(
            "--user", default="xunjian", metavar="NAME", help=words("database_user")
        )
    for name in INSTALLATION:
        part = command(name)
        if name == "read-privileged":
            continue
        part.add_argument("--root", metavar="DIR", default="/", help=words("root"))
        part.add_argument("--dry-run", action="store_true", help=words("dry-run"))
        if name == "install":
            part.add_argument("--url", metavar="URL", help=words("url"))
            part.add_argument("--sudo", action="store_true", help=words("sudo"))
        else:
            part.add_argument("--purge", action="store_true", help=words("purge"))
    enrol = command("enrol", with_settings)
    enrol.add_argument("url", nargs="?", metavar="URL", help=words("enrol_url"))
    enrol.add_argument("--code", metavar="CODE", help=words("enrol_code"))
    enrol.add_argument("--fingerprint", metavar="WORDS", help=words("enrol_fingerprint"))
    enrol.add_argument("--request", metavar="FILE", help=words("enrol_request"))
    enrol.add_argument("--answer", metavar="FILE", help=words("enrol_answer"))
    enrol.add_argument("--state", metavar="FOLDER", help=words("enrol_state"))
    command("rotate-key", with_settings)
    export = command("export", with_settings)
    export.add_argument("file", metavar="FILE", help=words("export_file"))
    export.add_argument(
        "--part-size", type=int, default=2048, metavar="MIB", help=words("export_part_size")
    )
    export.add_argument("--force", action="store_true", help=words("export_force"))
    receipt = command("receipt", with_settings)
    receipt.add_argument("files", nargs="+", metavar="FILE", help=words("receipt_file"))
    actions = group("remote")
    if remote:
        from agent.remote import command_line

        command_line.add(lambda name: command(name, below="remote"), language)
    return parser
