"""Rules about what no router here does yet, and a network of IOS routers may: PIM, QoS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.network.lines import CLASS, PIM, PIM_BIDIR, PIM_GLOBAL, POLICY_MAP, SERVICE_POLICY
from dmvpn.tools.lint.found import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios import Section
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

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
RULES: Final = (BIDIR, QOS)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield combinations that do not work, of lines that no router here carries out."""
    for end in network.ends:
        section = end.device.section(end.name)
        if section is not None and end.nhrp.network_id is not None:
            yield from _pim(end, section)
        yield from _qos(end)


def _pim(end: TunnelEnd, section: Section) -> Iterator[NetworkConcern]:
    tree = end.device.tree
    said = any("bidir" in one.text("what", "") for one in tree.all(PIM_GLOBAL))
    bidirectional = said or tree.get(PIM_BIDIR) is not None
    if section.all(PIM) and bidirectional:
        what = f"PIM runs on {end.name}, and it is bidirectional"
        at = ("ip pim bidir-enable",) if tree.get(PIM_BIDIR) is not None else end.line("ip pim")
        yield found(BIDIR, end.device, at, what, "no ip pim bidir-enable")


def _qos(end: TunnelEnd) -> Iterator[NetworkConcern]:
    interface = end.underlay
    policy = _policy_of(end.device, interface.name) if interface is not None else None
    if end.nhrp.groups and policy is not None and interface is not None and not _is_shaper(end.device, policy):
        what = f"{end.name} has policies for each tunnel, and {interface.name} below it has {policy}"
        at = (f"interface {interface.name}", "service-policy output")
        fix = f"interface {interface.name}\n {SERVICE_POLICY.no(output=True, name=policy)}"
        yield found(QOS, end.device, at, what, fix)


def _is_shaper(device: Device, policy: str) -> bool:
    """Return whether it is the one kind of policy that may be there: a shaper of class-default."""
    section = device.tree.section(POLICY_MAP, name=policy)
    classes = list(section.sections(CLASS)) if section is not None else []
    if [args.text("name") for args, _ in classes] != ["class-default"]:
        return False
    return [statement.text.split()[0] for statement in classes[0][1].statements()] == ["shape"]


def _policy_of(device: Device, name: str) -> str | None:
    section = device.section(name)
    said = [args for args in section.all(SERVICE_POLICY) if "output" in args] if section is not None else []
    return said[0].text("name") if said else None
