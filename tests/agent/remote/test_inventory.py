"""An inventory is checked whole: what is wrong is told with line and key."""

from pathlib import Path

import pytest

from agent.errors import PatternUnknown, RemoteError, SettingsError
from agent.remote import inventory, target
from agent.remote.target import Target
from agent.remote.wishes import Pack, Wish, pack_of

DEFAULT = Wish(target="", key="/home/zhang/key", pack=Pack())


def loaded(folder: Path, text: str, default: Wish = DEFAULT) -> tuple[Wish, ...]:
    path = folder / "hosts.toml"
    path.write_text(text)
    return inventory.load(str(path), default)


def test_what_a_host_does_not_say_is_as_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "erp.toml").write_text('[databases.erp]\nengine = "mysql"\n')
    wishes = loaded(
        tmp_path,
        """
# Servers of the ERP.
[[host]]
target = "root@192.0.2.10"

[[host]]
target = "oper@erp-db:2222"
key = "/home/zhang/other"
jump = ["oper@gate"]
host_key = ["SHA256:x"]
pack = ["all"]
agentless = true
settings = "erp.toml"
""",
    )
    assert wishes == (
        Wish(target="root@192.0.2.10", key="/home/zhang/key"),
        Wish(
            target="oper@erp-db:2222",
            key="/home/zhang/other",
            jumps=("oper@gate",),
            host_keys=("SHA256:x",),
            pack=Pack(light=False),
            agentless=True,
            settings='[databases.erp]\nengine = "mysql"\n',
        ),
    )


HOST = '[[host]]\ntarget = "a"\n'


@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("", 0, "", "1 to 500 sections"),
        ("[host]\ntarget = 'a'\n", 1, "", "1 to 500 sections"),
        ("[[hosts]]\ntarget = 'a'\n", 1, "hosts", "did you mean host?"),
        (f"{HOST}[[host]]\nkey = 'x'\n", 3, "host.target", "target is missing"),
        (f"{HOST}\n[[host]]\ntarget = 'b'\nport = 22\n", 6, "host.port", "port is no setting"),
        (f"{HOST}[[host]]\ntarget = 'b'\njump = 'c'\n", 5, "host.jump", "must be a list"),
        (f"{HOST}agentless = 'yes'\n", 3, "host.agentless", "must be true or false"),
        ("[[host]]\ntarget = 'b c'\n", 2, "host.target", "is no host"),
        (f"{HOST}jump = ['x y']\n", 3, "host.jump", "is no host"),
        (f"{HOST}pack = ['hots']\n", 3, "host.pack", "did you mean host?"),
        (f"{HOST}settings = 'none.toml'\n", 3, "host.settings", "can't be read"),
        (f"{HOST}{HOST}", 4, "host.target", "stands there twice"),
        ("[[host]]\ntarget = \n", 2, "", "not valid TOML"),
        ("[[host]]\ntarget = 5\n", 2, "host.target", "must be [USER@]HOST"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, text: str, line: int, key: str, said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text)
    assert (caught.value.line, caught.value.key) == (line, key)
    assert said in caught.value.text.en
    assert "hosts.toml" in caught.value.text.zh


def test_no_file_and_no_text_are_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be read"):
        inventory.load(str(tmp_path / "none"), DEFAULT)
    (tmp_path / "gbk").write_bytes("# 主机\n".encode("gbk"))
    with pytest.raises(SettingsError, match="UTF-8"):
        inventory.load(str(tmp_path / "gbk"), DEFAULT)


@pytest.mark.parametrize(
    ("words", "pack"),
    [
        ((), Pack(light=True)),
        (("light",), Pack(light=True)),
        (("all",), Pack(light=False)),
        (("host",), Pack(light=False, patterns=("host",))),
        (("light", "host.v*"), Pack(light=True, patterns=("host.v*",))),
        (("all", "host"), Pack(light=False)),
    ],
)
def test_a_pack_is_light_all_or_patterns(words: tuple[str, ...], pack: Pack) -> None:
    assert pack_of(words) == pack


def test_a_pack_that_names_nothing_is_told() -> None:
    with pytest.raises(PatternUnknown, match="did you mean light"):
        pack_of(("ligth",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root@192.0.2.10", Target("root", "192.0.2.10", 22)),
        ("root@erp-db:2222", Target("root", "erp-db", 2222)),
        ("oper@[2001:db8::1]", Target("oper", "2001:db8::1", 22)),
        ("oper@[fe80::1%eth0]:22", Target("oper", "fe80::1%eth0", 22)),
        ("DOMAIN\\oper@win", Target("DOMAIN\\oper", "win", 22)),
    ],
)
def test_a_target_is_user_host_and_port(text: str, expected: Target) -> None:
    assert target.read(text) == expected
    assert target.read(str(expected)) == expected


@pytest.mark.parametrize(
    "text", ["", "a b", "root@", "@host", "host:0", "host:65536", "host:x", "2001:db8::1", "a/b"]
)
def test_what_is_no_target_is_told(text: str) -> None:
    with pytest.raises(RemoteError, match="is no host"):
        target.read(text)


def test_without_a_user_it_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "zhang")
    assert target.read("erp-db").user == "zhang"
