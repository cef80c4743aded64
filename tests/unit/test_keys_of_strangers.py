"""Keys and identities of strangers that nothing here can use: kept, said once, and never more than nothing."""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.credentials import Lifetime
from dmvpn.base.protection import EspCipher, EspHash, EspTransform, ProtectionPolicy
from dmvpn.features.ike.config.tree import read
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.features.tunnel.config import model
from dmvpn.ios import Fate
from dmvpn.ios.common import read_lifetime
from dmvpn.ios.transcript import decode
from dmvpn.network.device import Device
from dmvpn.network.terms import preshared_keys
from dmvpn.router.entered_text import EnteredText, take_in
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv6Address

HERE, THERE = IPv4Address("198.51.100.1"), IPv4Address("203.0.113.1")
SEALED = "AcHZZMgQ_RhTDJXHUBAAB"


def terms(intake: EnteredText, **profile: str) -> object:
    """With which key we would begin with a peer, or why we do not."""
    policy = ProtectionPolicy(
        name="P",
        local=HERE,
        ikev2_profile=profile.get("ikev2", ""),
        isakmp_profile=profile.get("isakmp", ""),
        transforms=(EspTransform(EspCipher.AES_CBC, 128, EspHash.SHA1),),
        transport=True,
        may_tunnel=True,
        pfs_group=0,
        seconds=3600.0,
        kilobytes=0,
        replay_window=1024,
        responder_only=False,
    )
    return ConfiguredSettings(read(intake.tree), (policy,)).to(policy, THERE)


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        (f"crypto isakmp key 6 {SEALED} address 0.0.0.0\n", {}),
        (
            f"crypto keyring K\n pre-shared-key address 0.0.0.0 0.0.0.0 key 6 {SEALED}\n"
            "crypto isakmp profile I\n keyring K\n match identity address 0.0.0.0\n",
            {"isakmp": "I"},
        ),
        (
            f"crypto ikev2 keyring K\n peer A\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key 6 {SEALED}\n"
            "crypto ikev2 profile I\n match identity remote any\n authentication local pre-share\n"
            " authentication remote pre-share\n keyring local K\n",
            {"ikev2": "I"},
        ),
        (
            "crypto ikev2 profile I\n match identity remote any\n"
            f" authentication local pre-share key 6 {SEALED}\n authentication remote pre-share key 6 {SEALED}\n",
            {"ikev2": "I"},
        ),
    ],
)
def test_a_key_that_another_router_sealed_is_kept_and_is_the_key_of_nobody(text: str, profile: dict[str, str]) -> None:
    intake = take_in(text)
    assert intake.is_whole
    assert SEALED in "\n".join(intake.tree.render())
    said = [problem for problem in intake.result.problems if "type 6" in problem.message_lines[0]]
    assert len(said) == text.count(SEALED)
    assert all(problem.is_warning for problem in said)
    assert "has no key" in str(terms(intake, **profile))


@pytest.mark.parametrize(
    "text",
    [
        "crypto isakmp key cisco address ipv6 ::/0\n",
        "crypto keyring K\n pre-shared-key address ipv6 2001:DB8::1/128 key cisco\n",
        "crypto isakmp profile I\n self-identity address ipv6\n",
        "crypto isakmp profile I\n match identity address ipv6 2001:DB8::1/128\n",
        "crypto ikev2 keyring K\n peer A\n  address 2001:DB8::/32\n",
        "crypto ikev2 profile I\n match identity remote address ::/0\n",
        "crypto isakmp peer address 203.0.113.1\n set aggressive-mode password cisco\n"
        " set aggressive-mode client-endpoint fqdn SPOKE\n",
    ],
)
def test_keys_and_identities_of_peers_that_no_tunnel_here_has_are_kept(text: str) -> None:
    intake = take_in(text)
    assert intake.is_whole
    shown = {line.strip() for line in intake.tree.render()}
    assert {line.strip() for line in text.splitlines()} <= shown
    assert not [problem for problem in intake.result.problems if not problem.is_warning]


def test_a_profile_for_peers_with_ipv6_alone_is_for_no_other() -> None:
    """Without any match a profile of IKEv1 is for everybody."""
    intake = take_in("crypto isakmp profile I\n match identity address ipv6 ::/0\n")
    (profile,) = read(intake.tree).isakmp.profiles
    assert len(profile.matches) == 1
    assert profile.matches[0].address is None


def test_multi_sa_policies_are_left_out_and_their_tunnel_is_held_down() -> None:
    intake = take_in("interface Tunnel0\n tunnel protection ipsec policy ipv4 ACL\n tunnel source Loopback0\n")
    assert not intake.with_fate(Fate.REFUSED)
    assert [entry.text for entry in intake.with_fate(Fate.LEFT_OUT)] == ["tunnel protection ipsec policy ipv4 ACL"]
    assert intake.held == ("Tunnel0",)


def test_the_key_of_a_group_of_clients_is_no_key_chain() -> None:
    intake = take_in("crypto isakmp client configuration group G\n key cisco\n pool P\n")
    assert intake.is_whole
    assert " key cisco" in list(intake.tree.render())


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("tunnel mode gre ipv4", ""),
        ("tunnel mode gre multipoint ipv6", "tunnel mode gre multipoint ipv6"),
        ("tunnel mode ipsec dual-overlay", "tunnel mode ipsec dual-overlay"),
        ("ip summary-address eigrp 1 10.0.0.0/8", "ip summary-address eigrp 1 10.0.0.0/8"),
        ("ipv6 unnumbered Loopback0", "ipv6 unnumbered Loopback0"),
        ("if-state track 1", "if-state track 1"),
        ("ntp disable", "ntp disable"),
    ],
)
def test_lines_of_tunnels_that_other_releases_have(line: str, shown: str) -> None:
    intake = take_in(f"interface Tunnel0\n {line}\n ip address 10.0.0.1 255.255.255.0\n")
    assert intake.is_whole
    assert [text.strip() for text in intake.tree.render() if text.strip() == line] == ([shown] if shown else [])


@pytest.mark.parametrize(
    "mode",
    [
        "sdwan",
        "ethernet gre ipv4",
        "ipip decapsulate-any",
        "iptalk",
        "udp ip",
        "tag-switching",
        "rbscp",
        "gre multipoint l3vpn",
        "l3vpn l2tpv3 multipoint",
        "ethernet gre ipv4 p2p",
        "vxlan-gpe ipv4 default-mac",
        "udp multipoint",
    ],
)
def test_another_kind_of_tunnel_is_kept_and_never_run(mode: str) -> None:
    intake = take_in(f"interface Tunnel0\n tunnel source Loopback0\n tunnel mode {mode}\n")
    assert intake.is_whole
    (settings,) = model(intake.tree).tunnels
    assert settings.foreign_mode == f"tunnel mode {mode}"


@pytest.mark.parametrize(
    "line",
    [
        "ipv6 address 2001:DB8::1/64 anycast",
        "ipv6 summary-address eigrp 1 ::/0",
        "ipv6 hello-interval eigrp 1 5",
        "ipv6 redirects",
    ],
)
def test_ipv6_lines_of_ports_that_mean_nothing_here_are_kept(line: str) -> None:
    intake = take_in(f"interface Ethernet0/0\n {line}\n")
    assert intake.is_whole
    assert f" {line}" in list(intake.tree.render())


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        (
            "interface Tunnel0",
            "ip nhrp map 10.0.0.1 2001:DB8::1\nip nhrp map multicast 2001:DB8::1\nip nhrp connect 101\n"
            "ipv6 nhrp map 2001:DB8::1/128 2001:DB8:1::1\nipv6 nhrp interest V6\n"
            "ip ospf message-digest-key 1 md5 7 0822455D0A16\n"
            "ip ospf authentication-key 7 0822455D0A16\nip ospf bfd\n"
            "tunnel tsp-hop 1 10.0.0.1\n"
            "ip summary-address eigrp 1 10.0.0.0 255.0.0.0 leak-map M\ntunnel bandwidth receive 10 transmit 20\n"
            "nhrp event-publisher max-event-timeout 10\ndampening",
        ),
        (
            "router eigrp 1",
            "distance 90 10.0.0.0 0.0.0.255\nmetric rib-scale 128\n"
            "timers active-time disabled\nredistribute maximum-prefix 100",
        ),
        ("router ospf 1", "distance 100 10.0.0.1 0.0.0.0\nnsr\nlls"),
        (
            "ipv6 router ospf 1",
            "area 1 virtual-link 1.1.1.1\ngraceful-restart\nevent-log size 100\ntimers pacing flood 5",
        ),
        ("router ospfv3 1", "address-family ipv4 unicast\narea 1 stub\nredistribute connected\nexit-address-family"),
        ("router bgp 1", "network 10.0.0.0 mask 255.0.0.0 backdoor"),
        ("router rip", "timers basic 30 180 180 240 0"),
        ("crypto ipsec profile P", "set security-association dummy pps 5\nset security-association lifetime days 1"),
        ("crypto ikev2 profile P", "match address local 2001:DB8::1\nidentity local address 2001:DB8::1"),
    ],
)
def test_lines_that_the_guides_of_ios_have_are_no_slips(header: str, lines: str) -> None:
    """Each was refused with a caret, and a file with one of them did not count as understood."""
    wanted = lines.split("\n")
    intake = take_in("\n".join([header, *(f" {line}" for line in wanted)]))
    assert intake.is_whole
    assert sorted(wanted) == sorted({text.strip() for text in intake.tree.render()} & {*wanted})


@pytest.mark.parametrize(
    "line",
    [
        "crypto ipsec optional",
        "crypto isakmp policy 1\n authentication ecdsa-sig",
        "crypto ca trustpoint T\n on x",
        "crypto pki certificate map M 1\n expires-on ge Jan 1 2020",
        "crypto ikev2 profile P\n keyring ppk K",
    ],
)
def test_what_tunnels_would_be_protected_by_otherwise_holds_them(line: str) -> None:
    tunnel = "interface Tunnel0\n tunnel protection ipsec profile P"
    held = take_in(f"{line}\n{tunnel}\n").held
    assert held == (() if "trustpoint" in line else ("Tunnel0",))


def test_the_old_word_for_certificates_is_the_new_one() -> None:
    """Releases before 12.3 say `crypto ca`."""
    text = "crypto {} trustpoint T\n enrollment terminal\ncrypto {} certificate map M 10\n subject-name co x\n"
    assert take_in(text.format("ca", "ca")).tree == take_in(text.format("pki", "pki")).tree


@pytest.mark.parametrize("word", ["shared", "isakmp-profile I", "isakmp-profile I shared", "shared isakmp-profile I"])
def test_the_words_behind_a_profile_may_stand_in_any_order(word: str) -> None:
    (settings,) = model(take_in(f"interface Tunnel0\n tunnel protection ipsec profile P {word}\n").tree).tunnels
    assert (settings.protection, settings.shared) == ("P", "shared" in word)
    assert settings.ike_profile == ("isakmp-profile I" if "isakmp" in word else "")


def test_what_nobody_sees_in_a_line_is_no_part_of_it() -> None:
    """Pages leave blanks of no width behind words; the line was refused at a caret that pointed at nothing."""
    text = decode("interface Tunnel0\n tunnel source 10.0.0.1\u200b\n ip mtu\u2060 1400\ufeff\n".encode())
    assert take_in(text).is_whole


# The lines to enter where keys differ or are missing: those of the keyring that is there.

HUB = ip_address("172.16.11.1")
RING = file_text("keys_of_strangers_ring.cfg")


def key_lines(
    lines: Sequence[str],
    peer: IPv4Address | IPv6Address,
    *,
    missing: bool,
    other: Sequence[str] = (),
    every: Sequence[IPv4Address | IPv6Address] = (),
    front: str = "",
) -> tuple[str, ...]:
    """Return the lines to enter for a peer, the router `my OTHER`, of configurations as they are shown."""
    mine, theirs = (Device.read("my OTHER", "\n".join(text)) for text in (lines, other))
    return preshared_keys.key_lines(mine, peer, missing=missing, other=theirs, every=every, front=front)


def test_the_peer_that_fits_closest_is_the_one_whose_keys_are_used() -> None:
    fix = ("crypto ikev2 keyring KR", "peer HUB", "pre-shared-key local <secret>", "pre-shared-key remote <secret>")
    assert key_lines(RING.splitlines(), HUB, missing=False) == fix


def test_anybody_else_has_the_key_of_the_peer_that_takes_all() -> None:
    fix = ("crypto ikev2 keyring KR", "peer ANY", "pre-shared-key <secret>")
    assert key_lines(RING.splitlines(), ip_address("198.51.100.7"), missing=False) == fix


def test_a_missing_key_comes_in_a_peer_of_its_own() -> None:
    fix = ("crypto ikev2 keyring KR", "peer my-OTHER", "address 2001:db8::7", "pre-shared-key <secret>")
    assert key_lines(RING.splitlines(), ip_address("2001:db8::7"), missing=True) == fix


def test_a_keyring_with_one_peer_lacks_its_address_alone() -> None:
    ring = [line for line in RING.replace("172.16.11.1", "10.9.9.9").splitlines() if "ANY" not in line]
    del ring[1:4]
    assert ring[1] == " peer HUB"
    assert key_lines(ring, HUB, missing=True) == ("crypto ikev2 keyring KR", "peer HUB", "address 172.16.11.1")


def test_a_key_of_ikev1_for_a_peer_behind_a_front_door_is_for_its_vrf() -> None:
    """The line was one of the global table, or of the keyring of another VRF."""
    elsewhere = ["crypto isakmp policy 10", "crypto keyring OTHER vrf LAB", " pre-shared-key address 10.9.9.9 key k"]
    fix = ("crypto keyring FOR-WAN vrf WAN", "pre-shared-key address 172.16.11.1 key <secret>")
    assert key_lines(elsewhere, HUB, missing=True, front="WAN") == fix
    known = ["crypto keyring MINE vrf WAN", " pre-shared-key address 10.9.9.9 key k"]
    assert key_lines([*elsewhere, *known], HUB, missing=True, front="WAN") == (known[0], fix[1])


def test_the_name_of_a_peer_that_the_keyring_has_is_left_to_the_reader() -> None:
    """Under the name of the router its entry would have got the address of another router."""
    ring = RING.replace("peer HUB", "peer my-OTHER").splitlines()
    sixth = ip_address("2001:db8::7")
    assert key_lines(ring, sixth, missing=True, every=(HUB, sixth))[1] == "peer <name>"


ONE, TWO = ip_address("198.51.100.5"), ip_address("198.51.100.9")
OF_PEERS = ("crypto ikev2 keyring KR", "peer ANY")


def without_address(ring: str = RING, *gone: str) -> list[str]:
    """Return the keyring where no address says who has the key of its first peer, without these peers."""
    lines = ring.replace("  address 0.0.0.0 0.0.0.0\n", "").splitlines()
    return lines[: lines.index(" peer HUB")] if "HUB" in gone else lines


@pytest.mark.parametrize("gone", [(), ("HUB",)])
def test_an_address_for_several_spokes_that_lack_a_key_is_one_line(gone: tuple[str, ...]) -> None:
    """Each spoke had a line of its own for the same section, and the second took the place of the first."""
    ring = without_address(RING, *gone)
    for spoke in (ONE, TWO):
        lines = key_lines(ring, spoke, missing=True, every=(ONE, TWO))
        assert lines == (*OF_PEERS, "address 0.0.0.0 0.0.0.0")


def test_a_peer_without_an_address_gets_that_of_the_only_router_without_a_key() -> None:
    assert key_lines(without_address(), ONE, missing=True, every=(HUB, ONE)) == (*OF_PEERS, "address 198.51.100.5")


def test_the_peer_of_a_router_that_has_its_key_keeps_its_address() -> None:
    """The address was replaced, and the other router lost its key."""
    ring = RING.replace("0.0.0.0 0.0.0.0", "198.51.100.5").splitlines()
    ring = ring[: ring.index(" peer HUB")]
    assert key_lines(ring, TWO, missing=True, every=(ONE, TWO)) == (
        "crypto ikev2 keyring KR",
        "peer my-OTHER",
        "address 198.51.100.9",
        "pre-shared-key <secret>",
    )


def test_the_wide_address_of_the_other_end_replaces_none_that_it_does_not_cover() -> None:
    """The other end's line took the place of the address of a third router, which lost its key."""
    ring = RING.replace("0.0.0.0 0.0.0.0", "203.0.113.7").splitlines()
    ring = ring[: ring.index(" peer HUB")]
    other = RING.replace("0.0.0.0 0.0.0.0", "198.51.100.0 255.255.255.0").splitlines()
    third = ip_address("203.0.113.7")
    lines = key_lines(ring, TWO, missing=True, other=other, every=(third, TWO))
    assert lines[:2] == ("crypto ikev2 keyring KR", "peer my-OTHER")
    assert key_lines(ring, TWO, missing=True, other=other, every=(ONE, TWO)) == (
        *OF_PEERS,
        "address 198.51.100.0 255.255.255.0",
    )


@pytest.mark.parametrize(
    ("missing", "line"),
    [(False, "crypto isakmp key <secret> address 0.0.0.0"), (True, "crypto isakmp key <secret> address 172.16.11.1")],
    ids=["another", "missing"],
)
def test_keys_of_the_old_kind_stay_of_the_old_kind(missing: bool, line: str) -> None:
    world = World("course-lab", seed=1)
    spoke = world.sim.facts(world.scenario).routers["SPOKE1"]
    assert spoke is not None
    assert key_lines(spoke.configuration, HUB, missing=missing) == (line,)


def test_without_a_keyring_the_lines_say_where_one_goes() -> None:
    assert key_lines([], HUB, missing=True) == (
        "crypto ikev2 keyring <name>",
        "peer my-OTHER",
        "address 172.16.11.1",
        "pre-shared-key <secret>",
    )


# Lifetimes of keys: what is none is refused, however large its numbers are.


@pytest.mark.parametrize(
    ("text", "lifetime"),
    [
        ("00:00:00 Jan 1 2026 infinite", Lifetime(datetime(2026, 1, 1), None)),
        (
            "local 1:02:03 31 december 2026 duration 60",
            Lifetime(datetime(2026, 12, 31, 1, 2, 3), datetime(2026, 12, 31, 1, 3, 3), local=True),
        ),
        ("00:00:00 Jan 1 2026 00:00:00 Feb 1 2026", Lifetime(datetime(2026, 1, 1), datetime(2026, 2, 1))),
    ],
)
def test_a_lifetime_is_read_with_its_days_in_either_order(text: str, lifetime: Lifetime) -> None:
    assert read_lifetime(text) == lifetime


@pytest.mark.parametrize(
    "text",
    [
        "00:00:00 Feb 30 2026 infinite",
        "24:00:00 Jan 1 2026 infinite",
        f"00:00:00 Jan 1 {'9' * 20} infinite",
        f"{'9' * 20}:00:00 Jan 1 2026 infinite",
        "00:00:00 Jan 1 2026 duration 0",
        "00:00:00 Jan 1 9999 duration 2147483646",
        f"00:00:00 Jan 1 2026 duration {'9' * 5000}",
    ],
)
def test_a_lifetime_that_no_calendar_has_is_refused(text: str) -> None:
    """A year of twenty digits, or an end behind the year 9999, ended the reading of the line with a traceback."""
    assert read_lifetime(text) is None
