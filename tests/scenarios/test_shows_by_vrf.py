"""Shows that name a VRF, or all of them, in the scenario of two customers with equal addresses."""

from __future__ import annotations

import pytest

from dmvpn.face.context import new_session
from dmvpn.face.session import ConsoleSession
from support.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World("two-customers").converge()


def test_all_tables_are_shown_one_after_the_other(world: World) -> None:
    lines = world.lines("SPOKE1", "ip route vrf *")
    assert [line for line in lines if line.startswith("Routing Table: ")] == [
        "Routing Table: BLUE",
        "Routing Table: RED",
    ]
    assert lines[0].startswith("Codes: "), "the global table is the first, and has no name"
    assert lines.index("Routing Table: BLUE") > next(i for i, line in enumerate(lines) if "198.51.100.2" in line)


def test_stations_are_those_of_their_table(world: World) -> None:
    def interfaces(what: str) -> list[str]:
        return [line.split()[-1] for line in world.lines("SPOKE1", what)[1:]]

    assert interfaces("arp") == ["GigabitEthernet0/1"]
    assert interfaces("ip arp vrf RED") == ["GigabitEthernet0/2"]
    assert interfaces("arp vrf BLUE 10.0.1.1") == ["GigabitEthernet0/3"]
    assert interfaces("arp GigabitEthernet0/2") == ["GigabitEthernet0/2"]


def test_the_configuration_of_a_vrf_has_what_is_about_it(world: World) -> None:
    lines = world.lines("SPOKE1", "running-config vrf RED")
    assert [line for line in lines if line and not line.startswith((" ", "!", "Current", "Building"))] == [
        "vrf definition RED",
        "interface Tunnel1",
        "interface GigabitEthernet0/2",
        "router eigrp CUSTOMERS",
        "end",
    ]
    assert "  network 10.0.0.0" in lines
    assert "vrf BLUE" not in "\n".join(lines)


def test_vrfs_are_listed_by_interface(world: World) -> None:
    assert world.lines("SPOKE1", "vrf interface RED") == [
        "Interface              VRF                              Protocol   Address",
        "Gi0/2                  RED                              up         10.0.1.1",
        "Tu1                    RED                              up         10.255.0.11",
    ]
    assert world.lines("SPOKE1", "vrf ipv4 unicast brief RED") == world.lines("SPOKE1", "vrf RED")


@pytest.mark.parametrize("what", ["arp vrf X", "ip arp vrf X", "running-config vrf X", "ip route vrf X", "vrf X"])
def test_a_vrf_that_does_not_exist_is_named(world: World, what: str) -> None:
    (line,) = world.do("SPOKE1", f"show {what}").splitlines()
    assert line.startswith("% ")
    assert " X" in line


def typed(world: World, *lines: str) -> str:
    """Return what the console of SPOKE1 shows while somebody types these lines, each with Return."""
    handle = world.handle("SPOKE1")
    session = ConsoleSession(handle, new_session())
    handle.subscribe(session.effect)
    session.start()
    for line in lines:
        session.feed(f"{line}\r".encode())
        for _ in range(600):
            if not session.busy:
                break
            world.run_for(0.1)
            session.pump()
    return session.take_output().decode().replace("\r\n", "\n")


def test_ping_asks_its_questions_about_a_vrf(world: World) -> None:
    """`ping vrf RED` alone was an incomplete command."""
    said = typed(world, "ping vrf RED", "", "10.0.2.1", "2", *[""] * 4)
    assert "ping vrf RED\nProtocol [ip]: \nTarget IP address: 10.0.2.1\n" in said
    assert "Success rate is 100 percent (2/2)" in said
    assert "Success rate is 0 percent" in typed(world, "ping", "", "10.0.2.1", "2", *[""] * 4)


def test_traceroute_asks_its_questions_about_a_vrf(world: World) -> None:
    assert "\n  2 10.255.0.12 " in typed(world, "traceroute vrf BLUE ip", "10.255.0.12", *[""] * 8)


def test_ipv6_networks_of_a_vrf_are_in_its_table_alone(world: World) -> None:
    for router, number in (("SPOKE1", 1), ("HUB", 2)):
        world.configure(
            router,
            *("ipv6 unicast-routing", "vrf definition RED", "address-family ipv6", "exit-address-family"),
            *("interface GigabitEthernet0/2", f"ipv6 address 2001:db8:{number}::1/64"),
        )
    world.run_for(1)
    table = world.lines("SPOKE1", "ipv6 route vrf RED")
    assert table[0] == "IPv6 Routing Table - RED - 3 entries"
    assert "C   2001:DB8:1::/64 [0/0]" in table
    assert "2001:DB8" not in world.show("SPOKE1", "ipv6 route")
    assert "ipv4,ipv6" in world.show("SPOKE1", "vrf RED")
    assert "Address family ipv6 unicast (Table ID = 0x1E000002):" in world.lines("SPOKE1", "vrf detail RED")
    assert "Success rate is 100 percent" in world.do("SPOKE1", "ping vrf RED ipv6 2001:db8:1::1")
    assert "Unrecognized host" in world.do("SPOKE1", "ping ipv6 2001:db8:1::1")
