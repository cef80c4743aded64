"""What the doctor says that a router should have for its own: addresses that fit, instead of words to fill in."""

from __future__ import annotations

import pytest

from dmvpn.base.causes import Cause
from dmvpn.network.device import Device
from dmvpn.network.terms.preshared_keys import half_key
from dmvpn.tools.doctor import Finding, visit
from support.bench import WorldBench
from support.doctors import WorldPatient
from support.world import World

WAN = "interface GigabitEthernet0/1"


def first(network: str, router: str, *lines: str) -> Finding:
    """What is broken after somebody typed this."""
    world = World(network).converge()
    world.run_for(20)
    WorldBench(world).configure(router, lines)
    world.run_for(120)
    return next(one for one in visit(WorldPatient(world)).findings if not one.advice)


@pytest.mark.parametrize(
    ("network", "router", "lines", "cause", "fix"),
    [
        (
            "notes-phase3",
            "R31",
            (WAN, "ip address 172.16.31.9 255.255.255.252"),
            Cause.MISSING_ROUTE,
            (WAN, "ip address 172.16.31.1 255.255.255.252"),
        ),
        (
            "notes-phase3",
            "R31",
            ("interface Tunnel100", "no tunnel source"),
            Cause.WRONG_SOURCE,
            ("interface Tunnel100", "tunnel source GigabitEthernet0/1"),
        ),
        (
            "notes-phase3",
            "R31",
            ("interface Tunnel100", "no ip address"),
            Cause.NO_ADDRESS,
            ("interface Tunnel100", "ip address 192.168.100.31 255.255.255.0"),
        ),
        (
            "notes-phase3",
            "R11",
            ("interface Tunnel100", "ip address 192.168.100.41 255.255.255.0"),
            Cause.ADDRESS_CONFLICT,
            ("interface Tunnel100", "ip address 192.168.100.11 255.255.255.0"),
        ),
        (
            "intro-phase3",
            "SPOKE10",
            ("crypto ikev2 keyring KR-DMVPN", "peer ANY", "no address 0.0.0.0 0.0.0.0", "end"),
            Cause.PSK_MISSING,
            ("crypto ikev2 keyring KR-DMVPN", "peer ANY", "address 0.0.0.0 0.0.0.0"),
        ),
    ],
)
def test_the_lines_to_enter_are_whole(
    network: str, router: str, lines: tuple[str, ...], cause: Cause, fix: tuple[str, ...]
) -> None:
    found = first(network, router, *lines)
    assert (found.cause, found.router, found.fix) == (cause, router, fix), found
    assert found.is_complete


def test_a_key_for_one_direction_alone_is_found_in_a_configuration_with_several_lines() -> None:
    """The lines of a peer were looked at before they were read, so none was ever found."""
    ring = ("crypto ikev2 keyring K", " peer HUB", "  address 198.51.100.1", "  pre-shared-key local <removed>", "!")
    assert half_key(Device.read("R", "\n".join(ring))) == (
        "crypto ikev2 keyring K",
        "peer HUB",
        "pre-shared-key remote <secret>",
    )
    remote = (*ring[:4], "  pre-shared-key remote <removed>")
    assert half_key(Device.read("R", "\n".join(remote))) == ()
