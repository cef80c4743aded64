"""BGP beside FRR's bgpd and BIRD on a wire: sessions, and what is told over them in both directions.

Everything is in namespaces of one kernel; the daemons' tables and kernels say what came out.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.daemons import Wire, missing

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

FRR_AS, OUR_AS, BIRD_AS = 4200000002, 65001, 4200000003
OURS, FRR, BIRD = "10.9.0.1", "10.9.0.2", "10.9.0.3"
OUR_LAN, FRR_LAN, BIRD_LAN = "10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"
_BIRD_TIMERS = "connect delay time 1; connect retry time 1; error wait time 1, 2; startup hold time 30;"


def cloud() -> Wire:
    return Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",), bird=("10.3.0.1/24",))


def frr_path(wire: Wire, prefix: str) -> dict[str, Any]:
    """What FRR says of the best path; {} while there is none."""
    paths = wire.frr_json("frr", f"show bgp ipv4 unicast {prefix}").get("paths", [])
    return next((path for path in paths if path.get("bestpath", {}).get("overall")), {})


def bird_path(wire: Wire, prefix: str) -> str:
    """What BIRD says of the path that it learned by BGP; "" while there is none."""
    text = wire.bird("bird", f"show route {prefix} protocol ours all")
    return text if "BGP.as_path" in text else ""


def wait_for_kernel(wire: Wire, name: str, routes: dict[str, str], when: str = "") -> None:
    """Wait until a router's kernel has these next hops by prefix, and no others."""
    wire.wait(f"routes in the kernel of {name} {when}", lambda: wire.kernel(name) == routes)


def start_frr(wire: Wire, local_as: int, neighbors: str, family: str = "") -> None:
    wire.start_frr(
        "frr",
        "bgpd",
        f"route-map MARK permit 10\n set community 65100:77\nrouter bgp {local_as}\n bgp router-id {FRR}\n"
        f" no bgp ebgp-requires-policy\n no bgp network import-check\n{neighbors}"
        f" address-family ipv4 unicast\n  network {FRR_LAN} route-map MARK\n{family} exit-address-family\n",
    )


def start_bird(wire: Wire, local_as: int, remote: str, more: str = "") -> None:
    wire.start_bird(
        "bird",
        f"""
router id {BIRD};
protocol bgp ours {{
  local {BIRD} as {local_as};
  neighbor {remote};
  {_BIRD_TIMERS} {more}
  ipv4 {{
    import all;
    export filter {{
      if net != {BIRD_LAN} then reject;
      bgp_community.add((65100, 33)); bgp_ext_community.add((rt, 65100, 5)); bgp_large_community.add((65100, 1, 2));
      accept;
    }};
  }};
}}
""",
    )


def start_ours(wire: Wire, neighbors: str) -> None:
    wire.start_ours(
        "ours", f"router bgp {OUR_AS}\n bgp router-id {OURS}\n{neighbors} network 10.1.0.0 mask 255.255.255.0\n"
    )


# --------------------------------------------------------------------------------------------- external neighbors


def start_external_frr(wire: Wire) -> None:
    neighbor = f" neighbor {OURS} "
    start_frr(
        wire,
        FRR_AS,
        f"{neighbor}remote-as {OUR_AS}\n{neighbor}password sesame\n{neighbor}timers connect 1\n"
        f"{neighbor}advertisement-interval 0\n",
    )


def start_external_bird(wire: Wire) -> None:
    start_bird(wire, BIRD_AS, f"{OURS} as {OUR_AS}", 'password "open";')


def start_external_ours(wire: Wire) -> None:
    lines = ("send-community", "advertisement-interval 0")
    start_ours(
        wire,
        f" neighbor {FRR} remote-as {FRR_AS}\n neighbor {FRR} password sesame\n"
        f" neighbor {BIRD} remote-as {BIRD_AS}\n neighbor {BIRD} password open\n"
        + "".join(f" neighbor {peer} {line}\n" for peer in (FRR, BIRD) for line in lines),
    )


def wait_for_external_routes(wire: Wire, when: str) -> None:
    wire.wait(f"FRR has BIRD's route {when}", lambda: frr_path(wire, BIRD_LAN))
    wire.wait(f"BIRD has FRR's route {when}", lambda: bird_path(wire, FRR_LAN))
    # The networks of others have next hops that are neighbors' own addresses: third-party, RFC 4271 §5.1.3.
    expected = {
        "ours": {FRR_LAN: FRR, BIRD_LAN: BIRD},
        "frr": {OUR_LAN: OURS, BIRD_LAN: BIRD},
        "bird": {OUR_LAN: OURS, FRR_LAN: FRR},
    }
    for name, routes in expected.items():
        wait_for_kernel(wire, name, routes, when)


@pytest.mark.story("bgp-external", "bgp-password", "bgp-four-octets", "bgp-communities")
def test_external_routes_pass_with_passwords_large_numbers_and_communities_and_next_hops_of_third_parties() -> None:
    with cloud() as wire:
        start_external_frr(wire)
        start_external_bird(wire)
        start_external_ours(wire)
        wait_for_external_routes(wire, "")
        at_frr, at_bird = frr_path(wire, BIRD_LAN), bird_path(wire, FRR_LAN)
        assert at_frr["aspath"]["string"] == f"{OUR_AS} {BIRD_AS}"
        assert at_frr["community"]["string"] == "65100:33"
        assert at_frr["largeCommunity"]["string"] == "65100:1:2"
        assert "extendedCommunity" not in at_frr
        assert f"BGP.as_path: {OUR_AS} {FRR_AS}" in at_bird
        assert "BGP.community: (65100,77)" in at_bird


@pytest.mark.story("bgp-restart")
@pytest.mark.slow
def test_either_end_of_an_external_session_starts_again_and_all_routes_are_back() -> None:
    with cloud() as wire:
        start_external_frr(wire)
        start_external_bird(wire)
        start_external_ours(wire)
        wait_for_external_routes(wire, "the first time")
        wire.kill("bird", "bird")
        wire.wait("FRR hears that BIRD's route is gone", lambda: not frr_path(wire, BIRD_LAN))
        start_external_bird(wire)
        wait_for_external_routes(wire, "after a restart of BIRD")
        wire.kill("frr", "bgpd")
        wire.wait("BIRD hears that FRR's route is gone", lambda: not bird_path(wire, FRR_LAN))
        start_external_frr(wire)
        wait_for_external_routes(wire, "after a restart of FRR")
        wire.kill("ours", "dmvpn")
        wire.wait("both hear nothing of us", lambda: not bird_path(wire, OUR_LAN) and not frr_path(wire, OUR_LAN))
        start_external_ours(wire)
        wait_for_external_routes(wire, "after our restart")


# --------------------------------------------------------------------------------------------- internal neighbors


@pytest.mark.story("bgp-internal", "bgp-reflector", "bgp-communities")
def test_our_reflector_tells_dynamic_clients_of_each_other_and_who_the_originator_is() -> None:
    with cloud() as wire:
        start_frr(wire, OUR_AS, f" neighbor {OURS} remote-as {OUR_AS}\n neighbor {OURS} timers connect 1\n")
        start_bird(wire, OUR_AS, f"{OURS} as {OUR_AS}")
        start_ours(
            wire,
            " bgp listen range 10.9.0.0/24 peer-group CLIENTS\n neighbor CLIENTS peer-group\n"
            f" neighbor CLIENTS remote-as {OUR_AS}\n neighbor CLIENTS route-reflector-client\n"
            " neighbor CLIENTS send-community both\n",
        )
        wire.wait("FRR has BIRD's route", lambda: frr_path(wire, BIRD_LAN))
        wire.wait("BIRD has FRR's route", lambda: bird_path(wire, FRR_LAN))
        at_frr, at_bird = frr_path(wire, BIRD_LAN), bird_path(wire, FRR_LAN)
        assert (at_frr["originatorId"], at_frr["clusterList"]["list"]) == (BIRD, [OURS])
        assert (at_frr["aspath"]["string"], at_frr["community"]["string"]) == ("Local", "65100:33")
        assert at_frr["extendedCommunity"]["string"] == "RT:65100:5"
        assert f"BGP.originator_id: {FRR}" in at_bird
        assert f"BGP.cluster_list: {OURS}" in at_bird
        assert "BGP.local_pref: 100" in at_bird
        wait_for_kernel(wire, "frr", {OUR_LAN: OURS, BIRD_LAN: BIRD})
        wait_for_kernel(wire, "bird", {OUR_LAN: OURS, FRR_LAN: FRR})
        wait_for_kernel(wire, "ours", {FRR_LAN: FRR, BIRD_LAN: BIRD})


@pytest.mark.story("bgp-reflector", "bgp-internal")
def test_we_are_the_client_of_an_frr_reflector_and_tell_and_take_every_route() -> None:
    with cloud() as wire:
        lines = ("timers connect 1", f"remote-as {OUR_AS}")
        start_frr(
            wire,
            OUR_AS,
            "".join(f" neighbor {peer} {line}\n" for peer in (OURS, BIRD) for line in reversed(lines)),
            "".join(f"  neighbor {peer} route-reflector-client\n" for peer in (OURS, BIRD)),
        )
        start_bird(wire, OUR_AS, f"{FRR} as {OUR_AS}")
        start_ours(wire, f" neighbor {FRR} remote-as {OUR_AS}\n")
        wait_for_kernel(wire, "ours", {FRR_LAN: FRR, BIRD_LAN: BIRD})
        wait_for_kernel(wire, "bird", {OUR_LAN: OURS, FRR_LAN: FRR})
        assert f"BGP.originator_id: {OURS}" in bird_path(wire, OUR_LAN)
        ours = wire.ask("ours", "show ip bgp 10.3.0.0")
        assert f"Originator: {BIRD}" in ours
        assert f"Cluster list: {FRR}" in ours


@pytest.mark.story("bgp-refresh", "bgp-withdrawal")
def test_routes_are_told_again_when_either_end_asks_and_withdrawn_when_they_go() -> None:
    with cloud() as wire:
        neighbor = f" neighbor {OURS} "
        start_frr(wire, OUR_AS, f"{neighbor}remote-as {OUR_AS}\n{neighbor}timers connect 1\n")
        # FRR 8.4 waits for the end of its first table before it answers a neighbor that can mark refreshes, and tells
        # that end to nobody but those with graceful restart.
        plain = f" neighbor {FRR} dont-capability-negotiate enhanced-refresh\n"
        start_ours(wire, f" neighbor {FRR} remote-as {OUR_AS}\n{plain}")
        wire.wait("both have a route", lambda: frr_path(wire, OUR_LAN) and FRR_LAN in wire.kernel("ours"))

        def counted(*names: str) -> list[int]:
            statistics = wire.frr_json("frr", f"show bgp neighbors {OURS}").get(OURS, {}).get("messageStats", {})
            return [statistics.get(name, -1) for name in names]

        before = counted("routeRefreshSent", "updatesRecv")
        wire.frr("frr", f"clear bgp ipv4 unicast {OURS} in")
        wire.wait(
            "we tell FRR again",
            lambda: all(a > b for a, b in zip(counted("routeRefreshSent", "updatesRecv"), before, strict=True)),
        )
        before = counted("routeRefreshRecv", "updatesSent")
        wire.ask("ours", f"clear ip bgp {FRR} soft in")
        wire.wait(
            "FRR tells us again",
            lambda: all(a > b for a, b in zip(counted("routeRefreshRecv", "updatesSent"), before, strict=True)),
        )
        assert FRR_LAN in wire.kernel("ours")
        wire.frr("frr", "configure terminal", f"router bgp {OUR_AS}", f"no network {FRR_LAN}")
        wire.wait("the withdrawn route is gone", lambda: FRR_LAN not in wire.kernel("ours"))
