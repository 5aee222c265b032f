"""The HTML is one file that needs nothing else, for screens, phones, paper and screen readers."""

import re
from functools import cache
from itertools import pairwise

import pytest

from collector.reports.compose import compose
from collector.reports.html import render_html
from collector.reports.words import Language
from tests.collector.reports import sample


@cache
def page(language: Language = Language.CHINESE) -> str:
    return render_html(compose(sample.full_year(), language))


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_it_is_one_file_without_script_or_request() -> None:
    assert not re.search(
        r"<script|javascript:|@import|<link|<iframe|<object", page(), re.IGNORECASE
    )
    addresses = re.findall(r"""(?:src|href)=["']?([^"' >]+)""", page())
    assert len(addresses) > 40
    assert all(address.startswith(("#", "data:image/svg+xml;base64,")) for address in addresses)
    assert "url(" not in page()
    assert "default-src 'none'" in page()


def test_every_link_has_its_target() -> None:
    targets = set(re.findall(r' id="([^"]+)"', page()))
    links = re.findall(r'href="#([^"]+)"', page())
    assert set(links) <= targets
    assert len(targets) == len(re.findall(r' id="([^"]+)"', page()))


def test_it_says_its_language_and_fits_a_phone() -> None:
    assert '<html lang="zh-CN">' in page()
    assert '<html lang="en">' in page(Language.ENGLISH)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page()


def test_headings_skip_no_level() -> None:
    levels = [int(level) for level in re.findall(r"<h(\d)", page())]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_heading_of_a_table_has_a_scope_and_every_picture_words() -> None:
    assert "<th>" not in page()
    assert len(re.findall(r"<th ", page())) == len(re.findall(r"<th scope=", page()))
    pictures = re.findall(r"<img [^>]+>", page())
    assert len(pictures) == 17
    assert all(re.search(r'alt="[^"]{20,}"', picture) for picture in pictures)


@pytest.mark.parametrize(
    "name", ["ink", "navy", "grey", "ok", "info", "warning", "critical", "other"]
)
@pytest.mark.parametrize("ground", ["#ffffff", "#eef2f6"])
def test_colours_have_the_contrast_of_wcag_aa(name: str, ground: str) -> None:
    found = re.search(rf"--{name}: (#[0-9a-f]{{6}})", page())
    assert found
    light, dark = luminance(ground), luminance(found[1])
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_a_state_is_a_shape_and_a_word_not_only_a_colour() -> None:
    assert '<span class="mark critical"><span aria-hidden="true">◆</span> 异常</span>' in page()
    assert '<span class="mark ok"><span aria-hidden="true">●</span> 正常</span>' in page()


def test_both_languages_are_wholly_in_their_language() -> None:
    english = re.sub(r"<[^>]+>", " ", page(Language.ENGLISH))
    for word in ("健康评分", "检查项", "未采集", "结论"):
        assert word not in english
    chinese = re.sub(r"<[^>]+>", " ", page())
    for word in ("Health score", "Check item", "Not collected", "Warning"):
        assert word not in chinese
