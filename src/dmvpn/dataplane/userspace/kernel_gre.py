"""The kernel's own GRE, kept quiet where its module is loaded.

The module `ip_gre` answers every GRE packet for which it has no tunnel with ICMP port unreachable, although a raw
socket of ours has taken it. It stops as soon as it has a device for such packets: its fall-back device `gre0`, or,
where the kernel gives that to its first network namespace only (net.core.fb_tunnels_only_for_init_net), a device of
ours that collects what is left over. The packets go on to the raw socket as before; of the copy that the device takes
out of GRE nothing may come in:

    IPv4    comes from an address that no route has behind this device (rp_filter 1), and is not forwarded
    IPv6    does not exist on an interface whose MTU is smaller than 1280 octets (RFC 8200 §5)
    others  (NHRP's 0x2001) have no receiver in the kernel
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.dataplane import netlink

if TYPE_CHECKING:
    from dmvpn.dataplane.netlink import Link, NetlinkSocket

_FALLBACK = "gre0"
_COLLECTOR = "dmvpn-gre"
_MODULE = Path("/sys/module/ip_gre")
#: Octets: any number below IPv6's smallest MTU.
_MTU_WITHOUT_IPV6 = 1000


class KernelGre:
    """Keeps the GRE of one network namespace quiet, and gives its devices back as they were."""

    def __init__(self, kernel: NetlinkSocket) -> None:
        self._kernel = kernel
        self._found: Link | None = None
        self._made = False

    def silence(self) -> None:
        """Let the kernel answer no GRE packet. Does nothing where the module is not loaded. Raises NetlinkError."""
        device = self._kernel.find_link(_FALLBACK)
        if device is None and _MODULE.exists():
            device = self._collector()
        if device is not None and not device.up:
            self._take(device)

    def noticed(self, link: Link) -> None:
        """An interface changed: the module may have been loaded a moment ago. Raises NetlinkError."""
        if link.name == _FALLBACK and not link.up:
            self.silence()

    def restore(self) -> None:
        """Give back what was found."""
        if self._made:
            self._kernel.execute([netlink.delete_link(_COLLECTOR)])
        elif self._found is not None:
            before = netlink.LinkSettings(mtu=self._found.mtu, inet=self._found.inet)
            self._kernel.execute([netlink.set_down(self._found.index), netlink.set_link(self._found.index, before)])
        self._found, self._made = None, False

    def _collector(self) -> Link | None:
        """The device of ours; a killed process may have left it."""
        self._kernel.execute([netlink.create_gre_collector(_COLLECTOR)])
        device = self._kernel.find_link(_COLLECTOR)
        self._made = device is not None
        return device

    def _take(self, device: Link) -> None:
        if not self._made:
            self._found = self._found or device
        strict = netlink.InetConf(forwarding=0, rp_filter=1, accept_redirects=0)
        settings = netlink.LinkSettings(mtu=_MTU_WITHOUT_IPV6, inet=strict)
        self._kernel.call(netlink.set_link(device.index, settings), netlink.set_up(device.index))
