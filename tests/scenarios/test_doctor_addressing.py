"""What the doctor says that a router should have for its own: addresses that fit, instead of words to fill in."""

from __future__ import annotations

import pytest

from dmvpn.network.device import Device
from dmvpn.network.terms.preshared_keys import half_key
from dmvpn.tools.doctor import Finding, visit
from support.bench import WorldBench
from support.doctors import WorldPatient
from support.typed import read
from support.world import World

WAN = "interface GigabitEthernet0/1"


TYPED = read("addressing")


def first(network: str, router: str, *lines: str) -> Finding:
    """What is broken after somebody typed this."""
    world = World(network).converge()
    world.run_for(20)
    WorldBench(world).configure(router, lines)
    world.run_for(120)
    return next(one for one in visit(WorldPatient(world)).findings if not one.advice)


@pytest.mark.parametrize("what", TYPED)
def test_the_lines_to_enter_are_whole(what: str) -> None:
    ((router, lines),) = TYPED[what].lines.items()
    found = first(TYPED[what].network, router, *lines)
    assert (found.router, found.cause, " / ".join(found.fix)) == TYPED[what].found, found
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
