"""Rules about IPsec between the two ends of a tunnel: would IKE come to an end, and would what it agrees on last?

Nothing is negotiated here a second time: the IKE feature's own book answers which profile, key and algorithms each end
would use with the other, and its own comparison says what does not fit. How the two prove who they are is in `proofs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.findings import Rule, Severity
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.suites import esp_suites
from dmvpn.features.ike.v2.offers import esp_offer, mismatch
from dmvpn.features.ipsec.config.profiles import PFS as PFS_LINE
from dmvpn.features.ipsec.lint import in_transport_mode
from dmvpn.features.ipsec.policies import resolve
from dmvpn.features.tunnel.config import PROTECTION
from dmvpn.network.terms.ike import IDENTITY, IKE, METHOD, PROPOSALS
from dmvpn.tools.lint.found import differences, found
from dmvpn.tools.lint.rules.proofs import KEY, NAMELESS, NO_KEY, PAIR, lonely, names, proofs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.network.terms.ike_sides import Side
    from dmvpn.tools.lint.found import NetworkConcern

ONE_SIDED: Final = Rule(
    id="ipsec-one-sided",
    severity=Severity.ERROR,
    title="One end of a tunnel is protected, and the other is not",
    why="A protected tunnel sends and accepts nothing in clear, and the other end sends only in clear. Not even a "
    "registration gets through.",
    bad="interface Tunnel0\n tunnel mode gre multipoint",
    fix="interface Tunnel0\n tunnel protection ipsec profile P",
)
TRANSFORMS: Final = Rule(
    id="ipsec-transforms-differ",
    severity=Severity.ERROR,
    title="The two ends have no transform in common",
    why="The IKE SA comes up, and the child SA is refused with NO_PROPOSAL_CHOSEN (RFC 7296 §3.3): nothing is carried.",
    bad="crypto ipsec transform-set TS esp-gcm 256",
    fix="crypto ipsec transform-set TS esp-aes 256 esp-sha256-hmac",
)
MODE: Final = Rule(
    id="ipsec-mode-differs",
    severity=Severity.WARNING,
    title="One end is in transport mode, the other in tunnel mode",
    why="Transport mode is used if both want it (RFC 7296 §1.3.1); else it is tunnel mode with 20 octets more in each "
    "packet, or nothing at all with `mode transport require`. In IKEv1 the end in tunnel mode refuses transport mode: "
    "nothing comes up where the other end begins.",
    bad="crypto ipsec transform-set TS esp-gcm 256\n mode tunnel",
    fix="crypto ipsec transform-set TS esp-gcm 256\n mode transport",
)
PFS: Final = Rule(
    id="ipsec-pfs-differs",
    severity=Severity.ERROR,
    title="The two ends want different groups for perfect forward secrecy",
    why="The first child SA is made with IKE's own exchange and comes up. Its successor needs an exchange of its own "
    "in a group that both have (RFC 7296 §1.3.1) and is refused: there is never any forward secrecy, and whenever a "
    "lifetime ends the tunnel begins again.",
    bad="crypto ipsec profile P\n set pfs group19",
    fix="crypto ipsec profile P\n set pfs group14",
)
RULES: Final = (
    ONE_SIDED,
    PROPOSALS.rule,
    KEY,
    NO_KEY,
    IDENTITY.rule,
    METHOD.rule,
    TRANSFORMS,
    MODE,
    PFS,
    NAMELESS,
    PAIR,
)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield tunnels whose two ends would not agree on their protection."""
    for culprit, other in network.differing(lambda end: bool(end.tunnel.protection)):
        protected = other if other.tunnel.protection else culprit
        what = (
            f"{protected.device.hostname}'s {protected.name} is protected, {_other(protected, culprit, other)} is not"
        )
        profile = other.tunnel.protection
        line = PROTECTION.of(profile=profile) if profile else PROTECTION.no()
        related = ((other.device, other.line("tunnel protection")),)
        at = culprit.line("tunnel protection")
        yield found(ONE_SIDED, culprit.device, at, what, f"{culprit.at[0]}\n {line}", related=related)
    for culprit, other in network.differing(_pfs):
        what = (
            f"{_group(culprit)} here, {_group(other)} at {other.device.hostname}: the first renewal of SAs is refused"
        )
        at = (f"crypto ipsec profile {culprit.tunnel.protection}", "set pfs")
        theirs = (f"crypto ipsec profile {other.tunnel.protection}", "set pfs")
        group = _pfs(other)
        fix = f"{at[0]}\n {PFS_LINE.of(group=f'group{group}') if group else PFS_LINE.no()}"
        yield found(PFS, culprit.device, at, what, fix, related=((other.device, theirs),))
    for end in network.ends:
        yield from names(end)
    yield from lonely(network)
    yield from differences(network, IKE)
    for pair in network.pairs:
        here, there = IKE.views(pair)
        if here is not None and there is not None:
            yield from _algorithms(here, there)
            yield from _modes(here, there, network)
            if not any(IKE.failures(pair)):
                yield from proofs(here, there)


def _other(end: TunnelEnd, one: TunnelEnd, other: TunnelEnd) -> str:
    rest = other if end is one else one
    return f"{rest.device.hostname}'s {rest.name}"


def _pfs(end: TunnelEnd) -> int | None:
    if not end.tunnel.protection:
        return None
    policy = resolve(end.device.ipsec, end.tunnel.protected_by, end.outer) if end.outer is not None else None
    return policy.pfs_group if policy is not None and not isinstance(policy, Reason) else None


def _group(end: TunnelEnd) -> str:
    group = _pfs(end)
    return f"group {group} for perfect forward secrecy" if group else "no perfect forward secrecy"


def _algorithms(here: Side, there: Side) -> Iterator[NetworkConcern]:
    mine, other = esp_suites(here.policy.transforms), esp_suites(there.policy.transforms)
    if not any(suite in other for suite in mine):
        why = mismatch(mine, esp_offer(other, b"\0\0\1\0"), ProtocolId.ESP)
        at = (*here.profile_line, "set transform-set")
        related = ((there.end.device, (*there.profile_line, "set transform-set")),)
        yield found(
            TRANSFORMS,
            here.end.device,
            at,
            f"no transform in common with {there.name}: {_words(why, there)}",
            related=related,
        )


def _words(why: Reason, there: Side) -> str:
    match why:
        case Reason(IkeReason.MISMATCH, (kind, ours, theirs)):
            return f"{kind}: ours {ours}; {there.name} {theirs}"
        case _:
            return str(why)


def _modes(here: Side, there: Side, network: Network) -> Iterator[NetworkConcern]:
    if here.policy.transport == there.policy.transport:
        return
    tunnel, transport = (there, here) if here.policy.transport else (here, there)
    strict = not transport.policy.may_tunnel
    names = next(
        (p.transform_sets for p in tunnel.end.device.ipsec.profiles if p.name == tunnel.end.tunnel.protection), ()
    )
    at = (f"crypto ipsec transform-set {names[0]}",) if names else tunnel.profile_line
    known = [one for one in tunnel.end.device.ipsec.transform_sets if one.name in names[:1]]
    begins = transport.end not in network.servers_of(tunnel.end)
    if strict:
        result = "which takes nothing else"
    elif transport.by_v1:
        result = f"so nothing comes up by IKEv1 where {transport.name} begins"
    else:
        result = "so both use tunnel mode"
    what = f"tunnel mode here, transport mode at {transport.name}, {result}"
    severity = Severity.ERROR if strict or (transport.by_v1 and begins) else None
    related = ((transport.end.device, transport.profile_line),)
    yield found(
        MODE,
        tunnel.end.device,
        at,
        what,
        in_transport_mode(known[0]) if known else "",
        related=related,
        severity=severity,
    )
