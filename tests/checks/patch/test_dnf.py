"""Reading advisory lists of dnf 4, dnf 5 and yum."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.errors import ProbeError, UnexpectedOutput
from checks.patch.dnf import parse_advisories

CLASSIC = "RHSA-2023:0334 Important/Sec. kernel-5.14.0-162.12.1.el9_1.x86_64\n"
TABLE = "FEDORA-2024-635a54eb7e secu Importan glib2-2.80.2-1.fc40.x86_64 2024-05-12 04:16:43\n"


def test_headings_and_plug_ins_are_no_advisories() -> None:
    text = (
        "Last metadata expiration check: 0:12:44 ago on Tue 25 Aug 2026 09:02:11 -03.\n"
        "Loaded plugins: fastestmirror, langpacks\n" + CLASSIC + "updateinfo list done\n"
    )
    assert [one.name for one in parse_advisories(text)] == ["RHSA-2023:0334"]


def test_severities_of_all_vendors_are_told_apart() -> None:
    words = {"High": "important", "Medium": "moderate", "Low": "low", "Unknown": "none"}
    for word, severity in words.items():
        (advisory,) = parse_advisories(CLASSIC.replace("Important", word))
        assert advisory.severity == severity


def test_a_line_that_can_not_be_read_is_no_pass() -> None:
    with pytest.raises(UnexpectedOutput):
        parse_advisories("Error: something else went wrong here\n")


@given(
    st.text()
    | st.integers(0, 60).map(lambda length: CLASSIC[:length])
    | st.integers(0, 80).map(lambda length: TABLE[:length])
)
def test_any_text_gives_advisories_or_a_probe_error(text: str) -> None:
    with suppress(ProbeError):
        assert isinstance(parse_advisories(text), tuple)
