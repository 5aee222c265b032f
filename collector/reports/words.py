"""The page's own words in the language of the report, from the message catalogues.

The source text is English; collector/locale/zh_CN/LC_MESSAGES/report.po has the Chinese. The
catalogue is compiled in memory, once: nothing generated stands in the repository.
"""

import gettext
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from checks.api import Text

CATALOGUES = {"zh-CN": "zh_CN"}
"""Language of a report → folder of its catalogue. English is the source and needs none."""


class Language(Enum):
    """The languages that a report can be written in."""

    CHINESE = "zh-CN"
    ENGLISH = "en"


@cache
def _translations(language: Language) -> gettext.NullTranslations:
    if language.value not in CATALOGUES:
        return gettext.NullTranslations()
    folder = files("collector").joinpath("locale", CATALOGUES[language.value])
    with folder.joinpath("LC_MESSAGES", "report.po").open("rb") as file:
        catalogue = read_po(file, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def to_translate(message: str) -> str:
    """Mark a message that is looked up later, in a table of words."""
    return message


@dataclass(frozen=True)
class Voice:
    """Says everything in one language and one time zone."""

    language: Language
    zone: ZoneInfo

    @property
    def words(self) -> Callable[..., str]:
        """Return the function that gives a message in this language and fills its {names}."""
        translate = _translations(self.language).gettext

        def words(message: str, **values: object) -> str:
            return translate(message).format(**values) if values else translate(message)

        return words

    def say(self, text: Text | None) -> str:
        """Return a check's own words; nothing for None."""
        if text is None:
            return ""
        return text.zh if self.language is Language.CHINESE else text.en

    def moment(self, at: datetime) -> str:
        """Return a time of day in the report's zone: 2026-11-21 08:30."""
        return at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    def day(self, on: date) -> str:
        """Return a date: 2026-11-21. A time counts by the day that it is in the report's zone."""
        return (on.astimezone(self.zone) if isinstance(on, datetime) else on).strftime("%Y-%m-%d")

    def together(self, parts: list[str]) -> str:
        """Join parts of a list: 、 in Chinese, a comma in English."""
        return ("、" if self.language is Language.CHINESE else ", ").join(parts)

    def apart(self, parts: list[str]) -> str:
        """Join parts that may have commas of their own: by semicolons."""
        return ("；" if self.language is Language.CHINESE else "; ").join(parts)
