"""For each rule of `dmvpn lint` the smallest mistake that it is about, and the same network without it.

A case is a whole network and a few edits of its lines, in `lint_cases.txt`. Three networks are enough for most: one in
clear with EIGRP, the same protected, and one with OSPF; all of them are phase 3, and clean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from dmvpn.base.findings import LintFinding, Severity
from dmvpn.base.placeholder import BLANKS
from dmvpn.network.lines import after
from dmvpn.tools.lint import Site, lint
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Network = dict[str, str]

_CRYPTO = file_text("lint_crypto.cfg")
_TUNNEL = file_text("lint_tunnel.cfg")
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
#: The same, protected by one key for all routers.
SEALED: Network = everywhere(
    everywhere(CLEAR, *_PROTECTED),
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
_SECOND = file_text("lint_second_tunnel.cfg")
#: A second tunnel on SPOKE1, to a hub that is not here.
TWO_TUNNELS: Network = edited(
    SEALED,
    SPOKE1=[
        ("ipsec profile P\n!\ninterface Gig", "ipsec profile P shared\n!\ninterface Gig"),
        ("interface GigabitEthernet1\n", _SECOND),
    ],
)


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

_TRUNK: Final = """\
!
interface GigabitEthernet3
 switchport trunk allowed vlan 10,20
 switchport mode trunk
!
vlan 10,20
!
"""
_TAGGED: Final = "interface GigabitEthernet4.30\n encapsulation dot1Q 30\n ip address 10.1.30.1 255.255.255.0\n!\n"
_ACCESS: Final = "interface GigabitEthernet4\n switchport access vlan 30\n!\n"
#: Two spokes that are switches, too, with a trunk between them.
TRUNKED: Network = edited(
    CLEAR,
    SPOKE1=[("!\nip route", f"{_TRUNK}{_TAGGED}ip route")],
    SPOKE2=[("!\nip route", f"{_TRUNK}{_ACCESS}ip route")],
)
_WAN_LIST: Final = "!\nip access-list extended WAN-IN\n permit gre any any\n permit icmp any any\n!\nip route"
#: A spoke that lets in its tunnel and pings.
FILTERED: Network = edited(
    CLEAR,
    SPOKE1=[below("interface GigabitEthernet1", " ip access-group WAN-IN in"), ("!\nip route", _WAN_LIST)],
)


def _edited_by(network: Mapping[str, str], lines: Sequence[str]) -> Network:
    """Return a network after edits as `diff -u` has them: `@@` and the router, then lines with ` `, `-` or `+`."""
    result, starts = dict(network), [at for at, line in enumerate(lines) if line.startswith("@@ ")]
    for at, end in zip(starts, [*starts, len(lines)][1:], strict=False):
        router = lines[at].removeprefix("@@ ")
        hunk = lines[at + 1 : end]
        old, new = ("".join(f"{line[1:]}\n" for line in hunk if line[0] in f" {sign}") for sign in ("-", "+"))
        if f"\n{result[router]}".count(f"\n{old}") != 1:
            raise AssertionError(f"{router} has not once {old!r}")
        result[router] = f"\n{result[router]}".replace(f"\n{old}", f"\n{new}")[1:]
    return result


def _site(words: str) -> tuple[str, Site]:
    """Return a router and its site: `SPOKE1 cone 192.0.2.1`, `SPOKE1 Gi3 = SPOKE2 Gi3` for a cable, or the router
    alone: it is behind no translator.
    """
    name, *site = words.split()
    if "=" in site:
        own, _, other, far = (one.replace("Gi", "GigabitEthernet") for one in site)
        return name, Site(beside=((own, other, far),))
    return name, Site(nat=cast("Any", site[0]), public=IPv4Address(site[1])) if site else Site()


def _sites(lines: Sequence[str], label: str) -> dict[str, Site] | None:
    found = next((line.removeprefix(label) for line in lines if line.startswith(label)), None)
    return None if found is None else dict(_site(words) for words in found.split(",") if words.strip())


def _case(block: str) -> Case:
    head, where, *lines = block.rstrip("\n").split("\n")
    rule, _, place = head.partition(" at ")
    name, _, rest = where.removesuffix(_NOT_FIRST).removeprefix("in ").partition(" of ")
    whole: Network = globals()[name]
    base = {router: whole[router] for router in rest.split()} if rest else whole
    end = next((at for at, one in enumerate(lines) if one.startswith(_RIGHT)), len(lines))
    other = lines[end].removeprefix(_RIGHT).strip() if end < len(lines) else ""
    router, _, line = place.partition(":")
    return Case(
        rule=rule,
        bad=_edited_by(base, lines[:end]),
        good=globals()[other] if other else _edited_by(base, lines[end:]),
        at=(router, line),
        sites=_sites(lines, "behind NAT:") or {},
        good_sites=_sites(lines, "right behind NAT:"),
        first=not where.endswith(_NOT_FIRST),
    )


_RIGHT: Final = "right:"
_NOT_FIRST: Final = ", not first"
#: `lint_cases.txt` has a block for each: the rule, the router and how the line begins that is pointed at; the network
#: without the mistake, and whether another finding comes first; what is edited. Below `right:`, if lines that are like
#: the mistake are none, the edits of the network that is right, or the name of one.
CASES: Final = tuple(map(_case, (Path(__file__).parent / "lint_cases.txt").read_text("utf-8").split("\n\n")))


def fixed(case: Case, found: Iterable[LintFinding]) -> Network | None:
    """Return the network of a case when the fixes of its findings were entered; None: none, or one has a blank."""
    fixes = [one for one in found if one.rule == case.rule and one.fix]
    if not fixes or any(blank in one.fix for one in fixes for blank in BLANKS):
        return None
    network = dict(case.bad)
    for one in fixes:
        network[one.file] = after(network[one.file], one.fix.split("\n"))
    return network
