"""Lines of a configuration that the doctor's remedies name: found by what they say, not by how their text begins."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from dmvpn.network.overlay import tunnel_ends
from dmvpn.network.terms.preshared_keys import is_special, key_lines
from dmvpn.router.facts import RouterFacts
from dmvpn.shells.facts import LabFacts
from dmvpn.tools.doctor import Scene, Step
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.static_routes import routes_to, static_lines
from dmvpn.tools.doctor.tracked_routes import withdrawn
from dmvpn.tools.lint.rules.registration import lines_about, with_address

NEAR, FAR = ip_address("10.0.0.1"), ip_address("10.0.0.11")


def router(*lines: str) -> RouterFacts:
    """A router with these lines."""
    return RouterFacts(configuration=lines, tunnels=())


def test_a_server_is_not_taken_for_another_whose_address_begins_alike() -> None:
    """The lines to remove the server 10.0.0.1 removed the server 10.0.0.11, too."""
    lines = (" ip nhrp nhs 10.0.0.1 nbma 192.0.2.1 multicast", " ip nhrp nhs 10.0.0.11 nbma 192.0.2.11 multicast")
    (end,) = tunnel_ends(device(router("interface Tunnel0", *lines)))
    (found,) = lines_about(end, NEAR)
    assert found.text == lines[0].strip()
    assert with_address(found, FAR) == "ip nhrp nhs 10.0.0.11 nbma 192.0.2.1 multicast"


def test_a_mapping_of_ipv6_is_found_and_gets_another_address() -> None:
    """A mapping of IPv6 is of a prefix, so that none was ever found."""
    (end,) = tunnel_ends(device(router("interface Tunnel0", " ipv6 nhrp map 2001:db8::1/128 192.0.2.1")))
    (found,) = lines_about(end, ip_address("2001:db8::1"))
    assert found.text == "ipv6 nhrp map 2001:DB8::1/128 192.0.2.1"
    assert with_address(found, ip_address("2001:db8::2")) == "ipv6 nhrp map 2001:DB8::2/128 192.0.2.1"


def test_a_key_for_another_peer_is_not_taken_for_the_key_of_this_one() -> None:
    """The key for 10.0.0.11 was taken for the key for 10.0.0.1."""
    both = device(
        router("crypto isakmp key <removed> address 10.0.0.11", "crypto isakmp key <removed> address 0.0.0.0")
    )
    assert not is_special(both, NEAR)
    assert is_special(both, FAR)
    assert key_lines(both, FAR, missing=False) == ("crypto isakmp key <secret> address 10.0.0.11",)


def test_the_next_hop_of_a_static_route_with_a_distance_is_not_its_distance() -> None:
    """A gateway behind which a distance was written was no gateway."""
    facts = router("ip route 0.0.0.0 0.0.0.0 192.0.2.254 250", "ip route 10.9.0.0 255.255.0.0 10.0.0.1 5")
    assert device(facts).default_gateways_of("") == [ip_address("192.0.2.254")]
    ((route, line),) = routes_to(facts, ip_network("10.9.0.0/16"))
    assert (route.next_hop, line) == (NEAR, "ip route 10.9.0.0 255.255.0.0 10.0.0.1 5")
    assert static_lines(facts, ip_network("10.9.0.0/24")) == ()


@pytest.mark.parametrize(
    ("lines", "fix"),
    [
        (
            ("ip route 0.0.0.0 0.0.0.0 192.0.2.254 name UPLINK track 7",),
            (
                "no ip route 0.0.0.0 0.0.0.0 192.0.2.254 name UPLINK track 7",
                "ip route 0.0.0.0 0.0.0.0 192.0.2.254 name UPLINK",
            ),
        ),
        (
            [f"ip route 172.16.0.0 {mask} 192.0.2.254 track 1" for mask in ("255.255.255.0", "255.255.0.0")],
            (
                "no ip route 172.16.0.0 255.255.0.0 192.0.2.254 track 1",
                "ip route 172.16.0.0 255.255.0.0 192.0.2.254",
            ),
        ),
    ],
)
def test_a_route_that_follows_a_tracked_object_keeps_all_else_without_it(
    lines: list[str], fix: tuple[str, ...]
) -> None:
    """The line to enter instead had lost what stood behind the object, or was that of another mask."""
    scene = Scene(LabFacts(routers={"R1": router(*lines)}, gateways={}, links=()))
    finding = withdrawn(scene, "R1", ip_address("172.16.9.1"), (), Step.ROUTING)
    assert finding is not None
    assert finding.fix == fix
