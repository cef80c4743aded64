"""For each rule of `dmvpn lint` the smallest mistake that it is about, and the same network without it.

A case is a whole network and a few edits of its lines. Three networks are enough for most: one in clear with EIGRP, the
same protected, and one with OSPF; all of them are phase 3, and clean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import LintFinding, Severity
from dmvpn.base.placeholder import BLANKS
from dmvpn.network.lines import after
from dmvpn.tools.lint import Site, lint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Network = dict[str, str]

_CRYPTO = """\
crypto ikev2 proposal P
 encryption aes-cbc-256
 integrity sha256
 group 19
!
crypto ikev2 policy P
 proposal P
!
crypto ikev2 keyring K
 peer HUB
  address 198.51.100.1
  pre-shared-key hub-key-of-tests
 !
 peer SPOKE1
  address 203.0.113.10
  pre-shared-key spoke-key-of-tests
 !
!
crypto ikev2 profile P
 match identity remote address 0.0.0.0
 authentication local pre-share
 authentication remote pre-share
 keyring local K
!
crypto ipsec transform-set TS esp-gcm 256
 mode transport
!
crypto ipsec profile P
 set transform-set TS
 set pfs group19
 set ikev2-profile P
!
"""
_TUNNEL = """\
interface Tunnel0
 bandwidth 10000
 ip address {address} 255.255.255.0
 ip mtu 1400
 ip nhrp authentication NHRPKEY
{nhrp} ip tcp adjust-mss 1360
 tunnel source GigabitEthernet1
 tunnel mode gre multipoint
 tunnel key 100
!
interface GigabitEthernet1
 ip address {nbma} 255.255.255.0
!
interface GigabitEthernet2
 ip address {lan} 255.255.255.0
!
router eigrp 100
 network 10.0.0.0 0.0.0.255
 network {lan} 0.0.0.255
!
ip route 0.0.0.0 0.0.0.0 {gateway}
"""
_HUB = """\
 ip nhrp map multicast dynamic
 ip nhrp network-id 1
 ip nhrp redirect
"""
_SPOKE = """\
 ip nhrp map 10.0.0.1 198.51.100.1
 ip nhrp map multicast 198.51.100.1
 ip nhrp network-id 1
 ip nhrp holdtime 600
 ip nhrp nhs 10.0.0.1
 ip nhrp registration timeout 200
 ip nhrp shortcut
"""


def _router(name: str, number: int, nbma: str, nhrp: str) -> str:
    gateway = nbma.rsplit(".", 1)[0] + ".254"
    body = _TUNNEL.format(address=f"10.0.0.{number}", nbma=nbma, lan=f"192.168.{number}.1", nhrp=nhrp, gateway=gateway)
    return f"hostname {name}\n!\n{body}"


#: Phase 3, EIGRP, in clear.
CLEAR: Network = {
    "HUB": _router("HUB", 1, "198.51.100.1", _HUB).replace(
        " ip nhrp authentication", " no ip split-horizon eigrp 100\n ip nhrp authentication"
    ),
    "SPOKE1": _router("SPOKE1", 10, "203.0.113.10", _SPOKE),
    "SPOKE2": _router("SPOKE2", 20, "203.0.113.20", _SPOKE),
}


def found(network: Network, rule: str) -> list[LintFinding]:
    """Return what a rule finds."""
    return [one for one in lint(network) if one.rule == rule]


def bad(network: Network) -> list[tuple[str, str]]:
    """Return the files and the rules of all that is more than advice."""
    return [(one.file, one.rule) for one in lint(network) if one.severity is not Severity.ADVICE]


def edited(network: Mapping[str, str], **edits: list[tuple[str, str]]) -> Network:
    """Return a network with other lines: per router, what is replaced by what (all of it, and it has to be there)."""
    result = dict(network)
    for name, pairs in edits.items():
        for old, new in pairs:
            if old not in result[name]:
                raise AssertionError(f"{name} has no {old!r}")
            result[name] = result[name].replace(old, new)
    return result


def below(line: str, *more: str) -> tuple[str, str]:
    """Return an edit that puts lines under one."""
    return f"{line}\n", "\n".join([line, *more, ""])


_SECOND_SERVER = below(" ip nhrp nhs 10.0.0.1", " ip nhrp nhs 10.0.0.2 nbma 198.51.100.2 multicast")
#: The same with a second hub and a third spoke.
DUAL: Network = edited(
    {
        **CLEAR,
        "HUB2": CLEAR["HUB"]
        .replace("hostname HUB", "hostname HUB2")
        .replace("10.0.0.1 ", "10.0.0.2 ")
        .replace("198.51.100.1 ", "198.51.100.2 ")
        .replace("192.168.1.1", "192.168.2.1"),
        "SPOKE3": _router("SPOKE3", 30, "203.0.113.30", _SPOKE),
    },
    SPOKE1=[_SECOND_SERVER],
    SPOKE2=[_SECOND_SERVER],
    SPOKE3=[_SECOND_SERVER],
)
_NAT_INSIDE, _NAT_OUTSIDE = " ip nat inside\n", " ip nat outside\n"
#: A spoke that lets its LAN into the Internet.
TRANSLATING: Network = edited(
    CLEAR,
    SPOKE1=[
        ("interface GigabitEthernet2\n", f"interface GigabitEthernet2\n{_NAT_INSIDE}"),
        ("interface GigabitEthernet1\n", f"interface GigabitEthernet1\n{_NAT_OUTSIDE}"),
        (
            "!\nip route",
            "!\nip access-list extended LAN\n permit ip 192.168.10.0 0.0.0.255 any\n!\n"
            "ip nat inside source list LAN interface GigabitEthernet1 overload\nip route",
        ),
    ],
)


def everywhere(network: Mapping[str, str], *pairs: tuple[str, str]) -> Network:
    """Return the same edits on every router."""
    return edited(network, **{name: list(pairs) for name in network})


_PROTECTED = (
    below(" tunnel key 100", " tunnel protection ipsec profile P"),
    ("ip route 0.0.0.0", "ip route 192.168.0.0 255.255.0.0 Null0 254\nip route 0.0.0.0"),
    ("!\ninterface Tunnel0", f"!\n{_CRYPTO}interface Tunnel0"),
)
#: The same, protected by a key for each pair of routers.
SEALED: Network = {
    name: text.replace("crypto ikev2 profile P", "crypto ikev2 profile P", 1)
    for name, text in everywhere(CLEAR, *_PROTECTED).items()
}
#: Everybody may know everybody: one key for all, as the examples have it.
SEALED = everywhere(
    SEALED,
    (
        "  address 203.0.113.10\n  pre-shared-key spoke-key-of-tests",
        "  address 203.0.113.0 255.255.255.0\n  pre-shared-key hub-key-of-tests",
    ),
)
_AS_OSPF = (
    ("router eigrp 100\n network 10.0.0.0 0.0.0.255\n", "router ospf 1\n network 10.0.0.0 0.0.0.255 area 0\n"),
    ("0.0.0.255\n!\nip route", "0.0.0.255 area 0\n!\nip route"),
    below(" ip nhrp network-id 1", " ip ospf network point-to-multipoint"),
)
#: Phase 3 with OSPF; the same with two hubs and three spokes.
OSPF: Network = everywhere(CLEAR, *_AS_OSPF)
DUAL_OSPF: Network = everywhere(DUAL, *_AS_OSPF)
#: Phase 3 with RIP, whose `network` lines are classful.
RIP: Network = everywhere(
    CLEAR,
    (
        "router eigrp 100\n network 10.0.0.0 0.0.0.255\n",
        "router rip\n version 2\n no auto-summary\n network 10.0.0.0\n",
    ),
    (".1 0.0.0.255\n!\nip route", ".0\n!\nip route"),
)
RIP = edited(RIP, HUB=[("no ip split-horizon eigrp 100", "no ip split-horizon")])
_SEALED_RIP = (
    below(" ip mtu 1400", " ip rip authentication mode md5", " ip rip authentication key-chain KEYS"),
    ("router rip", "key chain KEYS\n key 1\n  key-string rip-key-of-tests\n!\nrouter rip"),
)
#: Phase 2 with OSPF: a broadcast network in which spokes are never elected.
ELECTED: Network = edited(
    everywhere(OSPF, ("point-to-multipoint", "broadcast")),
    HUB=[(" ip nhrp redirect\n", "")],
    SPOKE1=[(" ip nhrp shortcut\n", " ip ospf priority 0\n")],
    SPOKE2=[(" ip nhrp shortcut\n", " ip ospf priority 0\n")],
)
#: Phase 2 with EIGRP.
PHASE2: Network = edited(
    CLEAR,
    HUB=[(" ip nhrp redirect\n", ""), below(" no ip split-horizon eigrp 100", " no ip next-hop-self eigrp 100")],
    SPOKE1=[(" ip nhrp shortcut\n", "")],
    SPOKE2=[(" ip nhrp shortcut\n", "")],
)


def _speaking_bgp(number: int, system: int, *neighbors: str) -> list[tuple[str, str]]:
    lan = f" network 192.168.{number}.1 0.0.0.255\n"
    lines = "".join(f" neighbor {neighbor}\n" for neighbor in neighbors)
    said = f"router bgp {system}\n{lines} network 192.168.{number}.0\n"
    return [(f"router eigrp 100\n network 10.0.0.0 0.0.0.255\n{lan}", said)]


#: Phase 3 with external BGP.
BGP: Network = edited(
    CLEAR,
    HUB=[
        *_speaking_bgp(1, 65000, "10.0.0.10 remote-as 65010", "10.0.0.20 remote-as 65020"),
        (" no ip split-horizon eigrp 100\n", ""),
    ],
    SPOKE1=_speaking_bgp(10, 65010, "10.0.0.1 remote-as 65000"),
    SPOKE2=_speaking_bgp(20, 65020, "10.0.0.1 remote-as 65000"),
)
_TO_POINT = (" tunnel mode gre multipoint\n", " tunnel destination 198.51.100.1\n")
#: Phase 1: point-to-point spokes of a hub that sends redirects, as in many examples.
PHASE1: Network = edited(
    CLEAR,
    SPOKE1=[(" ip nhrp shortcut\n", ""), _TO_POINT],
    SPOKE2=[(" ip nhrp shortcut\n", ""), _TO_POINT],
)
_SECOND = """\
interface Tunnel1
 bandwidth 10000
 ip address 10.1.0.10 255.255.255.0
 ip mtu 1400
 ip nhrp network-id 2
 ip nhrp nhs 10.1.0.1 nbma 198.51.100.2 multicast
 ip nhrp shortcut
 ip tcp adjust-mss 1360
 tunnel source GigabitEthernet1
 tunnel mode gre multipoint
 tunnel key 200
 tunnel protection ipsec profile P shared
!
interface GigabitEthernet1
"""
#: A second tunnel on SPOKE1, to a hub that is not here.
TWO_TUNNELS: Network = edited(
    SEALED,
    SPOKE1=[
        ("ipsec profile P\n!\ninterface Gig", "ipsec profile P shared\n!\ninterface Gig"),
        ("interface GigabitEthernet1\n", _SECOND),
    ],
)
_BEHIND_NAT = {
    "HUB": Site(),
    "SPOKE1": Site(nat="port-restricted", public=IPv4Address("192.0.2.1")),
    "SPOKE2": Site(nat="port-restricted", public=IPv4Address("192.0.2.2")),
}
_SYMMETRIC = {**_BEHIND_NAT, "SPOKE1": Site(nat="symmetric", public=IPv4Address("192.0.2.1"))}
_ONE_CONE = {**_SYMMETRIC, "SPOKE2": Site(nat="cone", public=IPv4Address("192.0.2.2"))}
_ONE_NAT = {**_BEHIND_NAT, "SPOKE2": Site(nat="port-restricted", public=IPv4Address("192.0.2.1"))}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One mistake.

    at: the router and how the line begins that is pointed at.
    first: nothing is named before it.
    """

    rule: str
    bad: Network
    good: Network
    at: tuple[str, str]
    sites: Mapping[str, Site] = field(default_factory=dict)
    good_sites: Mapping[str, Site] | None = None
    first: bool = True


def case(
    rule: str,
    router: str,
    line: str,
    *pairs: tuple[str, str],
    base: Network = CLEAR,
    good: Network | None = None,
    first: bool = True,
) -> Case:
    """Return a case whose mistake is at one router."""
    bad = edited(base, **{router: list(pairs)})
    return Case(rule=rule, bad=bad, good=good if good is not None else base, at=(router, line), first=first)


_MATCHING = (
    " match identity remote address 192.0.2.7",
    " authentication local pre-share",
    " authentication remote pre-share",
    " keyring local K",
)
_MD5 = (" ip authentication mode eigrp 100 md5", " ip authentication key-chain eigrp 100 KEYS")
_CHAIN = ("!\ninterface Tunnel0", "!\nkey chain KEYS\n key 1\n  key-string eigrp-key-of-tests\n!\ninterface Tunnel0")
#: EIGRP authenticates everywhere.
SIGNED: Network = everywhere(CLEAR, below(" ip mtu 1400", *_MD5), _CHAIN)

#: Protected, with the WAN in a front-door VRF.
FRONT: Network = everywhere(
    SEALED,
    (
        "!\ninterface Tunnel0",
        "!\nvrf definition INET\n address-family ipv4\n exit-address-family\n!\ninterface Tunnel0",
    ),
    below(" tunnel key 100", " tunnel vrf INET"),
    below("interface GigabitEthernet1", " vrf forwarding INET"),
    ("ip route 0.0.0.0", "ip route vrf INET 0.0.0.0"),
    below("crypto ikev2 profile P", " match fvrf INET"),
)

_WAN_LIST: Final = "!\nip access-list extended WAN-IN\n permit gre any any\n permit icmp any any\n!\nip route"
#: A spoke that lets in its tunnel and pings.
FILTERED: Network = edited(
    CLEAR,
    SPOKE1=[below("interface GigabitEthernet1", " ip access-group WAN-IN in"), ("!\nip route", _WAN_LIST)],
)


def _list(*entries: str) -> tuple[str, str]:
    """Return an edit that adds the list LAN."""
    return "!\nip access-list", "\n ".join(("!\nip access-list extended LAN", *entries)) + "\n!\nip access-list"


_ON_LAN: Final = below("interface GigabitEthernet2", " ip access-group LAN in")
_ON_TUNNEL: Final = below(" ip mtu 1400", " ip access-group LAN in")


_WAN_IN = "ip access-list extended WAN-IN\n permit udp any any eq isakmp\n"

CASES: tuple[Case, ...] = (
    # Lines
    case("line-refused", "SPOKE1", " tunnel mode", (" gre multipoint", " gre multiprotocol")),
    case("line-kept", "SPOKE1", " ip nhrp interest", below(" ip mtu 1400", " ip nhrp interest 101")),
    case("line-unknown", "SPOKE1", "frobnicate", ("ip route 0.0.0.0", "frobnicate all\nip route 0.0.0.0")),
    case("line-not-here", "SPOKE1", " ip pim", below(" ip mtu 1400", " ip pim sparse-mode")),
    case("vrf-undefined", "SPOKE1", " tunnel vrf", below(" tunnel key 100", " tunnel vrf INET")),
    case("tunnel-vrf-of-source", "SPOKE1", " tunnel source", (" tunnel vrf INET\n", ""), base=FRONT),
    case("ikev2-profile-other-vrf", "SPOKE1", "crypto ikev2 profile", (" match fvrf INET\n", ""), base=FRONT),
    case("front-door-without-route", "SPOKE1", " tunnel vrf", ("ip route vrf INET 0.0.0.0", "!ip route "), base=FRONT),
    case("static-route-other-vrf", "SPOKE1", "ip route 0.0.0.0", ("ip route vrf INET 0", "ip route 0"), base=FRONT),
    case(
        "isakmp-keys-other-vrf",
        "SPOKE1",
        " tunnel vrf",
        (" set ikev2-profile P\n", ""),
        ("crypto ikev2 profile P\n match fvrf INET\n match identity remote address 0.0.0.0\n", ""),
        (" authentication local pre-share\n authentication remote pre-share\n keyring local K\n", ""),
        (
            "crypto ipsec transform-set",
            "crypto isakmp key of-the-global-table address 0.0.0.0\n!\ncrypto ipsec transform-set",
        ),
        base=FRONT,
        first=False,
    ),
    case(
        "vrf-process-without-interface",
        "SPOKE1",
        "router ospf 9",
        (
            "!\ninterface Tunnel0",
            "!\nvrf definition OTHER\n address-family ipv4\n exit-address-family\n!\ninterface Tunnel0",
        ),
        ("!\nrouter eigrp", "!\nrouter ospf 9 vrf OTHER\n network 10.0.0.0 0.255.255.255 area 0\n!\nrouter eigrp"),
        base=FRONT,
    ),
    case(
        "vrfs-share-credentials",
        "HUB",
        " tunnel protection",
        (
            "!\ninterface Tunnel0",
            "".join(
                f"!\nvrf definition {vrf}\n address-family ipv4\n exit-address-family\n!\ninterface Tunnel{number}\n"
                f" vrf forwarding {vrf}\n ip address 10.9.{number}.1 255.255.255.0\n ip nhrp network-id {number}\n"
                " tunnel source GigabitEthernet1\n tunnel mode gre multipoint\n"
                f" tunnel key {number}\n tunnel protection ipsec profile P shared\n"
                for number, vrf in ((1, "BLUE"), (2, "RED"))
            )
            + "!\ninterface Tunnel0",
        ),
        base=SEALED,
        first=False,
    ),
    case(
        "policy-map-undefined",
        "HUB",
        " ip nhrp map group",
        below(" ip mtu 1400", " ip nhrp map group BRONZE service-policy output SHAPE"),
        good=edited(
            CLEAR,
            HUB=[
                below(" ip mtu 1400", " ip nhrp map group BRONZE service-policy output SHAPE"),
                (
                    "!\ninterface Tunnel0",
                    "!\npolicy-map SHAPE\n class class-default\n  shape average 1000000\n!\ninterface Tunnel0",
                ),
            ],
        ),
    ),
    case(
        "ipsec-profile-undefined",
        "SPOKE1",
        " tunnel protection",
        ("ipsec profile P\n!\ninterface", "ipsec profile TYPO\n!\ninterface"),
        base=SEALED,
    ),
    case(
        "ike-profile-undefined",
        "SPOKE1",
        " set ikev2-profile",
        ("set ikev2-profile P", "set ikev2-profile TYPO"),
        base=SEALED,
    ),
    case(
        "ike-profile-missing",
        "SPOKE1",
        "crypto ipsec profile",
        (" set ikev2-profile P\n", ""),
        below("crypto ipsec transform-set TS esp-gcm 256", " mode transport", "crypto ikev2 profile Q", *_MATCHING),
        base=SEALED,
        good=edited(SEALED, SPOKE1=[(" set ikev2-profile P\n", "")]),
        first=False,
    ),
    case(
        "trustpoint-undefined",
        "SPOKE1",
        " pki trustpoint",
        below(" keyring local K", " pki trustpoint CA"),
        (" authentication local pre-share", " authentication local rsa-sig"),
        base=SEALED,
        first=False,
        good=edited(
            SEALED,
            SPOKE1=[
                below(" keyring local K", " pki trustpoint CA"),
                (
                    "!\ncrypto ikev2 proposal",
                    "!\ncrypto pki trustpoint CA\n enrollment terminal\n!\ncrypto ikev2 proposal",
                ),
            ],
        ),
    ),
    case(
        "list-undefined",
        "SPOKE1",
        " match ip address prefix-list",
        ("!\nip route", "!\nroute-map OUT permit 10\n match ip address prefix-list TYPO\n!\nip route"),
        good=edited(
            CLEAR,
            SPOKE1=[
                (
                    "!\nip route",
                    "!\nip prefix-list TYPO permit 10.0.0.0/8\n!\nroute-map OUT permit 10\n"
                    " match ip address prefix-list TYPO\n!\nip route",
                )
            ],
        ),
    ),
    case(
        "route-map-undefined",
        "SPOKE1",
        "router ospf",
        below("router ospf 1", " redistribute static subnets route-map TYPO"),
        base=OSPF,
    ),
    # Tunnels
    case("tunnel-source-missing", "SPOKE1", "interface Tunnel0", (" tunnel source GigabitEthernet1\n", "")),
    case("tunnel-destination-missing", "SPOKE1", "interface Tunnel0", (" tunnel mode gre multipoint\n", "")),
    case(
        "tunnel-destination-multipoint",
        "SPOKE1",
        " tunnel destination",
        below(" tunnel key 100", " tunnel destination 198.51.100.1"),
    ),
    case("tunnel-key-shared", "SPOKE1", " tunnel key", (" tunnel key 200\n", " tunnel key 100\n"), base=TWO_TUNNELS),
    case("tunnel-protection-not-shared", "SPOKE1", " tunnel protection", (" shared", ""), base=TWO_TUNNELS),
    case(
        "tunnel-profiles-differ",
        "SPOKE1",
        " tunnel protection",
        ("key 200\n tunnel protection ipsec profile P", "key 200\n tunnel protection ipsec profile Q"),
        (
            "crypto ipsec profile P\n",
            "crypto ipsec profile Q\n set transform-set TS\n set ikev2-profile P\n!\ncrypto ipsec profile P\n",
        ),
        base=TWO_TUNNELS,
    ),
    case(
        "tunnel-multipoint-without-nhrp",
        "SPOKE1",
        " tunnel mode",
        (_SPOKE, ""),
        (" ip nhrp authentication NHRPKEY\n", ""),
    ),
    case("tunnel-key-differs", "SPOKE1", " tunnel key", ("tunnel key 100", "tunnel key 200")),
    case(
        "tunnel-hub-point-to-point",
        "HUB",
        " tunnel destination",
        (" tunnel mode gre multipoint\n", " tunnel destination 203.0.113.10\n"),
    ),
    case(
        "tunnel-destination-differs",
        "SPOKE1",
        " tunnel destination",
        ("tunnel destination 198.51.100.1", "tunnel destination 198.51.100.9"),
        base=PHASE1,
    ),
    case("tunnel-ttl-short", "SPOKE1", " tunnel ttl 10", below(" ip mtu 1400", " tunnel ttl 10")),
    case("tunnel-keepalive", "SPOKE1", " keepalive", below(" ip mtu 1400", " keepalive 5 3")),
    case(
        "tunnel-source-undefined",
        "SPOKE1",
        " tunnel source",
        ("tunnel source GigabitEthernet1", "tunnel source Loopback7"),
    ),
    # Addresses
    case("address-duplicate", "SPOKE2", " ip address 10.0.0.10", ("ip address 10.0.0.20", "ip address 10.0.0.10")),
    case(
        "tunnel-mask-differs",
        "SPOKE1",
        " ip address 10.0.0.10",
        ("10.0.0.10 255.255.255.0", "10.0.0.10 255.255.255.248"),
    ),
    case("tunnel-address-missing", "SPOKE1", "interface Tunnel0", (" ip address 10.0.0.10 255.255.255.0\n", "")),
    # NHRP
    case("nhrp-network-id-missing", "SPOKE1", "interface Tunnel0", (" ip nhrp network-id 1\n", "")),
    Case(
        rule="nhrp-password-long",
        bad=everywhere(CLEAR, ("NHRPKEY", "NHRPKEY26")),
        good=everywhere(CLEAR, ("NHRPKEY", "NHRPKEY2")),
        at=("HUB", " ip nhrp authentication"),
    ),
    case("nhrp-registration-expires", "SPOKE1", " ip nhrp registration timeout", ("timeout 200", "timeout 900")),
    case(
        "nhrp-registration-slow",
        "SPOKE1",
        " ip nhrp registration timeout",
        ("timeout 200", "timeout 301"),
        good=edited(CLEAR, SPOKE1=[("timeout 200", "timeout 300")]),
    ),
    case("nhrp-redirect-on-spoke", "SPOKE1", " ip nhrp redirect", below(" ip nhrp shortcut", " ip nhrp redirect")),
    case(
        "nhrp-multicast-stray",
        "SPOKE1",
        " ip nhrp map multicast",
        below(" ip nhrp map multicast 198.51.100.1", " ip nhrp map multicast 198.51.100.9"),
    ),
    case("nhrp-if-state-without-nhs", "HUB", " if-state nhrp", below(" ip mtu 1400", " if-state nhrp")),
    case("nhrp-nhs-without-nbma", "SPOKE1", " ip nhrp nhs", (" ip nhrp map 10.0.0.1 198.51.100.1\n", "")),
    case("nhrp-nhs-missing", "SPOKE1", " ip nhrp map 10.0.0.1", (" ip nhrp nhs 10.0.0.1\n", "")),
    case(
        "nhrp-nhs-self",
        "SPOKE1",
        " ip nhrp nhs",
        ("nhrp nhs 10.0.0.1\n", "nhrp nhs 10.0.0.10 nbma 198.51.100.1 multicast\n"),
    ),
    case(
        "nhrp-nhs-one-less",
        "SPOKE3",
        " ip nhrp nhs",
        (" ip nhrp nhs 10.0.0.2 nbma 198.51.100.2 multicast\n", ""),
        base=DUAL,
    ),
    Case(
        rule="nhrp-nhs-off-subnet",
        bad={
            "SPOKE1": edited(CLEAR, SPOKE1=[("10.0.0.1 198", "10.0.9.1 198"), ("nhs 10.0.0.1\n", "nhs 10.0.9.1\n")])[
                "SPOKE1"
            ]
        },
        good={"SPOKE1": CLEAR["SPOKE1"]},
        at=("SPOKE1", " ip nhrp nhs"),
    ),
    case(
        "nhrp-nhs-nobody",
        "SPOKE1",
        " ip nhrp nhs",
        ("map 10.0.0.1 198", "map 10.0.0.9 198"),
        ("nhs 10.0.0.1\n", "nhs 10.0.0.9\n"),
    ),
    case(
        "nhrp-nhs-is-client",
        "SPOKE1",
        " ip nhrp nhs",
        ("map 10.0.0.1 198.51.100.1", "map 10.0.0.20 203.0.113.20"),
        ("multicast 198.51.100.1", "multicast 203.0.113.20"),
        ("nhs 10.0.0.1\n", "nhs 10.0.0.20\n"),
    ),
    case(
        "nhrp-map-wrong",
        "SPOKE1",
        " ip nhrp map 10.0.0.1",
        ("map 10.0.0.1 198.51.100.1", "map 10.0.0.1 198.51.100.9"),
        ("multicast 198.51.100.1", "multicast 198.51.100.9"),
    ),
    case("tunnel-source-other-port", "HUB", " tunnel source", ("source GigabitEthernet1", "source GigabitEthernet2")),
    case("nhrp-authentication-differs", "SPOKE1", " ip nhrp authentication", ("NHRPKEY", "OTHER")),
    case(
        "nhrp-unique-with-dhcp",
        "SPOKE1",
        "interface Tunnel0",
        ("ip address 203.0.113.10 255.255.255.0", "ip address dhcp"),
        good=edited(
            CLEAR,
            SPOKE1=[
                ("ip address 203.0.113.10 255.255.255.0", "ip address dhcp"),
                below(" ip mtu 1400", " ip nhrp registration no-unique"),
            ],
        ),
    ),
    case("nhrp-nbma-unreachable", "SPOKE1", " ip nhrp nhs", ("ip route 0.0.0.0 0.0.0.0 203.0.113.254\n", "")),
    # IKE
    case("ikev2-keyring-undefined", "SPOKE1", " keyring local", ("keyring local K", "keyring local TYPO"), base=SEALED),
    case(
        "ikev2-proposal-undefined",
        "SPOKE1",
        " proposal",
        ("policy P\n proposal P", "policy P\n proposal TYPO"),
        base=SEALED,
    ),
    case("ikev2-profile-incomplete", "SPOKE1", "crypto ikev2 profile", (" keyring local K\n", ""), base=SEALED),
    case(
        "ike-key-for-everybody",
        "SPOKE1",
        "  address 0.0.0.0",
        ("address 203.0.113.0 255.255.255.0", "address 0.0.0.0 0.0.0.0"),
        base=SEALED,
    ),
    case(
        "ike-version-1",
        "SPOKE1",
        "crypto isakmp profile",
        (
            "crypto ipsec transform-set TS",
            "crypto isakmp profile OLD\n match identity address 198.51.100.1\n!\ncrypto ipsec transform-set TS",
        ),
        base=SEALED,
    ),
    case(
        "isakmp-weak-algorithms",
        "SPOKE1",
        "crypto isakmp policy 20",
        (
            "crypto ipsec transform-set TS",
            "crypto engine compliance shield disable\ncrypto isakmp policy 20\n encryption 3des\n group 14\n"
            "!\ncrypto ipsec transform-set TS",
        ),
        base=SEALED,
    ),
    case(
        "isakmp-policy-left-out",
        "SPOKE1",
        "crypto isakmp policy 20",
        (
            "crypto ipsec transform-set TS",
            "crypto isakmp policy 20\n encryption des\n group 14\n!\ncrypto ipsec transform-set TS",
        ),
        base=SEALED,
    ),
    case(
        "ike-name-not-proved",
        "HUB",
        "  address 203.0.113.0",
        below(" ip nhrp network-id 1", " ip nhrp bind identity"),
        base=SEALED,
    ),
    case(
        "ipsec-transform-set-undefined",
        "SPOKE1",
        " set transform-set",
        ("set transform-set TS", "set transform-set TYPO"),
        base=SEALED,
    ),
    case(
        "ipsec-transform-set-weak",
        "SPOKE1",
        "crypto ipsec transform-set",
        ("esp-gcm 256", "esp-3des esp-md5-hmac"),
        base=SEALED,
    ),
    Case(
        rule="ipsec-tunnel-mode",
        bad=everywhere(SEALED, (" mode transport\n", "")),
        good=SEALED,
        at=("HUB", "crypto ipsec transform-set"),
    ),
    case("ipsec-one-sided", "SPOKE1", "interface Tunnel0", (" tunnel protection ipsec profile P\n", ""), base=SEALED),
    case("ike-proposals-differ", "SPOKE1", "crypto ikev2 proposal", (" group 19\n!", " group 14\n!"), base=SEALED),
    case(
        "ike-key-differs",
        "SPOKE1",
        "crypto ikev2 keyring",
        (
            "address 198.51.100.1\n  pre-shared-key hub-key-of-tests",
            "address 198.51.100.1\n  pre-shared-key other-key-of-tests",
        ),
        base=SEALED,
    ),
    case(
        "ike-key-missing",
        "SPOKE1",
        "crypto ikev2 keyring",
        ("address 198.51.100.1\n  pre-shared-key", "address 198.51.100.9\n  pre-shared-key"),
        base=SEALED,
    ),
    case(
        "ike-key-of-a-pair",
        "SPOKE1",
        "crypto ikev2 keyring",
        ("address 203.0.113.0 255.255.255.0", "address 203.0.113.99"),
        base=SEALED,
        first=False,
    ),
    case(
        "ike-profile-unmatched",
        "HUB",
        " match identity",
        ("remote address 0.0.0.0", "remote address 192.0.2.1 255.255.255.255"),
        base=SEALED,
    ),
    case(
        "ike-authentication-differs",
        "HUB",
        " authentication remote",
        (" authentication remote pre-share", " authentication remote rsa-sig"),
        base=SEALED,
    ),
    case(
        "ipsec-transforms-differ",
        "SPOKE1",
        " set transform-set",
        ("esp-gcm 256", "esp-aes 256 esp-sha256-hmac"),
        base=SEALED,
    ),
    case("ipsec-mode-differs", "SPOKE1", "crypto ipsec transform-set", (" mode transport\n", ""), base=SEALED),
    case("ipsec-pfs-differs", "SPOKE1", " set pfs", ("set pfs group19", "set pfs group14"), base=SEALED),
    # EIGRP and OSPF
    case(
        "eigrp-key-chain-undefined",
        "SPOKE1",
        " ip authentication key-chain",
        ("key chain KEYS", "key chain TYPO"),
        base=SIGNED,
        first=False,
    ),
    case(
        "eigrp-authentication-half",
        "SPOKE1",
        " ip authentication mode",
        (" ip authentication key-chain eigrp 100 KEYS\n", ""),
        base=SIGNED,
        first=False,
    ),
    case(
        "eigrp-hmac-hidden",
        "SPOKE1",
        "   authentication mode",
        (
            "router eigrp 100\n",
            "router eigrp NAME\n address-family ipv4 unicast autonomous-system 100\n"
            "  af-interface Tunnel0\n   authentication mode hmac-sha-256 7 094F471A1A0A\n  exit-af-interface\n",
        ),
        first=False,
    ),
    case(
        "eigrp-hold-time-short",
        "SPOKE1",
        " ip hello-interval",
        below(" ip mtu 1400", " ip hello-interval eigrp 100 20"),
    ),
    case(
        "eigrp-authentication-differs",
        "SPOKE1",
        " ip authentication key-chain",
        ("eigrp-key-of-tests", "other"),
        base=SIGNED,
    ),
    case(
        "ospf-dead-interval-short",
        "SPOKE1",
        " ip ospf dead-interval",
        below(" ip mtu 1400", " ip ospf dead-interval 30"),
        base=OSPF,
    ),
    case(
        "track-missing-object",
        "SPOKE1",
        "ip route 172.30.0.0",
        ("ip route 0.0.0.0", "ip route 172.30.0.0 255.255.0.0 10.0.0.1 track 7\nip route 0.0.0.0"),
    ),
    case(
        "track-missing-operation",
        "SPOKE1",
        "track 1 ip sla",
        ("ip route 0.0.0.0", "ip sla 1\n icmp-echo 10.0.0.1\ntrack 1 ip sla 1 reachability\nip route 0.0.0.0"),
    ),
    case(
        "route-target-inert",
        "SPOKE1",
        "vrf definition BLUE",
        (
            "ip route 0.0.0.0",
            "vrf definition BLUE\n rd 1:1\n route-target import 1:2\n"
            "vrf definition RED\n rd 1:2\n route-target export 1:2\nip route 0.0.0.0",
        ),
    ),
    case("routing-process-differs", "SPOKE1", "router eigrp", ("router eigrp 100", "router eigrp 200")),
    case("routing-one-sided", "SPOKE1", "interface Tunnel0", (" network 10.0.0.0 0.0.0.255\n", "")),
    case("nhrp-multicast-missing", "SPOKE1", " ip nhrp nhs", (" ip nhrp map multicast 198.51.100.1\n", "")),
    case("nhrp-multicast-dynamic-missing", "HUB", "interface Tunnel0", (" ip nhrp map multicast dynamic\n", "")),
    case("tunnel-bandwidth-default", "SPOKE1", "interface Tunnel0", (" bandwidth 10000\n", "")),
    Case(
        rule="ospf-network-type-default",
        bad=everywhere(OSPF, (" ip ospf network point-to-multipoint\n", "")),
        good=OSPF,
        at=("HUB", "interface Tunnel0"),
    ),
    case(
        "ospf-network-type-differs", "SPOKE1", " ip ospf network", ("point-to-multipoint", "point-to-point"), base=OSPF
    ),
    case(
        "ospf-timers-differ",
        "SPOKE1",
        " ip ospf hello-interval",
        below(" ip mtu 1400", " ip ospf hello-interval 10"),
        base=OSPF,
    ),
    case(
        "ospf-area-differs",
        "SPOKE1",
        " network 10.0.0.0",
        ("10.0.0.0 0.0.0.255 area 0", "10.0.0.0 0.0.0.255 area 1"),
        base=OSPF,
    ),
    case(
        "ospf-authentication-differs",
        "SPOKE1",
        " ip ospf authentication",
        below(" ip mtu 1400", " ip ospf authentication message-digest", " ip ospf message-digest-key 1 md5 ospf-key"),
        base=OSPF,
    ),
    case(
        "bgp-neighbor-one-sided",
        "HUB",
        "router bgp 65000",
        (" neighbor 10.0.0.10 remote-as 65010\n", ""),
        base=BGP,
    ),
    case("bgp-as-differs", "SPOKE1", " neighbor 10.0.0.1", ("remote-as 65000", "remote-as 64999"), base=BGP),
    case(
        "bgp-password-differs",
        "SPOKE1",
        " neighbor 10.0.0.1",
        below(" neighbor 10.0.0.1 remote-as 65000", " neighbor 10.0.0.1 password bgp-password-of-tests"),
        base=BGP,
    ),
    case(
        "bgp-neighbor-shutdown",
        "SPOKE1",
        " neighbor 10.0.0.1 shutdown",
        below(" neighbor 10.0.0.1 remote-as 65000", " neighbor 10.0.0.1 shutdown"),
        base=BGP,
    ),
    case(
        "ospf-ttl-security-differs",
        "SPOKE1",
        " ip ospf ttl-security",
        below(" ip mtu 1400", " ip ospf ttl-security hops 1"),
        base=OSPF,
    ),
    case(
        "ospf-priority-on-hub",
        "HUB",
        " ip ospf priority",
        below(" ip ospf network broadcast", " ip ospf priority 0"),
        base=ELECTED,
    ),
    case("ospf-priority-on-spoke", "SPOKE1", " ip ospf network", (" ip ospf priority 0\n", ""), base=ELECTED),
    # Phases
    case("phase3-redirect-missing", "HUB", "interface Tunnel0", (" ip nhrp redirect\n", "")),
    case("phase3-shortcut-missing", "SPOKE1", "interface Tunnel0", (" ip nhrp shortcut\n", ""), good=PHASE1),
    case(
        "phase3-summary-without-redirect",
        "HUB",
        " ip summary-address",
        below(" ip mtu 1400", " ip summary-address eigrp 100 192.168.0.0 255.255.0.0"),
        base=PHASE2,
        good=edited(CLEAR, HUB=[below(" ip mtu 1400", " ip summary-address eigrp 100 192.168.0.0 255.255.0.0")]),
    ),
    case(
        "phase3-shortcut-point-to-point",
        "SPOKE1",
        " ip nhrp shortcut",
        below(" ip mtu 1400", " ip nhrp shortcut"),
        base=PHASE1,
        first=False,
    ),
    case(
        "phase3-spoke-point-to-point",
        "SPOKE1",
        " tunnel destination",
        (" ip nhrp shortcut\n", ""),
        _TO_POINT,
        good=PHASE1,
    ),
    case("eigrp-lan-not-told", "SPOKE1", "router eigrp", (" network 192.168.10.1 0.0.0.255\n", "")),
    case("eigrp-stub-hub", "HUB", " eigrp stub", below("router eigrp 100", " eigrp stub connected")),
    case("eigrp-weights-differ", "SPOKE1", " metric weights", below("router eigrp 100", " metric weights 0 1 1 1 0 0")),
    case(
        "static-route-hides-lan",
        "SPOKE1",
        "ip route 192.168.20.0",
        ("ip route 0.0.0.0", "ip route 192.168.20.0 255.255.255.0 Null0\nip route 0.0.0.0"),
    ),
    case(
        "route-next-hop-nobody",
        "SPOKE1",
        "ip route 192.168.20.0",
        ("ip route 0.0.0.0", "ip route 192.168.20.0 255.255.255.0 10.0.0.99\nip route 0.0.0.0"),
    ),
    case("tunnel-shutdown", "HUB", " shutdown", below(" tunnel key 100", " shutdown"), first=False),
    case(
        "static-next-hop-unreachable",
        "SPOKE1",
        "ip route 0.0.0.0",
        ("ip route 0.0.0.0 0.0.0.0 203.0.113.254", "ip route 0.0.0.0 0.0.0.0 203.0.114.254"),
    ),
    case(
        "subnet-overlap",
        "SPOKE2",
        " ip address 203.0.113.20",
        ("203.0.113.20 255.255.255.0", "203.0.113.20 255.255.0.0"),
    ),
    case(
        "lan-inside-another",
        "SPOKE2",
        " ip address 192.168.10.129",
        ("192.168.20.1 255.255.255.0", "192.168.10.129 255.255.255.128"),
        ("network 192.168.20.1 0.0.0.255", "network 192.168.10.128 0.0.0.127"),
    ),
    case("eigrp-split-horizon", "HUB", "interface Tunnel0", (" no ip split-horizon eigrp 100\n", "")),
    case("rip-timers-differ", "SPOKE1", " timers basic", below(" version 2", " timers basic 5 15 15 30"), base=RIP),
    case("rip-version-missing", "SPOKE1", "router rip", (" version 2\n", ""), base=RIP),
    case("rip-authentication-differs", "SPOKE1", " ip rip authentication", *_SEALED_RIP, base=RIP),
    case("rip-key-missing", "SPOKE1", " ip rip authentication", _SEALED_RIP[0], base=RIP),
    case("rip-split-horizon", "HUB", "interface Tunnel0", (" no ip split-horizon\n", ""), base=RIP),
    case("phase2-next-hop-self", "HUB", "interface Tunnel0", (" no ip next-hop-self eigrp 100\n", ""), base=PHASE2),
    Case(
        rule="phase2-ospf-point-to-multipoint",
        bad=everywhere(ELECTED, ("network broadcast", "network point-to-multipoint")),
        good=ELECTED,
        at=("HUB", " ip ospf network"),
    ),
    # Ways
    case(
        "tunnel-recursive-route",
        "SPOKE1",
        "ip route 198.51.100.0",
        ("ip route 0.0.0.0", "ip route 198.51.100.0 255.255.255.0 Tunnel0\nip route 0.0.0.0"),
    ),
    case(
        "tunnel-recursive-protocol",
        "HUB",
        "router eigrp",
        below(" network 10.0.0.0 0.0.0.255", " network 198.51.100.0 0.0.0.255"),
    ),
    case(
        "overlay-in-clear",
        "SPOKE1",
        "ip route 0.0.0.0",
        ("ip route 192.168.0.0 255.255.0.0 Null0 254\n", ""),
        base=SEALED,
    ),
    # Sizes
    Case(
        rule="tunnel-mtu-too-large",
        bad=everywhere(SEALED, ("ip mtu 1400", "ip mtu 1431")),
        good=everywhere(SEALED, ("ip mtu 1400", "ip mtu 1430")),
        at=("HUB", " ip mtu"),
    ),
    case("tunnel-mss-too-large", "SPOKE1", " ip tcp adjust-mss", ("adjust-mss 1360", "adjust-mss 1361")),
    case("tunnel-mss-missing", "SPOKE1", "interface Tunnel0", (" ip tcp adjust-mss 1360\n", "")),
    case("tunnel-mtu-differs", "SPOKE1", " ip mtu", ("ip mtu 1400", "ip mtu 1440"), base=CLEAR),
    # Sites
    Case(
        rule="nat-before-server",
        bad=CLEAR,
        good=CLEAR,
        at=("HUB", "interface Tunnel0"),
        sites={"HUB": Site(nat="cone", public=IPv4Address("192.0.2.9"))},
        good_sites={},
    ),
    Case(rule="nat-same-address-gre", bad=CLEAR, good=SEALED, at=("SPOKE2", " tunnel source"), sites=_ONE_NAT),
    Case(
        rule="nat-before-both-spokes",
        bad=SEALED,
        good=SEALED,
        at=("SPOKE2", " tunnel source"),
        sites=_SYMMETRIC,
        good_sites=_ONE_CONE,
        first=False,
    ),
    Case(
        rule="nat-with-tunnel-mode",
        bad=everywhere(SEALED, (" mode transport\n", "")),
        good=SEALED,
        at=("SPOKE1", "crypto ipsec transform-set"),
        sites=_BEHIND_NAT,
    ),
    Case(
        rule="nat-without-traversal",
        bad=everywhere(
            SEALED,
            (
                "!\ncrypto ikev2 proposal",
                "!\nno crypto ipsec nat-transparency udp-encapsulation\n!\ncrypto ikev2 proposal",
            ),
        ),
        good=SEALED,
        at=("SPOKE1", "no crypto ipsec nat"),
        sites=_BEHIND_NAT,
    ),
    # NAT on the router itself
    case(
        "nat-without-outside",
        "SPOKE1",
        "ip nat inside source",
        (_NAT_OUTSIDE, ""),
        base=TRANSLATING,
        first=False,
    ),
    case("nat-without-inside", "SPOKE1", "ip nat inside source", (_NAT_INSIDE, ""), base=TRANSLATING, first=False),
    case(
        "nat-rule-refused",
        "SPOKE1",
        "ip nat inside source",
        ("permit ip 192.168.10.0 0.0.0.255 any", "permit gre any any"),
        base=TRANSLATING,
        first=False,
    ),
    # Access lists and packet filters
    case(
        "access-group-undefined",
        "SPOKE1",
        " ip access-group",
        ("access-group WAN-IN in", "access-group TYPO in"),
        base=FILTERED,
    ),
    case(
        "list-denies-protocol",
        "SPOKE1",
        " ip access-group LAN",
        _ON_TUNNEL,
        _list("permit ip 192.168.0.0 0.0.255.255 any"),
        base=FILTERED,
        good=edited(
            FILTERED, SPOKE1=[_ON_TUNNEL, _list("permit eigrp any any", "permit ip 192.168.0.0 0.0.255.255 any")]
        ),
    ),
    case(
        "list-other-side",
        "SPOKE1",
        " ip access-group WAN-IN",
        below(" ip mtu 1400", " ip access-group WAN-IN in"),
        base=FILTERED,
        first=False,
    ),
    case(
        "list-other-direction",
        "SPOKE1",
        " ip access-group WAN-IN",
        ("access-group WAN-IN in", "access-group WAN-IN out"),
        ("permit gre any any", "permit gre any host 203.0.113.10"),
        base=FILTERED,
        good=edited(FILTERED, SPOKE1=[("permit gre any any", "permit gre any host 203.0.113.10")]),
    ),
    case(
        "verify-source-drops-peers",
        "SPOKE1",
        " ip verify",
        below("interface GigabitEthernet1", " ip verify unicast source reachable-via rx"),
        good=edited(
            CLEAR,
            SPOKE1=[below("interface GigabitEthernet1", " ip verify unicast source reachable-via rx allow-default")],
        ),
    ),
    case(
        "list-entry-shadowed",
        "SPOKE1",
        " deny tcp any any eq telnet",
        _ON_LAN,
        _list("permit ip any any", "deny tcp any any eq telnet"),
        base=FILTERED,
        good=edited(FILTERED, SPOKE1=[_ON_LAN, _list("deny tcp any any eq telnet", "permit ip any any")]),
    ),
    case(
        "list-mask-not-wildcard",
        "SPOKE1",
        " permit ip 192.168.10.0",
        _ON_LAN,
        _list("permit eigrp any any", "permit ip 192.168.10.0 255.255.255.0 any"),
        base=FILTERED,
        good=edited(FILTERED, SPOKE1=[_ON_LAN, _list("permit eigrp any any", "permit ip 192.168.10.0 0.0.0.255 any")]),
    ),
    case(
        "list-part-undefined",
        "SPOKE1",
        " deny ip object-group",
        _ON_LAN,
        _list("deny ip object-group TYPO 192.0.2.0 0.0.0.255", "permit ip any any"),
        base=FILTERED,
        good=edited(
            FILTERED,
            SPOKE1=[
                _ON_LAN,
                _list("deny ip object-group TYPO 192.0.2.0 0.0.0.255", "permit ip any any"),
                ("!\nip access-list", "!\nobject-group network TYPO\n host 192.168.10.7\n!\nip access-list"),
            ],
        ),
    ),
    case(
        "list-unused",
        "SPOKE1",
        "ip access-list extended LAN",
        _list("permit ip any any"),
        base=FILTERED,
        good=edited(FILTERED, SPOKE1=[_ON_LAN, _list("permit ip any any")]),
    ),
    # Packet filters
    case(
        "list-cuts-tunnel",
        "SPOKE1",
        " ip access-group",
        ("interface GigabitEthernet1\n", f"{_WAN_IN}!\ninterface GigabitEthernet1\n ip access-group WAN-IN in\n"),
        base=SEALED,
        good=edited(
            SEALED,
            SPOKE1=[
                (
                    "interface GigabitEthernet1\n",
                    f"{_WAN_IN} permit esp any any\n!\ninterface GigabitEthernet1\n ip access-group WAN-IN in\n",
                )
            ],
        ),
    ),
    # What is not built
    case(
        "pim-bidirectional",
        "HUB",
        "ip pim bidir-enable",
        below(" ip mtu 1400", " ip pim sparse-mode"),
        ("!\ninterface Tunnel0", "!\nip pim bidir-enable\n!\ninterface Tunnel0"),
        good=edited(CLEAR, HUB=[below(" ip mtu 1400", " ip pim sparse-mode")]),
    ),
    case(
        "qos-twice",
        "HUB",
        " service-policy output",
        below(" ip mtu 1400", " ip nhrp map group G service-policy output SHAPE"),
        below("interface GigabitEthernet1", " service-policy output SHAPE"),
        ("!\ninterface Tunnel0", "!\npolicy-map SHAPE\n class class-default\n!\ninterface Tunnel0"),
    ),
    case(
        "bfd-slower-than-hold",
        "SPOKE1",
        " bfd interval",
        below(" ip mtu 1400", " bfd interval 3000 min_rx 3000 multiplier 5"),
        good=edited(CLEAR, SPOKE1=[below(" ip mtu 1400", " bfd interval 2999 min_rx 2999 multiplier 5")]),
    ),
    case(
        "bfd-without-interval",
        "SPOKE1",
        " ip ospf bfd",
        below(" ip mtu 1400", " ip ospf bfd"),
        base=OSPF,
        good=edited(
            OSPF, SPOKE1=[below(" ip mtu 1400", " ip ospf bfd", " bfd interval 1000 min_rx 1000 multiplier 3")]
        ),
    ),
    # Silences
    case(
        "silence-without-reason",
        "SPOKE1",
        "! lint: allow",
        (" keepalive", " keepalive"),
        base=edited(CLEAR, SPOKE1=[below(" ip mtu 1400", "! lint: allow tunnel-keepalive", " keepalive 5 3")]),
        good=edited(CLEAR, SPOKE1=[below(" ip mtu 1400", "! lint: allow tunnel-keepalive a test", " keepalive 5 3")]),
        first=False,
    ),
    case("silence-unused", "SPOKE1", "! lint: allow", below(" ip mtu 1400", "! lint: allow tunnel-keepalive a test")),
)


def fixed(case: Case, found: Iterable[LintFinding]) -> Network | None:
    """Return the network of a case when the fixes of its findings were entered; None: none, or one has a blank."""
    fixes = [one for one in found if one.rule == case.rule and one.fix]
    if not fixes or any(blank in one.fix for one in fixes for blank in BLANKS):
        return None
    network = dict(case.bad)
    for one in fixes:
        network[one.file] = after(network[one.file], one.fix.split("\n"))
    return network
