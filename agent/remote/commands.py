"""The actions of `xunjian-agent remote`, each loaded when it is asked for."""

import argparse
import gc

from agent.console import Console


def dispatch(console: Console, chosen: argparse.Namespace) -> int:
    """Run an action and return its exit code (see agent/commands.py)."""
    # A session may last for hours: what the other commands leave lying is collected here.
    gc.enable()
    match chosen.action:
        case "answer":
            from agent.remote.answering import answer

            return answer(forced=chosen.forced, folder=chosen.folder)
        case "register":
            from agent.remote.registering import Registering, register

            return register(
                console,
                Registering(
                    person=chosen.person,
                    request=chosen.request,
                    answer=chosen.answer,
                    fingerprint=chosen.fingerprint,
                    url=chosen.url,
                    ca_file=chosen.ca_file,
                ),
                as_json=chosen.json,
            )
        case "inspect":
            from agent.remote.inspecting import Inspecting, inspect

            return inspect(
                console,
                Inspecting(
                    target=chosen.target,
                    inventory=chosen.inventory,
                    grant=chosen.grant,
                    packs=tuple(chosen.pack),
                    jumps=tuple(chosen.jump),
                    key=chosen.key,
                    host_keys=tuple(chosen.host_key),
                    settings=chosen.settings,
                    agentless=chosen.agentless,
                    bundle=chosen.bundle,
                    parallel=chosen.parallel,
                ),
                as_json=chosen.json,
            )
        case "shell":
            from agent.remote.shell.command import shell

            return shell(console, chosen)
        case "deliver":
            from agent.remote.deliver_command import deliver

            return deliver(console, chosen.bundle, as_json=chosen.json)
        case "sessions":
            from agent.remote.listing import list_sessions

            return list_sessions(console, as_json=chosen.json)
        case _:
            from agent.remote.authorized_key import authorized_key

            return authorized_key(console, chosen.key, chosen.program, as_json=chosen.json)
