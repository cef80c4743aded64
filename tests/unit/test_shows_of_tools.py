"""What tools ask of every router: answered, in the words that they read."""

from __future__ import annotations

import json
import os
import re
import time

import pytest

from dmvpn.face.processor import Look, Looks
from support.world import World


@pytest.fixture(scope="module")
def world() -> World:
    found = World("notes-phase3")
    found.run_for(2)
    return found


@pytest.mark.parametrize(
    "command",
    [
        *("show version", "show hosts", "show ip interface brief", "show interfaces", "show ip interface"),
        *("show ipv6 interface", "show startup-config", "show running-config all", "show vrf", "show vrf detail"),
        *("show arp", "show interfaces summary", "show processes cpu", "show memory statistics", "show inventory"),
        *("show lldp", "show cdp", "show lldp neighbors detail", "show cdp neighbors", "show privilege", "show users"),
        *("show archive", "dir", "show flash:", "show access-lists", "show ip access-lists", "show configuration"),
    ],
)
def test_a_command_that_tools_send_is_answered_also_as_json(world: World, command: str) -> None:
    assert "% Invalid" not in world.do("R31", command)
    json.loads(world.do("R31", f"{command} | json"))


def test_what_is_not_there_is_said_in_the_words_that_tools_read(world: World) -> None:
    assert world.do("R31", "show lldp") == "% LLDP is not enabled\n"
    assert world.do("R31", "show cdp neighbors") == "% CDP is not enabled\n"
    assert world.do("R31", "show vrf").split() == ["Name", "Default", "RD", "Protocols", "Interfaces"]


def test_the_summary_has_a_row_for_each_interface(world: World) -> None:
    rows = [line.split() for line in world.lines("R31", "interfaces summary") if line.startswith("* ")]
    assert [(row[1], len(row)) for row in rows] == [
        ("GigabitEthernet0/1", 11),
        ("GigabitEthernet0/2", 11),
        ("Tunnel100", 11),
    ]


def test_the_line_about_the_processor_is_the_one_that_napalm_reads(world: World) -> None:
    said = world.show("R31", "processes cpu")
    assert re.fullmatch(r"CPU utilization for five seconds: \d+%/0%; one minute: \d+%; five minutes: \d+%\n", said)


def test_a_router_that_is_a_fork_has_not_used_what_its_parent_used(world: World) -> None:
    """Routers of a lab are forks. Less than nothing was used, in words that NAPALM does not read."""
    begun = time.process_time()
    while time.process_time() < begun + 0.05:
        pass
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, world.show("R31", "processes cpu").encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader) as told:
        assert re.search(r"five seconds: \d+%/0%; one minute: \d+%; five minutes: \d+%", told.read())


def test_the_processor_is_as_busy_as_since_an_earlier_look() -> None:
    looks = Looks(Look(0.0, 0.0))
    assert looks.busy(Look(10.0, 5.0)) == (50, 50, 50)
    assert looks.busy(Look(20.0, 5.0)) == (0, 25, 25)
    assert looks.busy(Look(71.0, 5.0)) == (0, 0, 7)
