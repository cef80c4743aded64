"""The log speaks of certificates in time: before they end, when they have, and when the clock must be wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.events import ClockSet
from support.pki import Console, authority, dialog, issue

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """A router whose certificate is good for 40 days, the list for a year."""
    made = authority(tmp_path / "ca")
    issue(made, "R1", days=40)
    console = Console()
    assert console.type(*dialog(tmp_path / "ca", "R1"))[0] == 0
    console.log.clear()
    return console


def said(console: Console, mnemonic: str) -> list[str]:
    return [line.partition(f"{mnemonic}: ")[2] for line in console.log if mnemonic in line]


@pytest.mark.lengthy
def test_nothing_is_said_while_all_is_well_and_then_in_time(console: Console) -> None:
    console.later(8 * DAY)
    assert console.log == []
    console.later(2 * DAY)
    assert len(said(console, "%PKI-4-CERTIFICATE_EXPIRY_WARN")) == 1


def test_the_end_is_announced_at_each_step_once(console: Console) -> None:
    for day in range(43):
        console.post(ClockSet(time.time() + day * DAY))
    warned = said(console, "%PKI-4-CERTIFICATE_EXPIRY_WARN")
    assert [line.partition(" expires ")[2].partition(", at")[0] for line in warned] == [
        "in 30 days",
        "in 14 days",
        "in 7 days",
        "in 3 days",
        "in 1 day",
        "today",
    ]
    assert len(said(console, "%PKI-3-CERTIFICATE_EXPIRED")) == 1


def test_a_clock_that_is_behind_is_suspected(console: Console) -> None:
    console.post(ClockSet(0.0))
    (first, second) = said(console, "%PKI-3-CERTIFICATE_NOT_YET_VALID")
    assert "the clock says 00:00:00 UTC Jan 1 1970" in first
    assert second.startswith("The CA certificate of trustpoint LAB")


def test_a_list_that_should_have_been_renewed_is_spoken_of(console: Console) -> None:
    for _ in range(2):
        console.post(ClockSet(time.time() + 366 * DAY))
    assert len(said(console, "%PKI-4-CRL_STALE")) == 1


@pytest.mark.lengthy
def test_a_router_that_must_check_and_has_no_list_says_that_it_will_believe_nobody(tmp_path: Path) -> None:
    made = authority(tmp_path / "ca")
    console = Console("crypto pki trustpoint LAB\n")
    body = (made.folder / "ca.pem").read_text().splitlines()
    console.type("crypto pki authenticate LAB", *body, "quit", "yes")
    assert said(console, "%PKI-4-NO_CRL")
    console.type("configure terminal", "crypto pki trustpoint LAB", "revocation-check none", "end")
    console.log.clear()
    console.later(2 * DAY)
    assert console.log == []


def test_damaged_octets_count_for_nothing_and_are_named() -> None:
    text = (
        "crypto pki trustpoint LAB\ncrypto pki certificate chain LAB\n certificate ca 01\n  30820330 30820218\n  quit\n"
    )
    console = Console(text + "crypto pki trustpoint TWO\n")
    assert console.pki.credentials("LAB") is None
    assert console.pki.holdings["LAB"].unreadable == ("certificate 01",)
    assert said(console, "%PKI-3-UNREADABLE") == ["Trustpoint LAB: the certificate 01 cannot be read"]


@pytest.mark.lengthy
def test_the_certificate_of_a_foreign_web_server_makes_no_noise() -> None:
    """Every IOS router has such a trustpoint; its key did not come along with the configuration."""
    text = "crypto pki trustpoint TP-self-signed-1\n enrollment selfsigned\n revocation-check none\n"
    console = Console(text)
    console.later(2 * DAY)
    assert said(console, "%PKI") == []
    assert console.pki.trustpoints() == ()
