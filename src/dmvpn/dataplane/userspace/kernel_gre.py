"""The kernel's own GRE, kept quiet where its module is loaded.

The module `ip_gre` answers every GRE packet for which it has no tunnel with ICMP port unreachable, although a raw
socket of ours has taken it. It stops as soon as it has a device for such packets: its fall-back device `gre0`, or,
where the kernel gives that to its first network namespace only (net.core.fb_tunnels_only_for_init_net), a device of
ours that collects the remaining packets. The packets go on to the raw socket as before; the copy that the device
decapsulates must not come in:

    IPv4    no route leads to its source by this device (rp_filter 1), and it is not forwarded
    IPv6    does not exist on an interface whose MTU is smaller than 1280 octets (RFC 8200 §5)
    others  (NHRP's 0x2001) have no receiver in the kernel

The odd MTU also shows a later process that a killed one left the device behind.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import LinkFlag
from dmvpn.dataplane.sysctl import Setting

if TYPE_CHECKING:
    from dmvpn.dataplane.netlink import KernelLink, NetlinkSocket

_FALLBACK = "gre0"
_COLLECTOR = "dmvpn-gre"
_MODULE = Path("/sys/module/ip_gre")
#: Octets: below IPv6's smallest MTU, and an unusual value.
_OUR_MTU = 1007
#: Octets: the kernel's MTU of gre0.
_KERNELS_MTU = 1476


class KernelGre:
    """Keeps the kernel's GRE of one network namespace silent, and restores its devices."""

    FALLBACK = _FALLBACK

    def __init__(self, kernel: NetlinkSocket) -> None:
        self._kernel = kernel
        self._found: KernelLink | None = None

    def silence(self) -> list[Setting]:
        """Keep the kernel from answering GRE packets; nothing to do if the module is not loaded. Returns refused
        settings.

        A device that is up already swallows packets as well: it only must not let them in.
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

    def noticed(self, link: KernelLink) -> None:
        """Take in a change of an interface: the module may have just been loaded."""
        if link.name == _FALLBACK and not link.up:
            self.silence()

    def restore(self) -> None:
        """Restore the device's former settings."""
        if self._found is not None:
            self._give_back(self._found)
            self._found = None

    def clean_up(self) -> str | None:
        """Restore the device that a killed router left. Returns its name, or None: there was none."""
        for name in (_FALLBACK, _COLLECTOR):
            device = self._kernel.find_link(name)
            if device is not None and _is_left(device):
                self._give_back(_as_found(device))
                return name
        return None

    def _give_back(self, found: KernelLink) -> None:
        if found.name == _COLLECTOR:
            self._kernel.execute([netlink.delete_link(found.index)])
            return
        before = netlink.set_link(found.index, netlink.LinkSettings(mtu=found.mtu, inet=found.inet))
        self._kernel.execute([before] if found.up else [netlink.set_down(found.index), before])


def _is_left(device: KernelLink) -> bool:
    return device.mtu == _OUR_MTU


def _as_found(device: KernelLink) -> KernelLink:
    """Return the settings to restore: for a device that a killed router left, the kernel's defaults."""
    if not _is_left(device):
        return device
    return replace(device, flags=device.flags & ~LinkFlag.UP, mtu=_KERNELS_MTU, inet=None)
