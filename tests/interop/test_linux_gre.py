"""Tunnels with checksums and sequence numbers to Linux: its own interfaces of type gre, and what it leaves to a card.

See uml/scen/gre-options.sh. Linux counts what it refuses. Behind its virtual cables nobody finishes the checksums that
it leaves to a network card, and TCP's octets come in packets larger than any wire takes.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from interop.evidence import NBMA, TUNNEL

if TYPE_CHECKING:
    from interop.evidence import Gre, Run

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(180, func_only=True)]

#: By the number of our tunnel: the interface of Linux, the key, whether there are checksums, whether there are numbers.
TUNNELS = {
    0: ("gre1", 100, True, False),
    1: ("p2p1", 101, True, False),
    2: ("p2p2", 102, False, True),
    3: ("p2p3", 103, True, True),
    4: ("p2p4", None, True, True),
}
WAYS = ("to-linux", "to-ours")
#: The largest frame of an Ethernet.
FRAME = 1514


def engines(run: Run) -> list[str]:
    """The data planes that there are."""
    return ["python"] if "no engine" in run.text("marks.txt") else ["python", "rust"]


def of(headers: list[Gre], number: int) -> list[Gre]:
    """The headers of a tunnel's packets."""
    return [header for header in headers if header.key == TUNNELS[number][1]]


def numbers(headers: list[Gre], number: int) -> list[int]:
    """Their sequence numbers."""
    return [header.sequence for header in of(headers, number) if header.sequence is not None]


@pytest.mark.story("gre-options")
@pytest.mark.parametrize("number", TUNNELS)
def test_pings_pass_in_both_directions(linux_gre: Run, number: int) -> None:
    for engine in engines(linux_gre):
        for way in WAYS if number else WAYS[:1]:
            pings = linux_gre.pings(f"{engine}-{number}-{way}")
            assert (pings.sent, pings.received, pings.duplicates) == (10, 10, 0)


@pytest.mark.story("gre-options", "gre-card")
@pytest.mark.parametrize("number", TUNNELS)
def test_what_tcp_carries_arrives_whole_in_both_directions(linux_gre: Run, number: int) -> None:
    for engine in engines(linux_gre):
        for way in WAYS:
            sent = linux_gre.text(f"tcp.{engine}-{number}-{way}.sent.txt")
            assert sent.startswith("400000 ")
            assert linux_gre.text(f"tcp.{engine}-{number}-{way}.txt") == sent


@pytest.mark.story("gre-options")
@pytest.mark.parametrize("number", TUNNELS)
def test_linux_refuses_none_of_our_packets(linux_gre: Run, number: int) -> None:
    """A wrong checksum counts as a CRC error there, a number out of order as a FIFO error."""
    for engine in engines(linux_gre):
        links = {link["ifname"]: link["stats64"]["rx"] for link in json.loads(linux_gre.text(f"links.{engine}.json"))}
        received = links[TUNNELS[number][0]]
        assert received["packets"] > 200
        assert [received[what] for what in ("errors", "crc_errors", "fifo_errors", "frame_errors", "dropped")] == [
            0
        ] * 5


@pytest.mark.story("gre-options")
@pytest.mark.parametrize("number", TUNNELS)
def test_our_headers_have_the_fields_of_linuxs_with_right_checksums_and_numbers_that_rise(
    linux_gre: Run, number: int
) -> None:
    _, _, checksum, sequence = TUNNELS[number]
    ours = linux_gre.gre("spoke1", NBMA["spoke1"])
    theirs = linux_gre.gre("hub", NBMA["hub"])
    for headers in (of(ours, number), of(theirs, number)):
        assert {(header.checksum, header.sequence is not None) for header in headers} == {(checksum, sequence)}
    assert all(header.is_right for header in of(ours, number) if checksum)
    for counted in (numbers(ours, number), numbers(theirs, number)):
        # The capture misses some packets; each end begins with 0 whenever it starts.
        assert all(after > before or after == 0 for before, after in pairwise(counted))


@pytest.mark.story("gre-card")
def test_linux_left_checksums_and_the_cutting_of_packets_to_a_card_that_is_not_there(linux_gre: Run) -> None:
    """Or the test above that says how TCP's octets arrive shows nothing."""
    headers = [header for header in linux_gre.gre("spoke1", NBMA["hub"]) if header.checksum]
    assert any(not header.is_right for header in headers)
    assert any(header.length > FRAME for header in headers)


@pytest.mark.story("gre-options")
def test_frr_registers_a_spoke_whose_gre_has_checksums(linux_gre: Run) -> None:
    for engine in engines(linux_gre):
        clients = {
            row["protocol"]: row["nbma"] for row in linux_gre.frr_cache(engine, "hub") if row["type"] == "dynamic"
        }
        assert clients == {TUNNEL["spoke1"]: NBMA["spoke1"]}


@pytest.mark.story("gre-numbers-restart")
def test_linux_takes_no_numbers_of_a_router_that_began_again_until_its_interface_does_too(linux_gre: Run) -> None:
    assert linux_gre.pings("began-again").received == 0
    assert linux_gre.pings("both-began-again").received == 10
