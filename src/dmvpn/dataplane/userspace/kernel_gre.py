"""The kernel's own GRE, kept quiet where its module is loaded.

The module `ip_gre` answers every GRE packet for which it has no tunnel with ICMP port unreachable, although a raw
socket of ours has taken it. It stops as soon as it has a device for such packets: its fall-back device `gre0`, or,
where the kernel gives that to its first network namespace only (net.core.fb_tunnels_only_for_init_net), a device of
ours that collects what is left over. The packets go on to the raw socket as before; of the copy that the device takes
out of GRE nothing may come in:

    IPv4    comes from an address that no route has behind this device (rp_filter 1), and is not forwarded
    IPv6    does not exist on an interface whose MTU is smaller than 1280 octets (RFC 8200 §5)
    others  (NHRP's 0x2001) have no receiver in the kernel

The odd MTU is also how a later process knows what a killed one left behind.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import LinkFlag
from dmvpn.dataplane.sysctl import Setting

if TYPE_CHECKING:
    from dmvpn.dataplane.netlink import Link, NetlinkSocket

_FALLBACK = "gre0"
_COLLECTOR = "dmvpn-gre"
_MODULE = Path("/sys/module/ip_gre")
#: Octets: below IPv6's smallest MTU, and nobody else's choice.
_OUR_MTU = 1007
#: Octets: what the kernel gives to gre0.
_KERNELS_MTU = 1476


class KernelGre:
    """Keeps the GRE of one network namespace quiet, and gives its devices back as they were."""

    FALLBACK = _FALLBACK

    def __init__(self, kernel: NetlinkSocket) -> None:
        self._kernel = kernel
        self._found: Link | None = None

    def silence(self) -> list[Setting]:
        """Let the kernel answer no GRE packet; nothing to do where the module is not loaded. Returns what was refused.

        A device that is up already swallows packets as well: it only may not let them in.
        """
        device = self._kernel.find_link(_FALLBACK)
        if device is None and _MODULE.exists():
            self._kernel.execute([netlink.create_gre_collector(_COLLECTOR)])
            device = self._kernel.find_link(_COLLECTOR)
        if device is None:
            return []
        found = self._found = self._found or _as_found(device)
        strict = netlink.InetConf(forwarding=0, rp_filter=1, accept_redirects=0)
        settings = netlink.LinkSettings(mtu=None if found.up else _OUR_MTU, inet=strict)
        refusals = self._kernel.execute([netlink.set_link(device.index, settings), netlink.set_up(device.index)])
        return [Setting(device.name, "quiet", None, refusal.text) for refusal in refusals]

    def noticed(self, link: Link) -> None:
        """Note that an interface changed: the module may have been loaded a moment ago."""
        if link.name == _FALLBACK and not link.up:
            self.silence()

    def restore(self) -> None:
        """Give back what was found."""
        if self._found is not None:
            self._give_back(self._found)
            self._found = None

    def clean_up(self) -> str | None:
        """Give back what a killed router left. Returns the name of the device, or None: there was nothing."""
        for name in (_FALLBACK, _COLLECTOR):
            device = self._kernel.find_link(name)
            if device is not None and _is_left(device):
                self._give_back(_as_found(device))
                return name
        return None

    def _give_back(self, found: Link) -> None:
        if found.name == _COLLECTOR:
            self._kernel.execute([netlink.delete_link(found.index)])
            return
        before = netlink.set_link(found.index, netlink.LinkSettings(mtu=found.mtu, inet=found.inet))
        self._kernel.execute([before] if found.up else [netlink.set_down(found.index), before])


def _is_left(device: Link) -> bool:
    return device.mtu == _OUR_MTU


def _as_found(device: Link) -> Link:
    """Return what to give back: of a device that a killed router left we know what the kernel made it."""
    if not _is_left(device):
        return device
    return replace(device, flags=device.flags & ~LinkFlag.UP, mtu=_KERNELS_MTU, inet=None)
