"""Rules about VLANs: both ends of a trunk, VLANs that lead nowhere, subinterfaces without a tag.

The ends of cables are known of a lab (`Site.beside`), and not of files alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from dmvpn.base.findings import Cause, Rule, Severity, rule
from dmvpn.base.switching import DEFAULT_VLAN, EthernetPort, PortMode, within
from dmvpn.base.values import collected
from dmvpn.features.switching.config import ACCESS, ALLOWED, NATIVE, as_ranges, spelled
from dmvpn.ios.common import ENCAPSULATION
from dmvpn.network.device import Device
from dmvpn.network.overlay import Network
from dmvpn.tools.lint.found import NetworkConcern, found

NATIVE_VLAN: Final = rule(Severity.WARNING, Cause.VLAN)(r"""
    vlan-other-native: Two ends of a trunk have different native VLANs
    Frames without a tag are in the native VLAN of whichever end receives them: they leave one VLAN and arrive in
    another one.
    bad: interface GigabitEthernet0/1\n switchport trunk native vlan 99\n switchport mode trunk
    fix: interface GigabitEthernet0/1\n switchport trunk native vlan 1
    """)
NOT_ALLOWED: Final = rule(Severity.WARNING, Cause.VLAN)(r"""
    vlan-not-on-trunk: A VLAN of both ends that one end does not allow on the trunk
    The frames of the VLAN do not pass this trunk, and stations at one end do not reach those at the other.
    bad: interface GigabitEthernet0/1\n switchport trunk allowed vlan 10\n switchport mode trunk
    fix: interface GigabitEthernet0/1\n switchport trunk allowed vlan 10,20
    """)
UNROUTED: Final = rule(Severity.WARNING, Cause.VLAN)(r"""
    vlan-nobody-routes: An access port in a VLAN that no router of the network is in
    No subinterface and no `interface Vlan` has this VLAN, so its stations reach nothing outside of it.
    bad: interface GigabitEthernet0/3\n switchport access vlan 30
    fix: interface Vlan30\n ip address 10.1.30.1 255.255.255.0
    """)
WITHOUT_TAG: Final = rule(Severity.WARNING)(r"""
    subinterface-without-vlan: A subinterface with an address and without a VLAN
    IOS takes no address on a subinterface of an Ethernet before `encapsulation dot1Q`, so after a restart the address
    is gone.
    bad: interface GigabitEthernet0/1.10\n ip address 10.1.10.1 255.255.255.0
    fix: interface GigabitEthernet0/1.10\n encapsulation dot1Q 10
    """)
RULES: Final = collected(Rule, vars())


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield mistakes of VLANs."""
    devices = {PurePath(device.name).name.removesuffix(".cfg"): device for device in network.devices}
    routed = {vlan for device in network.devices for vlan in _routed(device)}  # looked up, never iterated
    for device in network.devices:
        for name in device.ports:
            if "." in name and "Ethernet" in name and not _has_tag(device, name):
                fix = f"interface {name}\n {ENCAPSULATION.line(vlan=_number(name))}"
                yield found(WITHOUT_TAG, device, (f"interface {name}",), f"{name} has an address and no VLAN", fix)
        for port in device.box.ports:
            is_access = port.mode in (PortMode.ACCESS, PortMode.AUTO) and not port.shutdown
            if is_access and port.access not in (DEFAULT_VLAN, *routed) and routed:
                at = (f"interface {port.name}", f"switchport access vlan {port.access}")
                others = [vlan for vlan in device.box.known if vlan in routed and vlan != DEFAULT_VLAN]
                fix = f"{at[0]}\n {ACCESS.line(vlan=others[0])}" if len(others) == 1 else ""
                yield found(UNROUTED, device, at, f"{port.name} is in VLAN {port.access}, and no router has it", fix)
        for own, other, far_port in device.site.beside if device.site is not None else ():
            there = devices.get(other)
            ours, theirs = device.box.port(own), there.box.port(far_port) if there is not None else None
            if there is not None and ours is not None and theirs is not None:
                yield from _trunk(device, ours, there, theirs)


def _trunk(device: Device, ours: EthernetPort, there: Device, theirs: EthernetPort) -> Iterator[NetworkConcern]:
    """Compare two ends of a trunk, from one of them."""
    if not ours.mode is theirs.mode is PortMode.TRUNK:
        return
    at, far = f"interface {ours.name}", f"interface {theirs.name}"
    if ours.native != theirs.native and device.name < there.name:
        what = f"{ours.name} has the native VLAN {ours.native}, and {theirs.name} of {there.name} {theirs.native}"
        fix = f"{at}\n {NATIVE.line(vlan=theirs.native)}"
        yield found(NATIVE_VLAN, device, (at,), what, fix, related=((there, (far,)),))
    both = [vlan for vlan in device.box.known if vlan in there.box.known and within(vlan, theirs.allowed)]
    missing = [vlan for vlan in both if not within(vlan, ours.allowed)]
    if missing:
        what = f"VLAN {spelled(as_ranges(missing))} does not pass {ours.name}, and {there.name} allows it"
        allowed = as_ranges([*missing, *(vlan for first, last in ours.allowed for vlan in range(first, last + 1))])
        fix = f"{at}\n {ALLOWED.line(vlans=spelled(allowed))}"
        yield found(NOT_ALLOWED, device, (at, "switchport trunk allowed"), what, fix, related=((there, (far,)),))


def _routed(device: Device) -> Iterator[int]:
    yield from device.box.interfaces
    for port in device.box.ports:
        yield from (vlan or port.native for vlan, _ in port.layers)


def _has_tag(device: Device, name: str) -> bool:
    port = device.box.port(name.partition(".")[0])
    return port is not None and any(interface == name for _, interface in port.layers)


def _number(name: str) -> int:
    number = int(name.partition(".")[2])
    return number if 0 < number < 4095 else DEFAULT_VLAN
