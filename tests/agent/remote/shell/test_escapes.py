"""What is typed for us and not for the host."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.remote.shell.escapes import Escapes, Typed, Wish


@pytest.mark.parametrize(
    ("typed", "to_host", "wish"),
    [
        (b"~.", b"", Wish.LEAVE),
        (b"ls\r~.", b"ls\r", Wish.LEAVE),
        (b"ls\n~.rm", b"ls\n", Wish.LEAVE),
        (b"ls ~.", b"ls ~.", None),
        (b"cd ~/x\r", b"cd ~/x\r", None),
        (b"~~.\r", b"~.\r", None),
        (b"~/bin\r", b"~/bin\r", None),
        (b"~\r~.", b"~\r", Wish.LEAVE),
        (b"~?ls", b"ls", Wish.HELP),
        (b"~?~.", b"", Wish.LEAVE),
        (b"~", b"", None),
        (b"\xff~.", b"\xff~.", None),
    ],
)
def test_escapes_count_at_the_start_of_a_line(
    typed: bytes, to_host: bytes, wish: Wish | None
) -> None:
    assert Escapes().read(typed) == Typed(to_host, wish)
    escapes = Escapes()
    read: list[Typed] = []
    for place in range(len(typed)):
        read.append(escapes.read(typed[place : place + 1]))
        if read[-1].wish is Wish.LEAVE:
            break
    assert b"".join(each.to_host for each in read) == to_host
    assert wish is None or wish in {each.wish for each in read}


@given(st.lists(st.binary(max_size=20)))
def test_without_a_tilde_everything_goes_to_the_host(pieces: list[bytes]) -> None:
    escapes = Escapes()
    pieces = [piece.replace(b"~", b"-") for piece in pieces]
    assert [escapes.read(piece) for piece in pieces] == [Typed(piece) for piece in pieces]
