"""The lines of VRFs, and what they do to the addresses of interfaces. The messages are those of IOS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import InVrf, SetVrfs
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered, EffectFailed, EnteredLine, LinesEntered, Resync, Tick, VrfLost
from dmvpn.dataplane.userspace.keeper import CALM
from dmvpn.dataplane.userspace.vrf_devices import VrfLosses
from dmvpn.ios import ConfigSession, ConfigTree
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.router.router import Router
from support.texts import file_text, is_golden
from support.whole_router import WholeRouter
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.events import Event

WAN = ("vrf definition WAN", "rd 65000:1", "address-family ipv4", "exit-address-family")
PORT = ("interface GigabitEthernet1", "ip address 192.0.2.1 255.255.255.0")


class Prompt:
    """A configuration, and what the prompt answers to its lines."""

    def __init__(self, *lines: str) -> None:
        self.tree = ConfigTree()
        self._session = ConfigSession(configurator(FEATURES), self.tree)
        self.enter(*lines)

    def enter(self, *lines: str) -> list[str]:
        """Enter lines; return what is answered."""
        return [said for line in lines for said in self._session.enter(line).output_lines]

    def shows(self, *lines: str) -> bool:
        """Return whether these lines follow each other in the configuration."""
        return "\n".join(lines) in "\n".join(self.tree.render())


def test_a_vrf_is_shown_as_ios_shows_it() -> None:
    prompt = Prompt(
        *("vrf definition WAN", "rd 65000:1", "description the front door", "address-family ipv4 unicast"),
        *("route-target import 65000:2", "route-target both 65000:1", "no route-target both 65000:3"),
    )

    assert prompt.shows(
        *("vrf definition WAN", " description the front door", " rd 65000:1", " !", " address-family ipv4"),
        *("  route-target export 65000:1", "  route-target import 65000:2", "  route-target import 65000:1"),
        " exit-address-family",
    )


def test_a_vrf_with_the_name_of_a_version_of_ip_is_shown_like_any_other_one() -> None:
    families = " rd 1:{}\n address-family ipv4\n exit-address-family\n address-family ipv6\n"
    router = WholeRouter(f"vrf definition ipv6\n{families.format(1)}vrf definition ip\n{families.format(2)}")
    assert "IP routing table name is ipv6 (0x" in "\n".join(router.show("show ip route vrf ipv6 summary"))
    assert "IPv6 routing table name is ip(" in "\n".join(router.show("show ipv6 route vrf ip summary"))


def test_no_route_target_both_takes_both_directions_back() -> None:
    prompt = Prompt("ip vrf OLD", "route-target 65000:1", "route-target both 65000:2", "no route-target 65000:1")

    assert prompt.shows("ip vrf OLD", " route-target export 65000:2", " route-target import 65000:2")
    assert not prompt.shows("65000:1")


def test_a_port_that_moves_into_a_vrf_loses_its_addresses() -> None:
    prompt = Prompt(*WAN, *PORT)

    said = prompt.enter("vrf forwarding WAN")

    assert said == ["% Interface GigabitEthernet1 IPv4 disabled and address(es) removed due to enabling VRF WAN"]
    assert prompt.shows("interface GigabitEthernet1", " vrf forwarding WAN", "!")


def test_a_port_that_stays_in_its_vrf_keeps_its_addresses() -> None:
    prompt = Prompt(*WAN, "interface GigabitEthernet1", "vrf forwarding WAN", PORT[1])

    assert prompt.enter("vrf forwarding WAN") == []
    assert prompt.shows(" vrf forwarding WAN", " ip address 192.0.2.1 255.255.255.0")


@pytest.mark.parametrize("line", ["no vrf forwarding", "no vrf forwarding WAN", "default vrf forwarding"])
def test_a_port_that_leaves_its_vrf_loses_its_addresses(line: str) -> None:
    prompt = Prompt(*WAN, "interface GigabitEthernet1", "vrf forwarding WAN", PORT[1])

    said = prompt.enter(line)

    assert said == ["% Interface GigabitEthernet1 IPv4 disabled and address(es) removed due to disabling VRF WAN"]
    assert not prompt.shows("192.0.2.1")
    assert not prompt.shows("vrf forwarding")


def test_a_vrf_that_is_removed_takes_the_addresses_of_its_interfaces_along() -> None:
    prompt = Prompt(*WAN, "interface GigabitEthernet1", "vrf forwarding WAN", PORT[1], "exit")

    said = prompt.enter("no vrf definition WAN")

    assert said == ["% IPv4 addresses from all interfaces in VRF WAN have been removed"]
    assert not prompt.shows("192.0.2.1")
    assert not prompt.shows("WAN")


@pytest.mark.parametrize("form", ["vrf definition", "ip vrf"])
def test_a_vrf_that_is_removed_takes_its_routes_and_routing_processes_along(form: str) -> None:
    families = [] if form == "ip vrf" else ["address-family ipv4"]
    prompt = Prompt(f"{form} RED", *families, f"{form} BLUE", *families)
    for vrf in ("RED", "BLUE"):
        number = {"RED": 1, "BLUE": 2}[vrf]
        prompt.enter(f"ip route vrf {vrf} 0.0.0.0 0.0.0.0 192.0.2.1", f"router ospf {number} vrf {vrf}")
        prompt.enter("interface GigabitEthernet1", f"ip ospf {number} area 0")
        prompt.enter("router eigrp 1", f"address-family ipv4 vrf {vrf} autonomous-system {number}")
        prompt.enter("router eigrp NAMED", f"address-family ipv4 unicast vrf {vrf} autonomous-system {number + 5}")
        prompt.enter("router rip", f"address-family ipv4 vrf {vrf}", "version 2")
        prompt.enter("router bgp 65000", f"address-family ipv4 vrf {vrf}", "redistribute connected")
    prompt.enter("exit", "exit")
    before = list(prompt.tree.render())
    assert sum("RED" in line for line in before) == sum("BLUE" in line for line in before) >= 7

    prompt.enter(f"no {form} RED")

    after = list(prompt.tree.render())
    assert not [line for line in after if "RED" in line]
    assert [line for line in after if "BLUE" in line] == [line for line in before if "BLUE" in line]
    assert list(configurator(FEATURES).parse_text("\n".join(after)).tree.render()) == after, "it starts with that"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("vrf forwarding NONE", "% VRF NONE does not exist or does not have a RD/AF."),
        ("vrf forwarding OLD", "% Use 'ip vrf forwarding' command for VRF OLD"),
        ("ip vrf forwarding WAN", "% Use 'vrf forwarding' command for VRF WAN"),
    ],
)
def test_an_interface_joins_a_vrf_by_the_form_that_defines_it(line: str, said: str) -> None:
    prompt = Prompt(*WAN, "ip vrf OLD", *PORT)

    assert prompt.enter(line) == [said]
    assert prompt.shows("interface GigabitEthernet1", " ip address 192.0.2.1 255.255.255.0")


def test_an_interface_is_in_one_vrf_whichever_form_it_has() -> None:
    prompt = Prompt(*WAN, "ip vrf OLD", "interface GigabitEthernet1", "vrf forwarding WAN", "ip vrf forwarding OLD")

    assert prompt.shows("interface GigabitEthernet1", " ip vrf forwarding OLD")
    assert not prompt.shows(" vrf forwarding WAN")


def test_a_name_is_a_vrf_of_one_form() -> None:
    prompt = Prompt(*WAN, "exit", "ip vrf OLD", "exit")

    assert prompt.enter("ip vrf WAN") == ["% Use 'vrf definition' command for VRF WAN"]
    assert prompt.enter("vrf definition OLD") == ["% Use 'ip vrf' command for VRF OLD"]


def test_two_vrfs_have_two_route_distinguishers() -> None:
    prompt = Prompt(*WAN, "ip vrf OLD")

    assert prompt.enter("rd 65000:1") == ["% RD 65000:1 already in use by VRF WAN"]
    assert prompt.enter("rd 65000:2", "rd 192.0.2.1:7") == []


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("1.10:1", "65546:1"),
        ("0.65000:1", "65000:1"),
        ("065000:007", "65000:7"),
        ("4200000000:1", "4200000000:1"),
        ("192.0.2.1:1", "192.0.2.1:1"),
    ],
)
def test_a_route_distinguisher_has_one_spelling(typed: str, kept: str) -> None:
    """Two spellings of one route distinguisher were two, and lint knew no route target in another spelling."""
    prompt = Prompt(*WAN)
    assert prompt.enter(f"rd {typed}", "route-target both 1.10:1") == []
    assert prompt.shows(f" rd {kept}", " route-target export 65546:1")
    assert Prompt(*WAN, f"rd {kept}", "exit", "vrf definition OTHER").enter(f"rd {typed}") == [
        f"% RD {kept} already in use by VRF WAN"
    ]


def test_route_distinguishers_of_hundreds_of_vrfs_are_compared() -> None:
    lines = [line for number in range(100) for line in (f"vrf definition V{number}", f"rd 65000:{number}", "exit")]
    prompt = Prompt(*lines, "vrf definition V7")
    assert prompt.enter("no rd 65000:7", "rd 65000:99") == ["% RD 65000:99 already in use by VRF V99"]
    assert prompt.enter("exit", "vrf definition V99", "rd 65000:7") == []


_NO_DISTINGUISHERS = (
    "65000",
    "65000:",
    ":1",
    "1:2:3",
    "1.2.3:4",
    "256.1.1.1:1",
    "65536.1:1",
    ".1:1",
    "65536:65536",
    "1:4294967296",
)


@pytest.mark.parametrize("rd", _NO_DISTINGUISHERS)
def test_a_route_distinguisher_has_its_form(rd: str) -> None:
    prompt = Prompt("ip vrf OLD")

    prompt.enter(f"rd {rd}")

    assert not prompt.shows(" rd")


def test_subnets_overlap_within_one_vrf_only() -> None:
    prompt = Prompt(*WAN, *PORT, "interface GigabitEthernet2", "vrf forwarding WAN")

    assert prompt.enter(PORT[1]) == []
    assert prompt.enter("interface GigabitEthernet3", "vrf forwarding WAN", "ip address 192.0.2.2 255.255.255.0") == [
        "% 192.0.2.0 overlaps with GigabitEthernet2"
    ]


def test_an_interface_of_a_vrf_without_ipv4_has_no_ipv4_address() -> None:
    prompt = Prompt("vrf definition EMPTY", "interface GigabitEthernet1", "vrf forwarding EMPTY")

    said = prompt.enter(PORT[1])

    assert said == ["% GigabitEthernet1 is linked to a VRF. Enable IPv4 on that VRF first."]


def test_a_vrf_that_loses_ipv4_takes_the_addresses_of_its_interfaces_and_not_the_interfaces() -> None:
    prompt = Prompt(*WAN, "interface GigabitEthernet1", "vrf forwarding WAN", PORT[1], "exit")

    said = prompt.enter("vrf definition WAN", "no address-family ipv4")

    assert said == ["% IPv4 addresses from all interfaces in VRF WAN have been removed"]
    assert prompt.shows("interface GigabitEthernet1", " vrf forwarding WAN", "!")


def test_the_vlan_of_a_subinterface_is_shown_before_its_address() -> None:
    """A router of IOS refused the address when the running configuration was pasted into it: no VLAN was set yet."""
    prompt = Prompt(
        *WAN, "interface GigabitEthernet1.10", "encapsulation dot1Q 10", "vrf forwarding WAN", "description Customer"
    )
    prompt.enter("ip address 192.0.2.1 255.255.255.0")

    assert prompt.shows(
        " description Customer", " encapsulation dot1Q 10", " vrf forwarding WAN", " ip address 192.0.2.1"
    )


def test_a_log_host_may_be_in_a_vrf_and_outside() -> None:
    prompt = Prompt(
        *WAN,
        *("logging source-interface Loopback0", "logging source-interface GigabitEthernet1 vrf WAN"),
        *("logging host 192.0.2.9", "logging host 192.0.2.9 vrf WAN", "no logging host 192.0.2.9"),
        "logging host 192.0.2.9 vrf WAN transport udp port 5514",
    )

    assert prompt.shows(
        *("logging source-interface Loopback0", "logging source-interface GigabitEthernet1 vrf WAN"),
        *("logging host 192.0.2.9 vrf WAN", "logging host 192.0.2.9 vrf WAN transport udp port 5514"),
    )
    prompt.enter("no vrf definition WAN")
    assert not prompt.shows("logging host")
    assert prompt.shows("logging source-interface Loopback0")
    assert prompt.enter("logging host 192.0.2.9 vrf WAN") == ["% VRF WAN does not exist or does not have a RD/AF."]


@pytest.mark.parametrize("of", ["list LAN", "route-map LAN"])
def test_translation_of_a_vrf_goes_with_it(of: str) -> None:
    """The rule stayed, for stations of a VRF that did not exist."""
    ours = f"ip nat inside source {of} interface GigabitEthernet1 overload"
    theirs = f"ip nat inside source {of} interface GigabitEthernet1 vrf WAN overload"
    prompt = Prompt(*WAN, ours, theirs)

    assert prompt.shows(ours, theirs)
    prompt.enter("no vrf definition WAN")
    assert not prompt.shows(theirs)
    assert prompt.shows(ours)
    assert prompt.enter(theirs) == ["% VRF WAN does not exist or does not have a RD/AF."]


def test_a_port_that_moves_into_a_vrf_loses_its_ipv6_addresses_too() -> None:
    """They stayed, and were in the table of the VRF, which has no IPv6."""
    prompt = Prompt(*WAN, *PORT, "ipv6 address 2001:db8::1/64", "ipv6 enable")

    assert prompt.enter("vrf forwarding WAN") == [
        "% Interface GigabitEthernet1 IPv4 disabled and address(es) removed due to enabling VRF WAN",
        "% Interface GigabitEthernet1 IPv6 disabled and address(es) removed due to enabling VRF WAN",
    ]
    assert not prompt.shows("ipv6")


@pytest.mark.parametrize("line", ["ipv6 address 2001:db8::1/64", "ipv6 address fe80::1 link-local", "ipv6 enable"])
def test_ipv6_in_a_vrf_needs_its_address_family(line: str) -> None:
    prompt = Prompt(*WAN, *PORT, "vrf forwarding WAN")

    assert prompt.enter(line) == ["% GigabitEthernet1 is linked to a VRF. Enable IPv6 on that VRF first."]
    prompt.enter("vrf definition WAN", "address-family ipv6", "exit-address-family", PORT[0])
    assert prompt.enter(line) == []
    assert prompt.enter("vrf definition WAN", "no address-family ipv6") == [
        "% IPv6 addresses from all interfaces in VRF WAN have been removed"
    ]
    assert prompt.shows("interface GigabitEthernet1", " vrf forwarding WAN", "!")


def test_the_older_form_of_vrfs_is_about_ipv4_alone() -> None:
    prompt = Prompt("ip vrf OLD", *PORT, "ipv6 address 2001:db8::1/64")

    (said,) = prompt.enter("ip vrf forwarding OLD")
    assert "IPv4 disabled" in said
    assert prompt.shows(" ip vrf forwarding OLD", " ipv6 address 2001:DB8::1/64")


def test_equal_ipv6_networks_in_two_vrfs_are_ordinary() -> None:
    family = ("address-family ipv6", "exit-address-family")
    prompt = Prompt("vrf definition A", *family, "vrf definition B", *family, "interface Loopback1", "vrf forwarding A")
    prompt.enter("ipv6 address 2001:db8::1/64", "interface Loopback2", "vrf forwarding B")

    assert prompt.enter("ipv6 address 2001:db8::2/64") == []
    prompt.enter("interface Loopback3", "vrf forwarding B")
    assert prompt.enter("ipv6 address 2001:db8::3/64") == ["% 2001:DB8::/64 overlaps with Loopback2"]


@pytest.mark.parametrize(
    "text",
    [
        "track 1 interface Tunnel0 line-protocol\n delay up 5\nip vrf RED\n rd 1:1\n",
        "track 1 ip route 0.0.0.0 0.0.0.0 reachability\nip vrf RED\nrd 1:1\n",
        "track 1 ip route 0.0.0.0 0.0.0.0 reachability\n delay up 5\nip vrf RED\n rd 1:1\n",
    ],
)
def test_a_vrf_behind_a_tracked_object_of_a_file_is_defined(text: str) -> None:
    """The same line names the VRF of a tracked route: the definition became a part of the object."""
    parsed = configurator(FEATURES).parse_text(text)

    assert not parsed.problems
    assert "ip vrf RED\n rd 1:1" in "\n".join(parsed.tree.render())


def test_a_tracked_route_of_a_file_keeps_its_vrf() -> None:
    for blank in ("", " "):
        text = f"ip vrf RED\n{blank}rd 1:1\ntrack 1 ip route 0.0.0.0 0.0.0.0 reachability\n{blank}ip vrf RED\n"
        parsed = configurator(FEATURES).parse_text(text)
        assert not parsed.problems
        assert "reachability\n ip vrf RED" in "\n".join(parsed.tree.render())


# `show vrf` and its relatives, laid out as IOS does, and pings within a VRF.

_LINES = file_text("vrf_lines_lines.cfg")


@pytest.fixture(scope="module")
def world() -> World:
    found = World("notes-phase3", change=lambda router, text: f"{_LINES}{text}" if router == "R31" else text)
    found.run_for(2)
    return found


def test_the_table_has_a_line_for_each_interface(world: World) -> None:
    is_golden(world.show("R31", "vrf").splitlines(), "vrf_lines/the_table_has_a_line_for_each_interface")


def test_the_table_of_ipv4_has_no_protocols(world: World) -> None:
    is_golden(world.show("R31", "ip vrf").splitlines(), "vrf_lines/the_table_of_ipv4_has_no_protocols")


def test_interfaces_are_listed_with_their_addresses(world: World) -> None:
    assert world.show("R31", "ip vrf interfaces CUST_A").splitlines() == [
        "Interface              IP-Address      VRF                              Protocol",
        "Lo7                    10.7.0.1        CUST_A                           up      ",
        "Lo8                    10.8.0.1        CUST_A                           up      ",
    ]


def test_the_details_name_the_route_targets(world: World) -> None:
    is_golden(world.show("R31", "vrf detail CUST_A").splitlines(), "vrf_lines/the_details_name_the_route_targets")


def test_an_unknown_vrf_is_named(world: World) -> None:
    assert world.do("R31", "show vrf NONE") == "% No VRF named NONE\n"
    assert world.do("R31", "ping vrf NONE 10.7.0.1") == "% VRF NONE does not exist\n"
    assert world.do("R31", "traceroute vrf NONE 10.7.0.1") == "% VRF NONE does not exist\n"


def test_an_interface_says_which_vrf_it_is_in(world: World) -> None:
    assert '  VPN Routing/Forwarding "CUST_A"' in world.show("R31", "ip interface Loopback7").splitlines()
    assert "VPN Routing" not in world.show("R31", "ip interface GigabitEthernet0/1")


def test_a_ping_starts_from_an_address_of_its_vrf(world: World) -> None:
    assert "Success rate is 100 percent" in world.do("R31", "ping vrf CUST_A 10.8.0.1 source 10.7.0.1")
    assert "Success rate is 100 percent" in world.do("R31", "ping vrf CUST_A 10.8.0.1 source Loopback7")
    for foreign in ("ping vrf OLD 10.7.0.1 source 10.8.0.1", "ping 192.168.100.11 source 10.8.0.1"):
        assert "% Invalid source address- IP address not on any of our up interfaces" in world.do("R31", foreign)


def test_the_details_name_the_refused_vrf_and_not_those_beside_it() -> None:
    """All VRFs were said not to be on the host, if one of them was refused."""
    router = WholeRouter("vrf definition LAB\nvrf definition WAN")
    router.take(EffectFailed(SetVrfs(("WAN",)), 0, "too many"))

    shown = "\n".join(router.show("show vrf detail"))
    assert shown.count("Not on the host") == 1
    assert shown.index("VRF LAB") < shown.index("VRF WAN") < shown.index("Not on the host: the host refused the VRFs")


# VRF devices that another program deletes: when they are made again.


class Host:
    """A host whose VRF devices can be deleted: its loop, its clock and the orders of the plane."""

    def __init__(self) -> None:
        self.now = 100.0
        self.made = 0
        self.refuses = False
        self.heard: list[Event] = []
        self.waiting: list[tuple[float, Callable[[], None]]] = []
        self.losses = VrfLosses(self, self.heard.append, self.make, lambda: self.now)
        self.losses.ordered(("INTERNET",))

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Watch nothing."""

    def remove(self, descriptor: int) -> None:
        """Watch nothing."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Keep the call."""
        self.waiting.append((seconds, call))

    def make(self, vrf: str) -> None:
        """Make the VRF, unless the kernel refuses."""
        if self.refuses:
            raise UserError("no")
        self.made += 1

    def lose(self) -> float:
        """The device is deleted; returns seconds until the router repeats its orders."""
        self.losses.lose("INTERNET")
        ((seconds, call),) = self.waiting
        self.waiting.clear()
        self.now += seconds
        call()
        return seconds


def test_a_deleted_vrf_device_is_made_again_at_once_and_all_orders_are_repeated() -> None:
    host = Host()
    assert host.lose() == 0.0
    assert host.made == 1
    assert host.heard == [VrfLost("INTERNET", 0.0), Resync()]


def test_orders_for_a_device_that_a_program_deletes_again_and_again_are_repeated_at_growing_intervals() -> None:
    host = Host()
    assert [host.lose() for _ in range(10)] == [0.0, 0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    host.now += CALM
    assert host.lose() == 0.0


def test_a_lost_vrf_that_is_removed_from_the_configuration_is_not_made_again() -> None:
    host = Host()
    host.refuses = True
    host.losses.lose("INTERNET")
    host.losses.ordered(())
    host.refuses = False
    host.losses.make_up()
    host.waiting[0][1]()
    assert host.made == 0
    assert Resync() not in host.heard


def test_a_device_that_the_kernel_refuses_fails_the_order_about_vrfs_and_is_made_with_the_next_one() -> None:
    host = Host()
    host.refuses = True
    host.lose()
    assert host.heard == [VrfLost("INTERNET", 0.0), EffectFailed(SetVrfs(("INTERNET",)), 0, "no")]
    host.refuses = False
    host.losses.make_up()
    ((_, call),) = host.waiting
    call()
    assert (host.made, host.heard[-1]) == (1, Resync())


def test_the_log_names_the_vrf_whose_device_was_deleted() -> None:
    router = Router(SeededEntropy(1))
    router.handle(ConfigurationEntered("vrf definition INTERNET\n address-family ipv4"), 0.0)
    said: list[str] = []
    router.logged = lambda log: said.append(f"%{log.kind.name}: {log.text}")
    router.handle(VrfLost("INTERNET", 0.4), 1.0)
    assert said == [
        "%VRF-4-DEVICE_LOST: Another program has deleted the device of VRF INTERNET; it is made again, "
        "its routes and tunnels in 0.4 seconds"
    ]


# The order about VRFs: which exist on the host.

TWO = "\n".join(
    [
        "vrf definition WAN",
        " address-family ipv4",
        " exit-address-family",
        "ip vrf LAB",
        "interface GigabitEthernet1",
        " vrf forwarding WAN",
        " ip address 192.0.2.1 255.255.255.0",
    ]
)


def _router(text: str) -> tuple[Router, list[object]]:
    router = Router(SeededEntropy(1))
    return router, list(router.handle(ConfigurationEntered(text), 0.0))


def test_vrfs_are_ordered_before_anything_in_them() -> None:
    _, effects = _router(TWO)

    names = [type(effect).__name__ for effect in effects]
    assert effects[names.index("SetVrfs")] == SetVrfs(("LAB", "WAN"))
    assert all(not isinstance(effect, InVrf) for effect in effects[: names.index("SetVrfs")])
    assert names.index("SetVrfs") < names.index("SetInterface")


def test_a_router_without_vrfs_orders_none() -> None:
    router, effects = _router("interface GigabitEthernet1\n ip address 192.0.2.1 255.255.255.0")

    assert not any(isinstance(effect, SetVrfs) for effect in (*effects, *router.handle(Resync(), 1.0)))


def test_a_host_that_lost_its_vrfs_gets_them_again() -> None:
    router, _ = _router(TWO)

    effects = router.handle(Resync(), 1.0)

    assert SetVrfs(("LAB", "WAN")) in effects


def test_the_last_vrf_that_is_removed_is_removed_on_the_host() -> None:
    router, _ = _router("ip vrf LAB")

    effects = router.handle(LinesEntered((EnteredLine((), "no ip vrf LAB"),)), 1.0)

    assert SetVrfs(()) in effects


def test_refused_vrfs_are_logged_once_and_ordered_again() -> None:
    router, _ = _router(TWO)
    logged: list[str] = []
    router.logged = lambda log: logged.append(str(log.text))
    refused = EffectFailed(SetVrfs(("LAB", "WAN")), 95, "this kernel has no VRF devices")

    router.handle(refused, 1.0)
    again = router.handle(Tick(), 2.5)
    router.handle(refused, 2.5)

    assert logged == ["The host has no VRF LAB, WAN: this kernel has no VRF devices"]
    assert SetVrfs(("LAB", "WAN")) in again
