"""Every command that people use to build a DMVPN is read, shown, taken back, cut short, explained; wrong ones are not.

The table lists one line of each command, with the lines that lead to its mode, and how it is shown if not as typed.
"""

from __future__ import annotations

import pytest

from dmvpn.face.language import exec_parser
from dmvpn.ios import CliError, ConfigSession, ConfigTree
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

LANGUAGE = configurator(FEATURES)
PARSER = exec_parser(FEATURES)

#: Ways into modes, with the prompt that is there.
GLOBAL: tuple[str, ...] = ()
TUNNEL = ("interface Tunnel7",)
ETHERNET = ("interface GigabitEthernet0/3",)
KEYRING = ("crypto ikev2 keyring RING",)
PEER = (*KEYRING, "peer EVERYBODY")
PROPOSAL = ("crypto ikev2 proposal BEST",)
POLICY = ("crypto ikev2 policy ALL",)
PROFILE = ("crypto ikev2 profile SPOKES",)
ISAKMP = ("crypto isakmp policy 20",)
TRANSFORM = ("crypto ipsec transform-set STRONG esp-aes 256 esp-sha256-hmac",)
IPSEC = ("crypto ipsec profile TUNNELS",)
CLASSIC = ("router eigrp 90",)
NAMED = ("router eigrp CLOUD",)
FAMILY = (*NAMED, "address-family ipv4 unicast autonomous-system 90")
TOPOLOGY = (*FAMILY, "topology base")
AF_INTERFACE = (*FAMILY, "af-interface Tunnel7")
OSPF = ("router ospf 3",)
RIP = ("router rip",)
BGP = ("router bgp 65010",)
BGP_FAMILY = (*BGP, "address-family ipv4")
CHAIN = ("key chain SECRETS",)
KEY = (*CHAIN, "key 1")
STANDARD = ("ip access-list standard INSIDE",)
EXTENDED = ("ip access-list extended ALLOWED",)
ROUTE_MAP = ("route-map FILTER permit 10",)
LINE = ("line vty 0 4",)

PROMPTS = {
    GLOBAL: "config",
    TUNNEL: "config-if",
    KEYRING: "config-ikev2-keyring",
    PEER: "config-ikev2-keyring-peer",
    PROPOSAL: "config-ikev2-proposal",
    POLICY: "config-ikev2-policy",
    PROFILE: "config-ikev2-profile",
    ISAKMP: "config-isakmp",
    TRANSFORM: "cfg-crypto-trans",
    IPSEC: "ipsec-profile",
    CLASSIC: "config-router",
    NAMED: "config-router",
    FAMILY: "config-router-af",
    TOPOLOGY: "config-router-af-topology",
    AF_INTERFACE: "config-router-af-interface",
    OSPF: "config-router",
    RIP: "config-router",
    BGP: "config-router",
    BGP_FAMILY: "config-router-af",
    CHAIN: "config-keychain",
    KEY: "config-keychain-key",
    STANDARD: "config-std-nacl",
    EXTENDED: "config-ext-nacl",
    ROUTE_MAP: "config-route-map",
    LINE: "config-line",
}

#: Where a command is, how it is typed, and how it is shown; None: as typed.
ACCEPTED: list[tuple[tuple[str, ...], str, str | None]] = [
    (GLOBAL, "hostname EDGE-7", None),
    (GLOBAL, "interface Tunnel0", None),
    (GLOBAL, "interface tunnel 100", "interface Tunnel100"),
    (GLOBAL, "interface Gi0/2", "interface GigabitEthernet0/2"),
    (GLOBAL, "interface GigabitEthernet1", None),
    (GLOBAL, "interface gigabitethernet 0/0/1", "interface GigabitEthernet0/0/1"),
    (GLOBAL, "interface Loopback0", None),
    (TUNNEL, "ip address 10.77.0.1 255.255.255.0", None),
    (TUNNEL, "description way to the branches", None),
    (TUNNEL, "bandwidth 5000", None),
    (TUNNEL, "delay 1000", None),
    (TUNNEL, "ip mtu 1392", None),
    (TUNNEL, "ip tcp adjust-mss 1352", None),
    (ETHERNET, "ip tcp adjust-mss 1352", None),
    (TUNNEL, "keepalive 7 4", None),
    (TUNNEL, "no ip redirects", None),
    (TUNNEL, "shutdown", None),
    # Tunnels
    (TUNNEL, "tunnel source GigabitEthernet0/3", None),
    (TUNNEL, "tunnel source 192.0.2.7", None),
    (TUNNEL, "tunnel destination 192.0.2.8", None),
    (TUNNEL, "tunnel mode gre multipoint", None),
    (TUNNEL, "tunnel key 0", None),
    (TUNNEL, "tunnel key 4294967295", None),
    (TUNNEL, "tunnel protection ipsec profile TUNNELS", None),
    (TUNNEL, "tunnel protection ipsec profile TUNNELS shared", None),
    # NHRP
    (TUNNEL, "ip nhrp network-id 1", None),
    (TUNNEL, "ip nhrp network-id 4294967295", None),
    (TUNNEL, "ip nhrp authentication WORD8", None),
    (TUNNEL, "ip nhrp map 10.77.0.9 192.0.2.9", None),
    (TUNNEL, "ip nhrp map multicast 192.0.2.9", None),
    (TUNNEL, "ip nhrp map multicast dynamic", None),
    (TUNNEL, "ip nhrp nhs 10.77.0.9", None),
    (TUNNEL, "ip nhrp nhs 10.77.0.9 nbma 192.0.2.9 multicast", None),
    (TUNNEL, "ip nhrp redirect", None),
    (TUNNEL, "ip nhrp shortcut", None),
    (TUNNEL, "ip nhrp holdtime 450", None),
    (TUNNEL, "ip nhrp registration timeout 75", None),
    (TUNNEL, "ip nhrp registration no-unique", None),
    # IKEv2
    (GLOBAL, "crypto ikev2 keyring RING", None),
    (KEYRING, "peer EVERYBODY", None),
    (PEER, "address 0.0.0.0 0.0.0.0", None),
    (PEER, "address 192.0.2.9", None),
    (PEER, "pre-shared-key local In-And!Out", None),
    (PEER, "pre-shared-key remote In-And!Out", None),
    (PEER, "pre-shared-key Both!", None),
    (PEER, "identity fqdn hub.example.net", None),
    (GLOBAL, "crypto ikev2 proposal BEST", None),
    (PROPOSAL, "encryption aes-cbc-256", None),
    (PROPOSAL, "encryption aes-gcm-256 aes-gcm-128", None),
    (PROPOSAL, "integrity sha256", None),
    (PROPOSAL, "prf sha384", None),
    (PROPOSAL, "group 14", None),
    (PROPOSAL, "group 20 19 14", None),
    (GLOBAL, "crypto ikev2 policy ALL", None),
    (POLICY, "proposal BEST", None),
    (POLICY, "match fvrf any", None),
    (GLOBAL, "crypto ikev2 profile SPOKES", None),
    (PROFILE, "match identity remote address 0.0.0.0", None),
    (PROFILE, "match identity remote address 192.0.2.0 255.255.255.0", None),
    (PROFILE, "match identity remote fqdn domain example.net", None),
    (PROFILE, "identity local key-id branch 7", None),
    (PROFILE, "authentication local pre-share", None),
    (PROFILE, "authentication remote pre-share", None),
    (PROFILE, "authentication remote rsa-sig", None),
    (PROFILE, "keyring local RING", None),
    (PROFILE, "pki trustpoint OURS", None),
    (PROFILE, "dpd 30 5 on-demand", None),
    (PROFILE, "lifetime 7200", None),
    (GLOBAL, "crypto ikev2 dpd 30 5 periodic", None),
    (GLOBAL, "crypto ikev2 nat keepalive 20", None),
    (GLOBAL, "crypto ikev2 fragmentation mtu 1200", None),
    (GLOBAL, "crypto logging ikev2", None),
    (GLOBAL, "crypto logging session", None),
    (GLOBAL, "crypto pki trustpoint OURS", None),
    # IPsec
    (GLOBAL, "crypto ipsec transform-set STRONG esp-aes 256 esp-sha256-hmac", None),
    (GLOBAL, "crypto ipsec transform-set OLD esp-aes 256 esp-sha-hmac", None),
    (GLOBAL, "crypto ipsec transform-set NEW esp-gcm 256", None),
    (GLOBAL, "crypto ipsec transform-set T esp-sha-hmac esp-aes", "crypto ipsec transform-set T esp-aes esp-sha-hmac"),
    (TRANSFORM, "mode transport", None),
    (GLOBAL, "crypto ipsec profile TUNNELS", None),
    (IPSEC, "set transform-set STRONG", None),
    (IPSEC, "set transform-set STRONG OLD", None),
    (IPSEC, "set ikev2-profile SPOKES", None),
    (IPSEC, "set isakmp-profile OLD", None),
    (IPSEC, "set pfs group14", None),
    (IPSEC, "set security-association lifetime seconds 1800", None),
    (IPSEC, "set security-association lifetime kilobytes disable", None),
    (GLOBAL, "crypto ipsec security-association lifetime seconds 28800", None),
    (GLOBAL, "crypto ipsec security-association replay window-size 1024", None),
    # IKEv1
    (GLOBAL, "crypto isakmp policy 20", None),
    (ISAKMP, "authentication pre-share", None),
    (ISAKMP, "encryption aes 256", None),
    (ISAKMP, "hash sha256", None),
    (ISAKMP, "group 14", None),
    (ISAKMP, "lifetime 3600", None),
    (GLOBAL, "crypto isakmp key Hidden! address 192.0.2.9", None),
    (GLOBAL, "crypto isakmp key Hidden! address 0.0.0.0 0.0.0.0", None),
    (GLOBAL, "crypto isakmp keepalive 10 3 periodic", None),
    (GLOBAL, "crypto isakmp profile OLD", None),
    # EIGRP
    (GLOBAL, "router eigrp 90", None),
    (CLASSIC, "network 10.77.0.0 0.0.0.255", None),
    (GLOBAL, "router eigrp CLOUD", None),
    (NAMED, "address-family ipv4 unicast autonomous-system 90", None),
    (FAMILY, "topology base", None),
    (FAMILY, "network 10.0.0.0", None),
    (FAMILY, "network 192.168.77.0", None),
    (FAMILY, "af-interface Tunnel7", None),
    (AF_INTERFACE, "no split-horizon", None),
    (TUNNEL, "no ip split-horizon eigrp 90", None),
    (TUNNEL, "no ip next-hop-self eigrp 90", None),
    (TUNNEL, "ip summary-address eigrp 90 10.64.0.0 255.192.0.0", None),
    (TUNNEL, "ip hello-interval eigrp 90 4", None),
    (TUNNEL, "ip hold-time eigrp 90 12", None),
    (TUNNEL, "ip bandwidth-percent eigrp 90 40", None),
    (TUNNEL, "ip authentication mode eigrp 90 md5", None),
    (TUNNEL, "ip authentication key-chain eigrp 90 SECRETS", None),
    (GLOBAL, "key chain SECRETS", None),
    (CHAIN, "key 1", None),
    (KEY, "key-string two words", None),
    # OSPF
    (GLOBAL, "router ospf 3", None),
    (OSPF, "ttl-security all-interfaces hops 2", None),
    (OSPF, "discard-route external 200", None),
    (TUNNEL, "ip rip bfd", None),
    (TUNNEL, "ip rip bfd disable", None),
    (TUNNEL, "ip ospf ttl-security hops 2", None),
    (OSPF, "network 10.77.0.0 0.0.0.255 area 0", None),
    (OSPF, "network 10.77.0.9 255.255.255.0 area 0.0.0.1", "network 10.77.0.0 0.0.0.255 area 0.0.0.1"),
    (OSPF, "router-id 192.0.2.7", None),
    (OSPF, "passive-interface default", None),
    (OSPF, "no passive-interface Tunnel7", None),
    (OSPF, "area 1 stub no-summary", None),
    (OSPF, "redistribute static subnets", None),
    (TUNNEL, "ip ospf network point-to-multipoint", None),
    (TUNNEL, "ip ospf network broadcast", None),
    (TUNNEL, "ip ospf priority 0", None),
    (TUNNEL, "ip ospf 3 area 0", None),
    (TUNNEL, "ip ospf cost 12", None),
    (TUNNEL, "ip ospf hello-interval 10", None),
    (TUNNEL, "ip ospf message-digest-key 1 md5 Digest!", None),
    (TUNNEL, "ip ospf flood-reduction", None),
    # RIP, BGP, static routes
    (GLOBAL, "router rip", None),
    (RIP, "version 2", None),
    (RIP, "network 172.20.0.0", None),
    (RIP, "no auto-summary", None),
    (TUNNEL, "no ip split-horizon", None),
    (GLOBAL, "router bgp 65010", None),
    (BGP, "neighbor 10.77.0.9 remote-as 65010", None),
    (BGP, "neighbor SPOKES peer-group", None),
    (BGP, "neighbor SPOKES route-reflector-client", None),
    (BGP, "neighbor 10.77.0.9 timers 7 21", None),
    (BGP, "bgp listen range 10.77.0.0/24 peer-group SPOKES", None),
    (BGP, "bgp listen limit 1000", None),
    (BGP, "network 10.1.0.0 mask 255.255.0.0", None),
    (BGP, "address-family ipv4 unicast", "address-family ipv4"),
    (BGP_FAMILY, "neighbor 10.77.0.9 activate", None),
    (BGP_FAMILY, "no neighbor 10.77.0.9 activate", None),
    (BGP_FAMILY, "neighbor 10.77.0.9 next-hop-self all", None),
    (BGP_FAMILY, "redistribute connected", None),
    (GLOBAL, "ip route 0.0.0.0 0.0.0.0 192.0.2.1", None),
    (GLOBAL, "ip route 10.0.0.0 255.0.0.0 Null0 250", None),
    # Lists and maps
    (GLOBAL, "ip access-list standard INSIDE", None),
    (STANDARD, "permit 10.0.0.0 0.255.255.255", "10 permit 10.0.0.0 0.255.255.255"),
    (GLOBAL, "ip access-list extended ALLOWED", None),
    (EXTENDED, "30 deny udp any eq 500 host 192.0.2.7 range 1 9", None),
    (GLOBAL, "access-list 7 permit 10.0.0.0 0.255.255.255", None),
    (GLOBAL, "access-list 107 permit gre any any", None),
    (GLOBAL, "ip prefix-list LAN permit 10.0.0.0/8 le 24", "ip prefix-list LAN seq 5 permit 10.0.0.0/8 le 24"),
    (GLOBAL, "route-map FILTER", "route-map FILTER permit 10"),
    (ROUTE_MAP, "match ip route-source 10", None),
    (ROUTE_MAP, "match ip route-source prefix-list HUBS", None),
    (ROUTE_MAP, "match source-protocol eigrp 90", None),
    (ROUTE_MAP, "match source-protocol connected", None),
    (ROUTE_MAP, "match metric 100 +- 20", None),
    (ROUTE_MAP, "match ip address prefix-list LAN", None),
    (ROUTE_MAP, "set metric 100", None),
]  # fmt: skip

#: Understood, and nothing to be shown: it is as it would be anyway.
DEFAULTS: list[tuple[tuple[str, ...], str]] = [
    (GLOBAL, "! a remark"),
    (TUNNEL, "! a remark"),
    (TUNNEL, "no shutdown"),
    (TUNNEL, "ip redirects"),
    (TUNNEL, "tunnel mode gre ip"),
    (TUNNEL, "ip nhrp holdtime 7200"),
    (TUNNEL, "no ip ospf flood-reduction"),
    (TUNNEL, "ip split-horizon eigrp 90"),
    (TRANSFORM, "mode tunnel"),
    (PROFILE, "lifetime 86400"),
    (ISAKMP, "lifetime 86400"),
    (CLASSIC, "no auto-summary"),
    (TOPOLOGY, "no auto-summary"),
    (RIP, "auto-summary"),
    (OSPF, "auto-cost reference-bandwidth 100"),
    (BGP, "bgp log-neighbor-changes"),
    (GLOBAL, "service timestamps log datetime msec"),
    (GLOBAL, "service timestamps debug datetime msec"),
]
#: IOS shows these, and tools look for them: whoever types one sees it.
SHOWN = {typed for _, typed in DEFAULTS[-3:]}

#: Every line that is understood.
UNDERSTOOD = [(way, typed) for way, typed, _ in ACCEPTED] + [
    entry for entry in DEFAULTS if not entry[1].startswith("!")
]

#: Commands of the exec prompt, and how they may be cut.
EXEC = [
    ("configure terminal", "conf t"),
    ("show dmvpn", "sh dm"),
    ("show dmvpn detail", "sh dm d"),
    ("show ip nhrp", "sh ip nh"),
    ("show ip nhrp detail", "sh ip nh de"),
    ("show ip nhrp brief", "sh ip nh b"),
    ("show ip route", "sh ip ro"),
    ("show ip route 192.168.77.0", "sh ip ro 192.168.77.0"),
    ("show interface tunnel 7", "sh int tu7"),
    ("show ip ospf neighbor", "sh ip o ne"),
    ("show ip ospf neighbor detail", "sh ip o ne d"),
    ("show crypto session", "sh cr se"),
    ("show crypto ikev2 sa detail", "sh cr ike sa de"),
    ("show crypto ikev2 sa detailed | include NAT", "sh cr ike sa d | i NAT"),
    ("show crypto isakmp sa", "sh cr is sa"),
    ("show crypto ipsec sa", "sh cr ip sa"),
    ("show crypto ipsec sa interface tunnel 7 detail", "sh cr ip sa int tu7 d"),
    ("show crypto ipsec sa peer 192.0.2.9", "sh cr ip sa p 192.0.2.9"),
    ("show crypto ipsec profile", "sh cr ip pr"),
    ("show crypto ipsec transform-set", "sh cr ip tr"),
    ("show crypto session remote 192.0.2.9 detail", "sh cr se r 192.0.2.9 d"),
    ("show crypto session brief", "sh cr se b"),
    ("show crypto ikev2 session detailed", "sh cr ike se d"),
    ("show crypto ikev2 stats", "sh cr ike st"),
    ("show crypto ikev2 proposal default", "sh cr ike prop default"),
    ("show crypto ikev2 policy", "sh cr ike pol"),
    ("show crypto ikev2 profile SPOKES", "sh cr ike prof SPOKES"),
    ("show crypto isakmp policy", "sh cr is pol"),
    ("show crypto map", "sh cr m"),
    ("clear crypto session remote 192.0.2.9", "cle cr se r 192.0.2.9"),
    ("clear crypto sa peer 192.0.2.9", "cle cr sa p 192.0.2.9"),
    ("clear crypto ikev2 sa", "cle cr ike sa"),
    ("clear crypto isakmp", "cle cr is"),
    ("debug crypto ikev2", "deb cr ike"),
    ("debug crypto ikev2 error", "deb cr ike e"),
    ("debug crypto isakmp", "deb cr is"),
    ("debug crypto ipsec", "deb cr ip"),
    ("debug dmvpn all crypto", "deb dm all cr"),
    ("debug nhrp detail", "deb nh d"),
    ("debug nhrp condition peer nbma 192.0.2.9", "deb nh con p n 192.0.2.9"),
    ("debug tunnel", "deb tu"),
    ("undebug all", "u all"),
    ("no debug all", "no deb all"),
    ("ping 10.77.0.9", "pi 10.77.0.9"),
    ("traceroute 10.77.0.9 source 10.77.0.1", "tr 10.77.0.9 so 10.77.0.1"),
]

INCOMPLETE = "% Incomplete command."
INVALID = "% Invalid input detected at '^' marker."

#: Where, what, and the column of the caret (None: incomplete).
REJECTED: list[tuple[tuple[str, ...], str, int | None]] = [
    (TUNNEL, "tunnel mode gre multiprotocol", 22),
    (TUNNEL, "  tunnel mode gre multiprotocol", 24),
    (TUNNEL, "tunnel key 4294967296", 11),
    (TUNNEL, "ip nhrp network-id 0", 19),
    (TUNNEL, "ip nhrp map   [force]", 14),
    (TUNNEL, "ip nhrp map", None),
    (TUNNEL, "ip nhrp map 10.77.0.9", None),
    (TUNNEL, "ip nhrp nhs", None),
    (TUNNEL, "ip nhrp map 10.77.0.9 192.0.2.9 force", 32),
    (TUNNEL, "ip authentication key-chain eigrp_chain", 33),
    (TUNNEL, "ip authentication key-chain SECRETS", 28),
    (TUNNEL, "ip authentication key-chain eigrp 90", None),
    (TUNNEL, "ip address 10.77.0.1 255.0.255.0", 21),
    (GLOBAL, "ip nhrp authentication WORD8", 4),
    (GLOBAL, "ip nhrp network-id 1", 4),
    (GLOBAL, "ip nhrp map 10.77.0.9 192.0.2.9", 4),
    (GLOBAL, "ip nhrp redirect", 4),
    (GLOBAL, "tunnel mode gre multipoint", 1),
    (GLOBAL, "crypto isakmp key Hidden! address", None),
    (GLOBAL, "crypto isakmp key Hidden!", None),
    (GLOBAL, "crypto ikev2 keyring", None),
    (GLOBAL, "crypto ipsec transform-set STRONG esp-aes 512", 42),
    (PROPOSAL, "group 13", 7),
    (PROPOSAL, "encryption rot13", 11),
    (PEER, "pre-shared-key local", None),
    (GLOBAL, "router ospf", None),
    (GLOBAL, "router ospf 0", 12),
    (OSPF, "network 10.77.0.0 0.0.0.255", None),
    (GLOBAL, "interface Tunl0", 13),
]


def entered(way: tuple[str, ...]) -> ConfigSession:
    """A session that has gone this way."""
    session = ConfigSession(LANGUAGE, ConfigTree(), PARSER)
    for line in way:
        assert not session.enter(line).refused
    return session


def shown(session: ConfigSession) -> list[str]:
    """What the running configuration says in the session's mode."""
    return [statement.text for statement in session.section.statements()]


@pytest.mark.parametrize(("way", "word"), PROMPTS.items(), ids=PROMPTS.values())
def test_every_mode_has_the_prompt_that_automation_waits_for(way: tuple[str, ...], word: str) -> None:
    assert entered(way).prompt_mode == word


@pytest.mark.parametrize(
    ("way", "typed", "expected"), ACCEPTED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_command_is_shown_and_reads_back(way: tuple[str, ...], typed: str, expected: str | None) -> None:
    session = entered(way)
    where = session.section
    assert not session.enter(typed).refused
    assert (expected or typed) in [statement.text for statement in where.statements()]
    lines = session.tree.render()
    again = LANGUAGE.parse_text("\n".join(lines))
    assert [problem for problem in again.problems if not problem.is_warning] == []
    assert again.tree.render() == lines


@pytest.mark.parametrize(
    ("way", "typed", "expected"), ACCEPTED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_no_takes_a_command_back(way: tuple[str, ...], typed: str, expected: str | None) -> None:
    if typed.startswith("interface") and not typed.lower().startswith(("interface tunnel", "interface loopback")):
        pytest.skip("hardware cannot be removed")
    session = entered(way)
    where = session.section
    session.enter(typed)
    opposite = typed.removeprefix("no ") if typed.startswith("no ") else f"no {typed}"
    assert not session.enter(opposite).refused
    assert (expected or typed) not in [statement.text for statement in where.statements()]


@pytest.mark.parametrize(("way", "typed"), DEFAULTS)
def test_what_is_so_anyway_is_not_shown(way: tuple[str, ...], typed: str) -> None:
    session = entered(way)
    before = session.tree.render()
    assert not session.enter(typed).refused
    assert (session.tree.render() == before) is (typed not in SHOWN)
    if typed in SHOWN:
        assert typed in [line.strip() for line in session.tree.render()]
        assert not session.enter(f"default {typed}").refused
        assert session.tree.render() == before


@pytest.mark.parametrize(("way", "typed"), UNDERSTOOD, ids=lambda value: value if isinstance(value, str) else "")
def test_help_leads_to_every_word_of_a_command(way: tuple[str, ...], typed: str) -> None:
    """A `?` in front of each word lists it, or a place for it."""
    words = typed.split()
    session = entered(way)
    for count, word in enumerate(words):
        begun = "".join(f"{before} " for before in words[:count])
        offered = {row.split()[0] for row in session.help(begun)}
        places = {row for row in offered if not row[0].islower() or row in ("eq", "range")}
        assert word.lower() in offered or places, f"{begun}?"


@pytest.mark.parametrize(("way", "typed"), UNDERSTOOD, ids=lambda value: value if isinstance(value, str) else "")
def test_a_command_may_be_cut_short(way: tuple[str, ...], typed: str) -> None:
    """Each keyword without its last letter means the same, where that is unique."""
    session = entered(way)
    mode = session.mode.name
    meant = LANGUAGE.interpret(mode, typed)
    words = typed.split()
    for place, word in enumerate(words):
        if (
            len(word) > 3
            and session.complete(" ".join([*words[:place], word[:-1]])) == " ".join(words[: place + 1]) + " "
        ):
            assert LANGUAGE.interpret(mode, " ".join([*words[:place], word[:-1], *words[place + 1 :]])) == meant


@pytest.mark.parametrize(
    ("way", "typed", "column"), REJECTED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_wrong_command_gets_the_error_of_ios(way: tuple[str, ...], typed: str, column: int | None) -> None:
    session = entered(way)
    before = session.tree.copy()
    result = session.enter(typed)
    assert result.refused
    assert list(result.output_lines) == ([INCOMPLETE, ""] if column is None else [" " * column + "^", INVALID, ""])
    assert session.tree == before


@pytest.mark.parametrize(("typed", "short"), EXEC)
def test_a_command_of_the_exec_prompt_is_understood_in_full_and_cut(typed: str, short: str) -> None:
    full = PARSER.match(typed)
    assert not isinstance(full, CliError)
    assert PARSER.match(short) == full
