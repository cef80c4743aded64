"""The lines that are everybody's: the interfaces with what several features ask of them, and the name of the router.

They belong to the features `interface` and `system`, which put them into their grammars; the constants stand here
because every feature asks the tree for its interfaces, and features do not import each other.
"""

from __future__ import annotations

from typing import Final

from dmvpn.ios.grammar import ConfigLine, Mode

INTERFACE_MODE: Final = Mode("interface", "config-if")

INTERFACE: Final = ConfigLine(
    "global",
    "interface {name:interface}",
    {"interface": "Configure an interface", "name": "The interface"},
    key=("name",),
    order=300,
    opens="interface",
)

HOSTNAME: Final = ConfigLine(
    "global",
    "hostname {name:word}",
    {"hostname": "Set the name of this router", "name": "Its name"},
    order=20,
)

#: Lines of an interface that both its own feature and the tunnel's ask for. Feature `interface` owns them.
IP_MTU: Final = ConfigLine(
    "interface",
    "ip mtu {octets:68-17940}",
    {"mtu": "Largest IP packet", "octets": "Octets"},
    order=50,
)
ADJUST_MSS: Final = ConfigLine(
    "interface",
    "ip tcp adjust-mss {octets:500-1460}",
    {"tcp": "TCP of others that passes through", "adjust-mss": "Clamp the maximum segment size", "octets": "Octets"},
    order=75,
)
SHUTDOWN: Final = ConfigLine("interface", "shutdown", "Switch the interface off", order=86)
