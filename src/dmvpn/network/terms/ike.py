"""The table of IKE: proposals that both ends have, and methods and identities that each accepts of the other one.

Nothing is negotiated here a second time: the peer settings of IKE's machine say what each end (`Side`) would use with
the other one.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from dmvpn.base.addresses import IPAddress, OuterAddress
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.protection import IkeVersion, ProtectionPolicy
from dmvpn.base.reasons import Reason
from dmvpn.base.terms import Duty, Likeness, NoValue, Term
from dmvpn.base.values import Value
from dmvpn.features.ike.config import isakmp, profiles, settings
from dmvpn.features.ike.model import DEFAULT_PROPOSAL, IdentityKind, Policy, Profile
from dmvpn.features.ike.numbers import TransformType
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint, Terms
from dmvpn.features.ike.reasons import AlgorithmKind, IkeReason, listed
from dmvpn.features.ike.settings import ConfiguredSettings
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.translation import applying, candidates, is_isakmp, plain, version_of, written
from dmvpn.features.ike.v2.negotiation import transforms_of
from dmvpn.features.ipsec.policies import resolve
from dmvpn.ios import Section
from dmvpn.network.overlay import EndPair, TunnelEnd
from dmvpn.network.terms.table import Table

# ------------------------------------------------------------------------------------------------ the two ends


class Side(Value, eq=False):
    """One end. peer: where the other end of its pair is seen. by_v1: the client of its pair begins with IKEv1.

    terms: how it would talk to the other end of its pair, where the client begins, or why it cannot; None: the client
        cannot begin.
    """

    end: TunnelEnd
    address: IPAddress
    policy: ProtectionPolicy
    settings: ConfiguredSettings
    peer: IPAddress | None = None
    by_v1: bool = False
    terms: Terms | Reason | None = None

    @property
    def name(self) -> str:
        """What the router calls itself."""
        return self.end.device.hostname

    @property
    def seen(self) -> IPAddress:
        """The address with which other routers exchange its messages: behind NAT the public one."""
        return self.end.seen or self.address

    @property
    def profile_line(self) -> tuple[str, ...]:
        """The line that opens its IPsec profile."""
        return (f"crypto ipsec profile {self.policy.name.partition(' ')[0]}",)

    @property
    def way(self) -> DatagramPath:
        """The way of its messages to the other end of its pair."""
        return DatagramPath(Endpoint(self.address, 500), Endpoint(self.peer or self.address, 500), self.policy.front)

    @property
    def profile(self) -> Profile | None:
        """The IKE profile of its terms; without terms the first that it could have; None: there is none."""
        every = candidates(self.settings.config, self.policy)
        able = [name for name in every if is_isakmp(name) or not self.by_v1]
        names = [self.terms.profile] if isinstance(self.terms, Terms) else able
        return next((one for name in names for one in self.settings.config.profiles if one.name == name), None)


def side(end: TunnelEnd, pair: EndPair) -> Side | None:
    """Return an end of a pair; None: one of the two is not protected, or not in a way that can work at all."""
    both = _sides(pair)
    return both[end is pair.there] if both is not None else None


@lru_cache(maxsize=64)
def _sides(pair: EndPair) -> tuple[Side, Side] | None:
    here, there = side_of(pair.here), side_of(pair.there)
    if here is None or there is None:
        return None
    config = here.settings.config
    by_v1 = version_of(config, candidates(config, here.policy)[0]) == IkeVersion.V1
    ours = here.settings.to(here.policy, there.seen)
    here = replace(here, peer=there.seen, by_v1=by_v1, terms=ours)
    there = replace(there, peer=here.seen, by_v1=by_v1)
    if isinstance(ours, Reason):
        return here, there
    return here, replace(there, terms=there.settings.terms(there.way, ours.identity, None, version=ours.version))


@lru_cache(maxsize=256)
def side_of(end: TunnelEnd) -> Side | None:
    """Return an end without a peer; None: as `side`."""
    if not end.tunnel.protection or end.outer is None or end.source_vrf != end.tunnel.front:
        return None
    policy = resolve(end.device.ipsec, end.tunnel.protected_by, end.outer)
    if isinstance(policy, Reason):
        return None

    def interface_of(outer: OuterAddress) -> str:
        owner = end.device.owner(outer.address, outer.front)
        return owner.name if owner is not None else ""

    here = ConfiguredSettings(end.device.ikev2, (policy,), interface_of=interface_of)
    return Side(end, end.outer.address, policy, here)


# ------------------------------------------------------------------------------------------------ the table


#: The mask of one address.
_HOST: Final = "255.255.255.255"
#: The lines of a proposal.
_OF_PROPOSAL: Final = (settings.ENCRYPTION, settings.INTEGRITY, settings.PRF, settings.GROUPS)
#: The proposal of a router without one of its own; a router with proposals must have this one, too, to agree with it.
_SMART_DEFAULTS: Final = (
    "SMART-DEFAULTS",
    (
        f"encryption {' '.join(one.value for one in DEFAULT_PROPOSAL.encryption)}",
        f"integrity {' '.join(one.value for one in DEFAULT_PROPOSAL.integrity)}",
        f"group {' '.join(map(str, DEFAULT_PROPOSAL.groups))}",
    ),
)
_KINDS: Final = (TransformType.ENCR, TransformType.PRF, TransformType.INTEG, TransformType.KE)


class Proposals(Value):
    """The proposals of an end for the version of IKE with which the client begins.

    suites: all that it can use, in IKEv1 with the method of authentication: signatures need a certificate.
    policy: the name of its policy of IKEv2, "": the default. proposal: the first one there: its name and lines.
    isakmp: the lines of its first policy of IKEv1.
    """

    suites: tuple[tuple[Suite, str], ...]
    policy: str
    proposal: tuple[str, tuple[str, ...]]
    isakmp: tuple[str, ...]


def _proposals(end: Side) -> Proposals | NoValue:
    config, tree = end.end.device.ikev2, end.end.device.tree
    if end.profile is None:
        return NoValue.ABSENT  # other rules say so
    if end.by_v1:
        signs = bool(end.end.device.pki.trustpoints)
        transforms = end.settings.main_mode(end.way).transforms
        suites = tuple(
            (one.suite, "rsa-sig" if one.signs else "pre-share") for one in transforms if signs or not one.signs
        )
    else:
        known = {proposal.name for proposal in config.proposals}
        if any(name not in known for policy in config.policies for name in policy.proposals):
            return NoValue.UNKNOWN  # then the defaults are offered, and another rule says so
        suites = tuple((suite, "") for suite in end.settings.suites(end.way))
    policy = _policy(end)
    named = ((name, tree.section(settings.PROPOSAL, name=name)) for name in (policy.proposals if policy else ()))
    first = next(((name, _lines(section)) for name, section in named if section is not None), _SMART_DEFAULTS)
    old = [(args.integer("number"), _lines(section)) for args, section in tree.sections(isakmp.POLICY)]
    return Proposals(suites, policy.name if policy else "", first, min(old)[1] if old else ())


def _policy(end: Side) -> Policy | None:
    """Return the policy of IKEv2 for the tunnel's source in its front door: the first match."""
    for one in end.end.device.ikev2.policies:
        is_for_source = not one.local_addresses or end.address in one.local_addresses
        if is_for_source and one.fvrf in ("any", end.end.tunnel.front):
            return one
    return None


def _lines(section: Section) -> tuple[str, ...]:
    return tuple(one.text for one in section.statements())


def _algorithms(value: Proposals) -> str:
    """Return the algorithms of all proposals."""
    found = []
    for kind in _KINDS:
        names = dict.fromkeys(
            str(one) for suite, _ in value.suites for one in transforms_of(suite, _KINDS) if one.type == kind
        )
        found += [f"{AlgorithmKind(kind)} {listed(names)}"] if names else []
    methods = dict.fromkeys(method for _, method in value.suites if method)
    return f"IKE proposals ({'; '.join([*found, *methods])})" if found else "no IKE proposal that it can use"


def _proposal_place(end: Side) -> tuple[str, ...]:
    policy = None if end.by_v1 else _policy(end)
    if policy is not None and policy.proposals:
        return (f"crypto ikev2 proposal {policy.proposals[0]}",)
    old = end.end.device.ikev2.isakmp.policies
    return (f"crypto isakmp policy {old[0].number}",) if old else end.profile_line


def _proposal_lines(end: Side, value: Proposals) -> tuple[str, ...]:
    """Return the lines that let an end accept the first proposal of the other one, besides its own."""
    policy, tree = _policy(end), end.end.device.tree
    if value.isakmp and (end.by_v1 or not (policy or value.policy)):
        taken = {one.number for one in end.end.device.ikev2.isakmp.policies}
        return isakmp.POLICY.line(number=next(one for one in range(10, 10_001) if one not in taken)), *value.isakmp
    if end.by_v1:
        return ()
    name, wanted = value.proposal
    opening = settings.POLICY.line(name=policy.name if policy else value.policy or name)
    for args, section in tree.sections(settings.PROPOSAL):
        if _lines(section) == wanted:
            return opening, settings.USES.line(name=args.text("name"))
    own = tree.section(settings.PROPOSAL, name=name)
    words = {line.split()[0] for line in wanted}
    gone = (line.no() for line in _OF_PROPOSAL if own is not None and own.entries(line))
    uses = () if policy is not None and name in policy.proposals else (opening, settings.USES.line(name=name))
    return settings.PROPOSAL.line(name=name), *wanted, *(line for line in gone if line.split()[1] not in words), *uses


PROPOSALS: Final = Term["Side", Proposals](
    rule=rule(Severity.ERROR)(r"""
        ike-proposals-differ: The two ends have no IKE proposal in common
        IKE_SA_INIT ends with NO_PROPOSAL_CHOSEN (RFC 7296 §2.7). One algorithm of each type, and one group, have to be
        in a proposal of both.
        bad: crypto ikev2 proposal P\n group 14
        fix: crypto ikev2 proposal P\n group 14 19
        """),
    cause=Cause.IKE_PROPOSAL,
    name="IKE proposal",
    effect="they have none in common",
    see=_proposals,
    words=_algorithms,
    fits=lambda mine, theirs: Likeness.of(bool(set(mine.suites) & set(theirs.suites))),
    place=_proposal_place,
    lines=_proposal_lines,
)


def _refused_identity(here: Side, there: Side) -> str:
    """Return that no profile of an end takes the identity that the other one shows."""
    found: object = here.terms
    if isinstance(here.terms, Terms) and isinstance(there.terms, Terms):
        found = here.settings.expectation(here.terms, here.way, there.terms.identity)
    if not isinstance(found, Reason) or found.code not in (IkeReason.NO_MATCH, IkeReason.OTHER_IDENTITY):
        return ""
    if here.profile is None:
        return ""  # another rule says so
    return f"no IKE profile of {here.name} takes {there.name}, whose identity is {found.fields[-1]}"


def _in_profile(end: Side, line: str) -> tuple[str, ...]:
    """Return a line of an IKE profile, by its words."""
    if end.profile is None:
        return end.profile_line
    opening = written(end.profile.name)
    return (f"crypto {opening}", line) if plain(end.profile.name) else (opening,)


def _identity_lines(here: Side, there: Side) -> tuple[str, ...]:
    name = here.profile.name if here.profile is not None else ""
    if is_isakmp(name):
        match = isakmp.MATCH_IDENTITY.line(address=there.address, mask=_HOST)
        return isakmp.PROFILE.line(name=plain(name)), match
    return profiles.PROFILE.line(name=name), profiles.MATCH_IDENTITY.line(**_shown(there))


def _shown(end: Side) -> dict[str, Hashable]:
    """Return the identity of an end, as a `match` has it: of its profile, else every identity if it takes each itself,
    else its address.
    """
    own = end.profile.local_identity if end.profile is not None else None
    if own is not None and own.kind is IdentityKind.DISTINGUISHED_NAME:
        return {"any": True}
    if own is not None and own.text:
        return {own.kind.value: True, "text": own.text}
    if own is not None and own.address is not None:
        return {"address": own.address, "mask": _HOST}
    for one in end.profile.matches if own is None and end.profile is not None else ():
        if one.kind is IdentityKind.ANY:
            return {"any": True}
        if one.address is not None and one.mask is None and not int(one.address):
            return {"address": one.address}
    return {"address": end.address, "mask": _HOST}


IDENTITY: Final = Duty["Side"](
    rule=rule(Severity.ERROR)(r"""
        ike-profile-unmatched: No IKE profile of the peer matches this router's identity
        A responder chooses its profile by the identity that the initiator gives, its address unless `identity local`
        says otherwise. If none matches, it refuses the peer.
        bad: crypto ikev2 profile P\n match identity remote address 192.0.2.1
        fix: crypto ikev2 profile P\n match identity remote address 0.0.0.0
        """),
    cause=Cause.IKE_IDENTITY,
    fails=_refused_identity,
    place=lambda end: _in_profile(end, "match identity"),
    lines=_identity_lines,
)


def _refused_method(here: Side, there: Side) -> str:
    """Return that an end does not accept the method by which the other one proves itself."""
    if here.profile is None or there.profile is None or not isinstance(here.terms, Terms):
        return ""
    method, accepted = there.profile.local_authentication, here.profile.remote_authentication
    if method is None or method in accepted or not isinstance(there.terms, Terms):
        return ""
    names = ", ".join(one.value for one in accepted) or "nothing"
    return f"{there.name} proves itself by {method.value}, and the IKE profile of {here.name} accepts {names}"


def _method_lines(here: Side, there: Side) -> tuple[str, ...]:
    mine, other = here.profile, there.profile
    if mine is None or is_isakmp(mine.name) or other is None or other.local_authentication is None:
        return ()
    uses = profiles.USES.line(remote=True, **{other.local_authentication.value: True})
    return profiles.PROFILE.line(name=mine.name), uses


METHOD: Final = Duty["Side"](
    rule=rule(Severity.ERROR)(r"""
        ike-authentication-differs: One end authenticates by a method that the other does not accept
        `authentication local` of one end has to be among `authentication remote` of the other (RFC 7296 §2.15).
        bad: crypto ikev2 profile P\n authentication remote rsa-sig
        fix: crypto ikev2 profile P\n authentication remote pre-share
        """),
    cause=Cause.PROFILE,
    fails=_refused_method,
    place=lambda end: _in_profile(end, "authentication remote"),
    lines=_method_lines,
)


def _other_version(here: Side, there: Side) -> str:
    """Return that an end begins with IKEv1, for which the other one has no lines."""
    is_refused = isinstance(there.terms, Reason) and there.terms.code is IkeReason.NO_MATCH
    if not there.by_v1 or not is_refused or there.profile is not None or not applying(there.end.device.ikev2):
        return ""
    return f"{here.name} begins with IKEv1, and {there.name} has lines of IKEv2 alone"


VERSION: Final = Duty["Side"](
    rule=PROPOSALS.rule,
    cause=Cause.IKE,
    fails=_other_version,
    place=_proposal_place,
    lines=lambda _, __: (isakmp.RUN_AS.line(),),
)
IKE: Final = Table(side, (PROPOSALS,), (VERSION, IDENTITY, METHOD))
