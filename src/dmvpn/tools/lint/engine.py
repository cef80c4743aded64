"""Reads configurations, lets every rule look, and puts what they found into order.

Of what a user named, files together are one network, each folder is one, and a scenario brings its sites (`networks`).

Comments allow findings of a rule, and there are findings about such comments:

    ! lint: allow RULE REASON         findings of RULE at the next line; if that opens a section, anywhere in it
    ! lint: allow-file RULE REASON    findings of RULE anywhere in this file

A reason is required, because later readers of the line need it. A comment without a reason allows nothing. A comment
without a finding is itself reported, so that it does not hide later findings.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.errors import UserError
from dmvpn.base.findings import Concern, LintFinding, Location, Rule, Severity, rule
from dmvpn.base.values import Value
from dmvpn.features.eigrp import lint as eigrp
from dmvpn.features.ike import lint as ikev2
from dmvpn.features.ipsec import lint as ipsec
from dmvpn.features.nat import lint as nat_lines
from dmvpn.features.nhrp import lint as nhrp
from dmvpn.features.ospf import lint as ospf
from dmvpn.features.track import lint as track
from dmvpn.features.tunnel import lint as tunnel
from dmvpn.features.vrf import lint as vrf
from dmvpn.ios.config_line import UNKNOWN
from dmvpn.ios.markdown import is_empty
from dmvpn.ios.transcript import LONGEST_FILE, Transcript, decode
from dmvpn.network import references
from dmvpn.network.device import Device
from dmvpn.network.overlay import Network
from dmvpn.network.sites import Site
from dmvpn.network.underlay import placed
from dmvpn.router.entered_text import without_effect
from dmvpn.shells.exercises import CONFIGURATION
from dmvpn.shells.files import leads_out, notes_on_links
from dmvpn.shells.folders import configurations_in
from dmvpn.shells.router_files import NoConfiguration, nothing_in, read_routers
from dmvpn.tools.lint.found import NetworkConcern, found
from dmvpn.tools.lint.rules import (
    access_lists,
    branch,
    cut_tunnels,
    lines,
    nat,
    neighbors,
    phases,
    protection,
    registration,
    tunnels,
    underlay,
    vlans,
    vrfs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dmvpn.ios import LineGroup, LineReport
    from dmvpn.shells.scenario import Scenario


# ------------------------------------------------------------------------------------------------ the sites of a lab


def sites_of(scenario: Scenario) -> dict[str, Site]:
    """Return the sites of a scenario's routers, by configuration name."""
    from dmvpn.shells.lab_model import INSIDE  # rules alone need no reader of scenarios

    sites = {name: Site() for name in scenario.configurations}
    for ends, _ in scenario.segments():
        for gateway, port in ends:
            spec = scenario.lab.gateways.get(gateway)
            if spec is None or port != INSIDE:
                continue
            for router, interface in ends:
                if router in sites:
                    inward = tuple(spec.inward.items())
                    sites[router] = Site(nat=spec.kind, public=spec.public.ip, interface=interface, inward=inward)
    for ends, _ in scenario.segments():
        for router, port in ends:
            if router in sites and len(ends) == 2:
                ((other, far_port),) = [end for end in ends if end != (router, port)]
                beside = (*sites[router].beside, (port, other, far_port))
                sites[router] = replace(sites[router], beside=beside)
    return sites


# ----------------------------------------------------------------------------------------- comments that allow findings


WITHOUT_REASON: Final = rule(Severity.WARNING)("""
    silence-without-reason: A comment that allows something without a reason
    It allows nothing: the finding stays. Later readers of the configuration have to know why the line is right.
    bad: ! lint: allow tunnel-keepalive
    fix: ! lint: allow tunnel-keepalive the far end is a firewall that drops idle flows
    """)
UNUSED: Final = rule(Severity.WARNING)("""
    silence-unused: A comment that allows a finding that does not exist
    The finding has disappeared, or the rule is misspelled. If the comment stayed, it would hide the next finding.
    bad: ! lint: allow tunnel-keepalif reason
    fix: ! lint: allow tunnel-keepalive reason
    """)
OF_COMMENTS: Final = (WITHOUT_REASON, UNUSED)
_COMMENT: Final = re.compile(r"\s*!\s*lint:\s*(?P<verb>\S*)\s*(?P<rule>\S*)\s*(?P<reason>.*?)\s*$")


class Silence(Value):
    """One comment. first, last: the lines that it is about."""

    line: int
    rule: str
    reason: str
    first: int
    last: int
    understood: bool = True

    def covers(self, finding: LintFinding) -> bool:
        """Return whether it allows this finding. Comments cannot allow findings about comments."""
        return bool(self.understood and self.reason) and (
            finding.rule == self.rule and self.first <= finding.line <= self.last
        )


def silences(device: Device) -> list[Silence]:
    """Return the comments of a configuration, in its order."""
    lines = Transcript.lines(device.text)
    found: list[Silence] = []
    for number, text in enumerate(lines, 1):
        match = _COMMENT.match(text)
        if match is None:
            continue
        verb, rule, reason = match["verb"], match["rule"], match["reason"]
        first, last = (1, len(lines) + 1) if verb == "allow-file" else _below(device, number)
        known = verb in ("allow", "allow-file") and bool(rule)
        found.append(Silence(number, rule, reason, first, last, known))
    return found


def _below(device: Device, number: int) -> tuple[int, int]:
    """Return the lines that the one after the comment stands for: itself, or its whole section."""
    following = [place for place in device.places if place.number > number]
    if not following:
        return number, number
    opened = following[0]
    last = opened.number
    for place in following[1:]:
        if place.path[: len(opened.whole)] != opened.whole:
            break
        last = place.number
    return opened.number, last


def _about(one: Silence, device: Device, rules: Mapping[str, Rule], *, is_used: bool) -> Iterator[LintFinding]:
    finding = partial(_of_line, device, line=one.line)
    if not one.understood:
        yield finding(UNUSED, what="`! lint:` is followed by `allow RULE REASON` or `allow-file RULE REASON`")
    elif one.rule not in rules:
        yield finding(UNUSED, what=f"there is no rule {one.rule}")
    elif not one.reason:
        yield finding(WITHOUT_REASON, what=f"why is {one.rule} allowed? Without a reason it is not")
    elif not is_used:
        where = "in this file" if one.first == 1 and one.last > 1 else "there"
        yield finding(UNUSED, what=f"{one.rule} finds nothing {where}; take the comment out")


# ------------------------------------------------------------------------------------------------ the linter


_OF_NETWORK: Final = (
    lines.check,
    tunnels.check,
    tunnels.check_addresses,
    registration.check,
    protection.check,
    neighbors.check,
    neighbors.check_ospf,
    neighbors.check_bgp,
    neighbors.check_lans,
    phases.check_split_horizon,
    phases.check,
    underlay.check_routes,
    vrfs.check_front_doors,
    vrfs.check,
    underlay.check,
    cut_tunnels.check,
    cut_tunnels.check_leases,
    tunnels.check_sizes,
    nat.check,
    branch.check,
    vlans.check,
    neighbors.check_bfd,
    access_lists.check_ports,
    access_lists.check_hellos,
    cut_tunnels.check_senders,
    access_lists.check,
    lines.check_unbuilt,
)
#: All rules by what they are about, as the reference page has them.
GROUPS: Final[tuple[tuple[str, tuple[Rule, ...]], ...]] = (
    ("Lines and names", (*lines.RULES, *references.RULES)),
    ("Tunnels and addresses", (*tunnel.RULES, *tunnels.RULES, *tunnels.ADDRESS_RULES)),
    ("NHRP: servers and registration", (*nhrp.RULES, *registration.RULES)),
    ("IKE and IPsec", (*ikev2.RULES, *ipsec.RULES, *protection.RULES)),
    (
        "Routing between the ends",
        (
            *eigrp.RULES,
            *ospf.RULES,
            *neighbors.RULES,
            *neighbors.OSPF_RULES,
            *neighbors.BGP_RULES,
            *neighbors.LAN_RULES,
            *neighbors.BFD_RULES,
            *track.RULES,
        ),
    ),
    ("Phases: direct ways between spokes", (*phases.RULES, *phases.SPLIT_HORIZON_RULES)),
    (
        "Which way packets take",
        (*underlay.ROUTE_RULES, *vrfs.FRONT_DOOR_RULES, *vrfs.RULES, *underlay.RULES, *vrf.RULES),
    ),
    ("Packet filters", cut_tunnels.RULES),
    ("Sizes", tunnels.SIZE_RULES),
    (
        "Access lists and packet filters",
        (
            references.ACCESS_GROUP,
            references.PART,
            *access_lists.PORT_RULES,
            *access_lists.HELLO_RULES,
            *cut_tunnels.SENDER_RULES,
            *access_lists.RULES,
        ),
    ),
    ("NAT on the router itself", nat_lines.RULES),
    ("NAT: what sites and labs know", nat.RULES),
    ("Leases, and pools of NAT", branch.RULES),
    ("VLANs", vlans.RULES),
    ("What routers of other vendors do", lines.UNBUILT_RULES),
    ("Comments", OF_COMMENTS),
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
    devices = placed([Device.read(name, text, known.get(name)) for name, text in configurations.items()])
    findings = _without_echoes([*_problems(devices), *(_finding(one) for one in _all(devices))])
    by_file = {device.name: silences(device) for device in devices}
    used: set[tuple[str, int]] = set()  # looked up, never iterated
    left: list[LintFinding] = []
    for finding in findings:
        covering = [one for one in by_file.get(finding.file, ()) if one.covers(finding)]
        used.update((finding.file, one.line) for one in covering)
        if not covering:
            left.append(finding)
    said = [
        finding
        for device in devices
        for one in by_file[device.name]
        for finding in _about(one, device, _BY_ID, is_used=(device.name, one.line) in used)
    ]
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
    for device in breathing(devices):
        yield from (NetworkConcern(device, concern) for concern in _of_features(device))
        yield from (NetworkConcern(device, one.concern) for one in references.dangling(device))
    network = Network(devices)
    for check in breathing(_OF_NETWORK):
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
            text = "\n".join(problem.message_lines).rstrip()
            what = f"in {problem.mode} mode:\n{problem.shown.rstrip()}\n{text}"
            if rule is not lines.REFUSED:
                what = text.lstrip("% ").removeprefix("Warning:").strip()
            yield _of_line(device, rule, problem.line_number, what)
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


# ------------------------------------------------------------------------------------------------ what a user named


_ENDINGS: Final = (".cfg", ".conf")
#: What is typed for it, and what it is called in findings.
_STANDARD_INPUT: Final = "-"
_STDIN: Final = "stdin"


class Given(Value):
    """One network: configurations by path, and the sites that are known."""

    configurations: dict[str, str] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)


def networks(names: Iterable[str]) -> Iterator[Given]:
    """Yield the networks of the named files and folders. Raises UserError if one does not exist."""
    together = Given()
    folders: list[Given] = []
    seen: set[Path] = set()  # looked up, never iterated
    for name in names:
        path = Path(name)
        if name == _STANDARD_INPUT:
            if _STDIN not in together.configurations:
                try:
                    text = decode(sys.stdin.buffer.read(LONGEST_FILE + 1))
                except ValueError as error:
                    raise UserError(f"{_STDIN}: {error}") from error
                if is_empty(text):
                    raise UserError(f"{_STDIN}: {nothing_in(text)}")
                together.configurations[_STDIN] = text
        elif path.is_dir():
            folders.append(_scenario(name) if (path / CONFIGURATION).exists() else _folder(path))
        elif path.exists() or path.suffix in _ENDINGS or "/" in name:
            if path.resolve() not in seen:
                together.configurations.update(_read(name, path))
            seen.add(path.resolve())
        else:
            folders.append(_scenario(name))
    if together.configurations:
        yield together
    yield from folders


def _folder(path: Path) -> Given:
    named = sorted(file for file in path.iterdir() if file.suffix in _ENDINGS and file.is_file())
    files = [file for file in named if not leads_out(path, file)]
    if not files:
        return _of_strangers(path)
    for note in notes_on_links(path, named):
        print(f"note: {note}", file=sys.stderr)
    given = Given()
    for file in files:
        try:
            given.configurations.update(_read(str(file), file))
        except NoConfiguration as error:
            print(f"note: {error}: it is left out", file=sys.stderr)
    if not given.configurations:
        raise UserError(f"{path}: no router configuration in this folder")
    return given


def _of_strangers(path: Path) -> Given:
    """Take what a lab would take of a folder whose files are called otherwise. Raises UserError."""
    found = configurations_in(path)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    several = Counter(found.files.values())
    return Given(
        {
            f"{file} ({name})" if several[file] > 1 else str(file): found.texts[name]
            for name, file in found.files.items()
        }
    )


def _scenario(name: str) -> Given:
    from dmvpn.shells.scenario import Scenario  # not for single files, which are linted while they are written

    scenario = Scenario.load(name, strict=True)
    here = Path(name)
    paths = {router: str(here / f"{router}.cfg") for router in scenario.configurations}
    sites = {paths[router]: site for router, site in sites_of(scenario).items()}
    return Given({paths[router]: text for router, text in scenario.configurations.items()}, sites)


def _read(name: str, path: Path) -> dict[str, str]:
    """Read by the name that findings give them: the file's, and the router's where the file has several."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: no regular file; `-` reads standard input")
    parts = read_routers(path)
    if len(parts) == 1:
        return {name: parts[0].text}
    return {f"{name} ({part.name})": part.text for part in parts}
