"""What two EIGRP neighbors must agree on, RFC 7868 §5.3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Final

from dmvpn.base.credentials import Key
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.placeholder import SECRET
from dmvpn.base.terms import Likeness, NoValue, Term
from dmvpn.base.values import Value
from dmvpn.features.eigrp.config import processes, sections
from dmvpn.features.eigrp.config.interfaces import IPV6_EIGRP
from dmvpn.features.eigrp.metric import Weights
from dmvpn.features.eigrp.model import AuthenticationMode, InterfaceSettings, ProcessSettings
from dmvpn.features.eigrp.reasons import EigrpReason
from dmvpn.ios import ConfigTree, Section
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.grammar import HIDDEN
from dmvpn.ios.hidden_secrets import compare, compare_keys, key_lines


class EigrpEnd(Value, eq=False):
    """A tunnel on which an EIGRP process runs. interface: its name. keys: of its key chain."""

    interface: str
    process: ProcessSettings
    settings: InterfaceSettings
    keys: tuple[Key, ...]
    tree: ConfigTree


class Proof(Value):
    """How packets are authenticated. keys: of a key chain; password: of HMAC-SHA-256, or the mark in its place."""

    mode: AuthenticationMode | None
    password: str = field(default="", repr=False)
    chain: str = ""
    keys: tuple[Key, ...] = ()

    @classmethod
    def of(cls, end: EigrpEnd) -> Proof | NoValue:
        """Return the authentication of an end. One without its key, or half of it, is a mistake of its own."""
        mode, chain = end.settings.authentication, end.settings.key_chain
        if mode is AuthenticationMode.HMAC_SHA_256:
            return cls(mode, end.settings.password or HIDDEN)
        if end.keys and chain and mode is not None:
            return cls(mode, chain=chain, keys=end.keys)
        return NoValue.UNKNOWN if chain or mode is not None else cls(None)

    def compare(self, other: Proof) -> Likeness:
        """Compare two ends."""
        if self.mode is not other.mode:
            return Likeness.DIFFERENT
        found = compare(self.password, other.password)
        return found if self.mode is not AuthenticationMode.MD5 else compare_keys(self.keys, other.keys)

    def __str__(self) -> str:
        if self.mode is not AuthenticationMode.MD5:
            return f"EIGRP authentication by {self.mode.value}" if self.mode is not None else "no EIGRP authentication"
        return f"EIGRP authentication by md5 with key {self.keys[0].number}"


def _system_lines(end: EigrpEnd, number: int) -> tuple[str, ...]:
    """Return the lines that enter a process with another number: it cannot be changed."""
    process = end.process
    if process.name:
        named = end.tree.section(processes.ROUTER_NAMED, name=process.name)
        known = named.sections(processes.ADDRESS_FAMILY) if named is not None else ()
        old, new = (sections.family(one, process.vrf, process.version) for one in (process.autonomous_system, number))
        section = next((one for args, one in known if processes.ADDRESS_FAMILY.text(args) == old), None)
        return processes.ROUTER_NAMED.line(name=process.name), f"no {old}", new, *_entered(section)
    if process.vrf:
        opening = processes.CLASSIC_FAMILY.line(vrf=process.vrf, autonomous_system=True, number=number)
        return processes.ROUTER_CLASSIC.line(number=process.router), opening
    router = processes.ROUTER_CLASSIC if process.version == 4 else processes.ROUTER_IPV6
    section = end.tree.section(router, number=process.autonomous_system)
    ports = [
        line
        for args, port in end.tree.sections(INTERFACE)
        if any(one.integer("number") == process.autonomous_system for one in port.all(IPV6_EIGRP))
        for line in (INTERFACE.line(name=args.interface("name")), IPV6_EIGRP.line(number=number))
    ]
    old = router.no(number=process.autonomous_system)
    return old, router.line(number=number), *_entered(section), *(ports if process.version == 6 else ())


def _entered(section: Section | None) -> Iterator[str]:
    """Yield the lines of a section and of the sections inside, with blanks for secrets."""
    for one in section.statements() if section is not None else ():
        yield one.text_for_others.replace(HIDDEN, SECRET)
        if one.section is not None:
            yield from _entered(one.section)
            if one.section.mode.exit_word is not None:
                yield one.section.mode.exit_word


def _weight_lines(end: EigrpEnd, weights: Weights) -> tuple[str, ...]:
    return sections.process_lines(
        end.process,
        processes.IN_FAMILY.weights.line(**{f"k{place}": one for place, one in enumerate(weights.agreed, 1)}),
    )


def _proof_lines(end: EigrpEnd, proof: Proof) -> tuple[str, ...]:
    process, interface, settings = end.process, end.interface, end.settings
    if proof.mode is None:
        unused = sections.taken_back(process, interface, sections.CHAIN)[-1:] if settings.key_chain else ()
        return *sections.taken_back(process, interface, sections.MODE), *unused
    if proof.mode is AuthenticationMode.HMAC_SHA_256:
        return sections.entered(process, interface, sections.MODE, **{"hmac-sha-256": True, "password": proof.password})
    is_there, lines = settings.authentication is proof.mode and bool(settings.key_chain), list[str]()
    chain = settings.key_chain or proof.chain
    if compare_keys(end.keys, proof.keys) is not Likeness.SAME:
        lines += key_lines(chain, end.keys, proof.keys)
    if not is_there:
        lines += sections.entered(process, interface, sections.MODE, md5=True)
        lines += sections.entered(process, interface, sections.CHAIN, chain=chain)[-1:]
    return tuple(lines)


_NOT_BELIEVED: Final = (EigrpReason.WRONG_DIGEST, EigrpReason.NO_DIGEST, EigrpReason.OFF_HERE, EigrpReason.NO_VALID_KEY)
SYSTEM: Final = Term["EigrpEnd", int](
    rule=rule(Severity.ERROR)(r"""
        routing-process-differs: Both ends of a tunnel run routing protocols, and none in common
        EIGRP routers are neighbors if their autonomous systems are the same (RFC 7868 §5.3.1), and different protocols
        form no neighbors. The tunnel is up, and no route comes over it.
        bad: router eigrp 200\n network 10.0.0.0 0.0.0.255
        fix: router eigrp 100\n network 10.0.0.0 0.0.0.255
        """),
    cause=Cause.AUTONOMOUS_SYSTEM,
    name="EIGRP autonomous system",
    effect="they are no neighbors",
    see=lambda end: end.process.autonomous_system,
    words=lambda number: f"EIGRP {number}",
    place=lambda end: (sections.header(end.process),),
    lines=_system_lines,
)
WEIGHTS: Final = Term["EigrpEnd", "Weights"](
    rule=rule(Severity.ERROR)(r"""
        eigrp-weights-differ: The two ends of a tunnel compute EIGRP metrics with different weights
        Hellos carry the K values, and routers with different K values are no neighbors (RFC 7868 §5.3.2): metrics that
        mean different things would make loops.
        bad: router eigrp 100\n metric weights 0 1 1 1 0 0
        fix: router eigrp 100\n no metric weights
        """),
    cause=Cause.EIGRP_WEIGHTS,
    name="K-value",
    effect="they are no neighbors",
    see=lambda end: end.process.scale.weights,
    words=lambda weights: f"K-values {' '.join(map(str, weights.agreed))}",
    fits=lambda here, there: Likeness.of(here.agreed == there.agreed),
    place=lambda end: (sections.header(end.process), "metric weights"),
    lines=_weight_lines,
    waits=(SYSTEM,),
    other=Weights(k2=1),
)
AUTHENTICATION: Final = Term["EigrpEnd", Proof](
    rule=rule(Severity.ERROR)(r"""
        eigrp-authentication-differs: EIGRP authenticates at one end only, or with other keys
        A packet that is not signed with a key of the receiver's chain, number and text alike, is dropped: no adjacency.
        bad: interface Tunnel0\n ip address 10.0.0.10 255.255.255.0
        fix: interface Tunnel0\n ip authentication mode eigrp 100 md5\n ip authentication key-chain eigrp 100 KEYS
        """),
    cause=Cause.EIGRP_AUTHENTICATION,
    name="EIGRP key",
    effect="each drops what the other one sends",
    see=Proof.of,
    words=str,
    fits=Proof.compare,
    shown=lambda proof: Proof(proof.mode, SECRET, proof.chain, proof.keys),
    place=lambda end: sections.line_of(
        end.process, end.interface, "authentication key-chain" if end.settings.key_chain else "authentication mode"
    ),
    lines=_proof_lines,
    protects=lambda proof: proof.mode is not None,
    refuses=lambda reason: reason.is_one(*_NOT_BELIEVED),
    waits=(SYSTEM,),
)
TERMS: Final = (SYSTEM, WEIGHTS, AUTHENTICATION)
