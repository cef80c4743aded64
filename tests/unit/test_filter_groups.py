"""Object groups in packet filters: what an entry with groups means, and that it grows by their members only."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

import pytest

from dmvpn.base.effects import Effect, SetFilters
from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.events import ConfigurationEntered, EnteredLine, LinesEntered
from dmvpn.base.filters import FilterList, Packet
from dmvpn.base.translation import TCP, UDP
from dmvpn.router.router import Router

CLIENTS, SERVERS, SERVICES = 300, 200, 50
GROUPS: Final = "\n".join(
    (
        "object-group network CLIENTS",
        *(f" host 10.1.{number // 250}.{number % 250}" for number in range(CLIENTS)),
        "object-group network SERVERS",
        *(f" 10.2.{number}.0 255.255.255.0" for number in range(SERVERS)),
        "object-group service SERVICES",
        *(f" tcp eq {port}" for port in range(1000, 1000 + SERVICES)),
        "",
    )
)
LIST: Final = """\
ip access-list extended L
 10 permit object-group SERVICES object-group CLIENTS object-group SERVERS
 20 deny tcp object-group CLIENTS any
 30 permit ip any any
"""
PORTS: Final = "".join(f"interface GigabitEthernet0/{port}\n ip access-group {{}} in\n" for port in (1, 2))


def lists(effects: list[Effect]) -> dict[str, FilterList]:
    """The lists that ports get."""
    found = {effect.interface: effect.filters.inward for effect in effects if isinstance(effect, SetFilters)}
    return {name: listed for name, listed in found.items() if listed is not None}


def started(text: str) -> tuple[Router, dict[str, FilterList]]:
    router = Router(SeededEntropy(1))
    return router, lists(router.handle(ConfigurationEntered(text), 0.0))


def packet(source: str, destination: str, port: int, protocol: int = TCP) -> Packet:
    return Packet(
        protocol=protocol,
        source=IPv4Address(source),
        destination=IPv4Address(destination),
        source_port=40000,
        destination_port=port,
    )


def test_an_entry_with_three_large_groups_is_as_long_as_its_services_and_not_as_all_their_combinations() -> None:
    """It was three million entries: the router took minutes, and gigabytes."""
    _, found = started(GROUPS + LIST + PORTS.format("L", "L"))
    listed = found["GigabitEthernet0/1"]
    assert len(listed.entries) == SERVICES + 2
    assert set(listed.by_sequence()) == {10, 20, 30}


@pytest.mark.parametrize(
    ("tried", "sequence"),
    [
        (packet("10.1.0.7", "10.2.9.9", 1000), 10),
        (packet("10.1.1.49", "10.2.199.255", 1049), 10),
        (packet("10.1.1.49", "10.2.199.255", 1050), 20),
        (packet("10.1.1.50", "10.2.9.9", 1000), 30),
        (packet("10.1.0.7", "10.2.200.0", 1000), 20),
        (packet("10.1.0.7", "10.2.9.9", 1000, UDP), 30),
    ],
)
def test_large_groups_mean_their_members_and_nothing_between_them(tried: Packet, sequence: int) -> None:
    _, found = started(GROUPS + LIST + PORTS.format("L", "L"))
    decided = found["GigabitEthernet0/1"].decides(tried)
    assert decided is not None
    assert decided.sequence == sequence


def test_a_member_more_changes_the_lists_that_refer_to_its_group_and_no_others() -> None:
    others = "ip access-list extended M\n 10 permit tcp any object-group SERVERS\n"
    router, found = started(GROUPS + LIST + others + PORTS.format("L", "M"))
    line = EnteredLine(("object-group network CLIENTS",), "host 10.1.1.50")
    changed = lists(router.handle(LinesEntered((line,)), 1.0))
    assert list(changed) == ["GigabitEthernet0/1"]
    decided = changed["GigabitEthernet0/1"].decides(packet("10.1.1.50", "10.2.9.9", 1000))
    assert decided is not None
    assert decided.sequence == 10
    kept = {
        entry.sequence
        for entry in changed["GigabitEthernet0/1"].entries
        if entry in found["GigabitEthernet0/1"].entries
    }
    assert kept == {30}


def test_a_group_that_shrinks_means_its_pairs_again() -> None:
    router, _ = started(GROUPS + LIST + PORTS.format("L", "L"))
    gone = [
        EnteredLine(("object-group network CLIENTS",), f"no host 10.1.{number // 250}.{number % 250}")
        for number in range(1, CLIENTS)
    ]
    gone += [
        EnteredLine(("object-group network SERVERS",), f"no 10.2.{number}.0 255.255.255.0")
        for number in range(1, SERVERS)
    ]
    changed = lists(router.handle(LinesEntered(tuple(gone)), 1.0))["GigabitEthernet0/1"]
    for tried, sequence in ((packet("10.1.0.0", "10.2.0.1", 1000), 10), (packet("10.1.0.1", "10.2.0.1", 1000), 30)):
        decided = changed.decides(tried)
        assert decided is not None
        assert decided.sequence == sequence
