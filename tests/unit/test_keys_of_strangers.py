"""Keys and identities of strangers that nothing here can use: kept, said once, and never more than nothing."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.base.protection import EspCipher, EspHash, EspTransform, ProtectionPolicy
from dmvpn.features.ike.config.tree import read
from dmvpn.features.ike.settings import ConfigurationBook
from dmvpn.features.tunnel.config import model
from dmvpn.ios import Fate
from dmvpn.ios.transcript import decode
from dmvpn.router.intake import EnteredText, take_in

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
    return ConfigurationBook(read(intake.tree), (policy,)).to(policy, THERE)


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
    assert not intake.of(Fate.REFUSED)
    assert [entry.text for entry in intake.of(Fate.LEFT_OUT)] == ["tunnel protection ipsec policy ipv4 ACL"]
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
        "ipv6 address 2001:DB8::1/64 eui-64",
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
            "ipv6 nhrp map 2001:DB8::1/128 2001:DB8:1::1\nip ospf message-digest-key 1 md5 7 0822455D0A16\n"
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
