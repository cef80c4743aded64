"""Checks of EIGRP, OSPF, RIP and BGP over the tunnels: they run at both ends, and the ends are neighbors.

one_sided               a protocol that only one of two ends runs
eigrp, ospf, rip, bgp   the two ends are neighbors, or why they are not

Each router has its own router ID of OSPF and BGP; the owner of an address keeps it as its ID. Two ends may have each
other as neighbors of BGP, with matching parameters, and no session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Address
from typing import Any, Final, NamedTuple

from dmvpn.base.addresses import ip_keyword
from dmvpn.base.facts import Address, NeighborFacts, ReasonFacts
from dmvpn.base.findings import Cause
from dmvpn.base.placeholder import Blank
from dmvpn.base.terms import Odd, odd
from dmvpn.features.bgp.config import instance as bgp_lines
from dmvpn.features.eigrp import lint as eigrp_rules
from dmvpn.features.eigrp.terms import EigrpEnd
from dmvpn.features.nhrp.messages import nhc_up, nhs_up
from dmvpn.features.ospf.config import processes as lines
from dmvpn.features.ospf.facts import OspfFacts
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.features.ospf.terms import OspfEnd
from dmvpn.features.rip.terms import RipEnd
from dmvpn.features.system.messages import configured, restarted
from dmvpn.ios import INTERFACE
from dmvpn.network.terms.bgp import BGP, Side, awaited
from dmvpn.network.terms.protocols import EIGRP, OSPF, PROTOCOLS, RIP, wanted
from dmvpn.network.terms.table import Table
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.doctor import addressing, missing_routes, terms
from dmvpn.tools.doctor.configuration import ospf_process, texts
from dmvpn.tools.doctor.scene import Client, Scene, ospf_on, rip_on
from dmvpn.tools.doctor.tables import process_elsewhere
from dmvpn.tools.doctor.terms import differences, failed
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step, Verdict
from dmvpn.tools.lint.rules.neighbors import TYPE_DEFAULT
from dmvpn.tools.lint.rules.tunnels import mtu_line

_OfPair = Callable[[Scene, Client], Iterator[Verdict]]


# --------------------------------------------------------------------------------------- time that protocols still need


#: Log messages after which the routing protocols of the two ends start again.
_BEGINS: Final = (nhs_up, nhc_up, restarted, configured)


def not_before(client: Client, seconds: float) -> str:
    """Return when two ends will have found each other, if one of them started less than `seconds` ago; else ""."""
    ends = (client.facts, client.hub_facts)
    ages = [line.age for facts in ends if facts is not None for line in facts.log if line.is_one(*_BEGINS)]
    if (client.server is not None and not client.server.responding) or min(ages, default=seconds) >= seconds:
        return ""
    return (
        f"not known before {client.name} and {client.hub} had {seconds:.0f} s to find each other, "
        f"in {seconds - min(ages):.0f} s"
    )


# ------------------------------------------------------------------------------------------------ router IDs


def of_ospf(scene: Scene) -> Iterator[Verdict]:
    """Check that no two routers in one OSPF domain have one router ID: each would take the other's LSAs for its own."""
    first: dict[tuple[str, int, IPv4Address], tuple[str, OspfFacts]] = {}
    for name, facts in scene.alive():
        seen = [(facts.seen_from(tunnel.name), tunnel) for tunnel in facts.tunnels]
        views = [(view.of_version(version), tunnel) for view, tunnel in seen for version in (4, 6)]
        by_tunnel = (found[0] for view, tunnel in views if (found := ospf_on(view, tunnel)) is not None)
        for process in dict.fromkeys(by_tunnel):
            other, its = first.setdefault((process.vrf, process.version, process.router_id), (name, process))
            if other == name:
                continue
            wrong, right = to_change(scene, (name, other), process.router_id)
            known = scene.facts(wrong)
            mine = process if wrong == name else its
            opening = ospf_process(known, mine) if known is not None else ""
            yield Finding(
                step=Step.ROUTING,
                cause=Cause.OSPF_TERMS,
                router=wrong,
                what=f"OSPF of {wrong} and {right} has one router identifier, {process.router_id}",
                evidence=(f"{right} has it, too",),
                fix=(opening, lines.ROUTER_ID.line(address=free(scene, wrong))),
                order=f"and then at {wrong}: clear {ip_keyword(process.version)} ospf process",
                others=(right,),
            )


def to_change(scene: Scene, names: tuple[str, str], identifier: Address) -> tuple[str, str]:
    """Return of two routers with one router ID the one to change, and the other: the owner of that address keeps it."""
    one, other = names
    return (other, one) if scene.owner(identifier) == one else (one, other)


def free(scene: Scene, name: str) -> IPv4Address | Blank:
    """Return an address that only this router has."""
    return next(addressing.unique_addresses(scene, name), Blank("address"))


# ------------------------------------------------------------------------------------------------ sessions of BGP


def other_source(_: Scene, client: Client) -> Iterator[Finding]:
    """Find an end that calls from an address that the other one does not have as its neighbor."""
    here, there = _sides(client)
    for side, other in ((here, there), (there, here)):
        source = side.settings.lines.update_source if side.settings is not None else ""
        port = side.end.device.interface(source)
        known = port is not None and port.address is not None and port.address[0] == other.peer
        if source and source != side.end.name and not known:
            what = f"BGP of {side.name} calls {other.name} from {source}, and {other.name} has another address for it"
            yield _finding(side, what, bgp_lines.NEIGHBOR.no(peer=side.peer, interface=source))
            return


def one_identifier(scene: Scene, client: Client) -> Iterator[Finding]:
    """Find two ends that have one router ID. Its owner keeps it."""
    here, there = _sides(client)
    identifier = client.facts.bgp.router_id
    if identifier is None or client.hub_facts is None or identifier != client.hub_facts.bgp.router_id:
        return
    wrong, _ = to_change(scene, (client.name, client.hub), identifier)
    what = f"BGP of {client.name} and {client.hub} has one router identifier, {identifier}"
    line = bgp_lines.ROUTER_ID.line(address=free(scene, wrong))
    yield _finding(here if wrong == client.name else there, what, line)


def too_many(_: Scene, client: Client) -> Iterator[Finding]:
    """Find a server whose limit of dynamic neighbors is reached."""
    server = _sides(client)[1]
    bgp = client.hub_facts.bgp if client.hub_facts is not None else client.facts.bgp
    callers = [one for one in bgp.peers if one.address not in bgp.called]
    limits = texts(server.end.device.tree.section(bgp_lines.ROUTER), bgp_lines.LISTEN_LIMIT)
    has = any(one.address == server.peer for one in bgp.peers)
    if limits and not has and len(callers) >= bgp.listen_limit:
        what = f"{client.hub} takes no more callers than {len(callers)}: {client.name} is one too many"
        yield _finding(server, what, f"no {limits[0]}")


def _sides(client: Client) -> tuple[Side, Side]:
    """Return the client and its server: BGP runs at both."""
    here, there = BGP.views(client.pair) if client.pair is not None else (None, None)
    if here is None or there is None:
        raise AssertionError("BGP does not run at both ends")
    return here, there


def _finding(side: Side, what: str, line: str) -> Finding:
    fix = (*side.process, line)
    return Finding(step=Step.ROUTING, cause=Cause.BGP_NEIGHBOR, router=side.name, what=what, fix=fix)


CHECKS: Final[tuple[Callable[[Scene, Client], Iterator[Finding]], ...]] = (other_source, one_identifier, too_many)


# ------------------------------------------------------------------------------------------------ neighbors


_STEP = Step.ROUTING
#: Seconds: a lost packet is sent again within this time.
_EXCHANGE: Final = 10
#: Seconds between two attempts to connect, at most.
_CONNECT: Final = 60


class _Running(NamedTuple):
    """A protocol at one end. up: the other end is its neighbor. reasons: why not. blocked: why it sends nothing.

    refused: packets that it did not believe. patience: seconds within which it finds a neighbor.
    """

    up: bool
    reasons: tuple[ReasonFacts, ...] = ()
    blocked: str = ""
    refused: int = 0
    patience: int = 0


class _Protocol(NamedTuple):
    """A protocol. mistakes: that neighbors may make, too; of_keys: that no neighbor makes.

    apart: what keeps two ends apart that have the same terms.
    """

    name: str
    table: Table[Any]
    authentication: Cause
    seen: Callable[[RouterFacts, TunnelFacts, TunnelFacts, Any], _Running | None]
    mistakes: _OfPair = terms.of_pair(_STEP)
    of_keys: _OfPair = terms.of_pair(_STEP)
    apart: tuple[_OfPair, ...] = ()


def one_sided(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that each end runs a protocol of the other one, if it needs one."""
    for one in PROTOCOLS.failures(client.pair) if client.pair is not None else ():
        name, facts = (client.hub, client.hub_facts) if one.of_server else (client.name, client.facts)
        protocol = wanted(one.here, one.there).partition(" ")[0]
        yield (facts and process_elsewhere(name, facts, protocol)) or failed(client, one, _STEP)


def _neighbors(protocol: _Protocol, scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the two ends of a tunnel are neighbors."""
    ends = _ends(protocol, client)
    if ends is None:
        return
    names, is_up = (client.name, client.hub), all(end.up for end in ends)
    evidence = tuple(
        f"{name}: {other} is {'a neighbor' if end.up else 'no neighbor'}"
        + "".join(f" ({reason})" for reason in end.reasons[:1] if reason)
        for name, other, end in zip(names, reversed(names), ends, strict=True)
    )
    refusals = [(name, end.refused) for name, end in zip(names, ends, strict=True) if end.refused]
    evidence += tuple(f"{name}: {refused} {protocol.name} packets not believed" for name, refused in refusals)
    mistakes = [*protocol.mistakes(scene, client), *(() if is_up else protocol.of_keys(scene, client))]
    if client.pair is not None and not mistakes:
        mistakes += [failed(client, one, _STEP, evidence) for one in protocol.table.failures(client.pair)][:1]
    differing = partial(differences, scene, client, protocol.table, _STEP, partial(_state, protocol), evidence)
    found = mistakes or list(differing(doubts=bool(refusals)))
    yield from found
    if found:
        return
    if is_up:
        yield Fine(_STEP, f"{client.name} and {client.hub} are {protocol.name} neighbors{client.in_version}")
        return
    for name, end in zip(names, ends, strict=True):
        if end.blocked:
            tunnel = client.tunnel.name if name == client.name or client.there is None else client.there.name
            what = f"{protocol.name} of {name} cannot prove itself on {tunnel}, and keeps silent: {end.blocked}"
            yield Finding(step=_STEP, cause=protocol.authentication, router=name, what=what, evidence=evidence)
            return
    each = (list(check(scene, client)) for check in protocol.apart)
    found = next((verdicts for verdicts in each if verdicts), [])
    yield from found
    if not found:
        yield Finding(
            step=_STEP,
            cause=Cause.UNDECIDED,
            router=client.name,
            what=f"{client.name} and {client.hub} run {protocol.name}, and are no neighbors",
            evidence=evidence,
            decide=not_before(client, max(end.patience for end in ends)),
        )


def _ends(protocol: _Protocol, client: Client) -> tuple[_Running, _Running] | None:
    """Return a protocol at the client and at its server; None: it does not run at both."""
    hub, there, pair = client.hub_facts, client.there, client.pair
    if hub is None or there is None or pair is None:
        return None
    here, far = protocol.table.views(pair)
    if here is None or far is None:
        return None
    mine = protocol.seen(client.facts, client.tunnel, there, here)
    theirs = protocol.seen(hub, there, client.tunnel, far)
    return (mine, theirs) if mine is not None and theirs is not None else None


def _state(protocol: _Protocol, client: Client) -> tuple[bool, tuple[ReasonFacts, ...]]:
    """Return whether both ends are neighbors, and why not."""
    ends = _ends(protocol, client)
    if ends is None:
        return False, ()
    return all(end.up for end in ends), tuple(reason for end in ends for reason in end.reasons if reason)


def _near(
    facts: RouterFacts, protocol: str, version: int, tunnel: TunnelFacts, other: TunnelFacts
) -> NeighborFacts | None:
    """Return another end as a neighbor. version: of IP."""
    theirs = other.addresses if version == 4 else (other.link_local,)
    for one in facts.neighbors:
        if one.protocol.startswith(protocol) and one.interface == tunnel.name and one.address in theirs:
            return one
    return None


# ------------------------------------------------------------------------------------------------ each protocol


def _eigrp(facts: RouterFacts, tunnel: TunnelFacts, other: TunnelFacts, end: EigrpEnd) -> _Running | None:
    near = _near(facts, "eigrp ", end.process.version, tunnel, other)
    for process in facts.eigrp:
        for port in process.interfaces:
            if port.name == tunnel.name:
                reasons = (near.reason if near is not None else port.blocked, port.blocked)
                refused = process.dropped.get("authentication failed", 0)
                is_up = near is not None and near.up
                return _Running(is_up, reasons, str(port.blocked), refused, port.hold_time)
    return None


def _ospf(facts: RouterFacts, tunnel: TunnelFacts, other: TunnelFacts, end: OspfEnd) -> _Running | None:
    found, near = ospf_on(facts, tunnel), _near(facts, "ospf ", end.version, tunnel, other)
    if found is None:
        return None
    patience = end.timers[0] * (5 if end.elects else 1) + _EXCHANGE
    reasons = (near.reason,) if near is not None else ()
    return _Running(near is not None and near.up, reasons, found[1].blocked, patience=patience)


def _refused(scene: Scene, client: Client) -> Iterator[Finding]:
    """Yield that one end of OSPF refuses the other, though the lines of both agree: routers compute MTUs, too."""
    reasons = _state(_OSPF, client)[1]
    reason = next((one for one in reasons if one.is_one(OspfReason.MTU, OspfReason.MASK, OspfReason.KIND)), None)
    if reason is None or client.there is None:
        return
    clients = [one for one in (client, *scene.fellows(client)) if _ends(_OSPF, one) is not None]
    verdict = odd(clients, lambda one: _state(_OSPF, one)[0])
    ends = [(client.name, client.tunnel), (client.hub, client.there)]
    (wrong, tunnel), (right, other) = reversed(ends) if verdict is Odd.SERVER else ends
    is_mtu = reason.is_one(OspfReason.MTU)
    yield Finding(
        step=_STEP,
        cause=Cause.MTU if is_mtu else Cause.OSPF_TERMS,
        router=wrong,
        what=f"OSPF of {client.name} and {client.hub} does not agree: {reason}",
        fix=(INTERFACE.line(name=tunnel.name), mtu_line(other.ip_mtu, client.version)) if is_mtu else (),
        others=(right,) if verdict is Odd.UNDECIDED else (),
    )


def _rip(facts: RouterFacts, tunnel: TunnelFacts, other: TunnelFacts, _: RipEnd) -> _Running | None:
    port = rip_on(facts, tunnel)
    if port is None or facts.rip is None:
        return None
    is_up = any(address in other.addresses for address in port.heard)
    return _Running(is_up, (port.blocked,), str(port.blocked), port.ignored, facts.rip.update)


def _bgp(facts: RouterFacts, _: TunnelFacts, __: TunnelFacts, side: Side) -> _Running:
    near = [one for one in facts.neighbors if one.protocol.startswith("bgp ") and one.address == side.peer]
    reasons = tuple(one.reason for one in near if one.reason)
    return _Running(any(one.up for one in near), reasons, patience=_CONNECT)


def bgp(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that the two ends of a tunnel have a BGP session; two ranges alone open none."""
    sides = BGP.views(client.pair) if client.pair is not None else (None, None)
    if any(side is not None and side.calls for side in sides):
        yield from _neighbors(_BGP, scene, client)
    elif client.pair is not None:
        pairs = [one for each in scene.clients() if (one := each.pair) is not None]
        yield from (failed(client, one, _STEP) for one in awaited(client.pair, pairs))


def _passwords(scene: Scene, client: Client) -> Iterator[Finding]:
    """Ask whether two hidden passwords of BGP differ: no counter shows it."""
    return differences(scene, client, BGP, _STEP, partial(_state, _BGP), doubts=True, counted=False)


_EIGRP: Final = _Protocol(
    "EIGRP",
    EIGRP,
    Cause.EIGRP_AUTHENTICATION,
    _eigrp,
    mistakes=terms.of_pair(_STEP, eigrp_rules.HOLD),
    of_keys=terms.of_pair(_STEP, eigrp_rules.KEY_CHAIN, eigrp_rules.HALF, eigrp_rules.HMAC),
)
_OSPF: Final = _Protocol(
    "OSPF", OSPF, Cause.OSPF_AUTHENTICATION, _ospf, apart=(terms.of_pair(_STEP, TYPE_DEFAULT), _refused)
)
#: A router that only advertises its LAN, and has it filtered, sends nothing.
_RIP: Final = _Protocol("RIP", RIP, Cause.RIP_AUTHENTICATION, _rip, apart=(missing_routes.routes,))
_BGP: Final = _Protocol("BGP", BGP, Cause.BGP_PASSWORD, _bgp, apart=(*CHECKS, _passwords))
eigrp: Final = partial(_neighbors, _EIGRP)
ospf: Final = partial(_neighbors, _OSPF)
rip: Final = partial(_neighbors, _RIP)
