"""A network whose tunnels begin with IKEv1 moves to IKEv2 by the steps of `dmvpn import --to-ikev2`, while it works.

The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.network.device import Device
from dmvpn.tools.to_ikev2 import Stage, Step, plan
from support.secured import ike_sas
from support.vrf_faults import cloud
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

ROUTERS = ("HUB", "SPOKE1", "SPOKE2")
PAIRS = (("H2", "10.1.0.100"), ("H2", "10.3.0.100"), ("H3", "10.1.0.100"))
RATE = 20
#: While routers negotiate anew, which takes a second at most.
MOST_LOST = RATE * len(PAIRS)


def with_profiles(router: str, text: str) -> str:
    """Name the key of the course lab in a keyring, by an isakmp profile."""
    if router not in ROUTERS:
        return text
    key = "crypto isakmp key YOUR_SECRET_KEY address 0.0.0.0\n"
    profile = (
        "crypto keyring KEYS\n pre-shared-key address 0.0.0.0 0.0.0.0 key YOUR_SECRET_KEY\n"
        "crypto isakmp profile ALL\n keyring KEYS\n match identity address 0.0.0.0\n"
    )
    assert key in text
    return text.replace(key, profile).replace("set pfs group14", "set pfs group14\n set isakmp-profile ALL")


def with_keepalives(router: str, text: str) -> str:
    """Let routers ask whether their peers live, as IKEv1 does it."""
    return text.replace("crypto isakmp key", "crypto isakmp keepalive 10 3 periodic\ncrypto isakmp key", 1)


def as_ikev2(router: str, text: str) -> str:
    """Let isakmp lines run as IKEv2, as lint advised."""
    return text.replace("crypto isakmp key", "crypto isakmp run-as ikev2\ncrypto isakmp key", 1)


def as_it_is(_router: str, text: str) -> str:
    return text


def lost_meanwhile(world: World, step: Step) -> int:
    """Return how many pings between the LANs are not answered in the seconds around a step."""
    before = [len(world.replies(host)) for host in ("H2", "H3")]
    for number in range(12 * RATE):
        if number == RATE:
            refused = world.configure(step.router, *step.lines)
            assert "%" not in refused, refused
            world.do(step.router, *([step.then] if step.then else []))
        for host, far in PAIRS:
            world.ping(host, far, number)
        world.run_for(1 / RATE)
    world.run_for(1)
    got = [len(world.replies(host)) for host in ("H2", "H3")]
    return 12 * RATE * len(PAIRS) - (sum(got) - sum(before))


def devices(world: World) -> list[Device]:
    return [Device.read(f"{name}.cfg", world.scenario.configurations[name]) for name in ROUTERS]


@pytest.mark.parametrize("change", [as_it_is, with_profiles, with_keepalives, as_ikev2])
def test_every_spoke_is_registered_and_protected_after_every_single_step(change: Callable[[str, str], str]) -> None:
    world = World("course-lab", change=change).converge()
    world.run_for(10)
    found = plan(devices(world))
    assert [step.stage for step in found.steps] == [*[Stage.ANSWER] * 3, *[Stage.BEGIN] * 3, *[Stage.REMOVE] * 3]
    for step in found.steps:
        lost = lost_meanwhile(world, step)
        assert lost <= (MOST_LOST if step.then else 0), (step.router, step.stage, lost)
        assert world.lacks() == [], step
        if step.stage is not Stage.ANSWER and step.router == "HUB":
            assert not any("QM_IDLE" in world.show(router, "crypto isakmp sa") for router in ROUTERS), step
    for router in ROUTERS:
        left = [line for line in world.lines(router, "running-config") if line.startswith("crypto")]
        assert "isakmp" not in " ".join(left), router
    assert ike_sas(world, "SPOKE1", "192.168.1.1")
    assert ike_sas(world, "SPOKE1", "192.168.3.1"), "the direct tunnel, too"


def test_a_network_behind_front_doors_moves_with_match_fvrf() -> None:
    """It could not be moved: keys of a `crypto keyring ... vrf` were not found, and the profiles were for any VRF."""
    world = World.of(cloud("ospf-ikev1"))
    world.run_for(60)
    moving = plan([Device.read(f"{name}.cfg", text) for name, text in world.scenario.configurations.items()])
    assert moving.remains == ()
    answers = next(step.lines for step in moving.steps if step.router == "S1")
    assert "crypto ikev2 keyring IKEV2-INTERNET" in answers
    assert answers[answers.index("crypto ikev2 profile IKEV2-INTERNET") + 1] == " match fvrf INTERNET"
    for step in moving.steps:
        assert "%" not in world.configure(step.router, *step.lines)
        world.do(step.router, *([step.then] if step.then else []))
        world.run_for(20)
    world.run_for(60)
    assert not any("isakmp" in line for line in world.sim.routers["S1"].router.running.render())
    assert "READY" in world.do("S1", "show crypto ikev2 sa")
    world.ping("H-S1", "10.20.12.100")
    world.run_for(1)
    assert world.replies("H-S1")


def with_filter(router: str, text: str) -> str:
    """Let in IKE, ESP and nothing else from the provider."""
    if router not in ROUTERS:
        return text
    entries = "".join(f" permit {one}\n" for one in ("udp any any eq isakmp", "udp any any eq 4500", "esp any any"))
    port = next(line for line in text.splitlines() if line.strip().startswith("tunnel source")).split()[-1]
    head = f"ip access-list extended WAN-IN\n{entries}"
    return head + text.replace(f"interface {port}\n", f"interface {port}\n ip access-group WAN-IN in\n")


def test_access_lists_stay_as_they_are_for_both_versions_use_the_same_ports() -> None:
    world = World("course-lab", change=with_filter).converge()
    found = plan(devices(world))
    assert not any("access-" in line for step in found.steps for line in step.lines)
    for text in found.configurations.values():
        assert "ip access-group WAN-IN in" in text
        assert "permit udp any any eq isakmp" in text
    for step in found.steps:
        world.configure(step.router, *step.lines)
        world.do(step.router, *([step.then] if step.then else []))
        world.run_for(20)
    assert world.lacks() == []
    assert ike_sas(world, "SPOKE1", "192.168.1.1")
