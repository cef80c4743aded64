"""Scenarios with translators, derived from the built-in ones."""

from __future__ import annotations

import re
import shutil
from ipaddress import IPv4Interface
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.shells.exercises import BUILT_IN
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario

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


#: The address of a hub behind a translator that gives it its old address outside, one to one.
HUB_INSIDE: Final = "192.168.251.10"


def hub_behind_nat(name: str) -> Scenario:
    """Return a scenario with its hub in a cloud: the translator before it has the address that the spokes know."""
    one = Scenario.load(name)
    hub = next(router for router in one.configurations if one.role(router) == "hub")
    wire = next(link for link in one.lab.links if any("TRANSPORT" in end for end in link.ends) and hub in str(link))
    port = next(end for end in wire.ends if end.startswith(hub))
    _, provider = sorted(wire.ends, key=lambda end: "TRANSPORT" in end)
    text = one.configurations[hub]
    address = re.search(rf"interface {port.split(':')[1]}\n(?: .*\n)*? ip address ([\d.]+) ([\d.]+)\n", text)
    gateway = re.search(r"ip route 0.0.0.0 0.0.0.0 ([\d.]+)", text)
    assert address is not None
    assert gateway is not None
    text = text.replace(f"{address[1]} {address[2]}", f"{HUB_INSIDE} 255.255.255.0")
    text = text.replace(gateway[0], "ip route 0.0.0.0 0.0.0.0 192.168.251.1")
    box = {
        "outside": str(IPv4Interface(f"{address[1]}/{address[2]}")),
        "gateway": gateway[1],
        "inside": "192.168.251.1/24",
        "inward": {address[1]: HUB_INSIDE},
    }
    links = [link.model_dump() for link in one.lab.links if link is not wire]
    links += [{"ends": [port, "CLOUD:inside"]}, {"ends": ["CLOUD:outside", provider]}]
    gateways = {**one.lab.model_dump()["gateways"], "CLOUD": box}
    lab = Lab.model_validate({**one.lab.model_dump(), "links": links, "gateways": gateways})
    return Scenario(name, lab, {**one.configurations, hub: text}, one.certificates)


def _of_r41(kind: str) -> tuple[tuple[str, str], ...]:
    """Return what a translator of this kind before R41 changes in `lab.yaml`."""
    return (
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


def both_behind_nat(folder: Path, kind: str) -> str:
    """spoke-behind-nat, with R41 behind a translator of its own. Both are of this kind."""
    lab = (("port-restricted", kind), *_of_r41(kind))
    spoke = (("172.16.41.1 255", "192.168.41.10 255"), ("172.16.41.2", "192.168.41.1"))
    return derived(folder, "spoke-behind-nat", lab=lab, R41=spoke)


def two_and_one(folder: Path, kind: str = "port-restricted") -> str:
    """ipsec-two-spokes-one-nat, with R41 behind a translator of its own: of R31 and R32 one has another port than 4500.

    kind: of both translators.
    """
    lab = (("kind: port-restricted", f"kind: {kind}"), *_of_r41(kind))
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


#: The lines of IKEv1 that stand for the keyring and the IKEv2 profile of a scenario.
_ISAKMP = """crypto isakmp policy 10
 encryption aes 256
 hash sha256
 authentication pre-share
 group 14
 lifetime 600
crypto isakmp key Demo-Key-1 address 0.0.0.0
crypto isakmp keepalive 30 5
!
"""
#: Spokes of `alike`.
ALIKE: Final = 6


def alike(folder: Path, *, isakmp: bool = False) -> str:
    """ipsec-two-spokes-one-nat with six spokes S1 ... S6 that prove one identity, 192.168.1.2, by one wildcard key.

    Each is behind a NAT box of its own, BOX1 ... BOX6, and all these are behind the provider's box NAT1. R41 is behind
    none. BOX3 shows other ports after a restart. All SAs live some minutes.
    isakmp: the hub and the spokes speak IKEv1.
    """
    copy = folder / "alike"
    shutil.copytree(BUILT_IN / "ipsec-two-spokes-one-nat", copy)
    spoke = (copy / "R31.cfg").read_text()
    for name in ("R31", "R32"):
        (copy / f"{name}.cfg").unlink()
    numbers = range(1, ALIKE + 1)
    for number in numbers:
        text = spoke.replace("hostname R31", f"hostname S{number}").replace("168.100.31", f"168.100.10{number}")
        text = text.replace("192.168.31.10 ", "192.168.1.2 ").replace("192.168.31.1\n", "192.168.1.1\n")
        (copy / f"S{number}.cfg").write_text(text.replace("10.3.3.1 ", f"10.3.{number}.1 "))
    for path in copy.glob("*[0-9].cfg"):
        text = path.read_text().replace(" keyring local DMVPN\n", " keyring local DMVPN\n lifetime 600\n")
        lifetime = " set transform-set DMVPN\n set security-association lifetime seconds 300\n"
        text = text.replace(" set transform-set DMVPN\n", lifetime)
        if isakmp:
            end = text.index("crypto ipsec transform-set")
            text = _ISAKMP.join((text[: text.index("crypto ikev2 keyring")], text[end:]))
            text = text.replace(" set ikev2-profile DMVPN\n", "")
        path.write_text(text)
    routers = "".join(f"  S{number}: {{role: spoke}}\n" for number in numbers)
    wires = "".join(f'  - ends: ["S{number}:GigabitEthernet0/1", "BOX{number}:inside"]\n' for number in numbers)
    kinds = {3: "symmetric"}
    boxes = "".join(
        f"  BOX{number}: {{kind: {kinds.get(number, 'port-restricted')}, outside: 100.64.0.{10 + number}/24, "
        "gateway: 100.64.0.1, inside: 192.168.1.1/24}\n"
        for number in numbers
    )
    shared = ", ".join((*(f'"BOX{number}:outside"' for number in numbers), '"NAT1:inside"'))
    hosts = "".join(
        f'  H{number}: {{link: "S{number}:GigabitEthernet0/2", address: 10.3.{number}.100/24, '
        f"gateway: 10.3.{number}.1}}\n"
        for number in numbers
    )
    (copy / "lab.yaml").write_text(
        f"""title: "Six spokes alike behind one NAT"
needs: [ipsec]
routers:
  R11: {{role: hub}}
  R41: {{role: spoke}}
{routers}  TRANSPORT: {{role: provider}}
links:
  - ends: ["R11:GigabitEthernet0/1", "TRANSPORT:GigabitEthernet0/1"]
  - ends: ["NAT1:outside", "TRANSPORT:GigabitEthernet0/2"]
  - ends: ["R41:GigabitEthernet0/1", "TRANSPORT:GigabitEthernet0/3"]
  - ends: [{shared}]
{wires}gateways:
  NAT1: {{outside: 172.16.31.1/30, gateway: 172.16.31.2, inside: 100.64.0.1/24}}
{boxes}hosts:
  H0: {{link: "R11:GigabitEthernet0/2", address: 10.1.1.100/24, gateway: 10.1.1.1}}
  H41: {{link: "R41:GigabitEthernet0/2", address: 10.4.4.100/24, gateway: 10.4.4.1}}
{hosts}ready:
  routes:
    R11: [{", ".join(f'"10.3.{number}.0/24"' for number in numbers)}]
"""
    )
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
