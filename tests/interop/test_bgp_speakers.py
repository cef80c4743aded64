"""BGP with GoBGP, OpenBGPD and ExaBGP, around us on one wire: what each of them tells, all the others hear of us.

They run in namespaces and put nothing into a kernel; what they say of their tables is what came out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.bgp_daemons import GoBgp, OpenBgp, missing_speakers, start_exabgp
from support.daemons import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing_speakers()), reason=missing_speakers()),
]

OURS, GO, OPEN, EXA, ODD = (f"10.9.0.{last}" for last in range(1, 6))
OUR_AS, GO_AS, OPEN_AS, EXA_AS, ODD_AS = 65001, 4200000010, 4200000011, 65004, 65005
OUR_LAN, GO_LAN, OPEN_LAN, EXA_LAN = "10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24", "10.4.0.0/24"
#: Attributes by their codes, as GoBGP numbers them.
_PATH, _HOP, _COMMUNITIES, _LARGE = 2, 3, 8, 32
#: What ExaBGP tells beside its LAN, and whether it is a route: legal and rare, long, or damaged (RFC 7606).
RARE = {
    "10.5.0.0/24": ("as-path [ 65004 ( 65100 65101 ) ]", True),
    "10.5.1.0/24": (f"as-path [ 65004 {'65100 ' * 200}]", True),
    "10.5.2.0/24": (f"community [ {' '.join(f'65100:{number}' for number in range(60))} ]", True),
    "10.5.3.0/24": ("attribute [ 0x63 0xc0 0x01020304 ]", True),
    "10.5.4.0/24": ("aggregator ( 4200000000:10.0.0.9 ) atomic-aggregate", True),
    "10.5.5.0/24": ("extended-community [ target:65100:5 origin:65100:6 ]", True),
    "10.5.6.0/24": ("as-path [ 65004 65001 ]", False),
    "10.5.8.0/24": ("as-path [ 65099 65004 ]", False),
}


def our_lines(*more: str) -> str:
    neighbors = {GO: (GO_AS, "sesame"), OPEN: (OPEN_AS, "open"), EXA: (EXA_AS, ""), ODD: (ODD_AS, "")}
    lines = []
    for address, (system, password) in neighbors.items():
        lines += [f"neighbor {address} remote-as {system}", f"neighbor {address} advertisement-interval 0"]
        lines += [f"neighbor {address} send-community both"]
        lines += [f"neighbor {address} password {password}"] if password else []
    lines += ["network 10.1.0.0 mask 255.255.255.0", *more]
    return f"router bgp {OUR_AS}\n bgp router-id {OURS}\n" + "".join(f" {line}\n" for line in lines)


def openbgp(wire: Wire) -> OpenBgp:
    return OpenBgp(
        wire,
        "open",
        f"""
AS {OPEN_AS}
router-id {OPEN}
network {OPEN_LAN} set {{ community 65100:33 large-community 65100:1:3 }}
neighbor {OURS} {{
  remote-as {OUR_AS}
  tcp md5sig password open
  announce IPv4 unicast
}}
allow from any
allow to any
""",
    )


def exabgp(wire: Wire, name: str, address: str, system: int, routes: dict[str, str]) -> None:
    lines = "".join(f"    route {prefix} next-hop {address} {words};\n" for prefix, words in routes.items())
    start_exabgp(
        wire,
        name,
        f"""
neighbor {OURS} {{
  router-id {address};
  local-address {address};
  local-as {system};
  peer-as {OUR_AS};
  hold-time 180;
  family {{ ipv4 unicast; }}
  static {{
{lines}  }}
}}
""",
    )


def wait_for_path(wire: Wire, name: str, speaker: GoBgp | OpenBgp, prefix: str) -> None:
    wire.wait(f"{name} has {prefix}", lambda: speaker.path(prefix))


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[Wire, GoBgp, OpenBgp]]:
    with Wire(ours=("10.1.0.1/24",), go=(), open=(), exa=(), odd=()) as wire:
        wire.start_ours("ours", our_lines())
        go, other = GoBgp(wire, "go", (GO, GO_AS), (OURS, OUR_AS)), openbgp(wire)
        lan = {EXA_LAN: "community [ 65100:44 ] large-community [ 65100:1:4 ]"}
        exabgp(wire, "exa", EXA, EXA_AS, lan | {prefix: words for prefix, (words, _) in RARE.items()})
        go.announce(GO_LAN, "community", "65100:22", "large-community", "65100:1:2")
        yield wire, go, other


@pytest.mark.story("bgp-speakers")
def test_all_speakers_have_the_routes_of_all_others_by_us(wire: tuple[Wire, GoBgp, OpenBgp]) -> None:
    net, go, other = wire
    for prefix in (OUR_LAN, OPEN_LAN, EXA_LAN):
        wait_for_path(net, "GoBGP", go, prefix)
    for prefix in (OUR_LAN, GO_LAN, EXA_LAN):
        wait_for_path(net, "OpenBGPD", other, prefix)
    expected = {GO_LAN: GO, OPEN_LAN: OPEN, EXA_LAN: EXA}
    net.wait("our kernel has them", lambda: expected.items() <= net.kernel("ours").items())
    at_go, at_open = go.path(OPEN_LAN), other.path(GO_LAN)
    assert at_go[_PATH]["as_paths"][0]["asns"] == [OUR_AS, OPEN_AS]
    assert at_go[_HOP]["nexthop"] == OPEN, "the next hop of a third party, RFC 4271 §5.1.3"
    assert at_go[_COMMUNITIES]["communities"] == [65100 << 16 | 33]
    assert at_go[_LARGE]["value"] == [{"ASN": 65100, "LocalData1": 1, "LocalData2": 3}]
    assert at_open["aspath"] == f"{OUR_AS} {GO_AS}"
    assert at_open["exit_nexthop"] == GO
    assert at_open["communities"] == ["65100:22"]
    assert at_open["large_communities"] == ["65100:1:2"]


@pytest.mark.story("bgp-rare")
def test_what_is_rare_is_passed_on_and_what_is_wrong_costs_its_own_route_alone(
    wire: tuple[Wire, GoBgp, OpenBgp],
) -> None:
    net, go, other = wire
    told = {prefix for prefix, (_, lives) in RARE.items() if lives}

    def known(prefix: str) -> bool:
        return bool(go.path(prefix)) and bool(other.path(prefix))

    net.wait("both have all that are routes", lambda: all(known(prefix) for prefix in told))
    assert not any(go.path(prefix) or other.path(prefix) for prefix in RARE.keys() - told)
    assert "Established" in net.ask("ours", f"show ip bgp neighbors {EXA}")
    assert other.state(OURS) == "Established"


@pytest.mark.story("bgp-rare")
def test_an_unknown_attribute_that_claims_to_be_well_known_ends_its_own_session_alone(
    wire: tuple[Wire, GoBgp, OpenBgp],
) -> None:
    net, go, other = wire
    net.wait("GoBGP has ExaBGP's route", lambda: go.path(EXA_LAN))
    exabgp(net, "odd", ODD, ODD_AS, {"10.5.7.0/24": "attribute [ 0x62 0x40 0x01 ]"})
    said = f"sent to neighbor {ODD} 3/2 (unrecognized well known)"
    net.wait("it is refused, RFC 4271 section 6.3", lambda: said in net.ask("ours", "show logging"))
    assert not go.path("10.5.7.0/24")
    assert go.path(EXA_LAN)
    assert "Established" in net.ask("ours", f"show ip bgp neighbors {EXA}")
    assert other.state(OURS) == "Established"


@pytest.mark.story("bgp-speakers-refresh")
def test_either_end_asks_for_everything_again_and_hears_what_goes(wire: tuple[Wire, GoBgp, OpenBgp]) -> None:
    net, go, other = wire
    net.wait("OpenBGPD has GoBGP's route", lambda: other.path(GO_LAN))

    def row(neighbor: str, kind: str) -> list[int]:
        rows = net.ask("ours", f"show ip bgp neighbors {neighbor}").splitlines()
        (found,) = [line for line in rows if line.strip().startswith(kind)] or ["0 0"]
        return [int(word) for word in found.split()[-2:]]

    other.refresh(OURS)
    net.wait("OpenBGPD asked us", lambda: row(OPEN, "Route Refresh:")[1])
    before = row(GO, "Updates:")[1]
    net.ask("ours", f"clear ip bgp {GO} soft in")
    net.wait("GoBGP says everything again", lambda: row(GO, "Updates:")[1] > before)
    go.withdraw(GO_LAN)
    net.wait("OpenBGPD has it no more", lambda: not other.path(GO_LAN))
    net.wait("nor has our kernel", lambda: GO_LAN not in net.kernel("ours"))
    go.announce(GO_LAN)
    net.wait("it is back", lambda: other.path(GO_LAN))


@pytest.mark.story("bgp-speakers-password")
def test_a_session_that_ends_comes_back_with_its_password(wire: tuple[Wire, GoBgp, OpenBgp]) -> None:
    net, go, other = wire
    net.wait("GoBGP has OpenBGPD's route", lambda: go.path(OPEN_LAN))
    before = net.ask("ours", f"show ip bgp neighbors {OPEN}").count("established 2")
    assert before == 0
    other.clear(OURS)
    net.wait("the session is a new one", lambda: "established 2" in net.ask("ours", f"show ip bgp neighbors {OPEN}"))
    net.wait("GoBGP has the route again", lambda: go.path(OPEN_LAN))
