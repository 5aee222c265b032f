"""No message of the report is missing in either language."""

import string
from importlib.resources import files

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import collector
from collector.reports.words import CATALOGUES, Language


def messages() -> dict[str, str]:
    """Return every message in the source with the file it stands in."""
    folder = str(files(collector))
    found = extract_from_dir(
        folder, method_map=[("**.py", "python")], keywords={"words": None, "to_translate": None}
    )
    return {str(message): name for name, _, message, _, _ in found}


def catalogue(folder: str) -> Catalog:
    path = files(collector).joinpath("locale", folder, "LC_MESSAGES", "report.po")
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_language_but_the_source_has_a_catalogue() -> None:
    assert {language.value for language in Language} == {*CATALOGUES, "en"}


@pytest.mark.parametrize("folder", CATALOGUES.values())
def test_every_message_is_translated(folder: str) -> None:
    translated = {str(entry.id) for entry in catalogue(folder) if entry.string and not entry.fuzzy}
    missing = {message: place for message, place in messages().items() if message not in translated}
    assert missing == {}


@pytest.mark.parametrize("folder", CATALOGUES.values())
def test_no_translation_is_left_over(folder: str) -> None:
    assert {str(entry.id) for entry in catalogue(folder) if entry.id} - set(messages()) == set()


@pytest.mark.parametrize("folder", CATALOGUES.values())
def test_a_translation_fills_the_same_names(folder: str) -> None:
    # The calendar's heading may leave the year out: the report names it once.
    wrong = [
        entry.id
        for entry in catalogue(folder)
        if entry.id and not names(str(entry.string)) <= names(str(entry.id))
    ]
    assert wrong == []


def test_the_extraction_sees_the_messages() -> None:
    assert {"Contents", "S1", "Health score {score}{grade}, coverage {coverage}%"} <= set(
        messages()
    )
