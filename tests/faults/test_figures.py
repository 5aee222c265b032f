"""The table that `make faults` prints."""

from pathlib import Path

import msgspec

from tests.faults.figures import Figure, read, table


def test_the_table_names_every_figure_in_order(tmp_path: Path) -> None:
    figures = [
        Figure(name="R3", database="SQLite", seconds=12.34, batches=2000, faults=600),
        Figure(name="R1", database="SQLite", seconds=60, batches=3000, kills=61, lost=1),
    ]
    file = tmp_path / "figures"
    file.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in figures))
    lines = table(read(file)).splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["figure", "---", "R1", "R3"]
    cells = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert cells == ["R1", "SQLite", "3000", "61", "0", "1", "0", "60.0"]
