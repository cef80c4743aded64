"""Lint of designs that are right and not the plain one: a front door VRF, guests, a second provider, a shared address.

A lint that calls these wrong is switched off; so each test has the mistake beside the design that looks like it.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dmvpn
from dmvpn.base.findings import LintFinding, Severity
from dmvpn.tools.lint import Site, lint
from support import networks
from support.lint_cases import CLEAR, OSPF, SEALED, TRANSLATING, Network, bad, below, edited, everywhere, found
from support.texts import file_text
from support.work import calls

if TYPE_CHECKING:
    from collections.abc import Callable

BUNDLED = Path(dmvpn.__file__).parent / "scenarios"


def severities(network: Network, rule: str) -> list[tuple[str, Severity]]:
    return [(one.file, one.severity) for one in found(network, rule)]


def with_port(network: Network, *lines: str, on: tuple[str, ...] = ("HUB", "SPOKE1", "SPOKE2")) -> Network:
    """One more interface."""
    port = "\n".join(["interface GigabitEthernet9", *(f" {line}" for line in lines), "!", "interface Tunnel0"])
    return edited(network, **{name: [("interface Tunnel0", port)] for name in on})


# ------------------------------------------------------------------------------------------------ a front door VRF

_CABLE = ("ip address 203.0.113.10 255.255.255.0", "ip address dhcp")
_ALL = ("router eigrp 100\n network 10.0.0.0 0.0.0.255\n", "router eigrp 100\n network 0.0.0.0\n")
_FRONT = [
    _ALL,
    ("hostname", "vrf definition INET\n address-family ipv4\nhostname"),
    below(" tunnel key 100", " tunnel vrf INET"),
    below("interface GigabitEthernet1", " vrf forwarding INET"),
    ("ip route 0.0.0.0 0.0.0.0", "ip route vrf INET 0.0.0.0 0.0.0.0"),
]


def test_a_protocol_of_the_router_does_not_run_on_an_interface_in_a_vrf() -> None:
    """The design that Cisco's guides recommend was an error: `network 0.0.0.0`, and the source in the VRF."""
    assert [one.rule for one in lint(everywhere(CLEAR, _ALL)) if one.severity is Severity.ERROR] == [
        "tunnel-recursive-protocol"
    ] * 3
    assert [one for one in lint(everywhere(CLEAR, *_FRONT)) if one.severity is not Severity.ADVICE] == []


def test_ospf_of_the_router_does_not_run_on_an_interface_in_a_vrf_either() -> None:
    everything = ("network 10.0.0.0 0.0.0.255 area 0\n", "network 0.0.0.0 255.255.255.255 area 0\n")
    assert found(everywhere(OSPF, everything), "tunnel-recursive-protocol")
    assert found(everywhere(OSPF, everything, *_FRONT[1:]), "tunnel-recursive-protocol") == []


@pytest.mark.parametrize("hop", ["10.0.0.1", "192.168.10.254"])
def test_a_tunnel_needs_its_source_where_a_default_route_leads_into_the_tunnel_or_to_another_provider(hop: str) -> None:
    """Only the default route was asked where packets of the tunnel leave."""
    routes = f"ip route 198.51.100.0 255.255.255.0 203.0.113.254\nip route 0.0.0.0 0.0.0.0 {hop}"
    network = edited(CLEAR, SPOKE1=[_ALL, ("ip route 0.0.0.0 0.0.0.0 203.0.113.254", routes)])
    assert [one.file for one in found(network, "tunnel-recursive-protocol")] == ["SPOKE1"]


def test_a_static_route_that_names_a_port_leads_out_of_that_port_whatever_its_next_hop_is() -> None:
    route = "ip route 198.51.100.1 255.255.255.255 GigabitEthernet1 10.0.0.254"
    network = edited(CLEAR, SPOKE1=[below("ip route 0.0.0.0 0.0.0.0 203.0.113.254", route)])
    assert found(network, "tunnel-recursive-route") == []


def test_a_default_route_into_the_tunnel_is_not_for_packets_of_a_front_door_vrf() -> None:
    inside = below(" network 192.168.10.1 0.0.0.255", "!", "ip route 0.0.0.0 0.0.0.0 10.0.0.1")
    without = ("ip route 0.0.0.0 0.0.0.0 203.0.113.254\n", "")
    assert len(found(edited(CLEAR, SPOKE1=[without, inside]), "tunnel-recursive-route")) == 1
    assert found(edited(everywhere(CLEAR, *_FRONT), SPOKE1=[inside]), "tunnel-recursive-route") == []


# ------------------------------------------------------------------------------------------------ what is a LAN

_GUESTS = ("ip address 192.168.200.1 255.255.255.0", "ip nat inside")
_DROP = ("ip route 192.168.0.0 255.255.0.0 Null0 254\n", "")


@pytest.mark.parametrize(
    "lines",
    [
        ("vrf forwarding Mgmt", "ip address 192.168.255.1 255.255.255.0"),
        ("ip address 192.0.2.2 255.255.255.252", "ip nat outside"),
        ("ip address 192.0.2.2 255.255.255.252",),
    ],
)
def test_a_port_for_management_or_to_a_second_provider_is_no_lan(lines: tuple[str, ...]) -> None:
    """The fix for the backup provider would have put the underlay into the protocol of the overlay."""
    vrf = ("hostname", "vrf definition Mgmt\nhostname")
    backup = ("ip route 0.0.0.0", "ip route 0.0.0.0 0.0.0.0 192.0.2.1 250\nip route 0.0.0.0")
    network = with_port(edited(everywhere(SEALED, _DROP, vrf), HUB=[backup]), *lines, on=("HUB",))
    assert found(network, "eigrp-lan-not-told") == []
    told = found(network, "overlay-in-clear")
    assert [one.file for one in told] == ["HUB", "SPOKE1", "SPOKE2"]
    assert [one.fix for one in told if "192.0.2" in one.fix or "192.168.255" in one.fix] == []


def test_a_port_that_a_default_route_names_is_no_lan() -> None:
    port = ("ip address 192.0.2.2 255.255.255.0",)
    assert len(found(with_port(CLEAR, *port, on=("HUB",)), "eigrp-lan-not-told")) == 1
    route = ("ip route 0.0.0.0", "ip route 0.0.0.0 0.0.0.0 GigabitEthernet9 250\nip route 0.0.0.0")
    assert found(with_port(edited(CLEAR, HUB=[route]), *port, on=("HUB",)), "eigrp-lan-not-told") == []


def test_a_default_route_into_the_tunnel_leads_nothing_out_in_clear() -> None:
    inside = ("ip route 0.0.0.0 0.0.0.0 203.0.113.254", "ip route 0.0.0.0 0.0.0.0 10.0.0.1")
    network = everywhere(SEALED, _DROP)
    assert [one.file for one in found(network, "overlay-in-clear")] == ["HUB", "SPOKE1", "SPOKE2"]
    network = edited(network, SPOKE1=[inside])
    assert [one.file for one in found(network, "overlay-in-clear")] == ["HUB", "SPOKE2"]


def test_packets_that_may_leave_in_clear_are_a_warning_and_in_a_rendered_file_an_error() -> None:
    network = everywhere(SEALED, _DROP)
    assert severities(network, "overlay-in-clear") == [(name, Severity.WARNING) for name in ("HUB", "SPOKE1", "SPOKE2")]
    rendered = network | {"SPOKE1": f"! Made by `dmvpn render`. Change the table, not this file.\n{network['SPOKE1']}"}
    assert dict(severities(rendered, "overlay-in-clear"))["SPOKE1"] is Severity.ERROR


@pytest.mark.parametrize("scenario", sorted(path.name for path in BUNDLED.iterdir() if path.is_dir()))
def test_no_protected_network_that_is_bundled_lets_packets_of_the_overlay_out_in_clear(scenario: str) -> None:
    network = {path.stem: path.read_text() for path in sorted((BUNDLED / scenario).glob("*.cfg"))}
    assert found(network, "overlay-in-clear") == []


def test_a_lan_that_is_told_beside_others_that_are_not_may_be_meant_so() -> None:
    guests = with_port(CLEAR, *_GUESTS, on=("SPOKE1",))
    assert severities(guests, "eigrp-lan-not-told") == [("SPOKE1", Severity.ADVICE)]


def test_a_site_of_which_no_lan_is_told_is_a_warning() -> None:
    alone = (" network 192.168.10.1 0.0.0.255\n", "")
    assert severities(edited(CLEAR, SPOKE1=[alone]), "eigrp-lan-not-told") == [("SPOKE1", Severity.WARNING)]
    guests = edited(CLEAR, SPOKE1=[alone, below("interface GigabitEthernet2", " ip nat inside")])
    assert severities(guests, "eigrp-lan-not-told") == [("SPOKE1", Severity.ADVICE)]
    routes = edited(CLEAR, SPOKE1=[(alone[0], " redistribute static\n")])
    assert severities(routes, "eigrp-lan-not-told") == [("SPOKE1", Severity.ADVICE)]


def test_nothing_has_to_be_dropped_for_a_lan_that_nobody_hears_of() -> None:
    guests = with_port(everywhere(SEALED, _DROP), "ip address 172.20.0.1 255.255.255.0", on=("SPOKE2",))
    assert [one.fix for one in found(guests, "overlay-in-clear") if "172.20" in one.fix] == []
    told = edited(guests, SPOKE2=[below("router eigrp 100", " network 172.20.0.0")])
    assert [one.file for one in found(told, "overlay-in-clear") if "172.20" in one.fix] == ["HUB", "SPOKE1"]
    null = ("ip route 0.0.0.0", "ip route 172.20.0.0 255.255.255.0 Null0\nip route 0.0.0.0")
    assert found(edited(guests, SPOKE1=[null]), "static-route-hides-lan") == []
    assert len(found(edited(told, SPOKE1=[null]), "static-route-hides-lan")) == 1


@pytest.mark.parametrize(
    "lines",
    [
        "router eigrp 100\n redistribute connected\n",
        "router eigrp 100\n redistribute connected route-map LANS\n",
        "router bgp 65000\n network 172.20.0.0 mask 255.255.255.0\n",
        "router bgp 65000\n aggregate-address 172.20.0.0 255.255.0.0\n",
        "router ospf 1\n redistribute connected subnets\n",
        "router rip\n redistribute connected metric 1\n",
        "router bgp 65000\n redistribute connected\n",
    ],
)
def test_a_lan_is_told_by_whatever_protocol_brings_it_in(lines: str) -> None:
    port = with_port(everywhere(SEALED, _DROP), "ip address 172.20.0.1 255.255.255.0", on=("SPOKE2",))
    network = edited(port, SPOKE2=[("ip route 0.0.0.0", f"{lines}ip route 0.0.0.0")])
    assert [one.file for one in found(network, "overlay-in-clear") if "172.20" in one.fix] == ["HUB", "SPOKE1"]


# ------------------------------------------------------------------------------------------------ an address twice


def test_the_same_guest_lan_behind_the_nats_of_two_sites_is_advice() -> None:
    guests = with_port(CLEAR, *_GUESTS, on=("SPOKE1", "SPOKE2"))
    assert severities(guests, "address-duplicate") == [("SPOKE2", Severity.ADVICE)]
    one = edited(guests, SPOKE1=[below("router eigrp 100", " network 192.168.200.0")])
    assert severities(one, "address-duplicate") == [("SPOKE2", Severity.ADVICE)]
    both = edited(one, SPOKE2=[below("router eigrp 100", " network 192.168.200.0")])
    assert severities(both, "address-duplicate") == [("SPOKE2", Severity.ERROR)]


def test_an_anycast_loopback_is_advice_and_the_source_of_a_tunnel_is_not() -> None:
    loopback = ("interface Tunnel0", "interface Loopback1\n ip address 10.0.0.9 255.255.255.255\ninterface Tunnel0")
    network = edited(CLEAR, HUB=[loopback], SPOKE1=[loopback])
    assert severities(network, "address-duplicate") == [("SPOKE1", Severity.ADVICE)]
    source = ("tunnel source GigabitEthernet1", "tunnel source Loopback1")
    assert severities(edited(network, HUB=[source]), "address-duplicate") == [("SPOKE1", Severity.ERROR)]


def test_an_address_in_a_vrf_is_another_one_in_whatever_order_the_files_come() -> None:
    address = "ip address 192.168.10.1 255.255.255.0"
    vrf = ("hostname", "vrf definition Mgmt\nhostname")
    network = with_port(edited(CLEAR, HUB=[vrf]), "vrf forwarding Mgmt", address, on=("HUB",))
    assert found(network, "address-duplicate") == []
    assert found(dict(reversed(network.items())), "address-duplicate") == []
    network = with_port(CLEAR, address, on=("HUB",))
    assert len(found(network, "address-duplicate")) == 1


def test_a_pool_of_nat_may_have_an_address_of_another_vrf() -> None:
    pool = "ip nat pool INET 198.18.0.1 198.18.0.9 netmask 255.255.255.0\nip nat inside source list LAN pool INET"
    vrf = ("hostname", "vrf definition Mgmt\n address-family ipv4\nhostname")
    network = edited(TRANSLATING, HUB=[vrf], SPOKE1=[below("!", pool)])
    address = "ip address 198.18.0.5 255.255.255.0"
    assert found(with_port(network, "vrf forwarding Mgmt", address, on=("HUB",)), "nat-pool-overlaps") == []
    assert len(found(with_port(network, address, on=("HUB",)), "nat-pool-overlaps")) == 1


def test_a_pool_of_leases_may_be_for_a_secondary_subnet() -> None:
    pool = "ip dhcp pool GUESTS\n network 192.168.99.0 255.255.255.0"
    network = edited(CLEAR, SPOKE1=[below("!", pool)])
    assert len(found(network, "dhcp-pool-on-no-link")) == 1
    addresses = ("ip address 192.168.98.1 255.255.255.0", "ip address 192.168.99.1 255.255.255.0 secondary")
    assert found(with_port(network, *addresses, on=("SPOKE1",)), "dhcp-pool-on-no-link") == []


def test_a_pool_of_ipv6_is_for_the_prefix_of_a_port() -> None:
    pool = "ipv6 dhcp pool LAN6\n address prefix 2001:db8:9::/64"
    network = edited(CLEAR, SPOKE1=[below("!", pool)])

    def what(address: str) -> list[str]:
        lines = (f"ipv6 address {address}", "ipv6 dhcp server LAN6")
        return [one.what for one in found(with_port(network, *lines, on=("SPOKE1",)), "dhcp-pool-on-no-link")]

    assert what("2001:db8:8::1/64") == ["pool LAN6 is for 2001:db8:9::/64, where no router has a port"]
    assert what("2001:db8:9::1/64") == what("2001:db8:9::/64 eui-64") == []


def test_two_routers_with_one_source_address_in_the_front_door_vrf_are_an_error() -> None:
    network = edited(everywhere(CLEAR, *_FRONT), SPOKE2=[("ip address 203.0.113.20", "ip address 203.0.113.10")])
    assert severities(network, "address-duplicate") == [("SPOKE2", Severity.ERROR)]


def test_a_router_that_has_an_nbma_address_of_a_spoke_behind_nat_may_have_it() -> None:
    """It depended on which of the two files came first."""
    address = ("ip address 203.0.113.10 255", "ip address 192.168.20.1 255")
    network = edited(CLEAR, SPOKE1=[address, ("203.0.113.254", "192.168.20.254")])
    assert found(network, "address-duplicate") == []
    assert found(dict(reversed(network.items())), "address-duplicate") == []


def test_the_tunnel_address_of_a_spoke_behind_nat_is_its_own() -> None:
    network = edited(CLEAR, SPOKE2=[("ip address 10.0.0.20", "ip address 10.0.0.10")])
    sites = {"SPOKE2": Site(nat="cone", public=IPv4Address("192.0.2.2"))}
    assert [one.file for one in lint(network, sites) if one.rule == "address-duplicate"] == ["SPOKE2"]


# ------------------------------------------------------------------------------------------------ dial-up lines

_DIALER = [
    ("interface GigabitEthernet1\n", "interface Dialer1\n"),
    ("tunnel source GigabitEthernet1", "tunnel source Dialer1"),
    ("ip address 203.0.113.10 255.255.255.0", "ip address negotiated"),
    ("ip route 0.0.0.0 0.0.0.0 203.0.113.254", "ip route 0.0.0.0 0.0.0.0 Dialer1"),
]


def test_an_address_that_the_far_end_of_a_dial_up_line_gives_may_change_too() -> None:
    network = edited(CLEAR, SPOKE1=_DIALER)
    (finding,) = [one for one in lint(network) if one.severity is not Severity.ADVICE]
    assert (finding.file, finding.rule) == ("SPOKE1", "nhrp-unique-with-dhcp")
    assert "Dialer1 gets its address from the far end" in finding.what
    assert "by DHCP" in found(edited(CLEAR, SPOKE1=[_CABLE]), "nhrp-unique-with-dhcp")[0].what


def test_a_next_hop_may_be_on_a_subnet_that_a_provider_gives() -> None:
    far = ("0.0.0.0 0.0.0.0 203.0.113.254", "0.0.0.0 0.0.0.0 192.0.2.254")
    assert found(edited(CLEAR, SPOKE1=[far]), "static-next-hop-unreachable")
    for line in ("ip address dhcp", "ip address negotiated"):
        given = ("ip address 203.0.113.10 255.255.255.0", line)
        assert found(edited(CLEAR, SPOKE1=[far, given]), "static-next-hop-unreachable") == []


# ------------------------------------------------------------------------------------------------ BFD


@pytest.mark.parametrize(
    ("base", "more", "hold"),
    [
        (CLEAR, (), 15),
        (OSPF, (), 120),
        (OSPF, (" ip ospf hello-interval 5",), 20),
        (OSPF, (" ip ospf dead-interval minimal hello-multiplier 4",), 1),
        (everywhere(OSPF, ("network point-to-multipoint", "network broadcast")), (), 40),
        (OSPF, ("router eigrp 100", " network 10.0.0.0", "interface Tunnel0"), 15),
    ],
)
def test_bfd_is_to_be_faster_than_the_protocol_that_listens_to_it(
    base: Network, more: tuple[str, ...], hold: int
) -> None:
    """With OSPF it was compared with the holding time of NHRP, two hours."""

    times = 20 if hold > 1 else 4

    def with_bfd(milliseconds: int) -> list[LintFinding]:
        line = f" bfd interval {milliseconds} min_rx {milliseconds} multiplier {times}"
        return found(edited(base, SPOKE1=[below(" ip mtu 1400", *more, line)]), "bfd-slower-than-hold")

    assert with_bfd(1000 * hold // times - 1) == []
    (finding,) = with_bfd(1000 * hold // times)
    assert f"waits {hold} s" in finding.what


# ------------------------------------------------------------------------------------------------ large ones


def _tunnels(number: int) -> Network:
    tunnel = (
        "interface Tunnel{0}\n ip address 10.{1}.{2}.1 255.255.255.0\n ip nhrp network-id 1\n"
        " tunnel source GigabitEthernet1\n tunnel mode gre multipoint\n tunnel key {0}\n"
    )
    last = "interface GigabitEthernet1\n ip address 198.51.100.1 255.255.255.0\nrouter eigrp 100\n network 10.0.0.0\n"
    return {"R1.cfg": "".join(tunnel.format(index, *divmod(index, 256)) for index in range(number)) + last}


def _servers(number: int) -> Network:
    lines = "".join(f" ip nhrp nhs 10.{index // 250}.7.{index % 250} nbma 192.0.2.1\n" for index in range(number))
    return {"R1.cfg": CLEAR["SPOKE1"].replace(" ip nhrp nhs 10.0.0.1\n", lines)}


def _keys_of_the_hub_alone(number: int) -> Network:
    narrow = SEALED["SPOKE1"].replace("address 203.0.113.0 255.255.255.0", "address 203.0.113.99")
    spokes = {
        f"S{index}": narrow.replace("10.0.0.10 ", f"10.0.0.{index} ")
        .replace("203.0.113.10 ", f"203.0.113.{index} ")
        .replace("192.168.10.1", f"192.168.{index}.1")
        .replace("-key-of-tests", f"-key-of-{index}")
        for index in range(10, 10 + number)
    }
    return {"HUB": SEALED["HUB"], **spokes}


@pytest.mark.lengthy
@pytest.mark.parametrize(("make", "number"), [(_tunnels, 100), (_servers, 200), (_keys_of_the_hub_alone, 20)])
def test_a_configuration_twice_as_long_takes_about_twice_as_long(make: Callable[[int], Network], number: int) -> None:
    """4000 tunnels in one file took minutes: each finding and each address went through all of them. So did wrong lines
    of one command, and spokes of which each lacks a key for each other one.
    """
    lint(make(2))  # the language is made once
    once, twice = (calls(partial(lint, make(size))) for size in (number, 2 * number))
    assert twice < 2.3 * once


# ------------------------------------------------------------------------------------------- route targets


_SHARED = file_text("lint_designs_shared.cfg")


@pytest.mark.parametrize(
    ("line", "lack"),
    [
        ("", None),
        (" rd 1:2\n", "VRF B has no rd"),
        (" address-family ipv4 vrf A\n", "router bgp has no address-family ipv4 vrf A"),
    ],
)
def test_route_targets_are_named_only_where_bgp_does_not_exchange_the_routes(line: str, lack: str | None) -> None:
    found = [one for one in lint({"R1": _SHARED.replace(line, "")}) if one.rule == "route-target-inert"]
    wanted = [] if lack is None else [f"routes of VRF B do not go to VRF A by route targets: {lack}"]
    assert [one.what for one in found] == wanted


# ------------------------------------------------------------------------------------------------ two providers


@pytest.mark.parametrize("crypto", networks.CRYPTO)
def test_one_address_from_two_providers_is_no_mistake(crypto: str) -> None:
    """The hub on the wires of its spokes lacked a route, and IPsec with keyrings of IKEv1 by VRF lacked a profile."""
    assert bad({f"{name}.cfg": networks.router(name, crypto) for name in ("HUB", "SPOKE")}) == []


def test_a_front_door_without_the_wire_of_a_client_lacks_a_route() -> None:
    network = {f"{name}.cfg": networks.router(name, "ikev1, keyrings") for name in ("HUB", "SPOKE")}
    far = edited(network, **{"SPOKE.cfg": [("100.64.0.11", "198.51.100.11"), ("100.64.0.1 ", "198.51.100.1 ")]})
    assert [one.file for one in found(far, "front-door-without-route")] == ["HUB.cfg", "HUB.cfg"]


def test_the_keys_of_a_keyring_that_a_profile_names_are_for_this_profile() -> None:
    lines = "crypto isakmp profile I\n keyring RING-EAST\n match identity address 0.0.0.0 EAST\n"
    text = networks.router("SPOKE", "ikev1, keyrings").replace(
        "crypto ipsec profile P", f"{lines}crypto ipsec profile P"
    )
    only = {"SPOKE.cfg": text.replace("crypto keyring RING-WEST vrf WEST", "crypto keyring RING-EAST vrf EAST")}
    assert [one.rule for one in found(only, "ike-profile-missing")] == ["ike-profile-missing"]
