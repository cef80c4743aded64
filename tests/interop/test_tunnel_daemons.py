"""OSPF and BGP of FRR and BIRD over our tunnels, as hub and as spoke.

The daemon speaks over the tunnel's device in its own namespace, where a router of ours does NHRP and GRE and no
routing; at the other end everything is ours. `lan0` is told by OSPF, `lan1` by BGP.
"""

from __future__ import annotations

import pytest

from support.daemons import Wire, missing

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

HUB, SPOKE = "10.255.0.1", "10.255.0.2"
OUR_AS, THEIR_AS = 65001, 4200000002
_AT_HUB = " ip nhrp map multicast dynamic\n"


def tunnel(address: str, nhrp: str, ospf: str = "") -> str:
    return (
        f"interface Tunnel0\n ip address {address} 255.255.255.0\n ip mtu 1400\n ip nhrp network-id 1\n"
        f" ip nhrp holdtime 60\n{nhrp} tunnel source GigabitEthernet0/1\n tunnel mode gre multipoint\n"
        f" tunnel key 100\n{ospf}"
    )


def start_routers(wire: Wire, theirs: str, our_address: str, ospf: str) -> None:
    """Start both ends of the tunnel, until the spoke is registered; ospf: the network type of our end."""
    their_address = SPOKE if our_address == HUB else HUB
    hub = "ours" if our_address == HUB else theirs
    to_hub = f" ip nhrp nhs {HUB} nbma {wire.addresses[hub]} multicast\n"
    ours = tunnel(
        our_address,
        _AT_HUB if our_address == HUB else to_hub,
        f" ip ospf network {ospf}\n ip ospf hello-interval 1\n ip ospf dead-interval 3\n ip ospf cost 10\n"
        " ip ospf message-digest-key 1 md5 sesame\n ip ospf authentication message-digest\n"
        "router ospf 1\n network 10.255.0.0 0.0.0.255 area 0\n network 10.1.0.0 0.0.0.255 area 0\n"
        f"router bgp {OUR_AS}\n neighbor {their_address} remote-as {THEIR_AS}\n"
        f" neighbor {their_address} password open\n neighbor {their_address} advertisement-interval 0\n"
        " network 10.1.1.0 mask 255.255.255.0\n",
    )
    wire.start_ours("ours", ours)
    wire.start_ours(theirs, tunnel(their_address, _AT_HUB if hub == theirs else to_hub))
    wire.wait("the spoke is registered", lambda: " UP " in wire.ask("ours", "show dmvpn"))


def wait_for_routes(wire: Wire, theirs: str, our_address: str) -> None:
    their_address = SPOKE if our_address == HUB else HUB
    at_ours = {"10.2.0.0/24": their_address, "10.2.1.0/24": their_address}
    at_theirs = {"10.1.0.0/24": our_address, "10.1.1.0/24": our_address}
    wire.wait("all of theirs is in our kernel", lambda: at_ours.items() <= wire.kernel("ours").items())
    wire.wait("all of ours is in their kernel", lambda: at_theirs.items() <= wire.kernel(theirs).items())


@pytest.mark.story("ospf-tunnel", "bgp-tunnel")
def test_an_frr_spoke_speaks_ospf_and_bgp_with_our_hub_over_the_tunnel() -> None:
    with Wire(ours=("10.1.0.1/24", "10.1.1.1/24"), frr=("10.2.0.1/24", "10.2.1.1/24")) as wire:
        start_routers(wire, "frr", HUB, "point-to-multipoint")
        wire.start_frr(
            "frr",
            "ospfd",
            "interface Tunnel0\n ip ospf network point-to-multipoint\n ip ospf hello-interval 1\n"
            " ip ospf dead-interval 3\n ip ospf message-digest-key 1 md5 sesame\n"
            " ip ospf authentication message-digest\n"
            "router ospf\n network 10.255.0.0/24 area 0\n network 10.2.0.0/24 area 0\n",
        )
        wire.start_frr(
            "frr",
            "bgpd",
            f"router bgp {THEIR_AS}\n no bgp ebgp-requires-policy\n neighbor {HUB} remote-as {OUR_AS}\n"
            f" neighbor {HUB} password open\n neighbor {HUB} timers connect 1\n"
            " address-family ipv4 unicast\n  network 10.2.1.0/24\n exit-address-family\n",
        )
        wait_for_routes(wire, "frr", HUB)


@pytest.mark.story("ospf-tunnel", "bgp-tunnel", "ospf-point-to-multipoint")
def test_a_bird_hub_speaks_ospf_by_unicast_and_bgp_with_our_spoke_over_the_tunnel() -> None:
    with Wire(ours=("10.1.0.1/24", "10.1.1.1/24"), bird=("10.2.0.1/24", "10.2.1.1/24")) as wire:
        start_routers(wire, "bird", SPOKE, "point-to-multipoint non-broadcast")
        wire.start_bird(
            "bird",
            f"""
router id {HUB};
protocol ospf v2 {{
  ipv4 {{ import all; export none; }};
  area 0 {{
    interface "Tunnel0" {{
      type ptmp;
      hello 1; dead 3; retransmit 2; cost 10;
      neighbors {{ {SPOKE} eligible; }};
      authentication cryptographic;
      password "sesame" {{ id 1; algorithm keyed md5; }};
    }};
    interface "lan0" {{ stub; }};
  }};
}}
protocol bgp ours {{
  local {HUB} as {THEIR_AS};
  neighbor {SPOKE} as {OUR_AS};
  connect delay time 1; connect retry time 1; error wait time 1, 2; password "open";
  ipv4 {{ import all; export where net = 10.2.1.0/24; }};
}}
""",
        )
        wait_for_routes(wire, "bird", SPOKE)


@pytest.mark.story("ospf-tunnel")
@pytest.mark.parametrize("network", ["broadcast", "point-to-multipoint"])
@pytest.mark.parametrize("our_address", [HUB, SPOKE], ids=["our-hub", "our-spoke"])
def test_frr_and_ours_speak_ospf_over_the_tunnel_by_either_network_type(network: str, our_address: str) -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",)) as wire:
        their_address, theirs = (SPOKE, "spoke") if our_address == HUB else (HUB, "hub")
        # Who is behind the hub's multicasts alone is never elected.
        priority = {"hub": " ip ospf priority 100\n", "spoke": " ip ospf priority 0\n"}
        start_routers(
            wire, "frr", our_address, network + "\n" + priority["spoke" if theirs == "hub" else "hub"].rstrip()
        )
        wire.start_frr(
            "frr",
            "ospfd",
            f"interface Tunnel0\n ip ospf network {network}\n ip ospf hello-interval 1\n ip ospf dead-interval 3\n"
            f"{priority[theirs]} ip ospf message-digest-key 1 md5 sesame\n ip ospf authentication message-digest\n"
            "router ospf\n network 10.255.0.0/24 area 0\n network 10.2.0.0/24 area 0\n",
        )
        wire.wait("theirs is in our kernel", lambda: wire.kernel("ours").get("10.2.0.0/24") == their_address)
        wire.wait("ours is in their kernel", lambda: wire.kernel("frr").get("10.1.0.0/24") == our_address)
        if network == "broadcast":
            leader = wire.ask("ours", "show ip ospf interface Tunnel0")
            assert f"Designated Router (ID) {HUB}" in leader or f"Interface address {HUB}" in leader
