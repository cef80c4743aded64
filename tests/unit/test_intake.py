"""What becomes of a stranger's file: run, kept, left out, refused; and which tunnels that holds down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.features.eigrp.config import model as eigrp_configuration
from dmvpn.ios import INTERFACE, ConfigSession, ConfigTree, Fate, account
from dmvpn.ios.common import IP_MTU
from dmvpn.ios.errors import slip_of, without_keys
from dmvpn.ios.interfaces import short_interface
from dmvpn.ios.markdown import fenced
from dmvpn.ios.parts import parts_of
from dmvpn.ios.protection import asks_for_protection
from dmvpn.ios.releases import marked
from dmvpn.labs.unsupported_lines import not_built, refuse_left_out
from dmvpn.router.entered_text import report, take_in
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.folders import configurations_in
from dmvpn.tools.lint.engine import lint
from support.texts import file_text

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGE = configurator(FEATURES)

TUNNEL = """\
interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 ip nhrp network-id 1
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 {}
!
"""


def fates(text: str) -> list[tuple[int, Fate, str]]:
    entries = take_in(text).result.entries
    return [(entry.number, entry.fate, entry.group.name if entry.group else "") for entry in entries]


def running(text: str) -> list[str]:
    return [line.strip() for line in take_in(text).tree.render() if line != "!"]


@pytest.mark.parametrize(
    "slip", ["tunnle protection ipsec profile P", "tunnel protction ipsec profile P", "tunnel protection ipsec P"]
)
def test_a_slip_in_a_tunnel_never_starts_it_in_clear(slip: str) -> None:
    intake = take_in(TUNNEL.format(slip))
    assert intake.held == ("Tunnel0",)
    assert "shutdown" in running(TUNNEL.format(slip))
    assert any("Tunnel0 stays shut down: line " in line for line in report(intake))


def test_a_slip_behind_more_lines_than_a_list_holds_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list was cut, and with it went what holds the tunnel down."""
    monkeypatch.setattr(account, "MOST_KEPT", 10)
    many = "".join(f"frobnicate {number}\n" for number in range(20))
    port = "interface GigabitEthernet0/1\n ip inspect FW in\n"
    intake = take_in(many + port + TUNNEL.format("tunnle protection ipsec profile P"))
    assert intake.held == ("Tunnel0",)
    assert len(intake.with_fate(Fate.LEFT_OUT)) == 1
    assert len(intake.with_fate(Fate.KEPT)) == 10


def test_a_slip_in_cryptography_holds_the_protected_tunnels_down_and_no_other() -> None:
    text = "crypto ipsec transform-set TS esp-gone\n" + TUNNEL.format("tunnel protection ipsec profile P")
    other = TUNNEL.format("tunnel key 1").replace("Tunnel0", "Tunnel1").replace("10.0.0.1", "10.0.1.1")
    assert take_in(text + other).held == ("Tunnel0",)


PORT = "interface GigabitEthernet0/1\n ip address 192.0.2.1 255.255.255.0\n"


def test_abbreviated_lines_of_the_table_are_what_they_abbreviate() -> None:
    """Each was refused, and the lines below it with it: the port was in no VLAN."""
    port = "interface FastEthernet0/1\nswitchp port-sec max 2\nswitchp access vlan 10\n"
    assert [(number, fate) for number, fate, _ in fates(port)] == [(2, Fate.LEFT_OUT)]
    assert "switchport access vlan 10" in running(port)
    assert [fate for _, fate, _ in fates(TUNNEL.format("tunnle prot ipsec profile P"))] == [Fate.REFUSED]
    for slip in ("ip nat", "mtu", "ip ad 10.0.0.300 255.255.255.0"):  # no lines of the router, which end the section
        assert [fate for _, fate, _ in fates(TUNNEL.format(slip))] == [Fate.REFUSED], slip


def test_what_is_under_a_refused_line_does_not_go_to_the_section_before() -> None:
    text = f"{PORT}interfce Tunnel0\n ip address 10.0.0.1 255.0.0.0\n"
    assert [(number, fate) for number, fate, _ in fates(text)] == [(3, Fate.REFUSED), (4, Fate.REFUSED)]
    assert running(text) == ["interface GigabitEthernet0/1", "ip address 192.0.2.1 255.255.255.0"]


def test_nor_does_it_where_nothing_is_indented() -> None:
    port = PORT.replace("\n ", "\n")
    text = f"{port}interfce Tunnel0\nip address 10.0.0.1 255.0.0.0\nip route 0.0.0.0 0.0.0.0 192.0.2.9\n"
    assert running(text) == [
        "interface GigabitEthernet0/1",
        "ip address 192.0.2.1 255.255.255.0",
        "ip route 0.0.0.0 0.0.0.0 192.0.2.9",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "ip dhcp pool A\n network 192.168.1.0 255.255.255.0\n default-router 192.168.1.1\n",
        "ip dhcp pool A\nnetwork 192.168.1.0 255.255.255.0\ndefault-router 192.168.1.1\n",
        "class-map match-any X\n match ip dscp ef\n",
        "policy-map P\n class X\n  priority percent 10\n class class-default\n",
        "frobnicate all\n and this\n  and that\n",
        "ip sla 1\n icmp-echo 192.0.2.1\n  frequency 5\nip sla schedule 1 life forever start-time now\n",
        "interface GigabitEthernet0/1\n ip address 192.0.2.1 255.255.255.0\n ip nat outside\n frobnicate\n",
        "line vty 0 4\n frobnicate\n",
    ],
)
def test_what_nothing_acts_upon_is_kept_shown_and_read_again(text: str) -> None:
    first = take_in(text)
    assert {entry.fate for entry in first.result.entries} <= {Fate.KEPT}
    shown = "\n".join(first.tree.render())
    assert sorted(line.strip() for line in shown.split("\n") if line != "!") == sorted(
        line.strip() for line in text.strip().split("\n")
    )
    assert take_in(shown).tree == first.tree


@pytest.mark.parametrize(
    "text",
    [
        "interface GigabitEthernet0/1\n ip address 192.0.2.1 255.255.255.0\nend\nhutdown\n no shutdown\nend\n",
        "interface GigabitEthernet0/1\n no shutdown\nend\nrface GigabitEthernet0/2\n no shutdown\nend\n",
        "router rip\n version 2\n network 192.0.2.0\nend\nversion 2\nno auto-summary\nend\n",
    ],
)
def test_what_was_kept_of_a_damaged_file_is_no_line_of_the_section_before_when_it_is_read_again(text: str) -> None:
    """A router did not start with what it had written: lines behind a section were read as lines of it."""
    first = LANGUAGE.parse_text(text)
    assert first.problems == ()
    again = LANGUAGE.parse_text("\n".join(marked(first.tree.render())))
    assert again.problems == ()
    assert again.tree == first.tree


def test_a_slip_after_a_pool_does_not_vanish_into_it() -> None:
    text = "ip dhcp pool A\nnetwork 192.168.1.0 255.255.255.0\ninterfce Tunnel0\n"
    assert (3, Fate.REFUSED, "") in fates(text)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("ip inspect FIREWALL in", "zones of a firewall"),
        ("zone-member security INSIDE", "zones of a firewall"),
        ("ip verify unicast notification threshold 5", "unicast reverse path forwarding"),
        ("ip policy route-map R", "policy routing"),
    ],
)
def test_what_restricts_or_diverts_traffic_is_left_out_and_run_asks_first(line: str, name: str) -> None:
    intake = take_in(f"interface GigabitEthernet0/1\n {line}\n ip address 192.0.2.1 255.255.255.0\n")
    assert [(entry.fate, entry.group.name) for entry in intake.result.entries if entry.group] == [(Fate.LEFT_OUT, name)]
    assert line not in running(intake.text)
    with pytest.raises(UserError, match="--without"):
        refuse_left_out("R1.cfg", intake.result, ())
    refuse_left_out("R1.cfg", intake.result, [line.upper()])


def test_a_line_of_a_tunnel_that_strayed_is_refused() -> None:
    assert fates("hostname R1\ntunnel protection ipsec profile P\n") == [(2, Fate.REFUSED, "")]


@pytest.mark.parametrize("word", ["interfce", "interfacee", "itnerface", "hostnam3"])  # codespell:ignore
def test_a_word_one_edit_away_is_a_slip(word: str) -> None:
    assert slip_of(word, frozenset(("interface", "hostname")))


@pytest.mark.parametrize("word", ["interface", "hostile", "int", "x" * 500])
def test_other_words_are_none(word: str) -> None:
    assert not slip_of(word, frozenset(("interface", "hostname")))


def test_the_prompt_says_once_for_each_group_that_nothing_acts_and_takes_the_line_back() -> None:
    session = ConfigSession(LANGUAGE, ConfigTree())
    session.enter("interface GigabitEthernet0/1")
    said = [session.hint(session.enter(line)) for line in ("mpls ip", "mpls ip", "ip pim sparse-mode")]
    assert said[0] == ("kept without effect (MPLS and segment routing)",)
    assert said[1] == ()
    assert said[2] == ("kept without effect (multicast routing)",)
    assert session.enter("no ip pim sparse-mode").changed
    refused = session.enter("frobnicate")
    assert refused.refused
    assert "% Invalid input" in refused.output_lines[1]


def test_no_with_the_exact_text_takes_back_a_line_that_nobody_knows() -> None:
    session = ConfigSession(LANGUAGE, take_in("hostname R1\nfrobnicate all of it\n").tree)
    assert session.enter("no frobnicate all of it").changed
    assert session.tree.render() == ["hostname R1", "!"]


def test_keys_are_not_in_the_list() -> None:
    text = "frobnicate password S3cret\nusername x password 0 S3cret\nsnmp-server community S3cret RO\n"
    intake = take_in(text)
    assert not any("S3cret" in line for line in report(intake))
    assert not any("S3cret" in line for line in intake.tree.render_for_others())


def test_import_writes_what_is_taken_and_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "found.txt").write_text("R9#sh run\nhostname R9\ninterface Gi0/1\n ip inspect FW in\nend\n")
    there = tmp_path / "mine"
    assert main(["import", str(tmp_path / "found.txt"), "--to", str(there)]) == 0
    assert "ip inspect FW in" in capsys.readouterr().out
    written = (there / "R9.cfg").read_text()
    assert "inspect" not in written
    assert "hostname R9" in written
    assert (there / "R9.cfg").stat().st_mode & 0o077 == 0
    assert main(["import", str(tmp_path / "found.txt"), "--to", str(there)]) != 0
    assert "exists; nothing was written" in capsys.readouterr().err
    assert main(["import", str(tmp_path / "found.txt"), "--to", str(there), "--force"]) == 0


def test_what_import_writes_has_no_prompts_in_it(tmp_path: Path) -> None:
    """The log of a terminal was written as it came, prompts and headers and all, behind `! Written by dmvpn`."""
    (tmp_path / "found.txt").write_text("R9#sh run\nBuilding configuration...\n\nhostname R9\nend\nR9#\n")
    assert main(["import", str(tmp_path / "found.txt"), "--to", str(tmp_path / "mine")]) == 0
    written = (tmp_path / "mine" / "R9.cfg").read_text()
    assert "hostname R9" in written
    assert "R9#" not in written
    assert "Building" not in written


def test_a_file_that_run_does_not_start_on_is_not_simply_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`config check` said "good" of a file with an access group, and `run` then refused to start."""
    path = tmp_path / "r1.cfg"
    path.write_text("interface GigabitEthernet0/1\n ip inspect FW in\n")
    assert main(["config", "check", str(path)]) == 0
    assert f"{path}: good; 'dmvpn run' starts only with --without for the lines left out\n" in capsys.readouterr().out


@pytest.mark.lengthy
def test_a_line_of_a_megabyte_is_not_quoted_whole() -> None:
    """It was: the list of an import filled the terminal with it."""
    intake = take_in("interface Tunnel0\n " + "x " * 500_000 + "\n")
    assert all(len(line) < 400 for line in report(intake))


def test_a_strict_lab_names_no_option_that_it_does_not_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`lab up --strict` said `--without LINE`, which only `run` has, and named the file R1.cfg, which was another."""
    port = "interface GigabitEthernet0/1\n ip address 10.1.0.1 255.255.255.0\n ip inspect FW in\n"
    (tmp_path / "first.txt").write_text(f"hostname R1\n{port}")
    assert main(["lab", "up", str(tmp_path), "--simulated", "--strict"]) != 0
    said = capsys.readouterr().err
    assert "first.txt:4: ip inspect FW in: not supported" in said
    assert "leave --strict away" in said
    assert "--without" not in said


def test_import_of_a_folder_goes_by_what_is_in_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The license became a router, and a README with the configurations in it was not read, as `lab up` reads it."""
    (tmp_path / "LICENSE").write_text("Permission is hereby granted, free of charge\n")
    (tmp_path / "README.md").write_text("# Lab\n\n```\nhostname R1\n```\n")
    assert main(["import", str(tmp_path), "--to", str(tmp_path / "mine")]) == 0
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["R1.cfg"]
    assert "LICENSE" not in capsys.readouterr().out


def test_a_folder_of_strangers_files_is_a_network_under_whatever_endings(tmp_path: Path) -> None:
    (tmp_path / "R1.txt").write_text("R1#sh run\nhostname R1\n")
    (tmp_path / "R2.conf").write_text("hostname R2\n")
    (tmp_path / "notes.txt").write_text("what we did in this lab\n")
    assert sorted(configurations_in(tmp_path).texts) == ["R1", "R2"]


@pytest.mark.lengthy
def test_hostile_files_stay_bounded() -> None:
    deep = "\n".join(" " * depth + "frobnicate" for depth in range(300))
    for text in (deep, "x" * 1_000_000, "\n".join(f"policy-map {n}\n class {n}" for n in range(2000)), "no " * 100_000):
        take_in(text)


# What leaves a tunnel must not take its protection with it -----------------------------------------------------------


def test_a_comment_behind_a_line_does_not_make_it_one_of_the_router_that_ends_the_tunnel() -> None:
    text = TUNNEL.format("ip tcp adjust-mss 1360   ! so that it fits\n tunnel protection ipsec profile P")
    assert "ip tcp adjust-mss 1360" in running(text)
    assert "tunnel protection ipsec profile P" in running(text)
    assert take_in(text).held == ()


def test_a_slip_that_the_table_would_take_for_the_router_stays_in_the_tunnel() -> None:
    text = TUNNEL.format("ip tcp adjust-mss 13x0\n tunnel protection ipsec profile P")
    assert [fate for number, fate, _ in fates(text) if number == 6] == [Fate.REFUSED]
    assert "tunnel protection ipsec profile P" in running(text)
    assert take_in(text).held == (), "that line is about something else"


@pytest.mark.parametrize(
    ("sentence", "held"),
    [
        ("to get communication between the two hubs, we need R1 and R2 to be spokes of the first cloud.", ()),
        ("so that the two hubs may be sure of each other we use the profile P of our tunnels", ("Tunnel0",)),
        ("the ipsec to be used between the hubs is that of profile P", ("Tunnel0",)),
        ("and the other key of the hub is to be that of our spokes", ("Tunnel0",)),
    ],
)
def test_a_sentence_in_a_tunnel_holds_it_down_only_if_it_may_be_about_protection(
    sentence: str, held: tuple[str, ...]
) -> None:
    assert take_in(TUNNEL.format(f"tunnel key 1\n {sentence}")).held == held


@pytest.mark.parametrize(
    "stray", ["tunnel protection ipsec profile P", "tunnle protection ipsec profile P", "tunnel protction ipsec"]
)
def test_a_line_of_a_tunnel_that_strayed_holds_down_those_that_it_could_have_protected(stray: str) -> None:
    text = TUNNEL.format("tunnel key 1") + f"ip forward-protocol nd\n{stray}\n"
    assert take_in(text).held == ("Tunnel0",)


def test_remarks_in_other_letters_and_commands_that_only_show_are_no_lines() -> None:
    text = TUNNEL.format("tunnel key 7   키는 같아야 함\n Ключ\n ____\n sho ip nhrp\n ping 10.0.0.2")
    assert "tunnel key 7" in running(text)
    assert take_in(text).held == ()
    assert take_in(TUNNEL.format("tunnel \u0441rypto")).held == ("Tunnel0",)


# What IOS takes and nothing here acts upon ---------------------------------------------------------------------------


def test_reflexive_lists_are_refused_by_name_and_the_rest_of_their_list_is_taken() -> None:
    text = "ip access-list extended A\n permit tcp any any reflect BACK\n evaluate BACK\n permit ip any any\n"
    assert [fate for _, fate, _ in fates(text)] == [Fate.REFUSED, Fate.LEFT_OUT]
    assert any(line.endswith("permit ip any any") for line in running(text))
    assert not any("BACK" in line for line in running(text))


def test_a_classic_process_that_is_shut_down_does_not_run() -> None:
    text = "router eigrp 1\n network 10.0.0.0\n shutdown\n"
    assert fates(text) == []
    assert "shutdown" in running(text)
    (process,) = eigrp_configuration(take_in(text).tree).processes
    assert process.shutdown


def test_keyrings_and_profiles_of_a_front_door_vrf_are_read() -> None:
    text = (
        "crypto keyring K vrf INET\n pre-shared-key address 0.0.0.0 0.0.0.0 key sesame\n"
        "crypto isakmp profile P\n keyring K\n match identity address 0.0.0.0 INET\n vrf RED\n"
    )
    assert [(number, fate) for number, fate, _ in fates(text)] == [(6, Fate.LEFT_OUT)]
    assert {"crypto keyring K vrf INET", "match identity address 0.0.0.0 INET"} <= set(running(text))


def test_a_line_of_a_port_that_the_table_has_for_the_router_too_stays_with_the_port() -> None:
    text = f"{PORT} spanning-tree portfast\n no shutdown\n"
    assert [(number, fate) for number, fate, _ in fates(text)] == [(3, Fate.KEPT)]
    assert take_in(text).result.entries[0].path == ("interface GigabitEthernet0/1",)


def test_a_stray_no_line_of_a_tunnel_is_refused_like_the_line_itself() -> None:
    """It was kept below the tunnels; the saved file read it as a line of the last one, which was no cloud any more."""
    text = TUNNEL.format("exit") + "no tunnel mode\n"
    assert [fate for _, fate, _ in fates(text)] == [Fate.REFUSED]
    shown = running(text)
    assert running("\n".join(shown)) == shown
    assert "tunnel mode gre multipoint" in shown


# Templates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        "$WAN_IP",
        "{{ wan.ip }}",
        "<wan-ip>",
        "[WAN-IP]",
        "192.0.2.x",
        "X.X.X.X",
        "${wan}",
        "$wanInterface",
        "{wan_ip}",
        "@WAN@",
        "%(wan)s",
        "<<wan ip>>",
        "[[wan]]",
        "__WAN__",
        "[wan]",
        "%wan%",
    ],
)
def test_a_placeholder_where_a_value_belongs_is_named(place: str) -> None:
    intake = take_in(TUNNEL.format(f"tunnel destination {place} 255.255.255.0"))
    assert intake.held == ()
    assert any(f"placeholder by a value: {place}" in line for line in report(intake))


@pytest.mark.parametrize(
    "line",
    [
        "crypto isakmp policy <n>",
        "crypto isakmp policy 10\n group <dh group>",
        "crypto keyring {{ name }} vrf {{ v }} x",
    ],
)
def test_a_placeholder_for_a_value_holds_no_tunnel(line: str) -> None:
    """A page with `crypto isakmp key <your key> address 0.0.0.0` kept all tunnels of its lab down."""
    text = f"{line}\ncrypto isakmp key <your key> address 0.0.0.0\n"
    assert take_in(text + TUNNEL.format("tunnel protection ipsec profile <the profile>")).held == ()


@pytest.mark.parametrize("line", ["{{ protection }}", "<tunnel protection>", "tunnel prot ipsec <kind> $PROFILE"])
def test_a_placeholder_that_may_be_what_protects_a_tunnel_holds_it(line: str) -> None:
    assert take_in(TUNNEL.format(line)).held == ("Tunnel0",)


@pytest.mark.parametrize("row", ["| `{}` | protects the tunnel |", "| {} | protects it |", "  | 3 | {} |"])
def test_a_row_of_a_table_that_explains_protection_holds_no_tunnel(row: str) -> None:
    line = row.format("tunnel protection ipsec profile P")
    page = f"# Lab\n\n{line}\n\n```\n{TUNNEL.format('ip mtu 1400')}```\n"
    assert take_in(fenced(page)).held == ()
    assert take_in(f"{TUNNEL.format('ip mtu 1400')}{line}\n").held == ()


def test_a_placeholder_that_is_taken_is_told_and_that_of_a_key_is_not_shown() -> None:
    text = TUNNEL.format("ip nhrp authentication <nhrp-key>\n ip summary-address eigrp $AS_X 0.0.0.0 0.0.0.0")
    lines = list(report(take_in("hostname <name>\ncrypto isakmp key <very-secret> address 0.0.0.0\n" + text)))
    assert any("placeholder is kept as text: that of a key" in line for line in lines)
    assert not any("very-secret" in line or "nhrp-key" in line for line in lines)


def test_what_only_looks_like_a_placeholder_is_none() -> None:
    text = (
        "enable secret 5 $1$mERr$hx5rVt7rPNoS4wqbXKX7m0\nsnmp-server location <here>\n"
        f"{PORT} description <to {{{{ hub }}}}>\n"
    )
    assert not any("placeholder" in line for line in report(take_in(text.replace("snmp-server location <here>\n", ""))))


def test_cryptography_below_a_port_without_indentation_is_the_routers() -> None:
    text = "interface Ethernet0/0\nshutdown\n!\ncrypto ipsec transform-set TS esp-aes\nmode transport\n"
    assert fates(text) == []
    assert "crypto ipsec transform-set TS esp-aes" in running(text)


def test_a_line_that_the_table_has_for_a_profile_and_the_router_is_the_profiles() -> None:
    text = "crypto ikev2 profile P\n aaa authorization group psk list default default\n dpd 10 2 on-demand\n"
    assert [(number, fate) for number, fate, _ in fates(text)] == [(2, Fate.KEPT)]
    assert "dpd 10 2 on-demand" in running(text)


def test_a_crypto_map_of_a_tunnel_does_not_end_its_section() -> None:
    text = TUNNEL.format("crypto map OLD\n tunnel protection ipsec profile P")
    assert [(number, fate) for number, fate, _ in fates(text)] == [(6, Fate.LEFT_OUT)]
    assert "tunnel protection ipsec profile P" in running(text)


def test_a_line_that_is_left_out_is_quoted_without_its_key() -> None:
    """`dmvpn run` printed the password of a line that it could not do."""
    intake = take_in("crypto ikev2 profile I\n keyring aaa L password SECRET42\n")
    with pytest.raises(UserError, match="not supported") as error:
        refuse_left_out("R1.cfg", intake.result, ())
    assert "SECRET42" not in str(error.value)


_BY_MAP: Final = file_text("intake_by_map.cfg")


@pytest.mark.parametrize(
    ("port", "tunnel", "source"),
    [
        ("crypto map M", "description GRE", "GigabitEthernet0/0"),
        ("crypto map M", "description GRE", "192.0.2.1"),
        ("description WAN", "crypto map M", "GigabitEthernet0/0"),
    ],
)
def test_gre_that_only_a_crypto_map_encrypts_does_not_start_in_clear(port: str, tunnel: str, source: str) -> None:
    """It came up, and `config check` said that all was well."""
    intake = take_in(_BY_MAP.format(port=port, tunnel=tunnel, source=source))
    assert intake.held == ("Tunnel0",)
    assert "this one may protect Tunnel0" in "".join(intake.result.problems[0].message_lines)
    assert take_in(intake.text).result.problems == (), "shut down, it may be read again"


def test_a_crypto_map_beside_tunnels_that_name_their_profile_is_left_out_and_holds_none() -> None:
    intake = take_in(
        _BY_MAP.format(port="crypto map M", tunnel="tunnel protection ipsec profile P", source="192.0.2.1")
    )
    assert (intake.held, intake.result.problems) == ((), ())


_CLEAR: Final = """crypto ipsec profile P
interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 tunnel source GigabitEthernet0/0
 tunnel mode gre multipoint
"""
_LINE: Final = "tunnel protection ipsec profile P"


@pytest.mark.parametrize(
    "line",
    [
        f" {_LINE} ikev2-profile X",
        f" {_LINE} ! here",
        f"R1(config-if)#{_LINE}",
        "tun prot ipsec prof P",
        f"`{_LINE}` (new)",
        f"- `{_LINE}`",
        f"- {_LINE}",
    ],
)
@pytest.mark.parametrize("page", ["```\n{text}```\n{line}\n", "{ticked}{line}\n", "# Page\n\n{indented}  {line}\n"])
def test_protection_that_is_beside_the_blocks_of_a_page_is_not_lost(page: str, line: str) -> None:
    ticked = "".join(f"`{one.strip()}`\n" for one in _CLEAR.splitlines())
    indented = "".join(f"    {one}\n" for one in _CLEAR.splitlines())
    intake = take_in(fenced(page.format(text=_CLEAR, ticked=ticked, indented=indented, line=line)))
    running = "\n".join(intake.tree.render())
    assert "interface Tunnel0" not in running or _LINE in running or intake.held == ("Tunnel0",)


def test_two_lines_between_backticks_do_not_make_a_page_of_a_configuration() -> None:
    text = f"! `interface Tunnel0`\n`interface Tunnel9`\n`tunnel key 1`\n{_CLEAR}"
    assert "interface Tunnel0" in fenced(text)


@pytest.mark.parametrize("mark", ["- ", "* ", "1) ", "2. ", "| "])
def test_an_item_that_opens_a_section_does_not_change_the_section_before(mark: str) -> None:
    """Its lines went into the tunnel before, and took away what protected that."""
    text = f"{_CLEAR} {_LINE}\n{mark}interface Tunnel1\n ip address 10.1.0.1 255.255.255.0\n no {_LINE}\n"
    running = list(take_in(text).tree.render())
    assert " ip address 10.0.0.1 255.255.255.0" in running
    assert f" {_LINE}" in running
    assert " ip address 10.1.0.1 255.255.255.0" not in running


@pytest.mark.parametrize(
    "line",
    [
        "crypto isakmp kye SECRET42 address 0.0.0.0",
        "ip nhrp authentcation SECRET42",  # codespell:ignore
        "username bob pasword 0 SECRET42",  # codespell:ignore
        "enable secert 5 SECRET42",  # codespell:ignore
        "pre-shard-key SECRET42",
        "standby 1 authentication SECRET42",
        "standby authentication md5 key-string SECRET42",
        "vrrp 1 authentication text SECRET42",
        "glbp 10 authentication text SECRET42",
    ],
)
def test_a_key_of_something_unknown_or_misspelled_is_not_printed(line: str) -> None:
    assert "SECRET42" not in without_keys(line)
    assert "SECRET42" not in "\n".join(report(take_in(f"interface Tunnel0\n {line}\n")))


def test_a_section_whose_first_line_was_cut_out_is_one_message_and_the_rest_is_taken() -> None:
    """Each of its lines was refused with a caret, and `no shutdown` became one of EIGRP."""
    text = (
        "hostname R1\nrouter eigrp 100\n network 10.0.0.0\n!\nip nhrp network-id 1\nip nhrp map multicast dynamic\n"
        f" ip mtu 1400\nno shutdown\n!\n{PORT}router ospf 1\n ip ospf cost 5\n network 10.0.0.0 0.0.0.255 area 0\n"
    )
    intake = take_in(text)
    assert [(problem.line_number, len(problem.message_lines)) for problem in intake.result.problems] == [
        (5, 1),
        (13, 1),
    ]
    assert "`interface ...` is missing here" in intake.result.problems[0].message_lines[0]
    assert [entry.number for entry in intake.with_fate(Fate.REFUSED)] == [5, 6, 7, 8, 13]
    kept = [line.strip() for line in intake.tree.render()]
    assert {"network 10.0.0.0", "network 10.0.0.0 0.0.0.255 area 0", "ip address 192.0.2.1 255.255.255.0"} <= {*kept}


def test_a_section_without_its_first_line_holds_the_tunnels_that_it_could_have_protected() -> None:
    text = f"ip nhrp network-id 1\ntunnel protection ipsec profile P\n{TUNNEL.format('ip mtu 1400')}"
    assert take_in(text).held == ("Tunnel0",)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("int ra gig0/1-3\nip mtu 1400\nexit\nip route 0.0.0.0 0.0.0.0 192.0.2.9\n", "Gi0/1 Gi0/2 Gi0/3"),
        ("interface range e0/0 - 1, lo5\n ip mtu 1400\n!\nip route 0.0.0.0 0.0.0.0 192.0.2.9\n", "Et0/0 Et0/1 Lo5"),
        (
            "R1(config)#interface range gi0/1 - 2\nR1(config-if-range)#ip mtu 1400\n"
            "R1(config)#ip route 0.0.0.0 0.0.0.0 192.0.2.9\n",
            "Gi0/1 Gi0/2",
        ),
        ("interface range vlan 10 - 11\nip mtu 1400\nip route 0.0.0.0 0.0.0.0 192.0.2.9\n", "Vl10 Vl11"),
    ],
)
def test_what_was_typed_for_a_range_is_for_each_of_its_interfaces(text: str, names: str) -> None:
    """A range was kept as a line that nobody knows, and its lines were refused, or went to the router."""
    intake = take_in(text)
    assert intake.is_whole
    sections = [args.interface("name") for args, section in intake.tree.sections(INTERFACE) if section.get(IP_MTU)]
    assert sorted(map(short_interface, sections)) == sorted(names.split())
    assert "ip route 0.0.0.0 0.0.0.0 192.0.2.9" in list(intake.tree.render())


@pytest.mark.parametrize("indent", ["", " "])
def test_a_slip_in_a_range_of_tunnels_holds_each_of_them(indent: str) -> None:
    lines = ["tunnel mode gre multipoint", "tunnle protection ipsec profile P", "ip nhrp network-id 1"]
    text = "\n".join(["interface range tunnel 1 - 2", *(f"{indent}{line}" for line in lines), "!", "hostname R"])
    assert take_in(text).held == ("Tunnel1", "Tunnel2")


@pytest.mark.parametrize("spec", ["gi0/1 - 99999", "gi0/1-", "1 - 2", "gi0/1 - 2,", "foo 1 - 2", "gi0/5 - 3"])
def test_what_is_no_range_is_none(spec: str) -> None:
    assert [
        args.interface("name")
        for args, _ in take_in(f"interface range {spec}\n ip mtu 1400\n").tree.sections(INTERFACE)
    ] == []


@pytest.mark.parametrize(
    "line",
    [
        "crypto ikev2 limit max-in-negotation-sa 3 outgoing",
        "crypto ikev2 limit max-in-negotiation-sa 30",
        "router eigrp 7\n redistribute connected metric 10000 10 255 1 1500 route-map LOOPBACKS",
        "router eigrp N\n address-family ipv4 unicast autonomous-system 7\n  topology base\n"
        "   redistribute static metric 10000 10 255 1 1500 route-map LOOPBACKS",
    ],
)
def test_a_line_that_ios_writes_holds_no_tunnel(line: str) -> None:
    intake = take_in(TUNNEL.format("tunnel protection ipsec profile P") + line + "\n")
    assert (intake.held, intake.with_fate(Fate.REFUSED), intake.with_fate(Fate.LEFT_OUT)) == ((), (), ())


@pytest.mark.parametrize("line", ["ip nhrp hold-time 300", "ip mtu 14OO", "ip nhrp map 10.0.0.9", "bandwidth lots"])
def test_a_line_of_a_tunnel_that_cannot_be_its_protection_holds_it_not(line: str) -> None:
    """A misspelled holdtime kept a hub down, and with it the whole network."""
    intake = take_in(TUNNEL.format("tunnel protection ipsec profile P\n " + line))
    assert (len(intake.with_fate(Fate.REFUSED)), intake.held) == (1, ())


@pytest.mark.parametrize(
    "line",
    [
        "ip nhrp autentication SECRET",  # codespell:ignore
        "ip nhrp network-id 1tunnel protection ipsec profile P",
        "ip mtu 1400 prot ips prof P",
        "nhrp hold-time 300",
    ],
)
def test_what_is_left_of_protection_or_of_a_key_holds_the_tunnel(line: str) -> None:
    assert take_in(TUNNEL.format(line)).held == ("Tunnel0",)


@pytest.mark.parametrize(
    "line",
    [
        "tunnelprotection ipsec profile P",
        "tunnel protectionipsec profile P",
        "tunnel_protection ipsec profile P",
    ],
)
@pytest.mark.parametrize("above", ["", "!\nbanner x\n", "!\nrouter eigrp 1\n"])
def test_protection_without_its_blanks_beside_its_tunnel_is_not_passed_over(line: str, above: str) -> None:
    """A file without indentation brought the tunnel up in clear."""
    assert take_in(TUNNEL.format("ip mtu 1400").replace("!\n", "") + above + line + "\n").held == ("Tunnel0",)


@pytest.mark.parametrize("before", ["ip mtu 1400", "no shutdown", "tunnel key 7"])
def test_protection_behind_a_semicolon_is_no_comment(before: str) -> None:
    """The tunnel came up in clear."""
    assert take_in(TUNNEL.format(f"{before} ; tunnel protection ipsec profile P")).held == ("Tunnel0",)
    assert take_in(TUNNEL.format(f"{before} ; no tunnel protection ipsec profile P here")).held == ()


def test_protection_that_is_taken_back_is_not_asked_for() -> None:
    assert asks_for_protection("no shutdown ; tunnel protection ipsec profile P"), "something else is taken back"
    assert not asks_for_protection(" no tunnel protection ipsec profile P")
    assert not asks_for_protection("default tunnel protection ipsec")


@pytest.mark.parametrize(
    "line", ["neighbor 10.0.0.1O remote-as 65001", "neighbor 10.0.0.2 remote-as 6500O", "neighbor 10.0.O.3 disable-bfd"]
)
def test_a_slip_in_the_name_or_system_of_a_neighbor_is_refused(line: str) -> None:
    """`neighbor 10.0.0.1O remote-as 65001` was kept as a line of others: nothing said that no neighbor came of it."""
    intake = take_in(f"hostname R1\nrouter bgp 65000\n {line}\n")
    assert [entry.text.strip() for entry in intake.with_fate(Fate.REFUSED)] == [line]


@pytest.mark.parametrize(
    "line", ["neighbor 2001:db8::1 remote-as 65001", "neighbor GROUP disable-x", "no neighbor 2001:db8::1 activate"]
)
def test_other_lines_of_neighbors_are_kept(line: str) -> None:
    intake = take_in(f"hostname R1\nrouter bgp 65000\n {line}\n")
    assert not intake.with_fate(Fate.REFUSED)


@pytest.mark.parametrize(
    ("process", "line"),
    [
        ("router bgp 65000", "neighbor 10.0.0.2 pasword SECRET"),  # codespell:ignore
        ("router bgp 65000", "neighbor 10.0.0.2 rout-map BLOCK in"),
        ("router bgp 65000", "neighbor 10.0.0.2 prefix-lst BLOCK in"),
        ("router bgp 65000", "neighbor 10.0.0.2 pear-group SPOKES"),
        ("router ospf 1", "area 0 authentcation message-digest"),  # codespell:ignore
        ("router ospf 1", "area 1 stbu"),
    ],
)
def test_a_slip_in_what_secures_or_filters_is_refused_and_not_kept(process: str, line: str) -> None:
    intake = take_in(f"hostname R1\n{process}\n {line}\n")
    assert [entry.text.strip() for entry in intake.with_fate(Fate.REFUSED)] == [line]


@pytest.mark.parametrize(
    ("process", "line"),
    [
        ("router bgp 65000", "neighbor 10.0.0.2 route-map BLOCK inn"),
        ("router bgp 65000", "neighbor 10.0.0.2 distribute-list 10"),
        ("router bgp 65000", "neighbor 10.0.0.2 ttl-security"),
        ("router bgp 65000", "neighbor 10.0.0.2 maximum-prefix 10 200"),
        ("router bgp 65000", "neighbor 10.0.0.2 maximum-prefix ten"),
        ("router bgp 65000\n address-family ipv4", "neighbor 10.0.0.2 maximum-prefix 10 restart"),
        ("router bgp 65000", "neighbor 10.0.0.2 password"),
        ("router bgp 65000\n address-family ipv4", "neighbor 10.0.0.2 prefix-list BLOCK"),
        ("router ospf 1", "area 0 authentication mesage-digest"),
        ("interface GigabitEthernet0/1", "ip ospf authentcation message-digest"),  # codespell:ignore
        ("interface GigabitEthernet0/1", "ip ospf authentication mesage-digest"),
        ("interface GigabitEthernet0/1", "ip rip authentication mode md6"),
        ("interface GigabitEthernet0/1", "ip access-grup 10 in"),
    ],
)
def test_what_secures_or_filters_and_is_not_understood_to_its_end_is_refused_and_not_kept(
    process: str, line: str
) -> None:
    indentation = " " * (process.count("\n") + 1)
    intake = take_in(f"hostname R1\n{process}\n{indentation}{line}\n!\n")
    assert [entry.text.strip() for entry in intake.with_fate(Fate.REFUSED)] == [line]


@pytest.mark.parametrize(
    ("process", "line"),
    [
        ("router eigrp N\n address-family ipv4 unicast autonomous-system 1", "distribute-list 10 in"),
        ("router ospf 1", "neighbor 10.0.0.2 database-filter all out"),
        ("router bgp 65000", "distribute-list 10 in"),
        ("router bgp 65000", "neighbor 10.0.0.2 advertise-map M exist-map N"),
        ("router bgp 65000", "neighbor 10.0.0.2 maximum-prefix 100 80 discard-extra"),
        ("router bgp 65000", "neighbor 10.0.0.2 soo 65000:1"),
        ("router bgp 65000", "neighbor 10.0.0.2 ao KEYS"),
        ("router bgp 65000", "bgp maxas-limit 5"),
        ("router bgp 65000\n address-family ipv4", "distribute-list prefix P out"),
        ("router bgp 65000\n address-family ipv4", "table-map M filter"),
        ("router bgp 65000\n address-family ipv4", "neighbor SPOKES advertise-map M exist-map N"),
        ("route-map M permit 10", "match track 1"),
    ],
)
def test_what_filters_routes_or_secures_neighbors_and_does_not_run_is_left_out_and_not_kept(
    process: str, line: str
) -> None:
    """A lab came up in which a spoke was told what its hub filters, and nobody said so."""
    indentation = " " * (process.count("\n") + 1)
    intake = take_in(f"hostname R1\n{process}\n{indentation}{line}\n!\n")
    assert [entry.text.strip() for entry in intake.with_fate(Fate.LEFT_OUT)] == [line]
    assert not intake.with_fate(Fate.REFUSED)
    with pytest.raises(UserError, match="not supported"):
        refuse_left_out("f", intake.result, ())
    refuse_left_out("f", intake.result, [line])


@pytest.mark.parametrize(
    "line",
    [
        "snmp-server user u g v3 auth sha TOPSECRET priv aes 128 TOPSECRET",
        "snmp-server user u g v3 auth md5 TOPSECRET priv des TOPSECRET",
        "ipv6 ospf authentication ipsec spi 256 sha1 TOPSECRET",
        "ipv6 ospf encryption ipsec spi 256 esp aes-cbc 128 TOPSECRET sha1 7 TOPSECRET",
        "area 0 encryption ipsec spi 256 esp null md5 TOPSECRET",
        "wpa-psk ascii 0 TOPSECRET",
        "cli copy run ftp://u:TOPSECRET@192.0.2.1/a",
        "ip ospf authenticaton-key TOPSECRET",
        "ip nhrp au TOPSECRET",
        "neighbor 192.0.2.1 pas TOPSECRET and TOPSECRET",
        "crypto key exp rsa CA pem terminal 3des TOPSECRET",
        "crypto isakmp key TOP TOPSECRET address 192.0.2.1",
        "snmp-server host 192.0.2.1 TOPSECRET",
        "snmp-server host 192.0.2.1 vrf A informs version 2c TOPSECRET bgp",
        "ip ospf message-digest-key 1 TOPSECRET",
        "crypto pki export CA pem terminal 3des TOPSECRET",
        "cry pk imp CA pem url flash: TOPSECRET",
        "passphrase TOPSECRET",
        "revocation-password TOPSECRET",
        "key chain K key 1 key-string TOPSECRET",
        "tunnel protection ipsec profile KEYS key TOPSECRET",
        "tunnel key 5 password TOPSECRET",
        "crypto key generate rsa passphrase TOPSECRET",
        "peer 192.0.2.1 key=TOPSECRET",
        "PASSWORD:TOPSECRET psk TOPSECRET",
        "wireless psk TOPSECRET",
        "route-map KEYS key TOPSECRET",
        "client 192.0.2.1 server-key 7 TOPSECRET",
        "crypto pki token default user-pin 0 TOPSECRET",
        "set session-key inbound ah 300 TOPSECRET",
        "set session-key outbound esp 300 cipher TOPSECRET authenticator TOPSECRET",
        'http-proxy "user:TOPSECRET@192.0.2.1" port 80',
    ],
)
def test_keys_of_lines_that_nobody_understood_are_not_shown(line: str) -> None:
    shown = without_keys(line)
    assert "TOPSECRET" not in shown
    assert len(shown) == len(line)


@pytest.mark.parametrize(
    "line",
    [
        *("logging host 192.0.2.1 transport udp port 514", "ip http client source-interface Gi1", "hash sha"),
        *("crypto key generate rsa modulus 2048", "ip ssh rsa keypair-name SSH", "key chain EIGRP tcp"),
        *("crypto key gen rsa mod 2048", "cry key zer rsa", "crypto key export rsa CA", "crypto key pubkey-chain rsa"),
        *("authentication port-control auto", "aaa authentication login X", "authentication periodic"),
        *(
            "crypto ikev2 keyring KEYS",
            "crypto keyring K vrf RED",
            "keyring local KEYS",
            "set community 65000:x additive",
        ),
        *("ip community-list standard KEYS permit 65000:1", "tunnel protection ipsec profile KEYS shared"),
        *("description where the key server is", "route-map KEYS permit 10", "show key chain", "do show key chain K"),
        *("ip prefix-list KEYS permit 10.0.0.0/8", "ip access-list standard KEYS", "security wpa akm psk"),
    ],
)
def test_lines_without_a_key_are_shown_as_they_are(line: str) -> None:
    assert without_keys(line) == line


@pytest.mark.parametrize(
    ("header", "line", "indent"),
    [
        ("ipv6 router ospf 1", "router-id 0.0.0.1", " "),
        ("ipv6 router ospf 1", "router-id 0.0.0.1", ""),
        ("ipv6 router eigrp 1", "eigrp router-id 0.0.0.1", ""),
        ("router isis", "net 49.0001.0000.0000.0001.00", ""),
        ("vlan 10", "name USERS", ""),
        ("class-map match-any VOICE", "match dscp ef", ""),
        ("bfd-template single-hop T", "interval min-tx 50 min-rx 50 multiplier 3", ""),
        # Without indentation they may as well be lines of the interface.
        ("mka policy M", "key-server priority 1", " "),
        ("crypto ipsec client ezvpn EZ", "mode client", " "),
    ],
)
def test_a_section_on_which_nothing_acts_is_none_of_the_tunnel_above_it(header: str, line: str, indent: str) -> None:
    """`ipv6 router ospf 1` was kept as a line of the tunnel, and its `router-id` refused: the tunnel stayed down."""
    intake = take_in(f"interface Tunnel0\n{indent}ip mtu 1400\n{header}\n{indent}{line}\nend\n")
    assert (intake.with_fate(Fate.REFUSED), intake.held) == ((), ())
    shown = "\n".join(intake.tree.render())
    assert "interface Tunnel0\n ip mtu 1400\n!" in shown
    assert f"\n{header}\n {line}" in f"\n{shown}"


@pytest.mark.parametrize("line", ["ipv6 router isis", "ip router isis", "ip vrf forwarding V"])
def test_a_line_of_an_interface_that_looks_like_the_first_of_a_section_stays_in_it(line: str) -> None:
    text = f"ip vrf V\n rd 1:1\ninterface GigabitEthernet0/1\n{line}\nip address 192.0.2.1 255.255.255.0\n"
    assert f" {line}" in take_in(text).tree.render()


def test_an_address_by_dhcp_and_a_tunnel_of_another_kind_are_never_without_a_word() -> None:
    """`tunnel mode ipsec` was no finding of lint, and a tunnel or template that does nothing here was not named."""
    text = (
        "interface Tunnel0\n ip address dhcp\ninterface Tunnel1\n tunnel mode ipsec ipv4\n"
        "interface Virtual-Template1 type tunnel\n tunnel mode ipsec ipv4\n"
    )
    said = [*not_built(take_in(text).tree), *report(take_in(text))]
    found = [finding.what for finding in lint({"R1.cfg": text}) if finding.rule in ("line-not-here", "line-kept")]
    for word in (
        "Tunnel0 has no address",
        "Tunnel1 stays down",
        "Virtual-Template1 is the template",
    ):
        assert any(word in line for line in said), word
        assert any(word in line for line in found), word


def test_a_page_of_html_is_read_by_its_blocks() -> None:
    """Its first lines were behind tags, and a table that explains a command kept the tunnel down."""
    tunnel = "<span>interface</span> Tunnel0\n ip address 10.0.0.{1} 255.255.255.0\n"
    block = f"hostname {{0}}\n{tunnel} ip nhrp authentication &lt;key&gt;"
    page = (
        f"<html><h2>Hub</h2>\n<pre class='x'><code>{block.format('HUB', 1)}\n</code></pre>\n<p>Now the spoke.</p>\n"
        f"<table><tr><td>tunnel protection ipsec profile P</td><td>encrypts</td></tr></table>\n"
        f"<pre>\n{block.format('SPOKE', 2)}</pre></html>\n"
    )
    parts = parts_of(page)
    assert [part.name for part in parts] == ["HUB", "SPOKE"]
    for number, part in enumerate(parts, 1):
        intake = take_in(part.text)
        assert (intake.held, intake.with_fate(Fate.REFUSED), intake.with_fate(Fate.KEPT)) == ((), (), ())
        assert f" ip address 10.0.0.{number} 255.255.255.0" in intake.tree.render()
        assert " ip nhrp authentication <key>" in intake.tree.render()


def test_protection_beside_the_blocks_of_a_page_of_html_is_not_lost() -> None:
    intake = take_in(fenced(f"<pre>\n{_CLEAR}</pre>\n<p>{_LINE}</p>\n"))
    assert f" {_LINE}" in intake.tree.render()
    assert take_in(fenced(f"<p>{_LINE}</p>\n<pre>\n{_CLEAR}</pre>\n")).held == ("Tunnel0",)


def test_dashes_of_an_editor_of_texts_are_those_of_words() -> None:
    text = "interface Tunnel0\n ip nhrp network\u2013id 1\n description a\u2013b\n"
    assert take_in(text).tree.render()[1:3] == [" description a\u2013b", " ip nhrp network-id 1"]


def test_a_log_begins_with_what_a_terminal_shows_at_a_login() -> None:
    text = (
        "=~=~=~= PuTTY log 2022.05.05 =~=~=~=\nlogin as: admin\nUsing keyboard-interactive authentication.\n"
        "Password: \nUser Access Verification\n\nUsername: bob\nR1#sh run\nhostname R1\nend\nR1#exit\n"
        "    *Mar  1 00:05:11.123: %OSPF-5-ADJCHG: Process 1, Nbr 172.16.0.1 on Tunnel0 from LOADING to FULL\n"
    )
    assert take_in(text).result.entries == ()


def test_routes_of_ipv4_that_ospf_version_3_would_bring_are_called_missing() -> None:
    """A switch with OSPFv3 alone had no route, and `import` said that OSPF carries IPv6 here."""
    session = ConfigSession(LANGUAGE, ConfigTree())
    session.enter("interface GigabitEthernet0/1")
    assert session.hint(session.enter("ospfv3 1 ipv4 area 0")) == ("kept without effect (OSPF version 3 for IPv4)",)


def test_lines_that_routers_write_and_that_do_nothing_here_are_kept() -> None:
    text = "crypto key gen rsa mod 2048\ncts logging verbose\nrouter ospf 1\n priority 10\n router-id 0.0.0.1\n"
    intake = take_in(text)
    assert (intake.with_fate(Fate.REFUSED), intake.with_fate(Fate.LEFT_OUT)) == ((), ())
    assert [entry.text for entry in intake.with_fate(Fate.KEPT)] == ["cts logging verbose", "priority 10"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("interface Loopback0\n ntp disable\n default ntp disable\n", ["interface Loopback0", "!"]),
        ("interface Loopback0\n ntp disable\n no ntp disable\n", ["interface Loopback0", " no ntp disable", "!"]),
        (
            "interface Loopback0\n description x\nntp server 192.0.2.9\n",
            ["interface Loopback0", " description x", "!", "ntp server 192.0.2.9", "!"],
        ),
    ],
)
def test_a_line_that_an_interface_and_the_router_have_is_taken_back_where_it_was_kept(
    text: str, shown: list[str]
) -> None:
    """`no ntp disable` below an interface was a line of the router, and `ntp server` one of the interface above it."""
    assert take_in(text).tree.render() == shown
