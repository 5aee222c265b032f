"""Whatever a host calls its things, the report shows it as text and stays the report."""

import io
import re
import unicodedata
from html.parser import HTMLParser

import pypdf
import pytest

from collector.reports.compose import compose
from collector.reports.fonts import drawable
from collector.reports.html import render_html
from collector.reports.pdf import render_pdf
from collector.reports.printable import printable
from tests.collector.reports import sample
from tests.collector.reports.hostile import VALUES, poisoned

ADDRESS = re.compile(r"^(?:[a-z]+:|//)", re.IGNORECASE)
WHOLE = 255
"""So many characters of a name are shown everywhere: the wire's limit."""
NUMBERED = [pytest.param(value, id=f"value-{place}") for place, value in enumerate(VALUES)]


class Page(HTMLParser):
    """Takes an HTML page apart: its elements, the addresses it names, its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("src", "href"):
                self.addresses.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def squeezed(text: str) -> str:
    """Leave out what has no glyph, and tell no characters apart that share one (⽉ and 月)."""
    return unicodedata.normalize("NFKC", re.sub(r"[\s\u200b-\u200d]+", "", text))


@pytest.mark.parametrize("value", NUMBERED)
def test_the_page_shows_the_value_and_gains_no_element(value: str) -> None:
    clean = Page(render_html(compose(sample.small())))
    page = Page(render_html(compose(poisoned(value))))
    assert printable(value).strip()[:WHOLE] in page.text
    assert page.elements <= clean.elements
    assert page.attributes <= clean.attributes
    outside = [a for a in page.addresses if ADDRESS.match(a) and not a.startswith("data:image/svg")]
    assert outside == []


@pytest.mark.parametrize("value", NUMBERED)
def test_the_pdf_is_made_and_shows_the_value(value: str) -> None:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(compose(poisoned(value)))))
    # Every kind of block is among them, and reading a page takes longer than making ten.
    text = squeezed("".join(page.extract_text() for page in reader.pages[:12]))
    assert squeezed(drawable(printable(value)))[:WHOLE] in text
    assert "root:x:0:0" not in text
    assert "/JavaScript" not in str(reader.trailer["/Root"])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\x00b", "a[U+0000]b"),
        ("\u202egpj.exe", "[U+202E]gpj.exe"),
        ("line one\nline two\t!", "line one line two !"),
        ("ok 月 😀", "ok 月 😀"),
        ("\ud800", "[U+D800]"),
    ],
)
def test_what_has_no_look_is_shown_by_its_code(value: str, shown: str) -> None:
    assert printable(value) == shown


def test_a_character_that_the_fonts_lack_is_shown_by_its_code() -> None:
    assert drawable("月 é ● 😀") == "月 é ● [U+1F600]"
