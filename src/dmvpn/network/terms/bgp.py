"""What the two ends of a BGP session must agree on, and have for each other.

A session is between the addresses of `neighbor` lines and listen ranges, which need not be those of the tunnel.

An end of a tunnel knows the other end by a `neighbor` line, by a listen range, or not at all. It calls from its tunnel
address, or from the address of its `update-source`, so its neighbor may know it by either. What a router's lines make
of its neighbors is found once for each router, whatever the number of its tunnels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from ipaddress import ip_network
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Duty, NoValue, Term
from dmvpn.base.values import Value
from dmvpn.features.bgp.config.instance import (
    FAMILY,
    FAMILY_ACTIVATE,
    IPV6_FAMILY,
    LISTEN_RANGE,
    NEIGHBOR,
    ROUTER,
    VRF_FAMILY,
)
from dmvpn.features.bgp.model import NeighborLines
from dmvpn.features.bgp.settings import PeerSettings, configured_peers, groups_of, guest, templates, with_group
from dmvpn.ios.grammar import HIDDEN
from dmvpn.ios.hidden_secrets import compare
from dmvpn.network.device import Device
from dmvpn.network.overlay import EndPair, TunnelEnd
from dmvpn.network.terms.table import Failure, Table

# ------------------------------------------------------------------------------------------------ the two ends


#: First words of `neighbor` lines that say who the neighbor is, or whether there is a session.
_OF_SESSION: Final = frozenset(
    {"remote-as", "local-as", "password", "peer-group", "inherit", "update-source", "shutdown"}
)
_ACTIVATE: Final = "activate"
_TEMPLATE: Final = "template peer-session"


class Side(Value, eq=False):
    """One end, as it knows the other one. peer: an address of the other end.

    settings: None if there is no session. calls: by a line, not by a range alone. lines: of the neighbor, its group and
    its templates, be there a session or not.
    unread: a line about the session is not understood. elsewhere: it is activated in a family that is not understood.
    """

    end: TunnelEnd
    peer: IPAddress
    settings: PeerSettings | None = None
    calls: bool = False
    lines: NeighborLines | None = None
    unread: bool = False
    elsewhere: bool = False

    @property
    def own(self) -> NeighborLines | None:
        """The lines of the neighbor itself."""
        return next((one for one in self.end.device.bgp.neighbors if one.peer == self.peer), None)

    @property
    def group(self) -> NeighborLines | None:
        """Those of its peer group."""
        name = self.lines.group if self.lines is not None else ""
        return groups_of(self.end.device.bgp).get(name)

    @property
    def shutdown(self) -> bool:
        """Whether its session is shut down."""
        return self.settings is not None and self.settings.lines.shutdown

    @property
    def name(self) -> str:
        """The name of its router."""
        return self.end.device.hostname

    @property
    def process(self) -> tuple[str, ...]:
        """The lines that open BGP's section with the neighbors: in a VRF its address family."""
        device = self.end.device
        within = (VRF_FAMILY.line(vrf=device.vrf),) if device.vrf else ()
        return ROUTER.line(number=device.bgp.local_as), *within

    def at(self) -> tuple[str, ...]:
        """Return the lines for the other end, or the section."""
        return (*self.process, f"neighbor {self.peer}") if self.own is not None else self.process

    def presents(self, other: Side) -> int:
        """Return the AS number that the other end sees: outside of a confederation that of the confederation."""
        mine, theirs = self.end.device.bgp, other.end.device.bgp
        if self.settings is not None:
            return self.settings.local_as
        is_inside = theirs.local_as in (mine.local_as, *mine.confederation.members)
        return mine.local_as if is_inside else mine.outer_as


Pair = tuple[Side, Side]


class _Speaker:
    """BGP of one router."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._config = device.bgp
        self._groups = groups_of(device.bgp)

    @cached_property
    def _peers(self) -> dict[IPAddress, PeerSettings]:
        return configured_peers(self._config)

    @cached_property
    def _lines(self) -> dict[IPAddress, NeighborLines]:
        return {one.peer: one for one in self._config.neighbors if not isinstance(one.peer, str)}

    @cached_property
    def _unread(self) -> dict[str, list[str]]:
        """The first words of the lines that are not understood, by neighbor, and by "" those of templates."""
        found: dict[str, list[str]] = {}
        for entry in self.device.entries:
            words = entry.text.split()
            if words[:1] == ["neighbor"]:
                found.setdefault("".join(words[1:2]), []).extend(words[2:3])
            elif any(section.startswith(_TEMPLATE) for section in entry.path):
                found.setdefault("", []).extend(words[:1])
        return found

    def source(self, addresses: Sequence[IPAddress]) -> list[IPAddress]:
        """Return the address from which it calls a neighbor that has these, unless it is that of the tunnel."""
        lines = [self._peers[one].lines for one in addresses if one in self._peers]
        interfaces = [self.device.interface(one.update_source) for one in lines if one.update_source]
        return [
            address
            for one in interfaces
            if one is not None
            for address, _ in one.addresses_of(addresses[0].version)[:1]
        ]

    def knows_any(self, addresses: Iterable[IPAddress]) -> bool:
        """Return whether it has a session with one of these."""
        return any(one in self._peers for one in addresses)

    def side(self, end: TunnelEnd, addresses: Sequence[IPAddress]) -> Side:
        """Return what it knows of a neighbor that has these addresses."""
        for each in addresses:
            if each in self._peers:
                return self._made(end, each, self._peers[each], calls=True)
        for each in addresses:
            if each in self._lines:
                return self._made(end, each, None, calls=False)
        for each in addresses:
            settings = guest(self._config, each, self._groups)
            if settings is not None:
                return self._made(end, each, settings, calls=False)
        return self._made(end, addresses[0], None, calls=False)

    def _made(self, end: TunnelEnd, peer: IPAddress, settings: PeerSettings | None, *, calls: bool) -> Side:
        lines = settings.lines if settings is not None else None
        if lines is None and peer in self._lines:
            lines = with_group(self._config, self._lines[peer], self._groups)
        names = (str(peer), *((lines.group,) if lines is not None and lines.group else ()), "")
        unread = [word for name in names for word in self._unread.get(name, ())]
        return Side(
            end=end,
            peer=peer,
            settings=settings,
            calls=calls,
            lines=lines,
            unread=any(word in _OF_SESSION for word in unread),
            elsewhere=_ACTIVATE in unread,
        )


@lru_cache(maxsize=1024)
def _speaker(device: Device) -> _Speaker:
    return _Speaker(device)


@lru_cache(maxsize=4096)
def sides_of(here: TunnelEnd, there: TunnelEnd) -> Pair | None:
    """Return both ends; None if one of them does not run BGP in the table of its tunnel."""
    ends = (here, there)
    if any(end.interface.vrf != end.device.vrf or not end.device.bgp.local_as for end in ends):
        return None
    ours, theirs = ([address for address, _ in end.addresses] for end in ends)
    if not ours or not theirs:
        return None
    mine, other = (_speaker(end.device) for end in ends)
    return mine.side(here, [*theirs, *other.source(ours)]), other.side(there, [*ours, *mine.source(theirs)])


def side(end: TunnelEnd, pair: EndPair) -> Side | None:
    """Return one end of a pair; None if BGP does not run at both, or a line about the session is not understood."""
    sides = sides_of(pair.here, pair.there)
    if sides is None or any(one.unread for one in sides):
        return None
    return next(one for one in sides if one.end is end)


def is_awaited(pair: EndPair, pairs: Sequence[EndPair]) -> bool:
    """Return whether the server has a range for the client, and all its other clients that run BGP call it.

    Not if another routing protocol runs there, if the client calls another address of the server, or if spokes share
    the hubs among them: the client calls another server, which other clients do not call.
    """
    client, there = pair.here, pair.there
    sides = sides_of(client, there)
    if sides is None or any(one.calls for one in sides) or not pair.nhrp or (client.running and there.running):
        return False
    waiting = sides[1]
    if waiting.settings is None or waiting.shutdown or _callers(there, pairs)[1] != [client]:
        return False
    theirs = [*(one for _, one, _ in there.device.addresses()), *(one for one, _ in there.addresses)]
    if not _callers(there, pairs)[0] or _speaker(client.device).knows_any(theirs):
        return False
    others = [one.there for one in pairs if one.here is client and one.there is not there]
    return not any(client in called and silent for called, silent in (_callers(one, pairs) for one in others))


def _callers(server: TunnelEnd, pairs: Sequence[EndPair]) -> tuple[list[TunnelEnd], list[TunnelEnd]]:
    """Return the clients that run BGP, in two lists: clients that call this server, and clients that do not."""
    calling: tuple[list[TunnelEnd], list[TunnelEnd]] = [], []
    for pair in pairs:
        if pair.there is server and pair.nhrp and (sides := sides_of(pair.here, server)) is not None:
            calling[0 if sides[0].calls else 1].append(pair.here)
    return calling


# ------------------------------------------------------------------------------------------------ the table


#: How a password begins that is encrypted: with another text at each router.
_ENCRYPTED: Final = ("6 ", "7 ")


def _has_no_line(here: Side, there: Side) -> str:
    """Return that an end does not know the other one, which calls it."""
    return no_line(here, there) if there.calls and not (here.elsewhere or there.shutdown) else ""


def no_line(here: Side, there: Side) -> str:
    """Return that an end does not know the other one; "": it does."""
    if here.settings is not None:
        return ""
    start, lines = f"BGP of {here.name} has", here.lines
    if lines is not None:
        lacks = f"it is not activated for IPv{here.peer.version}"
        lacks = "none of them has its AS number" if lines.remote_as is None else lacks
        return f"{start} lines for {here.peer} ({there.name}), and {lacks}"
    if _wider(here):
        return f"the range that BGP of {here.name} listens to does not cover its clients, such as {there.name}"
    waits = "has one for it" if there.calls else "waits for its call"
    return f"{start} no line for {here.peer} ({there.name}), which {waits}"


def missing_lines(here: Side, there: Side) -> tuple[str, ...]:
    """Return the lines that make the other end a neighbor."""
    config = here.end.device.bgp
    if here.lines is None and (lines := _wider(here)):
        return (*here.process, *lines)
    is_known = here.lines is not None and here.lines.remote_as is not None
    lines = () if is_known else (NEIGHBOR.line(peer=here.peer, remote_as=there.presents(here)),)
    if is_known or not config.active_by_default or here.peer.version == 6:
        family = FAMILY if here.peer.version == 4 else IPV6_FAMILY
        lines = (*lines, *(() if config.in_vrf else (family.line(),)), FAMILY_ACTIVATE.line(peer=here.peer))
    return (*here.process, *lines)


def _wider(here: Side) -> tuple[str, ...]:
    """Return lines that widen a range from a part of the tunnel's network to the whole."""
    subnet = here.end.subnet
    for one in here.end.device.bgp.listen_ranges if subnet is not None else ():
        whole, part = ip_network(str(subnet)), ip_network(str(one.prefix))
        if whole != part and whole.overlaps(part):
            wide = LISTEN_RANGE.line(prefix=subnet, group=one.group)
            return f"no {LISTEN_RANGE.line(prefix=one.prefix, group=one.group)}", wide
    return ()


NEIGHBORS: Final = Duty["Side"](
    rule=rule(Severity.ERROR)(r"""
        bgp-neighbor-one-sided: One end of a tunnel has the other as its BGP neighbor, which has no line for it
        BGP refuses a connection from an address that no `neighbor` line has and no `bgp listen range` covers, and two
        ends that only listen never connect. The session stays Idle or Active.
        bad: router bgp 65000\n neighbor 10.0.0.20 remote-as 65000
        fix: router bgp 65000\n neighbor 10.0.0.10 remote-as 65000
        """),
    cause=Cause.BGP_NEIGHBOR,
    fails=_has_no_line,
    place=Side.at,
    lines=missing_lines,
)


def _expects_another(here: Side, there: Side) -> str:
    """Return that an end expects another AS number than the other one presents."""
    settings, system = here.settings, there.presents(here)
    if settings is None or there.settings is None or system in (settings.remote_as, *settings.lines.alternates):
        return ""
    return f"BGP of {here.name} expects AS {settings.remote_as} of {here.peer}, and {there.name} is in AS {system}"


def _system_lines(here: Side, there: Side) -> tuple[str, ...]:
    """Return the line with the AS number of the other end.

    The number of a group is not that of one member, and in a confederation a line with its members may be missing.
    """
    is_own = here.own is not None and here.own.remote_as is not None
    is_inside = any(one.end.device.bgp.confederation.identifier for one in (here, there))
    line = NEIGHBOR.line(peer=here.peer, remote_as=there.presents(here))
    return (*here.process, line) if is_own and not is_inside else ()


SYSTEM: Final = Duty["Side"](
    rule=rule(Severity.ERROR)(r"""
        bgp-as-differs: The AS of a BGP neighbor differs from its line
        The OPEN of a neighbor has its AS number, and the session ends with the notification Bad Peer AS if another one
        is configured (RFC 4271 §6.2).
        bad: router bgp 65001\n neighbor 10.0.0.1 remote-as 64999
        fix: router bgp 65001\n neighbor 10.0.0.1 remote-as 65000
        """),
    cause=Cause.BGP_SYSTEM,
    fails=_expects_another,
    place=Side.at,
    lines=_system_lines,
)


def _shut(end: Side) -> NeighborLines | None:
    """Return the lines that shut the session down, of the neighbor or its group; None: those of a template do."""
    return next((one for one in (end.own, end.group) if one is not None and one.shutdown), None)


def _shutdown_lines(here: Side, _: Side) -> tuple[str, ...]:
    shut = _shut(here)
    return (*here.process, NEIGHBOR.no(peer=shut.peer, shutdown=True)) if shut is not None else ()


SHUTDOWN: Final = Duty["Side"](
    rule=rule(Severity.ERROR)(r"""
        bgp-neighbor-shutdown: The BGP session with the other end of a tunnel is shut down
        An error where the other end waits for it: no routes are exchanged. Advice where both ends are shut down,
        because a line that was entered for maintenance is easily forgotten.
        bad: router bgp 65001\n neighbor 10.0.0.1 shutdown
        fix: router bgp 65001\n no neighbor 10.0.0.1 shutdown
        """),
    cause=Cause.BGP_NEIGHBOR,
    fails=lambda here, there: (
        f"BGP of {here.name} has shut down the session with {here.peer} ({there.name})"
        if here.shutdown and there.settings is not None
        else ""
    ),
    place=lambda end: (
        (*end.process, f"neighbor {shut.peer} shutdown") if (shut := _shut(end)) is not None else end.at()
    ),
    lines=_shutdown_lines,
    is_mild=lambda _, there: there.shutdown,
)


def _password(end: Side) -> str | NoValue:
    if end.settings is None:
        return NoValue.ABSENT
    password = end.settings.lines.password
    return HIDDEN if password.startswith(_ENCRYPTED) else password


def _holders(end: Side) -> Iterator[NeighborLines]:
    """Yield the lines of the neighbor and its group, the deciding first."""
    return (one for one in (end.own, end.group) if one is not None)


def password_place(end: Side) -> tuple[str, ...]:
    """Return the line that has the password for the other end, in its section."""
    for one in _holders(end):
        if one.password:
            return (*end.process, f"neighbor {one.peer} password")
    inherited = templates(end.end.device.bgp, end.lines) if end.lines is not None else ()
    named = (f"template peer-session {one.peer}" for one in inherited if one.password)
    template = next(named, None)
    return (*end.process, template, "password") if template is not None else end.at()


def _password_lines(end: Side, password: str) -> tuple[str, ...]:
    having = [one.peer for one in _holders(end) if one.password]
    if password:
        peers = [*having, *(one.peer for one in _holders(end))]
        return (*end.process, NEIGHBOR.line(peer=peers[0], password=password)) if peers else ()
    return (*end.process, NEIGHBOR.no(peer=having[0], password=True)) if having else ()


PASSWORD: Final = Term["Side", str](
    rule=rule(Severity.ERROR)(r"""
        bgp-password-differs: Both ends of a BGP session have passwords that differ, or one end has none
        TCP drops each segment whose signature is missing or wrong (RFC 2385): the session never comes up, and only
        `%TCP-6-BADAUTH` says why.
        bad: router bgp 65001\n neighbor 10.0.0.1 remote-as 65000
        fix: router bgp 65001\n neighbor 10.0.0.1 password <secret>
        """),
    cause=Cause.BGP_PASSWORD,
    name="BGP password",
    effect="TCP drops what the other one sends",
    see=_password,
    words=lambda password: "a BGP password" if password else "no BGP password",
    fits=compare,
    shown=lambda password: SECRET if password else "",
    place=password_place,
    lines=_password_lines,
    protects=bool,
    other="NotOurs1",
)
BGP: Final = Table(side, (PASSWORD,), (NEIGHBORS, SHUTDOWN, SYSTEM), names_peer=True)


def awaited(pair: EndPair, pairs: Sequence[EndPair]) -> Iterator[Failure[Side]]:
    """Yield that a client does not call a server that waits for it, as it waits for its other clients."""
    here, there = BGP.views(pair)
    if here is not None and there is not None and is_awaited(pair, pairs):
        yield Failure(pair, False, NEIGHBORS, no_line(here, there), here, there)
