"""Write what is generated from the declarations, or check that it is up to date.

- docs/checks/: every check with what it reads, its rules, thresholds and remedies, in English and
  in Chinese (docs/checks/zh-CN/).
- wire/schema.json: the JSON schema of every message, so that a change of the wire shows in a diff.

`python -m scripts.generate [--check] [--output FOLDER]`; FOLDER defaults to the repository.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import msgspec

from checks.api import Check, Text
from checks.discovery import discover
from checks.wording import scope
from collector.policy.service import explain
from wire.control import (
    Delivery,
    Enrolled,
    EnrolmentRequest,
    Manifest,
    Receipt,
    Refusal,
    Rotated,
    Rotation,
    TimeAnswer,
)
from wire.envelope import Envelope
from wire.messages import Acknowledgement, Header, Observation

ROOT = Path(__file__).parent.parent
_MESSAGES = (
    Header,
    Observation,
    Acknowledgement,
    Envelope,
    Delivery,
    EnrolmentRequest,
    Enrolled,
    Rotation,
    Rotated,
    TimeAnswer,
    Refusal,
    Manifest,
    Receipt,
)
_SHOWN_ORIGINS = "check-catalogue §1"


def main() -> int:
    """Write the files, or with --check compare them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--output", type=Path, default=ROOT, help="where to write")
    arguments = parser.parse_args()
    stale = []
    for name, content in generated():
        path: Path = arguments.output / name
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            continue
        if arguments.check:
            stale.append(name)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
    if stale:
        sys.stderr.write(f"Not up to date, run make docs: {', '.join(stale)}\n")
    return 1 if stale else 0


def generated() -> Iterator[tuple[str, str]]:
    """Yield (path, content) of every generated file. Raise SystemExit for a broken check."""
    catalogue = discover()
    if catalogue.errors:
        raise SystemExit("\n".join(catalogue.errors))
    yield "wire/schema.json", _schema()
    chapters: dict[str, dict[str, Check[Any]]] = {}
    for check_id, check in catalogue.checks.items():
        chapters.setdefault(check_id.partition(".")[0], {})[check_id] = check
    for language, folder in (("en", "docs/checks"), ("zh", "docs/checks/zh-CN")):
        for chapter, checks in chapters.items():
            yield (
                f"{folder}/{chapter}.md",
                _render("checks.md.j2", language, checks=checks, chapter=chapter),
            )
        yield f"{folder}/README.md", _render("index.md.j2", language, chapters=chapters)


def _schema() -> str:
    schemas, definitions = msgspec.json.schema_components(_MESSAGES, ref_template="#/$defs/{name}")
    names = [message.__name__ for message in _MESSAGES]
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Everything that agent and collector say to each other",
        "oneOf": list(schemas),
        "description": f"In this order: {', '.join(names)}.",
        "$defs": definitions,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _render(template: str, language: str, **values: object) -> str:
    # Markdown for a repository, not HTML: nothing here comes from a customer.
    environment = jinja2.Environment(  # noqa: S701 - as above
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "docs_templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

    def said(text: Text) -> str:
        return text.zh if language == "zh" else text.en

    environment.globals.update(said=said, explain=explain, scope_words=scope, zh=language == "zh")
    environment.filters["cell"] = lambda value: str(value).replace("|", "\\|").replace("\n", " ")
    return environment.get_template(template).render(**values)


if __name__ == "__main__":
    sys.exit(main())
