"""The routes of the provider that a lab adds: each leads to the router that has the address, or is the way to it."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

import pytest

from dmvpn.network.device import Device
from dmvpn.shells.inference import infer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dmvpn.shells.inference import Inferred

_LINK = "255.255.255.252"


def _router(name: str, *ports: str, gateway: str = "", tunnel: str = "") -> str:
    """A configuration. ports: "ADDRESS MASK". tunnel: its source, and its number behind a blank."""
    lines = [f"hostname {name}"]
    for number, port in enumerate(ports):
        lines += [f"interface GigabitEthernet0/{number}", f" ip address {port}"]
    if tunnel:
        source, at = tunnel.split()
        if source.startswith("203."):
            lines += ["interface Loopback0", f" ip address {source} 255.255.255.255"]
            source = "Loopback0"
        nhs = [] if name.startswith("HUB") else [" ip nhrp nhs 10.0.0.1"]
        lines += ["interface Tunnel0", f" ip address 10.0.0.{at} 255.255.255.0", " ip nhrp network-id 1", *nhs]
        lines += [f" tunnel source {source}", " tunnel mode gre multipoint"]
    lines += [f"ip route 0.0.0.0 0.0.0.0 {gateway}"] if gateway else []
    return "\n".join([*lines, "end"]) + "\n"


def _inferred(texts: Sequence[str]) -> Inferred:
    return infer({f"r{number}.cfg": text for number, text in enumerate(texts)})


def _provider(*texts: str) -> tuple[list[str], Inferred]:
    inferred = _inferred(texts)
    return [line for line in inferred.configurations["PROVIDER"].split("\n") if line.startswith("ip route")], inferred


def _wan(name: str, number: int) -> str:
    return _router(
        name, f"192.0.2.{4 * number + 1} {_LINK}", gateway=f"192.0.2.{4 * number + 2}", tunnel=f"{_WAN} {number}"
    )


_WAN = "GigabitEthernet0/0"


def test_two_hubs_of_one_block_are_reached_by_the_isp_and_not_by_a_customer() -> None:
    """A hub's packets went to a spoke beside the ISP's router, whose default route sent them back."""
    hubs = [
        _router(
            f"HUB{number}",
            f"100.64.0.{4 * number + 1} {_LINK}",
            gateway=f"100.64.0.{4 * number + 2}",
            tunnel=f"203.0.113.{number} {number}",
        )
        for number in (1, 2)
    ]
    isp = _router("ISP", f"198.51.100.2 {_LINK}", f"100.64.0.6 {_LINK}", f"100.64.0.10 {_LINK}", f"192.0.2.2 {_LINK}")
    isp = isp.replace("end\n", "ip route 203.0.113.1 255.255.255.255 100.64.0.5\n")
    isp += "ip route 203.0.113.2 255.255.255.255 100.64.0.9\nip route 0.0.0.0 0.0.0.0 198.51.100.1\nend\n"
    customer = _router(
        "S", f"192.0.2.1 {_LINK}", f"192.0.2.9 {_LINK}", gateway="192.0.2.10", tunnel="GigabitEthernet0/1 3"
    )
    routes, _ = _provider(customer, *hubs, isp, _wan("S2", 5))
    assert {f"ip route 203.0.113.{hub} 255.255.255.255 198.51.100.2" for hub in (1, 2)} <= set(routes)
    assert not any(route.endswith(" 192.0.2.9") for route in routes)


def test_an_address_behind_a_router_that_would_send_its_packets_back_has_no_route_and_that_is_said() -> None:
    hub = _router("HUB", f"100.64.0.1 {_LINK}", tunnel="203.0.113.1 1")
    between = _router("R", f"100.64.0.2 {_LINK}", f"192.0.2.1 {_LINK}", gateway="192.0.2.2")
    routes, inferred = _provider(hub, between, _wan("S", 5))
    assert not any("203.0.113.1" in route for route in routes)
    assert "PROVIDER has no route to 203.0.113.1 (HUB): no router beside it is the way there" in inferred.notes


def test_a_router_that_speaks_a_protocol_on_the_way_is_the_way() -> None:
    hub = _router("HUB", f"100.64.0.1 {_LINK}", tunnel="203.0.113.1 1")
    between = _router("R", f"100.64.0.2 {_LINK}", f"192.0.2.1 {_LINK}", gateway="192.0.2.2")
    rip = "router rip\n version 2\n network 100.0.0.0\n network 203.0.113.0\nend\n"
    routes, _ = _provider(*(text.replace("end\n", rip) for text in (hub, between)), _wan("S", 5))
    assert "ip route 203.0.113.1 255.255.255.255 192.0.2.1" in routes


# ------------------------------------------------------------------------------------------------ any network


def _any_network(chance: random.Random) -> list[str]:
    """Hubs, spokes and routers of ISPs, plugged together as it comes."""
    nets = [
        net
        for block in ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "100.64.0.0/24")
        for net in list(IPv4Network(block).subnets(new_prefix=chance.choice([24, 28, 30])))[:4]
    ]
    taken: list[IPv4Address] = []
    texts = []
    for number, name in enumerate(["HUB1", "HUB2", "S1", "S2", "ISP1", "ISP2"], 1):
        ports = [
            (host, net)
            for net in chance.sample(nets, chance.randint(1, 3))
            if (host := chance.choice(list(net.hosts())[:6])) not in taken
        ]
        taken += [host for host, _ in ports]
        if not ports:
            continue
        source = f"203.0.113.{100 + number}" if chance.random() < 0.3 else _WAN
        near = [host for host in list(ports[-1][1].hosts())[:7] if host != ports[-1][0]]
        texts.append(
            _router(
                name,
                *(f"{host} {net.netmask}" for host, net in ports),
                gateway=str(chance.choice(near)) if chance.random() < 0.85 else "",
                tunnel="" if name.startswith("ISP") else f"{source} {number}",
            )
        )
    return texts


@pytest.mark.parametrize("seed", range(40))
def test_no_packet_of_the_provider_comes_back_to_it(seed: int) -> None:
    inferred = _inferred(_any_network(random.Random(seed)))
    devices = {name: Device.read(name, text) for name, text in inferred.configurations.items()}
    if "PROVIDER" not in devices:
        return
    wires = [[end.partition(":")[::2] for end in link.ends] for link in inferred.lab.links]

    def beside(router: str, address: IPv4Address) -> str | None:
        """Return the router on a wire of this one that has an address."""
        return next(
            (
                name
                for wire in wires
                if any(end[0] == router for end in wire)
                for name, port in wire
                if devices[name].ports[port].ip == address
            ),
            None,
        )

    def forwards_to(router: str, address: IPv4Address) -> str | None:
        device = devices[router]
        best: tuple[int, IPv4Address | None] = (-1, None)
        for port in device.ports.values():
            if address in port.network:
                best = max(best, (port.network.prefixlen, address), key=lambda each: each[0])
        for route in device.routes:
            if address in route.prefix and isinstance(route.next_hop, IPv4Address):
                best = max(best, (route.prefix.length, route.next_hop), key=lambda each: each[0])
        return beside(router, best[1]) if best[1] is not None else None

    for route in devices["PROVIDER"].routes:
        address = route.prefix.address
        assert isinstance(address, IPv4Address)
        passed, here = ["PROVIDER"], forwards_to("PROVIDER", address)
        while here is not None and not any(port.ip == address for port in devices[here].ports.values()):
            assert here not in passed, f"{address}: {passed}"
            passed.append(here)
            here = forwards_to(here, address)
        assert here is not None, f"{address} ends at {passed}"
