"""`xunjian-agent database`: list, grant-script."""

from agent import messages
from agent.commands import DONE
from agent.console import Console
from agent.databases import texts
from agent.databases.connecting import place
from agent.databases.granting import script
from agent.databases.settings import DatabaseSettings
from agent.settings import Settings, load
from checks.databases import Engine
from checks.discovery import names


def list_databases(console: Console, settings_path: str, *, as_json: bool) -> int:
    """Print the databases of the settings with their queries; nothing is connected to."""
    # As an inspection loads them: what it would refuse is refused here.
    settings = load(settings_path, names())
    if not settings.databases:
        console.complain(texts.NONE_DECLARED.format(file=settings_path))
        return DONE
    for name, each in sorted(settings.databases.items()):
        queries = _queries_of(settings, name)
        if as_json:
            console.json(
                {
                    "name": name,
                    "title": each.title,
                    "engine": each.kind,
                    "place": place(each),
                    "user": each.user,
                    "exclude": each.exclude,
                    "queries": queries,
                }
            )
        else:
            _say(console, name, each, queries)
    return DONE


def print_grant_script(console: Console, engine: str, version: str, user: str) -> int:
    """Print the script that makes the account of the inspection. Raise AgentError."""
    console.say(script(Engine(engine), version, user, console.language))
    return DONE


def _queries_of(settings: Settings, name: str) -> list[str]:
    return sorted(key for key, query in settings.queries.items() if query.database == name)


def _say(console: Console, name: str, each: DatabaseSettings, queries: list[str]) -> None:
    console.say(f"{name}  {each.title}".rstrip())
    nothing = console.words(texts.NONE)
    values = {
        "kind": each.kind.value,
        "place": place(each),
        "account": each.user or console.words(texts.BY_SYSTEM),
        "exclude": ", ".join(each.exclude) or nothing,
        "queries": ", ".join(queries) or nothing,
    }
    for key, title in texts.LIST_LINES:
        console.say(messages.FIELD.format(title=title, value=values[key]))
