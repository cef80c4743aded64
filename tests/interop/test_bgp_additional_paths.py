"""Several paths to a prefix over one session (RFC 7911), told to FRR and BIRD and heard from both."""

from __future__ import annotations

import pytest

from support.daemons import Wire, missing

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

SYSTEM = 65001
OURS, LEFT, RIGHT, BIRD = "10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.4"
SHARED = "10.5.0.0/24"
_BIRD_TIMERS = "connect delay time 1; connect retry time 1; error wait time 1, 2; startup hold time 30;"


def cloud() -> Wire:
    return Wire(ours=(), left=(), right=(), bird=())


def start_frr(wire: Wire, name: str, neighbors: dict[str, tuple[str, ...]], *networks: str) -> None:
    """Start bgpd; neighbors: with their lines of the family."""
    lines = [f"neighbor {one} {line}" for one in neighbors for line in (f"remote-as {SYSTEM}", "timers connect 1")]
    family = [f"neighbor {one} {line}" for one, said in neighbors.items() for line in said]
    wire.start_frr(
        name,
        "bgpd",
        f"router bgp {SYSTEM}\n bgp router-id {wire.addresses[name]}\n no bgp network import-check\n"
        + "".join(f" {line}\n" for line in lines)
        + " address-family ipv4 unicast\n"
        + "".join(f"  {line}\n" for line in (*family, *(f"network {one}" for one in networks)))
        + " exit-address-family\n",
    )


def start_bird(wire: Wire, neighbors: dict[str, str], more: str = "") -> None:
    """Start BIRD; neighbors: with what their protocols say besides."""
    wire.start_bird(
        "bird",
        f"router id {BIRD};\n{more}"
        + "".join(
            f"protocol bgp n{number} {{ local {BIRD} as {SYSTEM}; neighbor {one} as {SYSTEM}; {_BIRD_TIMERS} "
            f"{said} }}\n"
            for number, (one, said) in enumerate(neighbors.items())
        ),
    )


@pytest.mark.story("bgp-additional-paths")
def test_our_reflector_tells_both_paths_to_a_prefix_and_takes_one_back() -> None:
    """FRR and BIRD tell the same prefix; another FRR hears of both ways, and BIRD of the one that is not its own."""
    own = f"protocol static {{ ipv4; route {SHARED} unreachable; }}\n"
    with cloud() as wire:
        start_frr(wire, "right", {OURS: ()}, SHARED)
        start_bird(
            wire, {OURS: "ipv4 { import all; export where source = RTS_STATIC; add paths on; next hop self; };"}, own
        )
        start_frr(wire, "left", {OURS: ()})
        wire.start_ours(
            "ours",
            f"router bgp {SYSTEM}\n bgp router-id {OURS}\n bgp listen range 10.9.0.0/24 peer-group CLIENTS\n"
            f" neighbor CLIENTS peer-group\n neighbor CLIENTS remote-as {SYSTEM}\n"
            " neighbor CLIENTS route-reflector-client\n neighbor CLIENTS advertise additional-paths all\n"
            " bgp additional-paths send receive\n bgp additional-paths select all\n",
        )

        def hops() -> set[str]:
            paths = wire.frr_json("left", f"show bgp ipv4 unicast {SHARED}").get("paths", [])
            return {hop["ip"] for path in paths for hop in path["nexthops"]}

        wire.wait("FRR hears of both ways", lambda: hops() == {RIGHT, BIRD})
        wire.wait("BIRD hears of FRR's", lambda: f"via {RIGHT}" in wire.bird("bird", f"show route {SHARED} all"))
        capabilities = wire.frr_json("left", f"show bgp neighbors {OURS}")[OURS]["neighborCapabilities"]["addPath"]
        assert capabilities["ipv4Unicast"]["rxAdvertisedAndReceived"] is True
        wire.frr("right", "configure terminal", f"router bgp {SYSTEM}", f"no network {SHARED}")
        wire.wait("one of them is taken back", lambda: hops() == {BIRD})


@pytest.mark.story("bgp-additional-paths")
@pytest.mark.parametrize("reflector", ["left", "bird"])
def test_both_paths_that_a_reflector_of_another_make_tells_are_used_at_once(reflector: str) -> None:
    with cloud() as wire:
        address = wire.addresses[reflector]
        client = "route-reflector-client"
        tellers = {"left": ("right", "bird"), "bird": ("right", "left")}[reflector]
        if reflector == "left":
            tells = (client, "addpath-tx-all-paths")
            start_frr(wire, "left", {OURS: tells, RIGHT: (client,), BIRD: (client,)})
            own = f"protocol static {{ ipv4; route {SHARED} unreachable; }}\n"
            start_bird(wire, {LEFT: "ipv4 { import all; export all; next hop self; };"}, own)
        else:
            plain = "rr client; ipv4 { import all; export all; };"
            several = "rr client; ipv4 { import all; export all; add paths tx; };"
            start_bird(wire, {OURS: several, LEFT: plain, RIGHT: plain})
            start_frr(wire, "left", {BIRD: ()}, SHARED)
        start_frr(wire, "right", {address: ()}, SHARED)
        wire.start_ours(
            "ours",
            f"router bgp {SYSTEM}\n bgp router-id {OURS}\n neighbor {address} remote-as {SYSTEM}\n"
            f" neighbor {address} additional-paths receive\n maximum-paths ibgp 2\n",
        )

        def hops() -> set[str]:
            return {word for word in wire.ip("ours", "route", "show", SHARED).split() if word.startswith("10.9")}

        wire.wait("both ways are in our kernel", lambda: hops() == {wire.addresses[one] for one in tellers})
        said = wire.ask("ours", "show ip bgp 10.5.0.0 255.255.255.0")
        assert len({line for line in said.splitlines() if "rx pathid: 0x" in line}) == 2
        wire.frr("right", "configure terminal", f"router bgp {SYSTEM}", f"no network {SHARED}")
        wire.wait("one of them is taken back", lambda: hops() == {wire.addresses[tellers[1]]})
