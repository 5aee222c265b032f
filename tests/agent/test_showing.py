"""Facts on a terminal."""

from agent.showing import lines


def test_names_values_and_tables_line_up() -> None:
    facts = {
        "total_bytes": 12,
        "swap": None,
        "ok": True,
        "nested": {"a": [1, 2]},
        "volumes": [
            {"mount": "/", "usage": {"used_percent": 7.5}},
            {"mount": "/数据", "read_only": False},
        ],
        "none": [],
    }
    assert list(lines(facts)) == [
        "  total_bytes: 12 B",
        "  swap: -",
        "  ok: true",
        "  nested:",
        "    a: 1, 2",
        "  volumes:",
        "    mount  used_percent  read_only",
        "    /      7.5%          -",
        "    /数据  -             false",
        "  none: -",
    ]


def test_a_hosts_names_do_not_steer_the_terminal() -> None:
    assert list(lines({"name": "a\x1b[2Jb\n"})) == [
        "  name: a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}"
    ]


def test_long_cells_are_cut() -> None:
    row = list(lines({"rows": [{"text": "x" * 100}]}))[-1]
    assert row.strip() == "x" * 39 + "…"
