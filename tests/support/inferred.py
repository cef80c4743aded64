"""Folders of configurations without `lab.yaml`, written down here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.shells.scenario import Scenario

if TYPE_CHECKING:
    from pathlib import Path


def router(name: str, *ports: str, more: str = "", tunnel: str = "") -> str:
    """A configuration. ports: "ADDRESS MASK" of GigabitEthernet0/1, 0/2 ..."""
    interfaces = [f"interface GigabitEthernet0/{number}\n ip address {port}" for number, port in enumerate(ports, 1)]
    return "\n!\n".join([f"hostname {name}", *([tunnel] if tunnel else []), *interfaces, more, "end"]) + "\n"


def load(folder: Path, *texts: str) -> Scenario:
    for number, text in enumerate(texts):
        (folder / f"file{number}.cfg").write_text(text)
    return Scenario.load(str(folder))


def wires(scenario: Scenario) -> list[list[str]]:
    return [link.ends for link in scenario.lab.links]


LONG, SHORT = "255.255.255.0", "255.255.255.252"
WAN = "GigabitEthernet0/1"
TUNNEL = "interface Tunnel0\n ip address 10.0.0.{} 255.255.255.0\n tunnel source {}\n tunnel mode gre multipoint"
