"""The lifecycle table is whole, dated and honest about what is not confirmed."""

import pytest

from checks.lifecycle import find, table


def test_every_entry_names_its_source_and_stands_once() -> None:
    entries = table().entries
    keys = [(entry.product, entry.cycle) for entry in entries]
    assert len(set(keys)) == len(keys)
    assert all(entry.source.startswith("https://") for entry in entries)
    assert "MIT" in table().licence


def test_dates_are_in_order_and_doubtful_ones_are_explained() -> None:
    for entry in table().entries:
        dates = [entry.released, entry.end_of_support, entry.end_of_extended]
        known = [day for day in dates if day is not None]
        assert known == sorted(known), entry
        assert (entry.end_of_extended is None) == (entry.extended_name == ""), entry
        if entry.unverified or entry.end_of_support is None:
            assert entry.note, entry
            assert entry.supplement, entry


@pytest.mark.parametrize(
    ("release", "cycle"),
    [
        (("rhel", "9.4", "9.4 (Plow)", "Red Hat Enterprise Linux"), "9"),
        (("centos", "8", "8", "CentOS Stream"), "8"),
        (("sles", "15.5", "15-SP5", "SLES"), "15.5"),
        (("ol", "8.10", "8.10", "Oracle Linux Server"), "8"),
        (("openEuler", "22.03", "22.03 (LTS-SP3)", "openEuler"), "22.03-lts-sp3"),
        (("openEuler", "24.03", "24.03 (LTS)", "openEuler"), "24.03-lts"),
        (("anolis", "8.9", "8.9", "Anolis OS"), "8"),
        (("kylin", "V10", "V10 (Lance)", "Kylin Linux Advanced Server"), "V10"),
    ],
)
def test_an_os_release_finds_its_entry(release: tuple[str, str, str, str], cycle: str) -> None:
    entry = find(*release)
    assert entry is not None
    assert entry.cycle == cycle


def test_centos_stream_is_not_centos() -> None:
    stream, linux = find("centos", "8", "8", "CentOS Stream"), find("centos", "8", "8", "CentOS")
    assert stream is not None
    assert linux is not None
    assert stream.end_of_support != linux.end_of_support


def test_an_unknown_release_is_not_guessed() -> None:
    assert find("debian", "99") is None
    assert find("uos", "20", "20", "UnionTech OS Desktop") is None
    assert find("", "") is None
