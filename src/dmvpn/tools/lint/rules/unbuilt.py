"""Rules about what no router here does yet, and a network of IOS routers may: PIM, QoS, BFD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.features.ospf.model import Interface as OspfInterface
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.settings import timers
from dmvpn.network.language import BFD, CLASS, PIM, PIM_BIDIR, PIM_GLOBAL, POLICY_MAP, SERVICE_POLICY
from dmvpn.network.routing import Protocol, eigrp_on, on_end, ospf_interface, underlay
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios import Section
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import End, Network
    from dmvpn.tools.lint.found import Found

BIDIR: Final = Rule(
    id="pim-bidirectional",
    severity=Severity.WARNING,
    title="Bidirectional PIM on a DMVPN tunnel",
    why="Cisco's DMVPN guide rules it out: a designated forwarder is elected among routers that do not hear each "
    "other. Sparse mode with `ip pim nbma-mode` works.",
    bad="ip pim bidir-enable\ninterface Tunnel0\n ip pim sparse-mode",
    fix="no ip pim bidir-enable\ninterface Tunnel0\n ip pim nbma-mode",
)
QOS: Final = Rule(
    id="qos-twice",
    severity=Severity.WARNING,
    title="Per-tunnel QoS together with a policy on the physical interface",
    why="Cisco's guide for per-tunnel QoS: with queueing on the tunnel, the interface below may have a shaper of the "
    "class class-default and nothing else. Two queueing policies on one path are refused or starve each other.",
    bad="interface Tunnel0\n ip nhrp map group BRONZE service-policy output SHAPE\n!\n"
    "interface GigabitEthernet1\n service-policy output WAN",
    fix="interface GigabitEthernet1\n no service-policy output WAN",
)
SLOW_BFD: Final = Rule(
    id="bfd-slower-than-hold",
    severity=Severity.WARNING,
    title="BFD finds out later than what it is to replace",
    why="BFD is to tell a routing protocol of a dead path before its own timer does. Its detection time is the "
    "multiplier times the interval (RFC 5880 §6.8.4); if that is not shorter than EIGRP's hold time or OSPF's dead "
    "interval it only costs packets.",
    bad="interface Tunnel0\n bfd interval 9000 min_rx 9000 multiplier 5",
    fix="interface Tunnel0\n bfd interval 1000 min_rx 1000 multiplier 5",
)
RULES: Final = (BIDIR, QOS, SLOW_BFD)


def check(network: Network) -> Iterator[Found]:
    """What does not go together."""
    for end in network.ends:
        section = end.device.section(end.name)
        if section is not None and end.nhrp.network_id is not None:
            yield from _pim(end, section)
            yield from _bfd(end, section)
        yield from _qos(end)


def _pim(end: End, section: Section) -> Iterator[Found]:
    tree = end.device.tree
    said = any("bidir" in one.text("what", "") for one in tree.all(PIM_GLOBAL))
    bidirectional = said or tree.get(PIM_BIDIR) is not None
    if section.all(PIM) and bidirectional:
        what = f"PIM runs on {end.name}, and it is bidirectional"
        at = ("ip pim bidir-enable",) if tree.get(PIM_BIDIR) is not None else end.line("ip pim")
        yield found(BIDIR, end.device, at, what, "no ip pim bidir-enable")


def _bfd(end: End, section: Section) -> Iterator[Found]:
    args = section.get(BFD)
    if args is None:
        return
    detection = args.integer("multiplier") * max(args.integer("interval"), args.integer("receive")) / 1000
    hold, who = min(_waits(end), default=(end.nhrp.holdtime, "an entry of NHRP"))
    if detection >= hold:
        what = f"BFD takes {detection:g} s to find a dead path, and {who} waits {hold} s"
        yield found(
            SLOW_BFD,
            end.device,
            end.line("bfd interval"),
            what,
            f"{end.at[0]}\n bfd interval 1000 min_rx 1000 multiplier 5",
        )


def _waits(end: End) -> Iterator[tuple[int, str]]:
    """How many seconds the protocols on a tunnel wait for a silent neighbor, and who they are."""
    eigrp = eigrp_on(end)
    if eigrp is not None:
        yield eigrp[1].hold_time, "EIGRP"
    if any(one.protocol is Protocol.OSPF for one in on_end(end)):
        interface = ospf_interface(end.device, end.name) or OspfInterface(name=end.name)
        by_second = interface.hello_multiplier is not None
        yield 1 if by_second else timers(interface, NetworkType.POINT_TO_POINT)[1], "OSPF"


def _qos(end: End) -> Iterator[Found]:
    interface = underlay(end)
    policy = _policy_of(end.device, interface.name) if interface is not None else None
    if end.nhrp.groups and policy is not None and interface is not None and not _is_shaper(end.device, policy):
        what = f"{end.name} has policies for each tunnel, and {interface.name} below it has {policy}"
        at = (f"interface {interface.name}", "service-policy output")
        fix = f"interface {interface.name}\n no service-policy output {policy}"
        yield found(QOS, end.device, at, what, fix)


def _is_shaper(device: Device, policy: str) -> bool:
    """Is it the one kind of policy that may be there: a shaper of class-default?"""
    section = device.tree.section(POLICY_MAP, name=policy)
    classes = list(section.sections(CLASS)) if section is not None else []
    if [args.text("name") for args, _ in classes] != ["class-default"]:
        return False
    return [statement.text.split()[0] for statement in classes[0][1].statements()] == ["shape"]


def _policy_of(device: Device, name: str) -> str | None:
    section = device.section(name)
    said = [args for args in section.all(SERVICE_POLICY) if "output" in args] if section is not None else []
    return said[0].text("name") if said else None
