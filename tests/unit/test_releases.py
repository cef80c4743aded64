"""What somebody's release has on without showing it, and that nothing of ours is ever taken for somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.config import startable
from dmvpn.app.main import main
from dmvpn.ios import DEFAULTS, ConfigSession, ConfigTree, Release
from dmvpn.ios.parts import parts_of
from dmvpn.ios.tree import MARK
from dmvpn.router.entered_text import put_in, take_in
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGE = configurator(FEATURES)
DYNAMIC, SHORTCUT, HOLDS = "ip nhrp map multicast dynamic", "ip nhrp shortcut", "ip nhrp holdtime 600"

CLOUD = """\
hostname SPOKE1
interface Tunnel0
 ip address 10.0.0.11 255.255.255.0
 ip nhrp network-id 1
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
interface GigabitEthernet0/1
 ip address 192.0.2.11 255.255.255.0
"""


def of(version: str, body: str = CLOUD) -> str:
    return f"!\n! Last configuration change at 09:12:11 UTC Mon Mar 1 2021\n!\nversion {version}\n{body}end\n"


def on(text: str, line: str = SHORTCUT) -> list[str]:
    """The interfaces that have the line."""
    found, interface = [], ""
    for shown in LANGUAGE.parse_text(text).tree.render():
        interface = shown.removeprefix("interface ") if shown.startswith("interface ") else interface
        if shown.strip() == line:
            found.append(interface)
    return found


@pytest.mark.parametrize(
    ("version", "is_on"),
    [
        ("12.4", False), ("15.0", False), ("15.2(4)M", False), ("15.6", False), ("15.7", True), ("15.9", True),
        ("16.0", False), ("16.2", False), ("16.3", True), ("16.12", True), ("17.1", True), ("17.15", True),
        ("15.10", True), ("16.03", True), ("9.3(5)", False),
    ]
)  # fmt: skip
def test_what_a_release_has_on_without_showing_it_is_on(version: str, is_on: bool) -> None:
    """A hub of IOS XE 17 had no neighbors here: no line told it to copy multicasts to its spokes."""
    for line in (DYNAMIC, SHORTCUT, HOLDS):
        assert on(of(version), line) == (["Tunnel0"] if is_on else [])


def test_a_value_that_a_file_says_is_not_put_aside_by_that_of_its_release() -> None:
    """Clients of IOS 15.9 that fall silent are forgotten after 10 minutes there, and were after 2 hours here."""
    said = CLOUD.replace(" tunnel source", " ip nhrp holdtime 300\n tunnel source")
    assert on(of("15.9", said), "ip nhrp holdtime 300") == ["Tunnel0"]
    assert on(of("15.9", said), HOLDS) == []
    static = CLOUD.replace(" tunnel source", " ip nhrp map multicast 192.0.2.1\n tunnel source")
    assert on(of("15.9", static), DYNAMIC) == ["Tunnel0"]


def test_what_a_file_takes_back_stays_off() -> None:
    refused = CLOUD.replace(" tunnel source", " no ip nhrp shortcut\n no ip nhrp map multicast dynamic\n tunnel source")
    assert on(of("17.9", refused)) == on(of("17.9", refused), DYNAMIC) == []
    short = CLOUD.replace(" tunnel source", " no ip nhrp short\n tunnel source")
    assert on(of("17.9", short)) == []
    assert on(of("17.9", short), DYNAMIC) == ["Tunnel0"]


def test_the_last_word_of_a_file_counts() -> None:
    again = CLOUD.replace(" tunnel source", " no ip nhrp shortcut\n default ip nhrp shortcut\n tunnel source")
    assert on(of("17.9", again)) == ["Tunnel0"]
    typed = CLOUD.replace(" tunnel source", " no ip nhrp shortcut\n ip nhrp shortcut\n tunnel source")
    assert on(of("17.9", typed)) == ["Tunnel0"]
    assert on(of("17.9", f"{CLOUD}interface Tunnel0\n no ip nhrp shortcut\n")) == []


def test_only_tunnels_of_a_cloud_have_what_belongs_to_it() -> None:
    plain = CLOUD.replace(" ip nhrp network-id 1\n", "")
    point_to_point = CLOUD.replace(" tunnel mode gre multipoint\n", " tunnel destination 192.0.2.1\n")
    for body in (plain, point_to_point):
        assert on(of("17.9", body)) == on(of("17.9", body), DYNAMIC) == []


@pytest.mark.parametrize(("version", "is_on"), [("15.9", False), ("16.2", False), ("16.3", True), ("17.12", True)])
def test_an_ipv6_cloud_has_what_its_release_has_on_for_ipv6(version: str, is_on: bool) -> None:
    cloud = CLOUD.replace(" ip nhrp network-id 1\n", " ipv6 nhrp network-id 1\n")
    for line in (DYNAMIC, SHORTCUT):
        assert on(of(version, cloud), line.replace("ip ", "ipv6 ", 1)) == (["Tunnel0"] if is_on else [])
        assert on(of(version, cloud), line) == []


def test_the_ipv6_lines_of_a_cloud_are_taken_back_apart() -> None:
    both = CLOUD.replace(" tunnel source", " ipv6 nhrp network-id 1\n no ipv6 nhrp shortcut\n tunnel source")
    assert on(of("17.9", both)) == ["Tunnel0"]
    assert on(of("17.9", both), "ipv6 nhrp shortcut") == []
    assert put_in(take_in(of("17.9", both)).result).endswith(
        "`ip nhrp shortcut`, `ip nhrp holdtime 600` and `ipv6 nhrp map multicast dynamic` at Tunnel0"
    )


def test_a_line_that_is_there_is_not_put_in() -> None:
    shown = CLOUD.replace(" tunnel source", f" {SHORTCUT}\n {DYNAMIC}\n {HOLDS}\n tunnel source")
    result = LANGUAGE.parse_text(of("17.9", shown))
    assert result.put_in == ()
    assert result.release == Release(17, 9)


def test_the_log_of_a_terminal_is_such_a_file_too() -> None:
    log = f"R1#show running-config\nBuilding configuration...\n\nCurrent configuration : 99 bytes\n{of('17.9')}\nR1#\n"
    assert on(log) == ["Tunnel0"]


def test_without_a_release_a_file_means_what_it_says() -> None:
    assert on(CLOUD) == []
    assert on(f"version 2\n{CLOUD}") == []
    assert on(f"router rip\n version 2\n{CLOUD}") == []


def test_our_mark_makes_a_file_ours() -> None:
    assert on(f"{MARK}\n{of('17.9')}") == []
    assert on(of("17.9").replace("!\nversion", f"!\n   {MARK.upper()} 0.1\nversion")) == []
    assert on(of("17.9", CLOUD + f"{MARK}\n")) == ["Tunnel0"], "a comment behind the release is somebody's word"


def test_what_is_typed_means_what_it_says() -> None:
    session = ConfigSession(LANGUAGE, ConfigTree())
    for line in of("17.9").splitlines():
        session.enter(line)
    assert SHORTCUT not in [line.strip() for line in session.tree.render()]


def test_a_release_says_nothing_of_tunnels_that_its_file_does_not_name() -> None:
    base = LANGUAGE.parse_text(CLOUD).tree
    other = of("17.9", CLOUD.replace("Tunnel0", "Tunnel1"))
    tree = LANGUAGE.parse_text(other, base).tree
    assert [name for name in ("Tunnel0", "Tunnel1") if _has(tree, name)] == ["Tunnel1"]


def _has(tree: ConfigTree, name: str) -> bool:
    lines = tree.render()
    rest = lines[lines.index(f"interface {name}") + 1 :]
    return " ip nhrp shortcut" in rest[: rest.index("!")]


def test_what_was_put_in_can_be_taken_away_for_good() -> None:
    """The running configuration named the old release, and was read as that release's whenever a line was typed."""
    tree = LANGUAGE.parse_text(of("17.9")).tree
    session = ConfigSession(LANGUAGE, tree)
    for line in ("interface Tunnel0", "no ip nhrp shortcut"):
        session.enter(line)
    shown = "\n".join(tree.render())
    assert "version 17.9" in shown
    assert LANGUAGE.parse_text(shown).tree == tree
    assert on(shown) == []


def test_each_router_of_one_text_has_the_defaults_of_its_own_release_and_mark() -> None:
    def one(name: str, head: str) -> str:
        return f"{name}#sh run\n!\n{head}\n!\n{CLOUD.replace('SPOKE1', name)}end\n\n"

    text = one("R1", "version 17.9") + one("R2", f"{MARK}\nversion 17.9") + one("R3", "version 15.6")
    assert [(part.name, on(part.text)) for part in parts_of(text)] == [("R1", ["Tunnel0"]), ("R2", []), ("R3", [])]


def test_a_banner_about_versions_is_no_release() -> None:
    text = f"banner motd #\nversion 17.9\n{MARK}\n#\n{CLOUD}"
    assert on(text) == []
    tree = LANGUAGE.parse_text(text).tree
    assert LANGUAGE.parse_text("\n".join(tree.render())).tree == tree


# ------------------------------------------------------------------------------------------------ weak algorithms

SHIELD = "crypto engine compliance shield disable"
POLICY = "crypto isakmp policy 10\n encr aes 256\n gr 2\n"


def permits(text: str, *, weak: bool = True) -> bool:
    """Whether the text's release permits weak algorithms without a line."""
    result = LANGUAGE.parse_text(text, weak=weak)
    assert ((SHIELD, "") in result.put_in) == (SHIELD in result.tree.render())
    return (SHIELD, "") in result.put_in


@pytest.mark.parametrize(
    ("version", "is_on"), [("12.4", True), ("15.9", True), ("17.10", True), ("17.11", False), ("17.15", False)]
)
def test_releases_before_17_11_permit_weak_algorithms_that_a_policy_names(version: str, is_on: bool) -> None:
    """No policy of most files was used, and lint said that two equal policies have nothing in common."""
    for policy in (
        *(POLICY, "crypto isakmp policy 10\n encr 3des\n", "crypto isakmp policy 10\n hash md5\n group 14\n"),
        *("crypto ikev2 proposal P\n group 14 5\n", "crypto ipsec profile P\n set pfs group5\n"),
    ):
        assert permits(of(version, policy + CLOUD)) == is_on
    for policy in ("crypto isakmp policy 10\n group 24\n", "crypto ipsec profile P\n set pfs group15\n"):
        assert not permits(of(version, policy + CLOUD))


def test_weak_algorithms_are_not_permitted_where_nobody_says_the_release_or_the_file_refuses() -> None:
    assert not permits(POLICY + CLOUD)
    assert not permits(f"{MARK}\n{of('15.2', POLICY)}")
    assert not permits(of("15.2", POLICY + f"no {SHIELD}\n"))
    assert not permits(of("15.2", POLICY), weak=False)


def test_a_router_that_runs_here_has_to_be_told_what_is_weak(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spoke.cfg"
    file.write_text(of("15.2", POLICY + CLOUD))
    assert SHIELD not in startable(file, file.read_text(), (), LANGUAGE).tree.render()
    assert SHIELD in take_in(file.read_text()).tree.render()
    assert main(["config", "check", str(file)]) == 0
    assert f"put in: `{SHIELD}`" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------ said, and written


def test_one_line_says_what_was_put_in_and_where() -> None:
    both = f"{CLOUD}{CLOUD.replace('Tunnel0', 'Tunnel1')}"
    assert put_in(take_in(of("16.12", both)).result) == (
        "version 16.12 has this on without showing it, so it was put in: "
        "`ip nhrp map multicast dynamic`, `ip nhrp shortcut` and `ip nhrp holdtime 600` at Tunnel0, Tunnel1"
    )
    one = both.replace(" ip nhrp network-id 1", " no ip nhrp shortcut\n ip nhrp network-id 1", 1)
    assert put_in(take_in(of("16.12", one)).result).endswith(
        "`ip nhrp map multicast dynamic` and `ip nhrp holdtime 600` at Tunnel0, Tunnel1; `ip nhrp shortcut` at Tunnel1"
    )
    assert put_in(take_in(of("15.6", both)).result) == ""


@pytest.mark.lengthy
def test_a_thousand_tunnels_are_one_line_that_somebody_can_read() -> None:
    many = "".join(CLOUD.replace("Tunnel0", f"Tunnel{number}") for number in range(200))
    said = put_in(take_in(of("17.9", many)).result)
    assert said.endswith("and 188 more")
    assert len(said) < 400


def test_config_check_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "spoke.cfg"
    file.write_text(of("17.9"))
    assert main(["config", "check", str(file)]) == 0
    said, _ = capsys.readouterr()
    assert "version 17.9 has this on without showing it" in said


def test_an_import_writes_the_lines_and_its_result_is_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, folder = tmp_path / "spoke.log", tmp_path / "lab"
    file.write_text(of("17.9"))
    assert main(["import", str(file), "--to", str(folder)]) == 0
    assert "version 17.9 has this on without showing it" in capsys.readouterr().out
    written = (folder / "SPOKE1.cfg").read_text()
    assert on(written) == on(written, DYNAMIC) == ["Tunnel0"]
    assert written.index(MARK) < written.index("version 17.9")
    again = tmp_path / "again"
    assert main(["import", str(folder), "--to", str(again)]) == 0
    assert "without showing it" not in capsys.readouterr().out
    assert (again / "SPOKE1.cfg").read_text() == written


def test_what_a_file_with_a_release_refused_stays_off_when_it_is_imported(tmp_path: Path) -> None:
    refused = CLOUD.replace(" tunnel source", " no ip nhrp shortcut\n no ip nhrp map multicast dynamic\n tunnel source")
    file, folder = tmp_path / "spoke.cfg", tmp_path / "lab"
    file.write_text(of("17.9", refused))
    assert main(["import", str(file), "--to", str(folder)]) == 0
    assert on((folder / "SPOKE1.cfg").read_text()) == []


def test_a_file_without_a_release_keeps_its_weak_policies_when_it_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The written file has our mark: in a lab of the folder no tunnel came up, in one of the files themselves all."""
    file, folder = tmp_path / "spoke.cfg", tmp_path / "lab"
    for text, has_it in ((POLICY + CLOUD, True), (f"{POLICY}no {SHIELD}\n{CLOUD}", False), (CLOUD, False)):
        file.write_text(f"hostname SPOKE1\n{text}end\n")
        assert main(["import", str(file), "--to", str(folder), "--force"]) == 0
        assert (f"was put in: `{SHIELD}`" in capsys.readouterr().out) == has_it
        assert (SHIELD in take_in((folder / "SPOKE1.cfg").read_text()).tree.render()) == has_it


def test_every_default_of_the_table_is_a_line_that_is_read_and_says_its_source() -> None:
    for row in DEFAULTS:
        header = "" if row.is_of_router else "interface Tunnel0\n "
        assert LANGUAGE.parse_text(f"{header}{row.line}").problems == ()
        assert row.source
        assert row.meaning
        assert list(row.since) == sorted(row.since)
