"""OSPF version 3 beside FRR's ospf6d and BIRD on a wire: the same routes at all, whoever speaks for the network."""

from __future__ import annotations

import re
import subprocess

import pytest

from support.daemons import Wire, missing

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing("ospf6d")), reason=missing("ospf6d")),
]

_NUMBERS = {"ours": 1, "frr": 2, "bird": 3}


def lay(wire: Wire, *names: str) -> None:
    """Give the ports of hosts their addresses: 2001:db8:N::1/64 on the LAN, and fe80::N."""
    for name in names:
        for port in ("wire", "lan0"):
            wire.ip(name, "-6", "addr", "flush", "dev", port, "scope", "link")
            wire.ip(name, "addr", "add", f"fe80::{_NUMBERS[name]}/64", "dev", port, "nodad")
        wire.ip(name, "addr", "add", f"2001:db8:{_NUMBERS[name]}::1/64", "dev", "lan0", "nodad")
        wire.say(*wire.inside(name, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"))


def start_all(wire: Wire, network: str, priorities: dict[str, int]) -> None:
    """Start the three with these priorities. network: the type in the words of all of them."""
    timers = "hello-interval 1\n {0} dead-interval 3\n {0} retransmit-interval 2\n {0} cost 10\n"
    wire.start_frr(
        "frr",
        "ospf6d",
        f"interface wire\n ipv6 ospf6 {timers.format('ipv6 ospf6')} ipv6 ospf6 network {network}\n"
        f" ipv6 ospf6 priority {priorities['frr']}\n ipv6 ospf6 area 0\n"
        "interface lan0\n ipv6 ospf6 area 2\n ipv6 ospf6 cost 6\n ipv6 ospf6 passive\n"
        "router ospf6\n ospf6 router-id 10.9.0.2\n redistribute static metric 80\n",
    )
    wire.start_bird(
        "bird",
        f"""
protocol kernel k6 {{ ipv6 {{ export where source != RTS_DEVICE; import none; }}; }}
protocol static outside {{ ipv6; route 2001:db8:b::/48 blackhole; }}
protocol ospf v3 ospf6 {{
  ipv6 {{ import all; export filter {{ if source = RTS_STATIC then {{ ospf_metric2 = 90; accept; }} reject; }}; }};
  area 0 {{
    interface "wire" {{
      type {network}; hello 1; dead 3; retransmit 2; cost 10; priority {priorities["bird"]};
    }};
    interface "lan0" {{ stub; cost 7; }};
  }};
}}
""",
    )
    wire.start_ours(
        "ours",
        "ipv6 unicast-routing\n"
        f"interface GigabitEthernet0/1\n ipv6 address FE80::1 link-local\n ipv6 ospf {timers.format('ipv6 ospf')}"
        f" ipv6 ospf network {network}\n ipv6 ospf priority {priorities['ours']}\n ipv6 ospf 1 area 0\n"
        "interface GigabitEthernet0/2\n ipv6 address 2001:DB8:1::1/64\n ipv6 ospf 1 area 1\n ipv6 ospf cost 5\n"
        "ipv6 route 2001:db8:a::/48 Null0\n"
        "ipv6 router ospf 1\n router-id 10.9.0.1\n redistribute static metric 70\n"
        " area 1 range 2001:db8:1::/56\n passive-interface GigabitEthernet0/2\n",
    )


def our_routes(wire: Wire) -> dict[str, tuple[str, int, str]]:
    text = wire.ask("ours", "show ipv6 route ospf")
    found = re.findall(r"^O(\w*) +(\S+) \[110/(\d+)\]\n +via (FE80\S+),", text, re.MULTILINE)
    return {prefix.lower(): (kind, int(metric), via.lower()) for kind, prefix, metric, via in found}


def kernel(wire: Wire, name: str) -> dict[str, str]:
    """The next hops of networks of OSPF in a kernel, by prefix."""
    lines = re.findall(r"^(2001:\S+) (?:nhid \d+ )?via (\S+) dev wire", wire.ip(name, "-6", "route", "show"), re.M)
    return dict(lines)


@pytest.mark.parametrize("speaker", ["ours", "frr", "bird"])
def test_three_routers_compute_the_same_routes_whoever_is_the_designated_router(speaker: str) -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",), bird=("10.3.0.1/24",)) as wire:
        lay(wire, *_NUMBERS)
        capture = wire.folder / "wire.pcap"
        wire.start("frr", "tcpdump", "tcpdump", "-U", "-i", "wire", "-w", str(capture), "ip6", "proto", "89")
        start_all(wire, "broadcast", {name: 200 if name == speaker else 1 for name in _NUMBERS})
        expected = {
            "2001:db8:2::/64": ("I", 16, "fe80::2"),
            "2001:db8:3::/64": ("", 17, "fe80::3"),
            "2001:db8:b::/48": ("E2", 90, "fe80::3"),
        }
        wire.wait("our routes", lambda: our_routes(wire) == expected)
        ours = {"2001:db8:1::/56": "fe80::1", "2001:db8:a::/48": "fe80::1"}
        frr = {**ours, "2001:db8:3::/64": "fe80::3", "2001:db8:b::/48": "fe80::3"}
        wire.wait("routes of FRR", lambda: kernel(wire, "frr") == frr)
        wire.wait("routes of BIRD", lambda: kernel(wire, "bird") == {**ours, "2001:db8:2::/64": "fe80::2"})
        wire.wait("our kernel", lambda: kernel(wire, "ours").get("2001:db8:b::/48") == "fe80::3")
        wire.enter("ours", "no ipv6 route 2001:db8:a::/48 Null0")
        wire.wait("a withdrawal", lambda: "2001:db8:a::/48" not in kernel(wire, "bird"))
        wire.ip("bird", "link", "set", "lan0", "down")
        wire.wait("a lost LAN", lambda: "2001:db8:3::/64" not in our_routes(wire))
        wire.stop("frr", "tcpdump")
        words = ("tshark", "-r", str(capture), "-Y", "_ws.malformed || _ws.expert.severity >= 0x600000")
        read = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
        assert read.stdout == ""


@pytest.mark.parametrize("algorithm", ["", "1", "256", "512"])
def test_on_a_point_to_point_wire_ours_and_bird_agree_and_a_reset_costs_an_exchange_alone(algorithm: str) -> None:
    """algorithm: of authentication trailers. (Those of FRR 8.4 are wrong to BIRD, too.)"""
    with Wire(ours=("10.1.0.1/24",), bird=("10.3.0.1/24",)) as wire:
        lay(wire, "ours", "bird")
        key = f'authentication cryptographic; password "sesame" {{ id 7; algorithm hmac sha{algorithm}; }};'
        wire.start_bird(
            "bird",
            f"""
protocol ospf v3 ospf6 {{
  ipv6 {{ import all; export none; }};
  area 5 {{
    nssa;
    interface "wire" {{ type ptp; hello 1; dead 3; retransmit 2; cost 10; {key if algorithm else ""} }};
    interface "lan0" {{ stub; cost 7; }};
  }};
}}
""",
        )
        wire.start_ours(
            "ours",
            "ipv6 unicast-routing\n"
            f"key chain OPEN\n key 7\n  key-string sesame\n  cryptographic-algorithm hmac-sha-{algorithm or 1}\n"
            "interface GigabitEthernet0/1\n ipv6 address FE80::1 link-local\n"
            + (" ospfv3 authentication key-chain OPEN\n" if algorithm else "")
            + " ipv6 ospf hello-interval 1\n ipv6 ospf dead-interval 3\n ipv6 ospf network point-to-point\n"
            " ipv6 ospf 1 area 5\ninterface GigabitEthernet0/2\n ipv6 address 2001:DB8:1::1/64\n"
            "ipv6 router ospf 1\n router-id 10.9.0.1\n area 5 nssa\n redistribute connected metric 33\n",
        )
        wire.wait("our route", lambda: "2001:db8:3::/64" in our_routes(wire))
        wire.wait("BIRD's route", lambda: "(150/10/33)" in wire.bird("bird", "show route 2001:db8:1::/64"))
        wire.bird("bird", "restart ospf6")
        wire.wait("our route again", lambda: "2001:db8:3::/64" in our_routes(wire))
