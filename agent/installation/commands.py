"""The commands install, uninstall and read-privileged."""

from pathlib import Path

from agent.console import Console
from agent.installation.service import Preparation, prepare_install, prepare_uninstall
from agent.installation.steps import do, said
from agent.readings import read_all


def install(console: Console, root: str, url: str | None, *, by_sudo: bool, dry_run: bool) -> int:
    """Install the agent as a service; return the exit code."""
    preparation = prepare_install(Path(root), url, by_sudo=by_sudo)
    return _done(console, preparation, Path(root), dry_run=dry_run)


def uninstall(console: Console, root: str, *, purge: bool, dry_run: bool) -> int:
    """Take the service away; return the exit code."""
    preparation = prepare_uninstall(Path(root), purge=purge)
    return _done(console, preparation, Path(root), dry_run=dry_run)


def read_privileged() -> int:
    """Run the table of readings for root; return the exit code."""
    read_all()
    return 0


def _done(console: Console, preparation: Preparation, root: Path, *, dry_run: bool) -> int:
    for step in preparation.steps:
        console.say(said(step))
        if not dry_run:
            do(step, root)
    if not dry_run:
        for remark in preparation.remarks:
            console.say(remark)
    return 0
