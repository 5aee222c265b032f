"""Lines of pg_hba.conf, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.postgresql._access_rules import Entry, entries, includes, is_open, network


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("local all all peer", Entry(1, "local", "all", "all", "", "peer")),
        ("\tlocal   all\tall  trust  ", Entry(1, "local", "all", "all", "", "trust")),
        (
            'host "my db" "a user" 10.1.2.3/16 md5 # why',
            Entry(1, "host", "my db", "a user", "10.1.0.0/16", "md5"),
        ),
        (
            "hostssl all +group 10.1.2.3 255.255.255.0 cert map=a",
            Entry(1, "hostssl", "all", "+group", "10.1.2.0/24", "cert"),
        ),
        ("host all all .example.com scram-sha-256", None),
        ("host all all ::/0 md5", Entry(1, "host", "all", "all", "::/0", "md5")),
        ("host all", Entry(1, "", "", "", "", "", broken=True)),
        ("hostt all all all md5", Entry(1, "", "", "", "", "", broken=True)),
    ],
)
def test_a_line_is_read_as_the_server_reads_it(line: str, found: Entry | None) -> None:
    read = list(entries(line))
    assert len(read) == 1
    if found is not None:
        assert read == [found]


def test_comments_and_empty_lines_are_no_rules_and_keep_the_numbers() -> None:
    text = "# all\n\nlocal all all peer\nhost all all 10.0.0.0/8 \\\n  trust\nhost a b all md5\n"
    assert [(entry.line, entry.method) for entry in entries(text)] == [
        (3, "peer"),
        (4, "trust"),
        (6, "md5"),
    ]


def test_other_files_that_are_included_are_told() -> None:
    assert includes("local all all peer\ninclude_dir hba.d\n")
    assert not includes("# include x\nlocal all all peer\n")


@pytest.mark.parametrize(
    ("address", "netmask", "text"),
    [
        ("0.0.0.0", "0.0.0.0", "0.0.0.0/0"),
        ("::", "::", "::/0"),
        ("fe80::1", "ffff:ffff:ffff:ffff::", "fe80::/64"),
        ("all", "", "all"),
        ("db.example.com", "", "db.example.com"),
    ],
)
def test_address_and_mask_are_one_network(address: str, netmask: str, text: str) -> None:
    assert network(address, netmask) == text


def test_only_everything_is_open() -> None:
    assert is_open(Entry(1, "host", "all", "all", "::/0", "md5"))
    assert not is_open(Entry(1, "host", "all", "all", "10.0.0.0/8", "md5"))
    assert not is_open(Entry(1, "local", "all", "all", "", "md5"))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    for entry in entries(text):
        assert entry.line >= 1
        assert len(entry.name) <= 255
