"""Small networks of routers that are written down here, as files of a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WAN = """interface GigabitEthernet0/0
 ip address 203.0.113.{0} 255.255.255.0
interface GigabitEthernet0/1
 ip address 10.{0}.0.1 255.255.255.0
"""
TUNNEL = """interface Tunnel0
 ip address 172.16.0.{0} 255.255.255.0
 ip nhrp network-id 1
 tunnel source GigabitEthernet0/0
 tunnel mode gre multipoint
"""
OSPF = "router ospf 1\n network 172.16.0.0 0.0.0.255 area 0\n"
DYNAMIC = " ip nhrp map multicast dynamic\n"
MULTICAST = " ip nhrp map multicast 203.0.113.1\n"
NHS = " ip nhrp nhs 172.16.0.1\n ip nhrp map 172.16.0.1 203.0.113.1\n"


def write(folder: Path, **routers: tuple[int, str, str, str]) -> Path:
    """Routers: number, global lines, lines of the tunnel, routing."""
    folder.mkdir(exist_ok=True)
    for name, (number, before, tunnel, routing) in routers.items():
        text = f"hostname {name}\n{before}{TUNNEL.format(number)}{tunnel}{WAN.format(number)}{routing}end\n"
        (folder / f"{name}.cfg").write_text(text)
    return folder
