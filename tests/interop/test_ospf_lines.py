"""Lines of OSPF that others have to understand as we do: fast Hellos, forwarding addresses, summaries, last resort.

Everything is in namespaces of one kernel beside FRR's ospfd and BIRD, as in test_ospf_daemons.
"""

from __future__ import annotations

import re
import time

import pytest

from interop.test_ospf_daemons import at, frr_routes, wait_for_routes
from support.daemons import Wire, missing

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

_COSTS = " ip ospf retransmit-interval 2\n ip ospf cost 10\n"
_TIMERS = f" ip ospf hello-interval 1\n ip ospf dead-interval 3\n{_COSTS}"


@pytest.mark.story("ospf-fast-hello", "ospf-max-metric")
def test_fast_hellos_hold_with_frr_over_an_mtu_of_its_own_and_the_last_resort_costs_65535() -> None:
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",)) as wire:
        wire.ip("frr", "link", "set", "wire", "mtu", "1400")
        fast = (
            " ip ospf dead-interval minimal hello-multiplier 4\n ip ospf mtu-ignore\n ip ospf network point-to-point\n"
        )
        wire.start_ours(
            "ours",
            f"interface GigabitEthernet0/1\n{_COSTS}{fast}interface GigabitEthernet0/2\n ip ospf cost 5\n"
            "router ospf 1\n passive-interface default\n no passive-interface GigabitEthernet0/1\n"
            " network 10.0.0.0 0.255.255.255 area 0\n max-metric router-lsa include-stub\n",
        )
        wire.start_frr(
            "frr",
            "ospfd",
            f"interface wire\n{_COSTS}{fast}interface lan0\n ip ospf cost 6\nrouter ospf\n network 10.0.0.0/8 area 0\n",
        )
        ours, frr = (wire.addresses[name] for name in ("ours", "frr"))
        wait_for_routes(wire, "frr", {"10.1.0.0/24": ("", 10 + 65535, ours)})
        wire.wait("the kernel of ours", lambda: wire.kernel("ours").get("10.2.0.0/24") == frr)
        assert "Hello 250 msec, Dead 1, Wait 1" in wire.ask("ours", "show ip ospf interface GigabitEthernet0/1")
        wire.unplug("ours")
        wire.wait("both lose the other", lambda: not {**wire.kernel("ours"), **wire.kernel("frr")})
        wire.plug("ours")
        wait_for_routes(wire, "frr", {"10.1.0.0/24": ("", 10 + 65535, ours)})


@pytest.mark.story("ospf-forwarding", "ospf-default", "ospf-ranges")
def test_both_send_directly_to_a_next_hop_on_the_network_that_the_other_brings_in() -> None:
    with Wire(
        ours=("10.1.0.1/24", "10.4.1.1/24", "10.5.1.1/24"), frr=("10.2.0.1/24",), third=("10.7.0.1/24", "10.8.0.1/24")
    ) as wire:
        ours, frr, third = (wire.addresses[name] for name in ("ours", "frr", "third"))
        wire.ip("frr", "route", "add", "10.8.0.0/24", "via", third)
        wire.start_ours(
            "ours",
            f"interface GigabitEthernet0/1\n{_TIMERS}interface GigabitEthernet0/2\n ip ospf cost 5\n"
            f"ip route 10.7.0.0 255.255.255.0 {third}\n"
            "router ospf 1\n network 10.9.0.0 0.0.0.255 area 0\n network 10.1.0.0 0.0.0.255 area 1\n"
            " network 10.4.0.0 0.0.255.255 area 1\n area 1 range 10.4.0.0 255.255.0.0 not-advertise\n"
            " redistribute connected subnets\n redistribute static subnets metric 30\n"
            " summary-address 10.5.0.0 255.255.0.0 tag 7\n default-information originate always route-map DEFAULT\n"
            "route-map DEFAULT permit 10\n set metric 77\n set metric-type type-1\n",
        )
        wire.start_frr(
            "frr",
            "ospfd",
            f"interface wire\n{_TIMERS}interface lan0\n ip ospf cost 6\n"
            "router ospf\n network 10.9.0.0/24 area 0\n network 10.2.0.0/24 area 2\n redistribute kernel metric 40\n",
        )
        expected = {
            "10.1.0.0/24": ("IA", 15, ours),
            "10.5.0.0/16": ("E2", 20, ours),
            "10.7.0.0/24": ("E2", 30, third),
            "0.0.0.0/0": ("E1", 87, ours),
        }
        wire.wait("routes of frr", lambda: at(wire, "frr", *expected) == expected)
        assert wire.kernel("frr")["10.7.0.0/24"] == third
        wait_for_routes(wire, "ours", {"10.2.0.0/24": ("IA", 16, frr), "10.8.0.0/24": ("E2", 40, third)})
        hidden = {"10.4.1.0/24", "10.4.0.0/16", "10.5.1.0/24"}
        assert not hidden & frr_routes(wire).keys()
        said = wire.frr("frr", "show ip ospf database external 10.5.0.0")
        assert re.search(r"External Route Tag: 7\b", said)


@pytest.mark.story("ospf-nssa")
@pytest.mark.parametrize("border", ["ours", "frr"])
def test_a_totally_stubby_nssa_hears_a_default_route_for_all_other_areas(border: str) -> None:
    with Wire(ours=("10.1.0.1/24", "10.1.1.1/24"), frr=("10.2.0.1/24", "10.2.1.1/24")) as wire:
        is_ours = border == "ours"
        wire.start_ours(
            "ours",
            f"interface GigabitEthernet0/1\n{_TIMERS}interface GigabitEthernet0/2\n ip ospf cost 5\n"
            "router ospf 1\n network 10.9.0.0 0.0.0.255 area 1\n"
            f" network 10.1.0.0 0.0.0.255 area {0 if is_ours else 1}\n area 1 nssa{' no-summary' if is_ours else ''}\n"
            " redistribute connected subnets metric 70\n",
        )
        wire.start_frr(
            "frr",
            "ospfd",
            f"interface wire\n{_TIMERS}interface lan0\n ip ospf cost 6\n"
            "router ospf\n network 10.9.0.0/24 area 1\n"
            f" network 10.2.0.0/24 area {1 if is_ours else 0}\n area 1 nssa{'' if is_ours else ' no-summary'}\n"
            " redistribute connected metric 80\n",
        )
        ours, frr = (wire.addresses[name] for name in ("ours", "frr"))
        at_ours, at_frr = {"10.2.1.0/24": ("N2", 80, frr)}, {"10.1.1.0/24": ("E2", 70, ours)}
        if is_ours:
            at_ours["10.2.0.0/24"], at_frr["0.0.0.0/0"] = ("", 16, frr), ("IA", 11, ours)
        else:
            at_ours["0.0.0.0/0"], at_frr["10.1.0.0/24"] = ("IA", 11, frr), ("", 15, ours)
        wire.wait("routes of ours", lambda: at(wire, "ours", *at_ours) == at_ours)
        wire.wait("routes of frr", lambda: at(wire, "frr", *at_frr) == at_frr)
        inside, network = ("frr", "10.1.0.0/24") if is_ours else ("ours", "10.2.0.0/24")
        assert not at(wire, inside, network)
        wire.wait("its kernel goes by the border", lambda: wire.kernel(inside).get("default") == wire.addresses[border])


@pytest.mark.story("ospf-prefix-suppression")
def test_bird_goes_by_a_network_whose_prefix_ours_suppresses_and_does_not_hear_the_prefix() -> None:
    with Wire(ours=("10.1.0.1/24",), bird=("10.2.0.1/24",)) as wire:
        wire.start_ours(
            "ours",
            f"interface GigabitEthernet0/1\n{_TIMERS} ip ospf priority 100\n ip ospf prefix-suppression\n"
            "interface GigabitEthernet0/2\n ip ospf cost 5\nrouter ospf 1\n network 10.0.0.0 0.255.255.255 area 0\n",
        )
        wire.start_bird(
            "bird",
            """
protocol ospf v2 {
  ipv4 { import all; export none; };
  area 0 {
    interface "wire" { type broadcast; priority 0; hello 1; dead 3; wait 3; retransmit 2; cost 10; };
    interface "lan0" { stub; cost 7; };
  };
}
""",
        )
        wait_for_routes(wire, "ours", {"10.2.0.0/24": ("", 17, wire.addresses["bird"])})
        wait_for_routes(wire, "bird", {"10.1.0.0/24": ("", 15, wire.addresses["ours"])})
        state = wire.bird("bird", "show ospf state")
        assert f"network {wire.addresses['ours']}/32" in state
        assert "10.9.0.0/24" not in state


@pytest.mark.story("ospf-graceful")
def test_frr_restarts_gracefully_and_nobody_on_its_lan_loses_a_route() -> None:
    fast = f"interface {{}}\n{_TIMERS}router ospf{{}}\n{{}} network 10.0.0.0{{}} area 0\n"
    with Wire(ours=("10.1.0.1/24",), frr=("10.2.0.1/24",), third=("10.3.0.1/24",)) as wire:
        for number, name in enumerate(("ours", "third"), 1):
            lines = f" router-id {number}.{number}.{number}.{number}\n"
            wire.start_ours(name, fast.format("GigabitEthernet0/1", " 1", lines, " 0.255.255.255"))
        graceful = " ospf router-id 9.9.9.9\n capability opaque\n graceful-restart grace-period 60\n"
        frr = fast.format("wire", "", graceful, "/8")
        wire.start_frr("frr", "ospfd", frr)
        theirs = {"ours": "10.2.0.0/24", "third": "10.2.0.0/24", "frr": "10.1.0.0/24"}

        def has_routes() -> bool:
            return all(prefix in wire.kernel(name) for name, prefix in theirs.items())

        def helped(name: str) -> bool:
            return "It restarts gracefully" in wire.ask(name, "show ip ospf neighbor 9.9.9.9 detail")

        wire.wait("all routes", has_routes)
        wire.wait("full neighbors", lambda: wire.frr("frr", "show ip ospf neighbor").count("Full/") == 2)
        wire.frr("frr", "graceful-restart prepare ip ospf")
        wire.wait("both help", lambda: helped("ours") and helped("third"))
        wire.kill("frr", "ospfd")
        for _ in range(10):  # longer than the dead interval
            assert has_routes()
            time.sleep(0.5)
        wire.start_frr("frr", "ospfd", frr)
        kept = []

        def is_back() -> bool:
            kept.append(has_routes())
            return not helped("ours") and not helped("third")

        wire.wait("it is back", is_back)
        assert all(kept)
        for name in ("ours", "third"):
            assert "is helped no longer: it is back" in wire.ask(name, "show logging")
        assert wire.frr("frr", "show ip ospf neighbor").count("Full/") == 2
