"""Scenarios with translators, derived from the built-in ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.shells.scenario import BUILT_IN

if TYPE_CHECKING:
    from support.world import World


def derived(folder: Path, name: str, **replacements: tuple[tuple[str, str], ...]) -> str:
    """Return a copy of a scenario in which texts of some files are replaced (by the stem of the file); its path."""
    copy = folder / name
    shutil.copytree(BUILT_IN / name, copy)
    for path in copy.iterdir():
        text = path.read_text()
        for old, new in replacements.get(path.stem, ()):
            assert old in text, (path.name, old)
            text = text.replace(old, new)
        path.write_text(text)
    return str(copy)


def both_behind_nat(folder: Path, kind: str) -> str:
    """spoke-behind-nat, with R41 behind a translator of its own. Both are of this kind."""
    lab = (
        ("port-restricted", kind),
        (
            '["R41:GigabitEthernet0/1", "TRANSPORT:GigabitEthernet0/3"]',
            '["NAT2:outside", "TRANSPORT:GigabitEthernet0/3"]\n  - ends: ["R41:GigabitEthernet0/1", "NAT2:inside"]',
        ),
        (
            "hosts:\n",
            f"  NAT2: {{kind: {kind}, outside: 172.16.41.1/24, gateway: 172.16.41.2, inside: 192.168.41.1/24}}\n"
            "hosts:\n",
        ),
    )
    spoke = (("172.16.41.1 255", "192.168.41.10 255"), ("172.16.41.2", "192.168.41.1"))
    return derived(folder, "spoke-behind-nat", lab=lab, R41=spoke)


def two_and_one(folder: Path, kind: str = "port-restricted") -> str:
    """ipsec-two-spokes-one-nat, with R41 behind a translator of its own: of R31 and R32 one has another port than 4500.

    kind: of both translators.
    """
    lab = (
        ("kind: port-restricted", f"kind: {kind}"),
        (
            '["R41:GigabitEthernet0/1", "TRANSPORT:GigabitEthernet0/3"]',
            '["NAT2:outside", "TRANSPORT:GigabitEthernet0/3"]\n  - ends: ["R41:GigabitEthernet0/1", "NAT2:inside"]',
        ),
        (
            "hosts:\n",
            f"  NAT2: {{kind: {kind}, outside: 172.16.41.1/24, gateway: 172.16.41.2, inside: 192.168.41.1/24}}\n"
            "hosts:\n",
        ),
    )
    spoke = (
        ("172.16.41.1 255", "192.168.41.10 255"),
        ("172.16.41.2", "192.168.41.1"),
        ("network-id 100\n", "network-id 100\n ip nhrp holdtime 120\n"),
        (
            " ip nhrp shortcut\n",
            " ip nhrp registration timeout 60\n ip nhrp registration no-unique\n ip nhrp shortcut\n",
        ),
    )
    return derived(folder, "ipsec-two-spokes-one-nat", lab=lab, R41=spoke)


def two_and_two(folder: Path) -> str:
    """`two_and_one`, with R42 and H42 beside R41: on both sides one has another port than 4500."""
    copy = Path(two_and_one(folder))
    lab = copy / "lab.yaml"
    text = lab.read_text()
    for old, new in (
        ("  R41: {role: spoke}\n", "  R41: {role: spoke}\n  R42: {role: spoke}\n"),
        (
            '["R41:GigabitEthernet0/1", "NAT2:inside"]',
            '["R41:GigabitEthernet0/1", "R42:GigabitEthernet0/1", "NAT2:inside"]',
        ),
        ("ready:\n", '  H42: {link: "R42:GigabitEthernet0/2", address: 10.4.2.100/24, gateway: 10.4.2.1}\nready:\n'),
        ("  routes:\n", '  routes:\n    R42: ["10.1.1.0/24", "10.3.3.0/24", "10.3.2.0/24", "10.4.4.0/24"]\n'),
    ):
        assert old in text, old
        text = text.replace(old, new)
    lab.write_text(text)
    spoke = (copy / "R41.cfg").read_text()
    for old, new in (("R41", "R42"), ("168.41.10", "168.41.11"), ("168.100.41", "168.100.42"), ("10.4.4.", "10.4.2.")):
        assert old in spoke, old
        spoke = spoke.replace(old, new)
    (copy / "R42.cfg").write_text(spoke)
    return str(copy)


def room_outside(folder: Path) -> str:
    """spoke-behind-nat, with more than one address for NAT1 on the link to the provider."""
    wide = (("172.16.31.2 255.255.255.252", "172.16.31.2 255.255.255.0"),)
    return derived(folder, "spoke-behind-nat", lab=(("172.16.31.1/30", "172.16.31.1/24"),), TRANSPORT=wide)


def lost(world: World, source: str, destination: str, *, seconds: float, rate: float = 20.0) -> int:
    """Return how many of a host's pings were not answered while it sent so many a second."""
    before = len(world.replies(source))
    sent = world.stream(source, destination, seconds=seconds, rate=rate)
    world.run_for(1)
    return sent - (len(world.replies(source)) - before)


def attributes(world: World, router: str, tunnel_address: str) -> list[str]:
    """Return the last column of the rows of `show dmvpn` for a peer."""
    return [line.split()[-1] for line in world.lines(router, "dmvpn") if f" {tunnel_address} " in line]
