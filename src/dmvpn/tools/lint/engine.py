"""Reads configurations, lets every rule look, and puts what they found into order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Concern, LintFinding, Location
from dmvpn.features.eigrp import lint as eigrp
from dmvpn.features.ike import lint as ikev2
from dmvpn.features.ipsec import lint as ipsec
from dmvpn.features.nat import lint as nat_lines
from dmvpn.features.nhrp import lint as nhrp
from dmvpn.features.ospf import lint as ospf
from dmvpn.features.policy.machine import of_packets
from dmvpn.features.track import lint as track
from dmvpn.features.tunnel import lint as tunnel
from dmvpn.features.vrf import lint as vrf
from dmvpn.ios.config_line import UNKNOWN
from dmvpn.network import references
from dmvpn.network.device import Device
from dmvpn.network.overlay import Network
from dmvpn.router.intake import without_effect
from dmvpn.tools.lint import silence
from dmvpn.tools.lint.found import NetworkConcern, found
from dmvpn.tools.lint.rules import (
    access_lists,
    addresses,
    announcements,
    bfd,
    bgp_sessions,
    cut_tunnels,
    front_doors,
    lines,
    nat,
    neighbors,
    ospf_ends,
    phases,
    port_hellos,
    port_lists,
    protection,
    registration,
    senders,
    sizes,
    split_horizon,
    tunnels,
    unbuilt,
    underlay,
    vrf_tables,
    ways,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dmvpn.base.findings import Rule
    from dmvpn.ios import LineGroup, LineReport, Problem
    from dmvpn.network.sites import Site

_OF_NETWORK: Final = (
    lines.check,
    tunnels.check,
    addresses.check,
    registration.check,
    protection.check,
    neighbors.check,
    ospf_ends.check,
    bgp_sessions.check,
    announcements.check,
    split_horizon.check,
    phases.check,
    ways.check,
    front_doors.check,
    vrf_tables.check,
    underlay.check,
    cut_tunnels.check,
    sizes.check,
    nat.check,
    bfd.check,
    port_lists.check,
    port_hellos.check,
    senders.check,
    access_lists.check,
    unbuilt.check,
)
#: All rules by what they are about, as the reference page has them.
GROUPS: Final[tuple[tuple[str, tuple[Rule, ...]], ...]] = (
    ("Lines and names", (*lines.RULES, *references.RULES)),
    ("Tunnels and addresses", (*tunnel.RULES, *tunnels.RULES, *addresses.RULES)),
    ("NHRP: servers and registration", (*nhrp.RULES, *registration.RULES)),
    ("IKE and IPsec", (*ikev2.RULES, *ipsec.RULES, *protection.RULES)),
    (
        "Routing between the ends",
        (
            *eigrp.RULES,
            *ospf.RULES,
            *neighbors.RULES,
            *ospf_ends.RULES,
            *bgp_sessions.RULES,
            *announcements.RULES,
            *bfd.RULES,
            *track.RULES,
        ),
    ),
    ("Phases: direct ways between spokes", (*phases.RULES, *split_horizon.RULES)),
    ("Which way packets take", (*ways.RULES, *front_doors.RULES, *vrf_tables.RULES, *underlay.RULES, *vrf.RULES)),
    ("Packet filters", cut_tunnels.RULES),
    ("Sizes", sizes.RULES),
    (
        "Access lists and packet filters",
        (
            references.ACCESS_GROUP,
            references.PART,
            *port_lists.RULES,
            *port_hellos.RULES,
            *senders.RULES,
            *access_lists.RULES,
        ),
    ),
    ("NAT on the router itself", nat_lines.RULES),
    ("NAT: what sites and labs know", nat.RULES),
    ("What routers of other vendors do", unbuilt.RULES),
    ("Comments", silence.RULES),
)
RULES: Final[tuple[Rule, ...]] = tuple(rule for _, rules in GROUPS for rule in rules)
_BY_ID: Final = {rule.id: rule for rule in RULES}


def lint(configurations: Mapping[str, str], sites: Mapping[str, Site] | None = None) -> list[LintFinding]:
    """Return the findings about these configurations (text by name or path), which together are one network.

    sites: further facts about the routers, by the same names. The order: errors first, and of these first the refused
    lines, because other errors follow from them; then by configuration as given, line and rule. The result is the same
    for the same input.
    """
    known = sites or {}
    devices = [Device.read(name, text, known.get(name)) for name, text in configurations.items()]
    findings = _without_echoes([*_problems(devices), *(_finding(one) for one in _all(devices))])
    left, said = silence.apply(findings, devices, _BY_ID)
    place = {device.name: index for index, device in enumerate(devices)}
    return sorted(
        [*left, *said],
        key=lambda one: (
            one.severity.rank,
            one.rule != lines.REFUSED.id,
            place[one.file],
            one.line,
            one.rule,
            one.what,
        ),
    )


def _all(devices: Sequence[Device]) -> Iterator[NetworkConcern]:
    for device in devices:
        for concern in _of_features(device):
            yield NetworkConcern(device, concern)
        for one in references.dangling(device):
            yield NetworkConcern(device, one.concern)
    network = Network(devices)
    for check in _OF_NETWORK:
        yield from check(network)


def _of_features(device: Device) -> Iterator[Concern]:
    yield from tunnel.check(device.tunnels)
    excerpts = [f"interface {one.name}" for one in device.tunnels.tunnels if one.is_excerpt]
    for concern in nhrp.check(device.nhrp):
        if concern.rule is not nhrp.NETWORK_ID or concern.at[0] not in excerpts:
            yield concern
    yield from ipsec.check(device.ipsec)
    yield from ikev2.check(device.ikev2)
    yield from eigrp.check(device.eigrp)
    yield from ospf.check(device.ospf)
    yield from nat_lines.check(device.nat, of_packets(device.policy))
    yield from track.check(device.track)
    yield from vrf.check(device.vrfs, device.vrfs_of_bgp)


def _finding(one: NetworkConcern) -> LintFinding:
    device, concern = one.device, one.concern
    return LintFinding(
        rule=concern.rule.id,
        severity=concern.severity or concern.rule.severity,
        file=device.name,
        line=device.places.line(concern.at),
        router=device.hostname,
        what=concern.what,
        why=concern.rule.why,
        fix=concern.fix,
        related=tuple(Location(other.name, other.places.line(at)) for other, at in one.related),
    )


def _problems(devices: Sequence[Device]) -> Iterator[LintFinding]:
    """Yield what the reader says of lines: refusals in its own words, and once for each group what nothing here acts
    upon.
    """
    for device in devices:
        for problem in device.problems:
            rule = lines.problem_rule(problem.message_lines[0], is_warning=problem.is_warning)
            yield _of_problem(device, rule, problem)
        for name, line, why in without_effect(device.tree):
            yield _finding(found(lines.NOT_SUPPORTED, device, (f"interface {name}", line), f"{name} {why}"))
        groups: dict[LineGroup, list[LineReport]] = {}
        for entry in device.entries:
            if entry.group is not None:
                groups.setdefault(entry.group, []).append(entry)
        for group, entries in groups.items():
            yield _of_group(device, group, entries)


def _of_group(device: Device, group: LineGroup, entries: Sequence[LineReport]) -> LintFinding:
    first, *others = entries
    rule = lines.UNKNOWN if group is UNKNOWN else lines.NOT_SUPPORTED
    fate = "left out" if group.is_left_out else "kept"
    count = f" (and {len(others)} more)" if others else ""
    what = f"{group.name}: {first.shown}{count}: {fate}, for nothing here acts on it; {group.meaning}"
    return _of_line(device, rule, first.number, what, others)


def _of_problem(device: Device, rule: Rule, problem: Problem) -> LintFinding:
    text = "\n".join(problem.message_lines).rstrip()
    what = f"in {problem.mode} mode:\n{problem.shown.rstrip()}\n{text}"
    if rule is not lines.REFUSED:
        what = text.lstrip("% ").removeprefix("Warning:").strip()
    return _of_line(device, rule, problem.line_number, what)


def _of_line(device: Device, rule: Rule, line: int, what: str, others: Sequence[LineReport] = ()) -> LintFinding:
    return LintFinding(
        rule=rule.id,
        severity=rule.severity,
        file=device.name,
        line=line,
        router=device.hostname,
        what=what,
        why=rule.why,
        related=tuple(Location(device.name, other.number) for other in others),
    )


def _without_echoes(findings: Sequence[LintFinding]) -> list[LintFinding]:
    """Return the same thing once: of an interface for both IP versions, and of a line about which a rule knows more."""
    explained = {(one.file, one.line) for one in findings if one.rule != lines.KEPT.id}
    kept = [one for one in findings if one.rule != lines.KEPT.id or (one.file, one.line) not in explained]
    return list({(one.rule, one.file, one.line, one.what): one for one in kept}.values())
