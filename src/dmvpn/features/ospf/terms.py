"""What two OSPF neighbors must agree on, RFC 2328 §8.2, §10.5."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Final, TypeAlias

from dmvpn.base.addresses import ip_keyword
from dmvpn.base.credentials import KeyChain, Lifetime
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.pages import Pages
from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Duty, Likeness, Term
from dmvpn.base.values import Value
from dmvpn.features.ospf.config import interfaces as of_port
from dmvpn.features.ospf.config import version3
from dmvpn.features.ospf.model import Area, AuthenticationType, Interface, NetworkLine, NetworkType
from dmvpn.features.ospf.reasons import OspfReason
from dmvpn.features.ospf.settings import ELECTING, Algorithm, authentication_of, timers
from dmvpn.ios import INTERFACE, ConfigLine, common
from dmvpn.ios.hidden_secrets import compare

#: Hello and dead interval as Hellos have them: 0 and 1 where Hellos are faster than seconds.
Timers: TypeAlias = tuple[int, int]

#: Hellos in a second, where they are fast: the ends need not agree on it.
_FAST: Final = 4


class OspfEnd(Value):
    """A tunnel on which OSPF runs. process: its number at this router. line: the `network` that puts it in its area.

    servers: how many next hop servers it has. checks_ttl: it takes packets of near routers alone. version: of IP.
    """

    router: str
    port: Interface
    process: int
    area: Area
    line: NetworkLine | None
    chains: Pages[KeyChain]
    servers: int
    checks_ttl: bool
    version: int = 4

    @property
    def opening(self) -> str:
        """The line that opens the section of the interface."""
        return INTERFACE.line(name=self.port.name)

    @property
    def words(self) -> str:
        """How its lines begin."""
        return f"{ip_keyword(self.version)} ospf"

    def spoken(self, line: ConfigLine) -> ConfigLine:
        """Return a line of the interface for its version of IP."""
        return line if self.version == 4 else version3.ON_INTERFACES.twin(line)

    @property
    def authentication(self) -> ConfigLine:
        """The line about its authentication; `ipv6 ospf` has IPsec alone."""
        return of_port.AUTHENTICATION if self.version == 4 else version3.ON_INTERFACES_TOO.twin(of_port.AUTHENTICATION)

    @property
    def elects(self) -> bool:
        """Whether a designated router is elected there."""
        return self.port.network in ELECTING

    @property
    def timers(self) -> Timers:
        """Hello and dead interval."""
        return timers(self.port) if self.port.hello_multiplier is None else (0, 1)


class Kind(Value):
    """The network type of an end, with what decides whether another type fits. alone: it has one server at most."""

    network: NetworkType
    timers: Timers = (0, 0)
    alone: bool = True

    def fits(self, other: Kind) -> bool:
        """Return whether the two types understand each other.

        A point-to-point spoke of one point-to-multipoint hub works with the hub's timers.
        """
        mine, theirs = self.network, other.network
        if mine in ELECTING or theirs in ELECTING:
            return mine in ELECTING and theirs in ELECTING
        one_to_one = [end for end in (self, other) if end.network is NetworkType.POINT_TO_POINT]
        return len(one_to_one) != 1 or (self.timers == other.timers and one_to_one[0].alone)


class Proof(Value):
    """The authentication of packets that are sent: of several keys the last. accept, send: the lifetimes of a key."""

    type: AuthenticationType
    secret: str = field(default="", repr=False)
    number: int | None = None
    algorithm: Algorithm = Algorithm.MD5
    lifetimes: tuple[Lifetime | None, Lifetime | None] = (None, None)
    chain: str = ""

    @classmethod
    def of(cls, end: OspfEnd) -> Proof:
        """Return the authentication of an end."""
        settings, _ = authentication_of(end.port, end.area, end.chains, end.version)
        proof = cls(settings.type, settings.password.decode(errors="replace"), chain=settings.chain)
        if not settings.keys:
            return proof
        key = settings.keys[-1]
        text = key.secret.decode(errors="replace")
        lifetimes = key.accept, key.send
        return replace(proof, secret=text, number=key.number, algorithm=key.algorithm, lifetimes=lifetimes)

    def compare(self, other: Proof) -> Likeness:
        """Compare two ends. Where lifetimes differ, it depends on the time."""
        if (self.type, self.number, self.algorithm) != (other.type, other.number, other.algorithm):
            return Likeness.DIFFERENT
        found = compare(self.secret, other.secret)
        return found if found is not Likeness.SAME or self.lifetimes == other.lifetimes else Likeness.UNKNOWN

    def __str__(self) -> str:
        if self.type is AuthenticationType.CRYPTOGRAPHIC:
            key = f"OSPF key {self.number} ({self.algorithm.word})"
            return "OSPF authentication without a key" if self.number is None else key
        return "an OSPF password" if self.type is AuthenticationType.SIMPLE else "no OSPF authentication"


def _timer_lines(end: OspfEnd, value: Timers) -> tuple[str, ...]:
    hello, dead = value
    of_hello, of_dead = map(end.spoken, (of_port.HELLO_INTERVAL, of_port.DEAD_INTERVAL))
    if not hello:
        return end.opening, of_dead.line(minimal=True, hellos=_FAST)
    return end.opening, of_hello.line(seconds=hello), of_dead.line(seconds=dead)


def _timer_place(end: OspfEnd) -> tuple[str, ...]:
    hello, dead = end.timers
    return end.opening, f"{end.words} {'hello' if dead == 4 * hello else 'dead'}-interval"


def _area_place(end: OspfEnd) -> tuple[str, ...]:
    if end.line is None:
        return end.opening, f"{end.words} {end.process}"
    return f"router ospf {end.process}", f"network {end.line.address} {end.line.wildcard}"


def _proof_lines(end: OspfEnd, value: Proof) -> tuple[str, ...]:
    if value.type is AuthenticationType.NULL:
        of_area = end.area.authentication is not AuthenticationType.NULL
        return end.opening, end.authentication.line(null=True) if of_area else end.authentication.no()
    if value.type is AuthenticationType.SIMPLE:
        return end.opening, end.authentication.line(), of_port.PASSWORD.line(key=value.secret)
    if value.number is None:
        return ()
    mine = Proof.of(end)
    if not value.chain and end.version == 4:
        keys = [of_port.DIGEST_KEY.no(number=key.number) for key in end.port.keys if key.number > value.number]
        key = of_port.DIGEST_KEY.line(number=value.number, key=value.secret)
        return end.opening, end.authentication.line(message_digest=True), key, *keys
    name = mine.chain or value.chain or "OSPF"
    is_there = mine.chain and mine.number == value.number
    lines = [common.KEY_CHAIN.line(name=name)]
    if mine.chain and mine.number is not None and mine.number > value.number:
        lines.append(common.KEY.no(number=mine.number))
    lines += [common.KEY.line(number=value.number), common.KEY_STRING.line(secret=value.secret)]
    if value.algorithm is not (mine.algorithm if is_there else Algorithm.MD5):
        lines.append(common.KEY_ALGORITHM.line(**{value.algorithm.word: True}))
    if is_there and mine.lifetimes != value.lifetimes:  # without them the key is valid whenever the other one is
        gone = zip((common.KEY_ACCEPT, common.KEY_SEND), mine.lifetimes, strict=True)
        lines += [line.no() for line, lifetime in gone if lifetime is not None]
    if not mine.chain:
        lines += [end.opening, end.authentication.line(key_chain=True, chain=name)]
    return tuple(lines)


def network_type(end: OspfEnd, kind: NetworkType) -> str:
    """Return the line that gives an end a network type."""
    return end.spoken(of_port.NETWORK).line(**dict.fromkeys(kind.value.split(), True))


TYPE: Final = Term["OspfEnd", Kind](
    rule=rule(Severity.ERROR)(r"""
        ospf-network-type-differs: The two ends of a tunnel have OSPF network types that do not fit
        Types with different timers form no adjacency (RFC 2328 §10.5); broadcast and point-to-point form one, and then
        disagree about what the link is, so that routes over it are not used (FRR issue 15171). A point-to-point spoke
        has one neighbor at a time, so its servers take turns.
        bad: interface Tunnel0\n ip ospf network broadcast
        fix: interface Tunnel0\n ip ospf network point-to-multipoint
        """),
    cause=Cause.OSPF_NETWORK_TYPE,
    name="OSPF network type",
    effect="these network types do not fit",
    see=lambda end: Kind(end.port.network or NetworkType.POINT_TO_POINT, end.timers, end.servers < 2),
    words=lambda kind: f"OSPF network {kind.network.value}",
    fits=lambda here, there: Likeness.of(here.fits(there)),
    place=lambda end: (end.opening, f"{end.words} network"),
    lines=lambda end, kind: (end.opening, network_type(end, kind.network)),
)
TIMERS: Final = Term["OspfEnd", "Timers"](
    rule=rule(Severity.ERROR)(r"""
        ospf-timers-differ: The two ends of a tunnel have different OSPF timers
        A Hello with another Hello or dead interval is dropped (RFC 2328 §10.5): no adjacency.
        bad: interface Tunnel0\n ip ospf hello-interval 10
        fix: interface Tunnel0\n ip ospf hello-interval 30
        """),
    cause=Cause.OSPF_TERMS,
    name="OSPF timer",
    effect="each drops the Hellos of the other one",
    see=lambda end: end.timers,
    words=lambda value: "OSPF hello-interval {} s and dead-interval {} s".format(*value),
    place=_timer_place,
    lines=_timer_lines,
    waits=(TYPE,),
    other=(7, 28),
)
AREA: Final = Term["OspfEnd", int](
    rule=rule(Severity.ERROR)(r"""
        ospf-area-differs: The two ends of a tunnel are in different OSPF areas
        A Hello of another area is dropped (RFC 2328 §8.2): no adjacency.
        bad: interface Tunnel0\n ip ospf 1 area 1
        fix: interface Tunnel0\n ip ospf 1 area 0
        """),
    cause=Cause.OSPF_TERMS,
    name="OSPF area",
    effect="each drops the Hellos of the other one",
    see=lambda end: end.area.number,
    words=lambda number: f"OSPF area {number}",
    place=_area_place,
    lines=lambda end, number: (end.opening, end.spoken(of_port.PROCESS).line(process=end.process, area=number)),
    other=5,
)
AUTHENTICATION: Final = Term["OspfEnd", Proof](
    rule=rule(Severity.ERROR)(r"""
        ospf-authentication-differs: OSPF authenticates at one end only, or with other keys
        Every OSPF packet has to have the receiver's authentication type and key (RFC 2328 §8.2, Appendix D).
        bad: interface Tunnel0\n ip ospf authentication message-digest
        fix: interface Tunnel0\n ip ospf message-digest-key 1 md5 <secret>
        """),
    cause=Cause.OSPF_AUTHENTICATION,
    name="OSPF key",
    effect="each drops what the other one sends",
    see=Proof.of,
    words=str,
    fits=Proof.compare,
    shown=lambda proof: replace(proof, secret=SECRET),
    place=lambda end: (end.opening, f"{'ip ospf' if end.version == 4 else 'ospfv3'} authentication"),
    lines=_proof_lines,
    protects=lambda proof: proof.type is not AuthenticationType.NULL,
    refuses=lambda reason: reason.find(OspfReason.NOT_AUTHENTIC) is not None,
    waits=(AREA,),
    other=Proof(AuthenticationType.CRYPTOGRAPHIC, "NotOurs1", 1),
)
TTL: Final = Term["OspfEnd", bool](
    rule=rule(Severity.ERROR)(r"""
        ospf-ttl-security-differs: Only one end of a tunnel checks the TTL of OSPF packets
        An end with `ttl-security` takes packets with TTL 255 alone, or nearly so (RFC 5082 §3), and an end without it
        sends 1: no adjacency.
        bad: interface Tunnel0\n ip ospf ttl-security
        fix: interface Tunnel0\n no ip ospf ttl-security
        """),
    cause=Cause.OSPF_TERMS,
    name="OSPF TTL",
    effect="one end drops what the other one sends",
    see=lambda end: end.checks_ttl,
    words=lambda checks: "OSPF ttl-security" if checks else "no OSPF ttl-security",
    place=lambda end: (end.opening, "ip ospf ttl-security"),
    lines=lambda end, checks: (end.opening, of_port.TTL_SECURITY.line(**({} if checks else {"disable": True}))),
)
DESIGNATED: Final = Duty["OspfEnd"](
    rule=rule(Severity.ERROR)(r"""
        ospf-priority-on-hub: The hub of an OSPF broadcast network may not become its designated router
        Only the hub reaches all routers. With priority 0 it is never elected (RFC 2328 §9.4), and no spoke learns the
        routes of other spokes.
        bad: interface Tunnel0\n ip ospf network broadcast\n ip ospf priority 0
        fix: interface Tunnel0\n ip ospf network broadcast\n no ip ospf priority 0
        """),
    cause=Cause.OSPF_NETWORK_TYPE,
    fails=lambda here, there: (
        f"{here.router} may not become designated router, and all other routers learn routes only from it"
        if here.elects and there.elects and not here.port.priority and not here.servers and there.servers
        else ""
    ),
    place=lambda end: (end.opening, f"{end.words} priority"),
    lines=lambda end, _: (end.opening, end.spoken(of_port.PRIORITY).no(priority=0)),
)
TERMS: Final = (TYPE, TIMERS, AREA, TTL, AUTHENTICATION)
DUTIES: Final = (DESIGNATED,)
