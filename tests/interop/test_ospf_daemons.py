"""OSPF beside FRR's ospfd and BIRD on a wire: neighbors, and the same routes at both ends.

Everything is in namespaces of one kernel; the daemons' tables and kernels say what came out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.daemons import Wire, missing

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

#: Of a route: its kind ("", IA, E1, E2), its metric and the next hop.
Route = tuple[str, int, str]
_TIMERS = " ip ospf hello-interval 1\n ip ospf dead-interval 3\n ip ospf retransmit-interval 2\n ip ospf cost 10\n"


def our_routes(wire: Wire) -> dict[str, Route]:
    found = re.findall(
        r"^O[* ]*(IA|E1|E2|N1|N2|) +(\S+) \[110/(\d+)\] via ([\d.]+)",
        wire.ask("ours", "show ip route ospf"),
        re.MULTILINE,
    )
    return {prefix: (kind, int(metric), via) for kind, prefix, metric, via in found}


def frr_routes(wire: Wire) -> dict[str, Route]:
    found = {}
    for prefix, route in wire.frr_json("frr", "show ip ospf route").items():
        kind = str(route["routeType"])
        vias = [hop["ip"].strip() for hop in route.get("nexthops", ()) if hop.get("ip", "").strip()]
        if kind.startswith("N") and vias:
            metric = route["type2cost"] if kind == "N E2" else route["cost"]
            found[prefix] = (kind[1:].strip(), int(metric), vias[0])
    return found


def bird_routes(wire: Wire) -> dict[str, Route]:
    text = wire.bird("bird", "show route protocol ospf1")
    found = re.findall(r"^(\S+/\d+) .*? (I|IA|E1|E2) \(150/(\d+)(?:/(\d+))?\).*\n\s+via (\S+)", text, re.MULTILINE)
    return {
        prefix: ("" if kind == "I" else kind, int(second if kind == "E2" else metric), via)
        for prefix, kind, metric, second, via in found
    }


ROUTES: dict[str, Callable[[Wire], dict[str, Route]]] = {"ours": our_routes, "frr": frr_routes, "bird": bird_routes}


def at(wire: Wire, name: str, *prefixes: str) -> dict[str, Route]:
    """What a router computed for these prefixes."""
    routes = ROUTES[name](wire)
    return {prefix: routes[prefix] for prefix in prefixes if prefix in routes}


def wait_for_routes(wire: Wire, name: str, expected: dict[str, Route]) -> None:
    """Wait until a router computed these, and its kernel has the networks among them.

    What is a host on the wire itself need not be in a kernel: the connected network leads there, too.
    """
    networks = {prefix for prefix in expected if not prefix.endswith("/32")}
    wire.wait(f"routes of {name}", lambda: at(wire, name, *expected) == expected)
    wire.wait(f"the kernel of {name}", lambda: networks <= wire.kernel(name).keys())


def start_pair(wire: Wire, name: str, network: str) -> None:
    """Start OSPF with MD5 at the foreign router, `frr` or `bird`; network: the type in FRR's or BIRD's words."""
    if name == "frr":
        wire.start_frr(
            "frr",
            "ospfd",
            f"interface wire\n{_TIMERS} ip ospf network {network}\n ip ospf message-digest-key 1 md5 sesame\n"
            " ip ospf authentication message-digest\n"
            "interface lan0\n ip ospf cost 1\nrouter ospf\n network 10.0.0.0/8 area 0\n",
        )
        return
    wire.start_bird(
        "bird",
        f"""
protocol ospf v2 {{
  ipv4 {{ import all; export none; }};
  area 0 {{
    interface "wire" {{
      type {network};
      hello 1; dead 3; retransmit 2; cost 10;
      authentication cryptographic;
      password "sesame" {{ id 1; algorithm keyed md5; }};
    }};
    interface "lan0" {{ stub; cost 1; }};
  }};
}}
""",
    )


def start_ours(wire: Wire, network: str) -> None:
    wire.start_ours(
        "ours",
        f"interface GigabitEthernet0/1\n{_TIMERS} ip ospf network {network}\n"
        " ip ospf message-digest-key 1 md5 sesame\n ip ospf authentication message-digest\n"
        "interface GigabitEthernet0/2\n ip ospf cost 1\n"
        "router ospf 1\n passive-interface GigabitEthernet0/2\n network 10.0.0.0 0.255.255.255 area 0\n",
    )


@pytest.mark.story("ospf-broadcast", "ospf-areas", "ospf-external")
def test_three_routers_elect_ours_and_compute_the_same_routes_between_areas_and_from_outside() -> None:
    with Wire(
        ours=("10.1.0.1/24", "10.1.1.1/24"), frr=("10.2.0.1/24", "10.2.1.1/24"), bird=("10.3.0.1/24", "10.3.1.1/24")
    ) as wire:
        wire.start_ours(
            "ours",
            f"interface GigabitEthernet0/1\n{_TIMERS} ip ospf priority 100\n"
            "interface GigabitEthernet0/2\n ip ospf cost 5\n"
            "router ospf 1\n network 10.9.0.0 0.0.0.255 area 0\n network 10.1.0.0 0.0.0.255 area 1\n"
            " redistribute connected subnets metric 70 metric-type 1\n",
        )
        wire.start_frr(
            "frr",
            "ospfd",
            f"interface wire\n{_TIMERS}interface lan0\n ip ospf cost 6\n"
            "router ospf\n network 10.9.0.0/24 area 0\n network 10.2.0.0/24 area 2\n"
            " redistribute connected metric 80\n",
        )
        wire.start_bird(
            "bird",
            """
protocol ospf v2 {
  ipv4 { import all; export filter { if net = 10.3.1.0/24 then { ospf_metric1 = 90; accept; } reject; }; };
  area 0 { interface "wire" { type broadcast; hello 1; dead 3; wait 3; retransmit 2; cost 10; }; };
  area 3 { interface "lan0" { stub; cost 7; }; };
}
""",
        )
        ours, frr, bird = (wire.addresses[name] for name in ("ours", "frr", "bird"))
        of_ours = {"10.1.0.0/24": ("IA", 15, ours), "10.1.1.0/24": ("E1", 80, ours)}
        of_frr = {"10.2.0.0/24": ("IA", 16, frr), "10.2.1.0/24": ("E2", 80, frr)}
        of_bird = {"10.3.0.0/24": ("IA", 17, bird), "10.3.1.0/24": ("E1", 100, bird)}
        for name, expected in {"ours": of_frr | of_bird, "frr": of_ours | of_bird, "bird": of_ours | of_frr}.items():
            wait_for_routes(wire, name, expected)
        elected = re.compile(rf"Full/DR\s.*{ours}")
        wire.wait("FRR says that ours is elected", lambda: elected.search(wire.frr("frr", "show ip ospf neighbor")))
        wire.wait("so does BIRD", lambda: elected.search(wire.bird("bird", "show ospf neighbors")))


class Pair:
    """Ours and one other, point-to-point with MD5, until they have each other's network."""

    def __init__(self, wire: Wire, name: str, network: str) -> None:
        self._wire, self._name, self._network = wire, name, network
        self._at_peer = {"10.1.0.0/24": ("", 11, wire.addresses["ours"])}
        self._at_ours = {"10.2.0.0/24": ("", 11, wire.addresses[name])}
        start_ours(wire, "point-to-point")
        start_pair(wire, name, network)
        self.wait_for_routes("the first time")

    def wait_for_routes(self, when: str) -> None:
        self._wire.wait(f"routes at ours {when}", lambda: at(self._wire, "ours", *self._at_ours) == self._at_ours)
        self._wire.wait(
            f"routes at the other {when}", lambda: at(self._wire, self._name, *self._at_peer) == self._at_peer
        )

    def wait_for_none(self, at_whom: str, when: str) -> None:
        self._wire.wait(f"no routes {when}", lambda: not at(self._wire, at_whom, *self._at_ours, *self._at_peer))

    def restart_peer(self) -> None:
        self._wire.kill(self._name, "ospfd" if self._name == "frr" else "bird")
        self.wait_for_none("ours", "after the death of the other")
        start_pair(self._wire, self._name, self._network)


@pytest.mark.story("ospf-point-to-point", "ospf-md5", "ospf-restart")
@pytest.mark.slow
def test_point_to_point_with_md5_survives_a_restart_of_bird() -> None:
    with Wire(ours=("10.1.0.1/24",), bird=("10.2.0.1/24",)) as wire:
        pair = Pair(wire, "bird", "pointopoint")
        pair.restart_peer()
        pair.wait_for_routes("after the restart of the other")


@pytest.mark.story("ospf-point-to-point", "ospf-md5", "ospf-flap", "ospf-restart")
@pytest.mark.slow
def test_point_to_point_with_md5_survives_a_flap_and_a_restart_of_frr_and_of_ours() -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",)) as wire:
        pair = Pair(wire, "frr", "point-to-point")
        wire.unplug("ours")
        pair.wait_for_none("ours", "without a cable")
        pair.wait_for_none("frr", "without a cable")
        wire.plug("ours")
        pair.wait_for_routes("after the flap")
        pair.restart_peer()
        pair.wait_for_routes("after the restart of the other")
        wire.kill("ours", "dmvpn")
        pair.wait_for_none("frr", "after our death")
        start_ours(wire, "point-to-point")
        pair.wait_for_routes("after our restart")


@pytest.mark.story("ospf-md5")
def test_a_second_digest_key_of_ours_waits_until_frr_has_it_too() -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",)) as wire:
        wire.start_ours(
            "ours",
            f"interface GigabitEthernet0/1\n{_TIMERS} ip ospf network point-to-point\n"
            " ip ospf message-digest-key 1 md5 sesame\n ip ospf message-digest-key 2 md5 open\n"
            " ip ospf authentication message-digest\ninterface GigabitEthernet0/2\n ip ospf cost 1\n"
            "router ospf 1\n network 10.0.0.0 0.255.255.255 area 0\n",
        )
        start_pair(wire, "frr", "point-to-point")
        at_frr = {"10.1.0.0/24": ("", 11, wire.addresses["ours"])}
        wait_for_routes(wire, "frr", at_frr)
        assert "Rollover in progress, 1 neighbor" in wire.ask("ours", "show ip ospf interface")
        wire.frr("frr", "configure terminal", "interface wire", "ip ospf message-digest-key 2 md5 open")
        wire.wait("the end of it", lambda: "Rollover" not in wire.ask("ours", "show ip ospf interface"))
        wait_for_routes(wire, "frr", at_frr)


@pytest.mark.story("ospf-point-to-multipoint", "ospf-md5")
def test_point_to_multipoint_tells_hosts_and_networks() -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",)) as wire:
        start_ours(wire, "point-to-multipoint")
        start_pair(wire, "frr", "point-to-multipoint")
        ours, peer = wire.addresses["ours"], wire.addresses["frr"]
        at_peer = {"10.1.0.0/24": ("", 11, ours), f"{ours}/32": ("", 10, ours)}
        at_ours = {"10.2.0.0/24": ("", 11, peer), f"{peer}/32": ("", 10, peer)}
        wait_for_routes(wire, "frr", at_peer)
        wait_for_routes(wire, "ours", at_ours)


_VIRTUAL = "authentication message-digest hello-interval 1 dead-interval 3 retransmit-interval 2"


def _start_ours_in_area_1(wire: Wire, lan_area: int, *far_ends: str) -> None:
    keys = [f" area 1 virtual-link {end} message-digest-key 1 md5 sesame\n" for end in far_ends]
    wire.start_ours(
        "ours",
        f"interface GigabitEthernet0/1\n{_TIMERS}interface GigabitEthernet0/2\n ip ospf cost 5\n"
        f"router ospf 1\n router-id {wire.addresses['ours']}\n network 10.9.0.0 0.0.0.255 area 1\n"
        f" network 10.1.0.0 0.0.0.255 area {lan_area}\n"
        + "".join(f" area 1 virtual-link {end} {_VIRTUAL}\n" for end in far_ends)
        + "".join(keys),
    )


def _start_frr_in_area_1(wire: Wire, lan_area: int, *far_ends: str) -> None:
    wire.start_frr(
        "frr",
        "ospfd",
        f"interface wire\n{_TIMERS}interface lan0\n ip ospf cost 6\n"
        f"router ospf\n ospf router-id {wire.addresses['frr']}\n network 10.9.0.0/24 area 1\n"
        f" network 10.2.0.0/24 area {lan_area}\n"
        + "".join(
            f" area 1 virtual-link {end}\n area 1 virtual-link {end} hello-interval 1\n"
            f" area 1 virtual-link {end} dead-interval 3\n area 1 virtual-link {end} retransmit-interval 3\n"
            f" area 1 virtual-link {end} authentication message-digest\n"
            f" area 1 virtual-link {end} message-digest-key 1 md5 sesame\n"
            for end in far_ends
        ),
    )


def _start_bird_in_area_1(wire: Wire, far_end: str) -> None:
    wire.start_bird(
        "bird",
        f"""
router id {wire.addresses["bird"]};
protocol ospf v2 {{
  ipv4 {{ import all; export none; }};
  area 1 {{
    interface "wire" {{ type broadcast; hello 1; dead 3; wait 3; retransmit 2; cost 10; }};
    virtual link {far_end} {{
      hello 1; dead 3; wait 3; retransmit 2;
      authentication cryptographic;
      password "sesame" {{ id 1; algorithm keyed md5; }};
    }};
  }};
  area 3 {{ interface "lan0" {{ stub; cost 7; }}; }};
}}
""",
    )


@pytest.mark.conforms("ospf:15-virtual-links")
@pytest.mark.story("ospf-virtual-links")
def test_virtual_links_to_ours_join_areas_of_frr_and_bird_to_the_backbone() -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",), bird=("10.3.0.1/24",)) as wire:
        ours, frr, bird = (wire.addresses[name] for name in ("ours", "frr", "bird"))
        _start_ours_in_area_1(wire, 0, frr, bird)
        _start_frr_in_area_1(wire, 2, ours)
        _start_bird_in_area_1(wire, ours)
        of_ours = {"10.1.0.0/24": ("", 15, ours)}
        of_frr, of_bird = {"10.2.0.0/24": ("IA", 16, frr)}, {"10.3.0.0/24": ("IA", 17, bird)}
        for name, expected in {"ours": of_frr | of_bird, "bird": of_ours | of_frr}.items():
            wait_for_routes(wire, name, expected)
        # FRR 8.4 computes networks of the backbone behind a virtual link, and cannot tell its kernel the interface.
        wire.wait("routes of frr", lambda: at(wire, "frr", *of_ours, *of_bird) == of_ours | of_bird)
        assert wire.ask("ours", "show ip ospf virtual-links").count("is up") == 2
        wire.unplug("frr")
        wire.wait("its area is gone from ours", lambda: not at(wire, "ours", *of_frr))
        wire.plug("frr")
        wait_for_routes(wire, "ours", of_frr | of_bird)


@pytest.mark.conforms("ospf:3.4-partitions")
@pytest.mark.story("ospf-virtual-links")
def test_a_virtual_link_to_frr_joins_an_area_of_ours_to_the_backbone() -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",)) as wire:
        ours, frr = (wire.addresses[name] for name in ("ours", "frr"))
        _start_ours_in_area_1(wire, 2, frr)
        _start_frr_in_area_1(wire, 0, ours)
        wait_for_routes(wire, "ours", {"10.2.0.0/24": ("", 16, frr)})
        at_frr = {"10.1.0.0/24": ("IA", 15, ours)}
        wire.wait("routes of frr", lambda: at(wire, "frr", *at_frr) == at_frr)
        assert " Adjacency State FULL" in wire.ask("ours", "show ip ospf virtual-links")


@pytest.mark.story("ospf-nssa")
def test_in_an_nssa_frr_tells_outside_what_ours_brings_in() -> None:
    with Wire(ours=("10.1.0.1/24", "10.1.1.1/24"), frr=("10.2.0.1/24",), bird=("10.3.0.1/24", "10.3.1.1/24")) as wire:
        wire.start_ours(
            "ours",
            f"interface GigabitEthernet0/1\n{_TIMERS}interface GigabitEthernet0/2\n ip ospf cost 5\n"
            "router ospf 1\n network 10.9.0.0 0.0.0.255 area 1\n network 10.1.0.0 0.0.0.255 area 1\n area 1 nssa\n"
            " redistribute connected subnets metric 70\n",
        )
        wire.start_frr(
            "frr",
            "ospfd",
            f"interface wire\n{_TIMERS}interface lan0\n ip ospf cost 6\n"
            "router ospf\n network 10.9.0.0/24 area 1\n network 10.2.0.0/24 area 0\n area 1 nssa\n",
        )
        _start_bird_in_nssa(wire)
        ours, frr, bird = (wire.addresses[name] for name in ("ours", "frr", "bird"))
        of_frr = {"10.2.0.0/24": ("IA", 16, frr)}
        wait_for_routes(wire, "ours", of_frr | {"10.3.0.0/24": ("", 17, bird), "10.3.1.0/24": ("N2", 90, bird)})
        wait_for_routes(wire, "bird", of_frr | {"10.1.0.0/24": ("", 15, ours), "10.1.1.0/24": ("E2", 70, ours)})
        told = "Link State ID: 10.1.1.0 (External Network Number)"
        wire.wait("FRR translates ours", lambda: told in wire.frr("frr", "show ip ospf database external"))


@pytest.mark.conforms("nssa:3.1-translator")
@pytest.mark.story("ospf-nssa", "ospf-ranges")
def test_in_an_nssa_ours_tells_outside_what_frr_brings_in_and_sums_up_its_own() -> None:
    with Wire(
        ours=("10.1.0.1/24", "10.4.1.1/24"), frr=("10.2.0.1/24", "10.2.1.1/24"), bird=("10.3.0.1/24", "10.3.1.1/24")
    ) as wire:
        wire.start_ours(
            "ours",
            f"interface GigabitEthernet0/1\n{_TIMERS}interface GigabitEthernet0/2\n ip ospf cost 5\n"
            "router ospf 1\n network 10.9.0.0 0.0.0.255 area 1\n network 10.1.0.0 0.0.0.255 area 0\n"
            " area 0 range 10.1.0.0 255.255.0.0\n area 1 nssa default-information-originate metric 44\n"
            " summary-address 10.4.0.0 255.255.0.0\n redistribute connected subnets metric 70 metric-type 1\n",
        )
        wire.start_frr(
            "frr",
            "ospfd",
            f"interface wire\n{_TIMERS}interface lan0\n ip ospf cost 6\n"
            "router ospf\n network 10.9.0.0/24 area 1\n network 10.2.0.0/24 area 1\n area 1 nssa\n"
            " redistribute connected metric 80\n",
        )
        _start_bird_in_nssa(wire)
        ours, frr, bird = (wire.addresses[name] for name in ("ours", "frr", "bird"))
        of_ours = {
            "10.1.0.0/16": ("IA", 15, ours),
            "10.4.0.0/16": ("E1", 80, ours),
            "0.0.0.0/0": ("E2", 44, ours),
        }
        of_frr = {"10.2.0.0/24": ("", 16, frr), "10.2.1.0/24": ("E2", 80, frr)}
        of_bird = {"10.3.0.0/24": ("", 17, bird), "10.3.1.0/24": ("E2", 90, bird)}
        wire.wait("routes of frr", lambda: at(wire, "frr", *of_ours, *of_bird) == of_ours | of_bird)
        wire.wait("routes of bird", lambda: at(wire, "bird", *of_ours, *of_frr) == of_ours | of_frr)
        inside = {
            prefix: (kind.replace("E", "N"), cost, via) for prefix, (kind, cost, via) in (of_frr | of_bird).items()
        }
        wait_for_routes(wire, "ours", inside)

        def translated() -> set[str]:
            return set(re.findall(r"Link State ID: (\S+)", wire.ask("ours", "show ip ospf database external")))

        wire.wait("ours translates", lambda: translated() == {"10.4.0.0", "10.2.1.0", "10.3.1.0"})


def _start_bird_in_nssa(wire: Wire) -> None:
    wire.start_bird(
        "bird",
        """
protocol ospf v2 {
  ipv4 { import all; export filter { if net = 10.3.1.0/24 then { ospf_metric2 = 90; accept; } reject; }; };
  area 1 {
    nssa;
    interface "wire" { type broadcast; hello 1; dead 3; wait 3; retransmit 2; cost 10; };
    interface "lan0" { stub; cost 7; };
  };
}
""",
    )


@pytest.mark.story("ospf-sha")
@pytest.mark.parametrize("bits", [1, 256, 384, 512])
def test_bird_takes_our_digests_with_sha_and_ours_takes_its(bits: int) -> None:
    with Wire(ours=("10.1.0.1/24",), bird=("10.2.0.1/24",)) as wire:
        # As long as the digest. BIRD hashes keys from 65 octets (128 of SHA-384 and 512) on, RFC 5709 §3.3 longer ones.
        secret = "a-key-as-long-as-a-digest-of-sha-512,-which-has-sixty-four-octet"[: 20 if bits == 1 else bits // 8]
        wire.start_ours(
            "ours",
            f"key chain OSPF\n key 7\n  key-string {secret}\n  cryptographic-algorithm hmac-sha-{bits}\n"
            "interface GigabitEthernet0/1\n ip ospf hello-interval 5\n ip ospf dead-interval 20\n ip ospf cost 10\n"
            " ip ospf network point-to-point\n ip ospf authentication key-chain OSPF\n"
            "interface GigabitEthernet0/2\n ip ospf cost 1\n"
            "router ospf 1\n network 10.0.0.0 0.255.255.255 area 0\n",
        )
        wire.start_bird(
            "bird",
            f"""
protocol ospf v2 {{
  ipv4 {{ import all; export none; }};
  area 0 {{
    interface "wire" {{
      type pointopoint; hello 5; dead 20; cost 10;
      authentication cryptographic;
      password "{secret}" {{ id 7; algorithm hmac sha{bits}; }};
    }};
    interface "lan0" {{ stub; cost 1; }};
  }};
}}
""",
        )
        wait_for_routes(wire, "bird", {"10.1.0.0/24": ("", 11, wire.addresses["ours"])})
        wait_for_routes(wire, "ours", {"10.2.0.0/24": ("", 11, wire.addresses["bird"])})


@pytest.mark.story("ospf-mtu")
def test_an_mtu_that_differs_is_logged_and_the_exchange_goes_on_as_soon_as_it_is_corrected() -> None:
    """FRR leads and refuses our descriptions; ours stayed in EXCHANGE with its old MTU."""
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",)) as wire:
        wire.ip("frr", "link", "set", "wire", "mtu", "1400")
        start_ours(wire, "point-to-point")
        start_pair(wire, "frr", "point-to-point")
        wire.wait("ours is in EXCHANGE", lambda: "EXCHANGE" in wire.ask("ours", "show ip ospf neighbor"))
        wire.wait("ours logs it", lambda: "has MTU 1400, ours is 1500" in wire.ask("ours", "show logging"))
        log = wire.folder / "frr-ospfd-1.log"
        wire.wait("FRR logs it", lambda: "MTU 1500 is larger than" in log.read_text())
        wire.enter("ours", "interface GigabitEthernet0/1", "ip mtu 1400")
        at_ours, at_frr = (
            {"10.2.0.0/24": ("", 11, wire.addresses["frr"])},
            {"10.1.0.0/24": ("", 11, wire.addresses["ours"])},
        )
        wire.wait("routes at ours", lambda: at(wire, "ours", *at_ours) == at_ours, 20)
        wire.wait("routes at FRR", lambda: at(wire, "frr", *at_frr) == at_frr, 20)
