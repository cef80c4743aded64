"""ike-scan, with which strangers look for VPN gateways and for keys to guess, at our responder: what does it learn?"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.ikev1_peers import OURS, Ours, Wire, Wishes

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        shutil.which("ike-scan") is None, reason="ike-scan is not installed. Run: scripts/debian-packages interop"
    ),
]
#: AES-256, SHA-256, pre-shared key, group 14: what our responder takes.
OUR_POLICY = "--trans=(1=7,14=256,2=4,3=1,4=14)"


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire() as wire:
        yield wire


@pytest.fixture(scope="module")
def ours(wire: Wire) -> Ours:
    return Ours(wire, Wishes(), "crypto engine compliance shield disable")


def scan(wire: Wire, *words: str) -> str:
    """Return what ike-scan prints; it asks three times."""
    command = ["ip", "netns", "exec", wire.namespace("theirs"), "ike-scan", "--retry=3", "--timeout=300", *words, OURS]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def nothing_computed(ours: Ours) -> bool:
    """Return whether every ISAKMP SA still waits for message 3, which brings back our cookie."""
    return {sa["phase"] for sa in ours.state["sas"]} <= {"MM_SA_SETUP"}


@pytest.mark.story("ike-scan")
def test_it_finds_a_gateway_only_by_a_policy_that_the_gateway_has(wire: Wire, ours: Ours) -> None:
    said = scan(wire, OUR_POLICY)
    assert "Main Mode Handshake returned" in said
    assert "SA=(Enc=AES KeyLength=256 Hash=SHA2-256 Auth=PSK Group=14:modp2048)" in said
    assert nothing_computed(ours)


@pytest.mark.story("ike-scan")
def test_its_usual_offers_of_des_and_md5_are_refused_without_a_word_on_what_we_take(wire: Wire, ours: Ours) -> None:
    said = scan(wire, "--trans=(1=1,2=1,3=1,4=1)", "--trans=(1=5,2=1,3=1,4=2)")
    assert "Notify message 14 (NO-PROPOSAL-CHOSEN)" in said
    assert "1 returned notify" in said
    assert nothing_computed(ours)


@pytest.mark.story("ike-scan")
def test_aggressive_mode_gives_it_no_hash_to_guess_keys_by(wire: Wire, ours: Ours) -> None:
    said = scan(wire, "--aggressive", "--dhgroup=14", "--id=spoke1.example", OUR_POLICY)
    assert "0 returned handshake" in said
    assert "Aggressive Mode Handshake" not in said
    assert nothing_computed(ours)


@pytest.mark.story("ike-scan")
@pytest.mark.parametrize(
    "words",
    [
        ["--spisize=255"],
        ["--doi=7"],
        ["--situation=9"],
        ["--exchange=1"],
        ["--exchange=255"],
        ["--nextpayload=9"],
        ["--hdrflags=255"],
        ["--hdrmsgid=5"],
        ["--headerver=0x1f"],
        ["--lifetime=0"],
        ["--mbz=255"],
        ["--protocol=9"],
        ["--cookie=0000000000000000"],
        ["--cookie=ffffffffffffffff"],
        ["--rcookie=0123456789abcdef"],
        ["--vendor=" + "ab" * 250],
    ],
    ids=lambda words: words[0][:20],
)
def test_odd_headers_and_payloads_change_nothing(wire: Wire, ours: Ours, words: list[str]) -> None:
    scan(wire, *words, OUR_POLICY)
    assert nothing_computed(ours)
    assert "Main Mode Handshake returned" in scan(wire, OUR_POLICY), "the next one is answered as before"
