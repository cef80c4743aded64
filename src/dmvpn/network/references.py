"""Lines that name something which no line defines: profiles, keyrings, lists, route maps, VRFs, tracked objects.

Use         a line that gives a name
Reference   one kind of name: its definitions, and the sentence about a name without one
REFERENCES  all of them; a rule that is about the lines of one feature is in the feature
dangling    the names of a configuration that nothing defines
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from ipaddress import IPv4Address
from typing import Final, NamedTuple, Protocol

from dmvpn.base.addresses import ip_keyword
from dmvpn.base.communities import CommunityKind
from dmvpn.base.distribution import ListKind
from dmvpn.base.findings import Cause, Concern, Rule, Severity, rule
from dmvpn.base.placeholder import SECRET, Blank
from dmvpn.base.routemaps import IPV6_LIST
from dmvpn.features.bgp.model import FilterKind
from dmvpn.features.eigrp.config.sections import line_of
from dmvpn.features.eigrp.lint import KEY_CHAIN
from dmvpn.features.eigrp.model import AuthenticationMode
from dmvpn.features.eigrp.model import ProcessSettings as EigrpProcess
from dmvpn.features.ike.config import isakmp, settings
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.ike.lint import ALGORITHMS, KEYRING, PROPOSAL, profile_lines
from dmvpn.features.ike.model import AuthenticationMethod, IsakmpProfile, Profile
from dmvpn.features.ipsec.config import profiles
from dmvpn.features.ipsec.lint import TRANSFORM_SET, strong
from dmvpn.features.ospf.config import version3
from dmvpn.features.ospf.model import ProcessSettings as OspfProcess
from dmvpn.features.pki.config import trustpoints
from dmvpn.features.policy.config import access_lists, objects, route_maps
from dmvpn.features.policy.config.route_maps import ROUTE_MAP as ROUTE_MAP_LINE
from dmvpn.features.rip.model import RipConfig
from dmvpn.features.system.config import LINE as TERMINALS
from dmvpn.features.system.config.access import ACCESS_CLASS, ACCESS_CLASS6
from dmvpn.features.track.lint import MISSING, NO_OPERATION
from dmvpn.features.track.model import TrackKind
from dmvpn.features.tunnel.config import VRF as TUNNEL_VRF
from dmvpn.ios import INTERFACE, ConfigLine, common
from dmvpn.network.access_entries import entry_at
from dmvpn.network.device import Device
from dmvpn.network.lines import IN_VRF, IN_VRF_OLD, POLICY_MAP, SERVICE_POLICY, VRF, VRF_OLD

VRF_UNDEFINED: Final = rule(Severity.ERROR)(r"""
    vrf-undefined: A VRF that is not defined
    IOS refuses the line, and interface or tunnel stay in the global table: packets take unintended paths.
    bad: interface Tunnel0\n tunnel vrf INET
    fix: vrf definition INET\n address-family ipv4
    """)
POLICY_UNDEFINED: Final = rule(Severity.WARNING)(r"""
    policy-map-undefined: A service policy that is not defined
    IOS refuses a `service-policy`, and a map of an NHRP group means nothing, without the policy map it names.
    bad: interface Tunnel0\n ip nhrp map group BRONZE service-policy output SHAPE
    fix: policy-map SHAPE\n class class-default
    """)
PROFILE_UNDEFINED: Final = rule(Severity.ERROR)(r"""
    ipsec-profile-undefined: A tunnel names an IPsec profile that does not exist
    A tunnel with protection never sends in clear, so it stays down.
    bad: interface Tunnel0\n tunnel protection ipsec profile TYPO
    fix: crypto ipsec profile TYPO\n set transform-set TS
    """)
IKE_PROFILE_UNDEFINED: Final = rule(Severity.ERROR)(r"""
    ike-profile-undefined: An IPsec profile names an IKE profile that does not exist
    Without the profile it is undefined which peers are meant and how they authenticate: no IKE SA comes up.
    bad: crypto ipsec profile P\n set ikev2-profile TYPO
    fix: crypto ikev2 profile TYPO\n match identity remote address 0.0.0.0
    """)
TRUSTPOINT_UNDEFINED: Final = rule(Severity.ERROR)(r"""
    trustpoint-undefined: An IKE profile names a trustpoint or certificate map that does not exist
    The trustpoint has the certificate that we prove ourselves with and the authority that peers are checked with;
    without it there is neither. An error where the profile works with certificates.
    bad: crypto ikev2 profile P\n pki trustpoint TYPO
    fix: crypto pki trustpoint TYPO\n enrollment terminal
    """)
ROUTE_MAP: Final = rule(Severity.WARNING)(r"""
    route-map-undefined: A routing process or NAT names a route map that does not exist
    A route map that is not there lets nothing through here; IOS does not say for each place what it does.
    bad: router ospf 1\n redistribute static subnets route-map TYPO
    fix: route-map TYPO permit 10
    """)
LIST: Final = rule(Severity.WARNING)(r"""
    list-undefined: A route map, a distribute list, a neighbor, a terminal line or NAT names a list that does not exist
    A prefix or access list that is not there lets every route through, so a neighbor hears what it should not; an AS
    path or community list that is not there lets nothing through. With an access class that is not there no station may
    log in here, and every station on IOS.
    bad: route-map OUT permit 10\n match ip address prefix-list TYPO
    fix: ip prefix-list TYPO permit 10.0.0.0/8 le 24
    """)
POOL: Final = rule(Severity.WARNING)("""
    nat-pool-undefined: A NAT rule names a pool that does not exist
    Without addresses nothing is translated by it, and the log says so.
    bad: ip nat inside source list LAN pool TYPO overload
    fix: ip nat pool TYPO 198.51.100.10 198.51.100.20 netmask 255.255.255.0
    """)
ACCESS_GROUP: Final = rule(Severity.WARNING, Cause.LIST_MISSING)(r"""
    access-group-undefined: A port filters by an access list that does not exist
    A list that does not exist, or has no entry, lets all packets pass, here as on IOS: nothing is filtered.
    bad: interface GigabitEthernet1\n ip access-group TYPO in
    fix: ip access-list extended TYPO\n permit esp any any
    """)
PART: Final = rule(Severity.WARNING)(r"""
    list-part-undefined: An entry of an access list names an object group or a time range that does not exist
    With an object group that does not exist a permit permits nothing, and a denial denies all that the group might
    mean. With a time range that does not exist an entry counts at all times, as on IOS.
    bad: ip access-list extended LAN\n permit tcp any object-group SERVERS eq 443
    fix: object-group network SERVERS\n host 192.168.1.10
    """)
RULES: Final = (
    *(VRF_UNDEFINED, POLICY_UNDEFINED, PROFILE_UNDEFINED, IKE_PROFILE_UNDEFINED, TRUSTPOINT_UNDEFINED),
    *(ROUTE_MAP, LIST, POOL),
)


class Use(NamedTuple):
    """A line that gives a name. kind: that of a reference. at: its words, as in `Concern`. whose, more: see `said`."""

    kind: str
    name: str
    whose: str
    at: tuple[str, ...]
    more: str = ""
    severity: Severity | None = None


class Reference(NamedTuple):
    """One kind of name.

    kind: "route map", as sentences have it. known: the names that are defined.
    lines: to define a name, with blanks for what only a person knows; "": a person knows all of it.
    said: of a name that nothing defines.
    is_alike: another name may be meant, if it is the only one or similar: no less is protected by it.
    is_once: of these only a similar name, and only if no line gives it yet.
    """

    rule: Rule
    kind: str
    known: Callable[[Device], Collection[str]]
    lines: Callable[[Device, Use], str] = lambda *_: ""
    said: str = "{whose} names the {kind} {name}, which is not configured"
    is_alike: bool = False
    is_once: bool = False


class Dangling(NamedTuple):
    """A name that nothing defines."""

    device: Device
    reference: Reference
    use: Use

    @property
    def meant(self) -> str:
        """A name that is defined and may be meant: the only one, or a similar one."""
        kind, is_once = self.reference.kind, self.reference.is_once
        given = {use.name for use in _uses(self.device) if use.kind == kind} if is_once else {"default"}
        known = sorted(set(self.reference.known(self.device)) - given)
        is_only = len(known) == 1 and not is_once
        return known[0] if is_only else next(iter(get_close_matches(self.use.name, known, 1)), "")

    @property
    def concern(self) -> Concern:
        """What lint says of it."""
        use, reference = self.use, self.reference
        said = reference.said.format(kind=reference.kind, name=use.name, whose=use.whose, more=use.more)
        fix = (self.with_name(self.meant) if reference.is_alike else "") or reference.lines(self.device, use)
        return Concern(rule=reference.rule, at=use.at, what=said, fix=fix, severity=use.severity)

    def with_name(self, name: str) -> str:
        """Return the line with another name, behind the lines that open its section; "": there is no name or line."""
        placed = self.device.places.find(self.use.at)
        words = placed.text.split() if placed is not None else []
        if not name or placed is None or self.use.name not in words:
            return ""
        line = " ".join(name if word == self.use.name else word for word in words)
        return "\n".join(" " * depth + each for depth, each in enumerate((*placed.path, line)))


def dangling(device: Device, *rules: Rule) -> Iterator[Dangling]:
    """Yield the names of a configuration that nothing defines. rules: of these rules alone, by default of all."""
    known = {one.kind: (one, frozenset(one.known(device))) for one in REFERENCES if not rules or one.rule in rules}
    for use in dict.fromkeys(_uses(device)):
        if use.name and use.kind in known:
            reference, names = known[use.kind]
            if use.name not in names:
                yield Dangling(device, reference, use)


# ------------------------------------------------------------------------------------------------ lines that give names


def _uses(device: Device) -> Iterator[Use]:
    yield from _of_interfaces(device)
    yield from _of_protection(device)
    yield from _of_certificates(device)
    for process in device.eigrp.processes:
        for name, port in process.interfaces:
            if not port.shutdown and port.authentication is not AuthenticationMode.HMAC_SHA_256:
                known = device.eigrp.key_chain(port.key_chain)
                lack = "there is no key chain {}" if known is None else "key chain {} has no key with a key-string"
                more = (
                    f"{lack.format(port.key_chain)}, and EIGRP {process.autonomous_system} is to authenticate with it"
                )
                yield Use("key chain", port.key_chain, name, line_of(process, name, "authentication key-chain"), more)
    for number, line in device.static_tracks():
        yield Use("object", str(number), "", (line,), "is not configured, so this route is never used")
    for one in device.track.objects:
        at = (f"track {one.number}",)
        for number, _ in one.members:
            yield Use("object", str(number), "", at, f"of list {one.number} is not configured")
        if one.kind in (TrackKind.REACHABLE, TrackKind.STATE):
            yield Use("operation", str(one.operation), f"object {one.number}", at)
    for vrf in ("", *device.vrfs.names):
        yield from _of_routing(replace(device, vrf=vrf) if vrf else device)
    yield from _of_entries(device)
    for kind, name, where in _of_lists(device):
        yield Use(kind, name, where[0], where)


#: By version of IP: what a name of a list on a port is, its line, and the lines that open such lists.
_OF_PORTS: Final = {
    4: ("filter", "ip access-group", (access_lists.STANDARD, access_lists.EXTENDED)),
    6: ("IPv6 filter", "ipv6 traffic-filter", (access_lists.IPV6,)),
}


def _of_interfaces(device: Device) -> Iterator[Use]:
    for args, section in device.tree.sections(INTERFACE):
        interface = args.interface("name")
        for line, kind in ((IN_VRF, "VRF"), (IN_VRF_OLD, "VRF"), (SERVICE_POLICY, "service policy")):
            for said in section.all(line):
                yield Use(kind, said.text("name"), interface, (f"interface {interface}", line.text(said)))
    of_both = ((4, device.filters.ports), (6, device.filters.ports6))
    for version, port, lines in ((version, *one) for version, ports in of_both for one in ports.items()):
        what, words, headers = _OF_PORTS[version]
        for name, direction in ((lines.inward, "in"), (lines.outward, "out")):
            is_open = bool(name) and any(device.places.find((one.line(name=name),)) is not None for one in headers)
            at = (f"interface {port}", f"{words} {name} {direction}")
            lack = "has no entry" if is_open else "is not configured"
            yield Use(what, name, f"{port} filters packets {direction}", at, lack)
    for tunnel in device.nhrp.tunnels:
        family = f"{ip_keyword(tunnel.version)} nhrp"
        for group, policy in tunnel.groups:
            at = (f"interface {tunnel.name}", f"{family} map group {group}")
            yield Use("service policy", policy, tunnel.name, at)


def _of_protection(device: Device) -> Iterator[Use]:
    for tunnel in device.tunnels.tunnels:
        at = (f"interface {tunnel.name}", "tunnel protection")
        kind, _, name = tunnel.ike_profile.partition("-profile ")
        yield Use("VRF", tunnel.front, tunnel.name, (at[0], f"tunnel vrf {tunnel.front}"))
        yield Use("IPsec profile", tunnel.protection, tunnel.name, at)
        yield Use(f"{kind} profile", name, tunnel.name, at)
    for ipsec in device.ipsec.profiles:
        header, whose = profiles.PROFILE.line(name=ipsec.name), f"IPsec profile {ipsec.name}"
        yield Use("ikev2 profile", ipsec.ikev2_profile, whose, (header, "set ikev2-profile"))
        yield Use("isakmp profile", ipsec.isakmp_profile, whose, (header, "set isakmp-profile"))
        for name in ipsec.transform_sets:
            yield Use("transform set", name, whose, (header, "set transform-set"))
    for policy in device.ikev2.policies:
        for name in policy.proposals:
            at = (f"crypto ikev2 policy {policy.name}", f"proposal {name}")
            yield Use("proposal", name, f"IKEv2 policy {policy.name}", at)


def _of_certificates(device: Device) -> Iterator[Use]:
    """Yield keyrings, trustpoints and certificate maps of IKE profiles; a warning where a profile needs none."""
    by_signature = (AuthenticationMethod.RSA_SIGNATURE, AuthenticationMethod.ECDSA_SIGNATURE)
    named: list[tuple[Profile | IsakmpProfile, str, str, str, bool]] = []
    for one in device.ikev2.profiles:
        needed = any(method in by_signature for method in (one.local_authentication, *one.remote_authentication))
        named.append((one, "IKEv2", ike_profiles.PROFILE.line(name=one.name), "pki trustpoint", needed))
    for old in device.ikev2.isakmp.profiles:
        needed = device.ikev2.isakmp.signs
        named.append((old, "ISAKMP", isakmp.PROFILE.line(name=old.name), "ca trust-point", needed))
    for profile, version, header, word, needed in named:
        whose, severity = f"{version} profile {profile.name}", None if needed else Severity.WARNING
        yield Use(f"keyring of {version}", profile.keyring, whose, (header, "keyring"))
        for name in profile.trustpoints:
            yield Use("trustpoint", name, whose, (header, f"{word} {name}"), severity=severity)
        for name in profile.certificate_maps:
            yield Use("certificate map", name, whose, (header, f"match certificate {name}"), severity=severity)


_PREFIX_LIST, _PREFIX_LIST6 = "prefix list", "IPv6 prefix list"
_FILTERS: Final = {
    FilterKind.ROUTE_MAP: "route map",
    FilterKind.PREFIX_LIST: _PREFIX_LIST,
    FilterKind.DISTRIBUTE_LIST: "access list",
    FilterKind.FILTER_LIST: "as path access list",
}
#: Those of which each version of IP has its own.
_OF_PREFIXES = (FilterKind.PREFIX_LIST, FilterKind.DISTRIBUTE_LIST)


def _of_routing(device: Device) -> Iterator[Use]:
    """Yield the lists and route maps of routing processes."""
    for router, prefix_list, process in _processes(device):
        for redistribution in process.redistributions:
            yield _of_router(router, "route map", redistribution.route_map)
        for filtered in process.distribution.lists:
            if filtered.kind is not ListKind.ROUTE_MAP:
                kind = prefix_list if filtered.kind is ListKind.PREFIX_LIST else "access list"
                yield _of_router(router, kind, filtered.name)
            yield _of_router(router, prefix_list, filtered.gateway)
        if isinstance(process, OspfProcess) and process.default_originate is not None:
            yield _of_router(router, "route map", process.default_originate.route_map)
    router = f"router bgp {device.bgp.local_as}"
    for bgp in (device.bgp, *device.bgp.others):
        version = "" if bgp is device.bgp else "IPv6 "
        maps = [one.route_map for one in bgp.redistributions] + [one.route_map for one in bgp.networks]
        for neighbor in bgp.neighbors:
            maps += (neighbor.originate_map, neighbor.unsuppress_map)
            for one in neighbor.filters:
                kind = f"{version}{_FILTERS[one.kind]}" if one.kind in _OF_PREFIXES else _FILTERS[one.kind]
                yield _of_router(router, kind, one.name)
        yield from (_of_router(router, "route map", name) for name in maps)


def _processes(device: Device) -> Iterator[tuple[str, str, OspfProcess | EigrpProcess | RipConfig]]:
    """Yield the line of each process, and the kind of its prefix lists."""
    yield "router rip", _PREFIX_LIST, device.rip
    yield from (("router eigrp", _PREFIX_LIST, process) for process in device.eigrp.processes)
    yield from ((f"router ospf {process.number}", _PREFIX_LIST, process) for process in device.ospf.processes)
    for eigrp in device.eigrp.ipv6:
        yield "router eigrp" if eigrp.name else "ipv6 router eigrp", _PREFIX_LIST6, eigrp
    for ospf in device.ospf.of_version(6).processes:
        yield version3.process(device.tree, ospf.number, version=6), _PREFIX_LIST6, ospf


def _of_router(router: str, kind: str, name: str) -> Use:
    return Use(kind, name, router.removeprefix("router ") if kind == "route map" else router, (router,))


def _of_lists(device: Device) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield kind and name of each list of a route map, of NAT and of terminals, and the line."""
    for name, entries in sorted(device.policy.route_maps.items()):
        for entry in entries:
            section = ROUTE_MAP_LINE.line(
                name=name, permit=entry.permit, deny=not entry.permit, sequence=entry.sequence
            )
            for kind, names, words in (
                ("access list", entry.access_lists, "address"),
                ("prefix list", entry.prefix_lists, "address prefix-list"),
                ("access list", entry.next_hop_access_lists, "next-hop"),
                ("prefix list", entry.next_hop_prefix_lists, "next-hop prefix-list"),
            ):
                for one in names:
                    version, own = ("ipv6", f"IPv6 {kind}") if one.startswith(IPV6_LIST) else ("ip", kind)
                    yield own, one.removeprefix(IPV6_LIST), (section, f"match {version} {words}")
            yield from (("as path access list", one, (section, "match as-path")) for one in entry.as_paths)
            yield from (
                (_listed(one.kind), one.name, (section, f"match {one.kind.value}")) for one in entry.communities
            )
    for nat in device.nat.rules:
        yield "access list", nat.access_list, (str(nat),)
        yield "route map", nat.route_map, (str(nat),)
        yield "NAT pool", nat.pool, (str(nat),)
    for args, terminal in device.tree.sections(TERMINALS):
        for kind, says in (("access list", ACCESS_CLASS), ("IPv6 access list", ACCESS_CLASS6)):
            for line in terminal.all(says):
                if "in" in line:
                    yield kind, line.text("list"), (TERMINALS.text(args), says.text(line))


def _of_entries(device: Device) -> Iterator[Use]:
    """Yield the object groups and time ranges of entries of access lists."""
    of_ipv6 = (((name, True), entries) for name, entries in device.policy.ipv6_lists.items())
    for (name, extended), entries in (*device.policy.access_lists.items(), *of_ipv6):
        for entry in entries:
            groups = (entry.source.group, entry.destination.group)
            if not (any(groups) or entry.services or entry.time_range):
                continue
            at, whose = entry_at(device, name, entry, extended=extended), f"entry {entry.sequence} of {name}"
            effect = "permits nothing" if entry.permit else "denies all that it might mean"
            for group in groups:
                yield Use("group of addresses", group, whose, at, effect)
            yield Use("group of services", entry.services, whose, at, effect)
            yield Use("time range", entry.time_range, whose, at)


# ------------------------------------------------------------------------------------------------ their definitions


def _section(line: ConfigLine, *inner: str, **values: Hashable) -> Callable[[Device, Use], str]:
    """Return how a line with a name, and lines in its section, define the name."""
    return lambda _, use: "\n ".join((line.line(name=use.name, **values), *inner))


def _vrf_lines(device: Device, use: Use) -> str:
    """Return the definition of a VRF; for a tunnel whose source is in another table, that table."""
    ports = {tunnel.name: tunnel.source_interface for tunnel in device.tunnels.tunnels}
    port = ports.get(use.whose, "") if use.at[-1].startswith("tunnel vrf ") else ""
    vrf = device.vrf_of(port)
    if port in device.interface_names and vrf != use.name:
        return f"{use.at[0]}\n {TUNNEL_VRF.line(vrf=vrf) if vrf else TUNNEL_VRF.no(vrf=use.name)}"
    return f"{VRF.line(name=use.name)}\n address-family ipv4"


def _ipsec_profile_lines(device: Device, use: Use) -> str:
    sets = [one.name for one in device.ipsec.transform_sets]
    right = profiles.TRANSFORM_SETS.line(name1=sets[0] if len(sets) == 1 else Blank("name"))
    return f"{profiles.PROFILE.line(name=use.name)}\n {right}"


#: Numbers of extended access lists; other numbers and names may be standard.
_EXTENDED: Final = (range(100, 200), range(2000, 2700))
#: Numbers of lists of communities: standard, and with patterns.
_STANDARD, _EXPANDED = range(1, 100), range(100, 501)
#: By kind: the line of a standard list, of a list with patterns, and what the former permits.
_COMMUNITIES: Final = {
    CommunityKind.PLAIN: (route_maps.COMMUNITIES_STANDARD, route_maps.COMMUNITIES_EXPANDED, "community1"),
    CommunityKind.EXTENDED: (route_maps.EXTENDED_STANDARD, route_maps.EXTENDED_EXPANDED, "target1"),
    CommunityKind.LARGE: (route_maps.LARGE_STANDARD, route_maps.LARGE_EXPANDED, "community1"),
}


def _listed(kind: CommunityKind) -> str:
    return kind.listed.replace("-", " ")


def _access_list_lines(_device: Device, use: Use) -> str:
    source: dict[str, Hashable] = {"permit": True, "source": Blank("address")}
    if _is_in(use.name, *_EXTENDED):
        entry = access_lists.EXTENDED_ENTRY.line(ip=True, source_wildcard=Blank("wildcard"), any=True, **source)
        return f"{access_lists.EXTENDED.line(name=use.name)}\n {entry}"
    return f"{access_lists.STANDARD.line(name=use.name)}\n {access_lists.STANDARD_ENTRY.line(**source)}"


def _ipv6_list_lines(_device: Device, use: Use) -> str:
    entry = access_lists.IPV6_ENTRY.line(permit=True, ipv6=True, source=Blank("prefix"), any=True)
    return f"{access_lists.IPV6.line(name=use.name)}\n {entry}"


def _as_path_lines(_device: Device, use: Use) -> str:
    return route_maps.AS_PATH.line(number=use.name, permit=True, regex=Blank("pattern"))


def _community_lines(_device: Device, use: Use) -> str:
    standard, expanded, value = next(lines for kind, lines in _COMMUNITIES.items() if _listed(kind) == use.kind)
    if _is_in(use.name, _EXPANDED):
        return expanded.line(number=use.name, permit=True, regex=Blank("pattern"))
    named: dict[str, Hashable] = {"standard": True, "name": use.name}
    named = {"number": use.name} if _is_in(use.name, _STANDARD) else named
    return standard.line(**named, permit=True, **{value: Blank("community")})


def _is_in(name: str, *numbers: range) -> bool:
    return name.isdecimal() and any(int(name) in each for each in numbers)


# ------------------------------------------------------------------------------------------------ the table


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def _names(things: Iterable[_Named], *built_in: str) -> list[str]:
    return [*(one.name for one in things), *built_in]


_KEY_CHAIN: Final = (common.KEY.line(number=1), f" {common.KEY_STRING.line(secret=SECRET)}")
_OLD_KEY: Final = isakmp.KEYRING_KEY.line(address=Blank("address"), key=SECRET)
_SUBJECT: Final = trustpoints.RULE.line(subject_name=True, co=True, text=Blank("text"))
_TERMINAL: Final = trustpoints.ENROLLMENT.line(terminal=True)
_GROUP: Final = "{whose} names the object group {name}, which is not configured: it {more}"
REFERENCES: Final = (
    Reference(
        PROFILE_UNDEFINED,
        "IPsec profile",
        lambda device: _names(device.ipsec.profiles, "default"),
        _ipsec_profile_lines,
        "{whose} is to be protected by IPsec profile {name}, which is not configured: it stays down",
        is_alike=True,
    ),
    Reference(
        IKE_PROFILE_UNDEFINED,
        "ikev2 profile",
        lambda device: _names(device.ikev2.profiles, "default"),
        lambda device, use: "\n ".join(profile_lines(device.ikev2, use.name)),
        is_alike=True,
    ),
    Reference(
        IKE_PROFILE_UNDEFINED,
        "isakmp profile",
        lambda device: _names(device.ikev2.isakmp.profiles),
        _section(isakmp.PROFILE, isakmp.MATCH_IDENTITY.line(address=IPv4Address(0))),
        is_alike=True,
    ),
    Reference(
        KEYRING,
        "keyring of IKEv2",
        lambda device: _names(device.ikev2.keyrings),
        lambda _, use: ike_profiles.peer_lines(use.name, Blank("name"), Blank("address"), SECRET),
        "{whose} names the keyring {name}, which is not configured",
        is_alike=True,
    ),
    Reference(
        KEYRING,
        "keyring of ISAKMP",
        lambda device: [key.keyring for key in device.ikev2.isakmp.keys if key.keyring],
        _section(isakmp.KEYRING, _OLD_KEY),
        "{whose} names the keyring {name}, which is not there or has no key",
        is_alike=True,
    ),
    Reference(
        PROPOSAL,
        "proposal",
        lambda device: _names(device.ikev2.proposals, "default"),
        _section(settings.PROPOSAL, *ALGORITHMS),
    ),
    Reference(
        TRANSFORM_SET,
        "transform set",
        lambda device: _names(device.ipsec.transform_sets, "default"),
        lambda _, use: strong(use.name),
    ),
    Reference(
        TRUSTPOINT_UNDEFINED,
        "trustpoint",
        lambda device: _names(device.pki.trustpoints),
        _section(trustpoints.TRUSTPOINT, _TERMINAL),
    ),
    Reference(
        TRUSTPOINT_UNDEFINED,
        "certificate map",
        lambda device: _names(device.pki.maps),
        _section(trustpoints.MAP, _SUBJECT, number=10),
        "{whose} matches by the certificate map {name}, which is not configured",
    ),
    Reference(
        KEY_CHAIN,
        "key chain",
        lambda device: [chain.name for chain in device.eigrp.key_chains if chain.keys],
        _section(common.KEY_CHAIN, *_KEY_CHAIN),
        "{whose}: {more}",
        is_alike=True,
    ),
    Reference(
        VRF_UNDEFINED,
        "VRF",
        lambda device: [args.text("name") for line in (VRF, VRF_OLD) for args, _ in device.tree.sections(line)],
        _vrf_lines,
        "{whose} is in the VRF {name}, which is not defined",
    ),
    Reference(
        POLICY_UNDEFINED,
        "service policy",
        lambda device: [args.text("name") for args, _ in device.tree.sections(POLICY_MAP)],
        _section(POLICY_MAP),
        "{whose} uses the service policy {name}, which is not defined",
    ),
    Reference(
        MISSING, "object", lambda device: [str(one.number) for one in device.track.objects], said="object {name} {more}"
    ),
    Reference(
        NO_OPERATION,
        "operation",
        lambda device: [str(one.number) for one in device.track.operations],
        said="operation {name}, which {whose} follows, is not configured as icmp-echo",
    ),
    Reference(
        ROUTE_MAP,
        "route map",
        lambda device: device.policy.route_maps,
        _section(ROUTE_MAP_LINE, permit=True, sequence=10),
    ),
    Reference(
        LIST,
        _PREFIX_LIST,
        lambda device: device.policy.prefix_lists,
        _section(access_lists.ENTRY, permit=True, prefix=Blank("prefix")),
    ),
    Reference(
        LIST,
        _PREFIX_LIST6,
        lambda device: [one.removeprefix(IPV6_LIST) for one in device.policy.prefix_lists if IPV6_LIST in one],
        _section(access_lists.ENTRY6, permit=True, prefix=Blank("prefix")),
    ),
    Reference(LIST, "access list", lambda device: [name for name, _ in device.policy.access_lists], _access_list_lines),
    Reference(POOL, "NAT pool", lambda device: [pool.name for pool in device.nat.pools]),
    Reference(LIST, "IPv6 access list", lambda device: device.policy.ipv6_lists, _ipv6_list_lines),
    Reference(LIST, "as path access list", lambda device: device.policy.as_path_lists, _as_path_lines),
    Reference(LIST, _listed(CommunityKind.PLAIN), lambda device: device.policy.community_lists, _community_lines),
    Reference(LIST, _listed(CommunityKind.EXTENDED), lambda device: device.policy.extended_lists, _community_lines),
    Reference(LIST, _listed(CommunityKind.LARGE), lambda device: device.policy.large_lists, _community_lines),
    Reference(
        PART, "group of addresses", lambda device: device.policy.networks, _section(objects.NETWORK_GROUP), _GROUP
    ),
    Reference(
        PART, "group of services", lambda device: device.policy.services, _section(objects.SERVICE_GROUP), _GROUP
    ),
    Reference(
        PART,
        "time range",
        lambda device: device.policy.time_ranges,
        _section(objects.TIME_RANGE),
        "{whose} names the time range {name}, which is not configured: it counts at all times",
    ),
    Reference(
        ACCESS_GROUP,
        "filter",
        lambda device: [name for (name, _), entries in device.policy.access_lists.items() if entries],
        said="{whose} by the access list {name}, which {more}: all of them pass",
        is_alike=True,
        is_once=True,
    ),
    Reference(
        ACCESS_GROUP,
        "IPv6 filter",
        lambda device: [name for name, entries in device.policy.ipv6_lists.items() if entries],
        said="{whose} of IPv6 by the access list {name}, which {more}: all of them pass",
        is_alike=True,
        is_once=True,
    ),
)
