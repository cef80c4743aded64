"""A spoke whose NBMA address is changed by a line: its default route survives that, and the hub says what it thinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]


@pytest.fixture
def labs() -> Iterator[Labs]:
    with Labs() as labs:
        yield labs


def kernel_routes(labs: Labs, router: str) -> str:
    return labs.say("lab", "exec", router, "ip", "route")


def test_a_new_nbma_address_leaves_the_default_route_and_a_unique_registration_is_refused(labs: Labs) -> None:
    """`ip address 172.16.41.7 255.255.255.0`: the RIB had a default route, the kernel had none, nothing came back."""
    labs.up("notes-phase3")
    labs.configure("R41", "interface GigabitEthernet0/1", "ip address 172.16.41.7 255.255.255.0")
    assert eventually(lambda: "default via 172.16.41.2 dev Gi0-1 proto 54" in kernel_routes(labs, "R41"))
    assert "!!!!!" in labs.on("R41", "ping 172.16.11.1")
    refused = "%NHRP-3-PAKREPLY: Receive Registration Reply packet with error - unique address registered already(14)"
    assert eventually(lambda: refused in labs.on("R41", "show logging"), 20.0)
    # What the seed's administrator does next: the hub forgets, and the spoke is welcome.
    labs.on("R11", "clear ip nhrp 192.168.100.41")
    assert eventually(lambda: "172.16.41.7" in labs.on("R11", "show ip nhrp"), 70.0)


def test_what_a_program_of_the_host_takes_away_is_there_again(labs: Labs) -> None:
    labs.up("notes-phase3")
    labs.stream("H4", "10.3.3.100", count=5, seconds=0.5)
    assert eventually(lambda: "10.3.3.0/24 via 192.168.100.31" in kernel_routes(labs, "R41"))  # the direct path
    before = sorted(kernel_routes(labs, "R41").splitlines())
    for words in (
        ("ip", "route", "flush", "proto", "54"),
        ("ip", "link", "set", "Tunnel100", "down"),
        ("ip", "neigh", "flush", "nud", "all", "dev", "Tunnel100"),
        ("ip", "addr", "flush", "dev", "Tunnel100"),
        ("ip", "addr", "flush", "dev", "Gi0-1"),
    ):
        labs.run("lab", "exec", "R41", *words)
        assert eventually(lambda: sorted(kernel_routes(labs, "R41").splitlines()) == before), words
        assert labs.stream("H4", "10.3.3.100", count=5, seconds=0.5).answered == 5, words


def test_the_doctor_names_what_the_kernel_has_otherwise(labs: Labs) -> None:
    labs.up("notes-phase3")
    labs.say("lab", "exec", "R41", "ip", "route", "add", "203.0.113.0/24", "via", "172.16.41.2", "proto", "54")
    printed = labs.run("doctor", "R41").stdout
    assert "R41: nothing is broken" in printed
    assert "the kernel below R41 has what the router did not order" in printed
    assert "route 203.0.113.0/24 via 172.16.41.2, GigabitEthernet0/1" in " ".join(printed.split())
