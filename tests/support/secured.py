"""Scenarios with IPsec: configurations changed for a test, and what the show commands say of SAs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.world import World


def short_lives(_router: str, text: str) -> str:
    """Pairs of ESP SAs live two minutes, IKE SAs three."""
    text = re.sub(
        r"(^crypto ipsec profile .*\n)", r"\1 set security-association lifetime seconds 120\n", text, flags=re.M
    )
    return re.sub(r"(^ keyring local .*\n)", r"\1 lifetime 180\n", text, flags=re.M)


def without_dpd(_router: str, text: str) -> str:
    """Nobody asks whether the peer lives."""
    return re.sub(r"^ dpd .*\n", "", text, flags=re.M)


def at(router: str, *replacements: tuple[str, str]) -> Callable[[str, str], str]:
    """Other texts in the configuration of one router."""

    def change(name: str, text: str) -> str:
        for old, new in replacements if name == router else ():
            assert old in text, (name, old)
            text = text.replace(old, new)
        return text

    return change


def states(world: World, router: str) -> dict[str, str]:
    """NBMA address -> state in `show dmvpn`, of the peers that have a line of their own."""
    found = re.findall(r"^ +\d+ ([\d.]+) +[\d.]+ +(\w+)", world.show(router, "dmvpn"), re.MULTILINE)
    return dict(found)


def ike_sas(world: World, router: str, peer: str) -> list[str]:
    """Return the lines of `show crypto ikev2 sa` with a peer, by its address."""
    return [line for line in world.lines(router, "crypto ikev2 sa") if f" {peer}/" in line]


def spis(world: World, router: str, peer: str) -> list[str]:
    """Return the SPIs of `show crypto ipsec sa peer ...`, as it prints them."""
    return re.findall(r"spi: (0x[0-9A-F]+)", world.show(router, f"crypto ipsec sa peer {peer}"))


def said(world: World, router: str, words: str) -> list[str]:
    """Return the log messages with these words."""
    return [message for message in world.messages(router) if words in message]
