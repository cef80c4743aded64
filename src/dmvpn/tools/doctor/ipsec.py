"""Checks of IKE: both ends protect the tunnel, and if they do not agree, which lines are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.features.ike.config.isakmp import RUN_AS
from dmvpn.features.ike.numbers import TransformType
from dmvpn.features.ike.reasons import IkeReason, main_mode_message
from dmvpn.features.ike.v2.wire.numbers import ExchangeType
from dmvpn.features.tunnel import config as tunnel_lines
from dmvpn.ios import INTERFACE
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.crypto_parameters import (
    End,
    by_certificate,
    identity_lines,
    lacks_keys,
    lacks_profile,
    mode_lines,
    pfs_lines,
    profile_lines,
    proof_lines,
    proposal_lines,
    transform_lines,
    trustpoint_lines,
)
from dmvpn.tools.doctor.hidden_secrets import question
from dmvpn.tools.doctor.packet_loss import probe_result
from dmvpn.tools.doctor.preshared_keys import half_key, is_special, key_lines, key_place
from dmvpn.tools.doctor.probes import ProbePurpose
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import ReasonFacts
    from dmvpn.tools.doctor.scene import Client, Scene
    from dmvpn.tools.doctor.verdicts import Verdict


class Clue(NamedTuple):
    """The meaning of a reason of IKE. own: the lines to change are those of the reporting router."""

    cause: Cause
    step: Step = Step.IKE
    own: bool = False


_IDENTITY: Final = Clue(Cause.IKE_IDENTITY, own=True)
_CERTIFICATE: Final = Clue(Cause.CERTIFICATE)
_PROPOSAL: Final = Clue(Cause.IKE_PROPOSAL)
#: The other end begins with IKEv1, for which this end has no lines.
_VERSION: Final = Clue(Cause.IKE)
#: The meaning of each reason that is conclusive by itself.
CLUES: Final = {
    code.id: meaning
    for code, meaning in (
        (IkeReason.NO_KEY, Clue(Cause.PSK_MISSING, own=True)),
        (IkeReason.NO_ISAKMP_POLICY, Clue(Cause.IKE_PROPOSAL, own=True)),
        (IkeReason.NO_KEY_LINE, Clue(Cause.PSK_MISSING, own=True)),
        (IkeReason.NO_KEY_FOR, Clue(Cause.PSK_MISSING, own=True)),
        (IkeReason.OTHER_KEY, Clue(Cause.PSK)),
        (IkeReason.UNREADABLE_PROOF, Clue(Cause.PSK)),
        (IkeReason.IDENTITY_REFUSED, Clue(Cause.IKE_IDENTITY)),
        (IkeReason.NO_MATCH, _IDENTITY),
        (IkeReason.OTHER_IDENTITY, _IDENTITY),
        (IkeReason.PROFILE_MISSING, Clue(Cause.PROFILE, own=True)),
        (IkeReason.NO_PROFILE, Clue(Cause.PROFILE, own=True)),
        (IkeReason.UNABLE, Clue(Cause.PROFILE, own=True)),
        (IkeReason.NO_WAY, Clue(Cause.PROFILE, own=True)),
        (IkeReason.NO_MAP, _CERTIFICATE),
        (IkeReason.NO_TRUSTPOINT, _CERTIFICATE),
        (IkeReason.NO_CERTIFICATE, _CERTIFICATE),
        (IkeReason.OTHER_KIND_OF_KEY, _CERTIFICATE),
        (IkeReason.NO_AUTHORITY, _CERTIFICATE),
        (IkeReason.NOT_BELIEVED, _CERTIFICATE),
        (IkeReason.NOT_THE_HOLDER, _CERTIFICATE),
        (IkeReason.CERTIFICATE_REFUSED, _CERTIFICATE),
        (IkeReason.METHOD_REFUSED, _CERTIFICATE),
        (IkeReason.NO_PROOF, _CERTIFICATE),
        (IkeReason.NO_PROOF_IN_TIME, _CERTIFICATE),
        (IkeReason.EAP, Clue(Cause.PROFILE)),
        (IkeReason.PPK, Clue(Cause.PROFILE)),
        (IkeReason.NO_CHILD, Clue(Cause.TRANSFORM, Step.SA)),
        (IkeReason.NO_CHILD_FOR, Clue(Cause.TRANSFORM, Step.SA)),
        (IkeReason.MISMATCH, _PROPOSAL),
        (IkeReason.NO_COMBINATION, _PROPOSAL),
        (IkeReason.AUTHENTICATION, _PROPOSAL),
        (IkeReason.SELECTORS, _PROPOSAL),
        (IkeReason.MODE, _PROPOSAL),
    )
}
_SILENT: Final = (IkeReason.NO_ANSWER, IkeReason.NO_ANSWER_AND)
_NO_PROFILE: Final = (IkeReason.PROFILE_MISSING, IkeReason.NO_PROFILE)
#: Reasons that mean a missing key or a missing profile, by the lines of the router that reports them.
_LACKING: Final = (IkeReason.NO_KEY_FOR, *_NO_PROFILE)
#: In the names of the encapsulations of transport mode.
_TRANSPORT: Final = "TRANSPORT"
#: The messages with which IKE begins, always to port 500.
_OPENINGS: Final = (ExchangeType.IKE_SA_INIT.name, main_mode_message(1), main_mode_message(3))
#: The end of an address with the port of IKE behind a translator, RFC 3947 §4.
_NAT_T: Final = ":4500"
#: Inconclusive reports, of an end that got a refusal without a reason, or no reply: they have several causes.
_VAGUE: Final = (IkeReason.REFUSED, IkeReason.PROOF_REFUSED, *_SILENT)


def clue(reason: ReasonFacts) -> Clue | None:
    """Return the meaning of a reason, or of the reason behind it, if it is conclusive.

    A reason of IKE may have two halves: the initiator received the other's.
    """
    if reason.is_one(*_VAGUE):
        return None
    found = CLUES.get(reason.code)
    if found is None:
        inner = (clue(field) for field in reason.fields if not isinstance(field, int | str))
        return next((one for one in inner if one is not None), None)
    if found.step is Step.SA:
        if reason.find(IkeReason.NONE_ACCEPTED):
            return None
        differing = reason.find(IkeReason.MISMATCH)
        if differing is not None and TransformType.KE in differing.fields:
            return Clue(Cause.PFS, Step.SA)
        capsules = reason.find(IkeReason.ENCAPSULATION)
        if capsules is not None and len({_TRANSPORT in str(side) for side in capsules.fields}) > 1:
            return Clue(Cause.MODE, Step.SA)
    return found


def clue_at(reason: ReasonFacts, end: End) -> Clue | None:
    """Return the meaning of a reason that an end reports, if it is conclusive together with the lines of this end.

    A router without a profile for the tunnel reports a missing key in IKEv1. Without any key it reports a missing
    profile.
    """
    found = clue(reason)
    if found is None or not reason.find(*_LACKING):
        return found
    if not lacks_profile(end):
        if reason.find(IkeReason.NO_KEY_FOR) and not end.answers_v1:
            return _VERSION
        return None if reason.find(*_NO_PROFILE) else found
    return Clue(Cause.PSK_MISSING if lacks_keys(end) else Cause.PROFILE, own=True)


def is_silent(reason: ReasonFacts, *names: str) -> bool:
    """Return whether a message or an exchange of IKE with one of these names was never answered; no names: any."""
    return any(part.is_one(*_SILENT) and (not names or part.fields[0] in names) for part in reason.parts())


def no_opening(reason: ReasonFacts) -> bool:
    """Return whether nothing was answered with which IKE begins."""
    return is_silent(reason, *_OPENINGS)


def no_proof_at_4500(reason: ReasonFacts) -> bool:
    """Return whether IKE began, and what came then to port 4500 was not answered."""
    if is_silent(reason, ExchangeType.IKE_AUTH.name):
        return True
    proof = main_mode_message(5)
    silent = (part.fields for part in reason.parts() if part.is_one(*_SILENT))
    return any(fields[0] == proof and str(fields[2]).endswith(_NAT_T) for fields in silent)


def protection(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that both ends protect the tunnel, or neither does."""
    there = client.there
    if there is None or bool(there.protection) == bool(client.tunnel.protection):
        return
    with_, without = (
        ((client.name, client.tunnel), (client.hub, there))
        if client.tunnel.protection
        else ((client.hub, there), (client.name, client.tunnel))
    )
    yield Finding(
        step=Step.IKE,
        cause=Cause.UNPROTECTED,
        router=without[0],
        what=f"{with_[0]} protects its tunnel, and {without[0]} sends and takes GRE in clear",
        evidence=(f"{with_[0]}: tunnel protection ipsec profile {with_[1].protection}", f"{without[0]}: none"),
        fix=(
            INTERFACE.of(name=without[1].name),
            _protection_line(_profile(scene, without[0]) or with_[1].protection),
        ),
    )


def _profile(scene: Scene, name: str) -> str:
    """Return a profile that the router has, where it is not used."""
    facts = scene.of(name)
    found = device(facts).ipsec.profiles if facts is not None else ()
    return found[0].name if len(found) == 1 else ""


def _protection_line(protection: str) -> str:
    """Return the line that protects a tunnel. protection: the IPsec profile, and the IKE profile with its keyword."""
    profile, _, own = protection.partition(" ")
    kind, _, name = own.partition("-profile ")
    return tunnel_lines.PROTECTION.of(profile=profile, **({kind: name} if own else {}))


def ike(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that IKE succeeds: if not, the end that knows the reason reports it."""
    if not client.tunnel.protection or client.there is None or not client.there.protection:
        return
    ours, theirs = _reasons(scene, client)
    if is_secured(client):
        yield Fine(Step.IKE, f"{client.name} and {client.hub} have SAs")
        return
    evidence = (*(f"{client.name} says: {one}" for one in ours), *(f"{client.hub} says: {one}" for one in theirs))
    for who, reasons in ((client.hub, theirs), (client.name, ours)):
        for reason in reasons:
            ends = _ends(client, who)
            known = clue_at(reason, ends[0]) if ends is not None else clue(reason)
            if known is not None:
                yield _from_clue(scene, client, who, known, (reason, evidence))
                return
    yield _unanswered(scene, client, ours, evidence)


def is_secured(client: Client) -> bool:
    """Return whether the client has SAs with its server by its own report."""
    if client.server is not None:
        return client.server.secured
    return all(peer.nbma != client.nbma for peer in client.tunnel.unsecured)


def _reasons(scene: Scene, client: Client) -> tuple[list[ReasonFacts], list[ReasonFacts]]:
    """Return the reasons of both ends, without duplicates, the more detailed first."""
    mine = [peer.reason for peer in (*client.tunnel.unsecured, *client.facts.refused) if peer.nbma == client.nbma]
    facts, there = client.hub_facts, client.there
    known = (*(there.unsecured if there is not None else ()), *(facts.refused if facts is not None else ()))
    theirs = [peer.reason for peer in known if peer.nbma == scene.seen_as(client)]
    return _once(mine), _once(theirs)


def _once(reasons: list[ReasonFacts]) -> list[ReasonFacts]:
    given = list({str(reason): reason for reason in reasons if reason}.values())
    return [reason for reason in given if not any(_says_more(other, reason) for other in given)]


def _says_more(longer: ReasonFacts, reason: ReasonFacts) -> bool:
    """Return whether a reason is the first part of a longer one."""
    if longer.is_one(IkeReason.FAILED_AS_RESPONDER):
        return str(longer.fields[0]) == reason.text
    return longer.is_one(IkeReason.NO_ANSWER_AND) and longer.fields[:-1] == reason.fields


def _from_clue(
    scene: Scene, client: Client, who: str, known: Clue, said: tuple[ReasonFacts, tuple[str, ...]]
) -> Finding:
    """Return the finding where the ends disagree: a hub that agrees with its other clients is right.

    said: the reason with the clue, and all reasons of the two.
    """
    culprit, (reason, evidence) = who, said
    if known is _IDENTITY and client.there is not None and client.hub_facts is not None:
        judge = End(client.facts, client.tunnel) if who == client.name else End(client.hub_facts, client.there)
        known = _CERTIFICATE if by_certificate(judge) else known
    if not known.own:
        others = scene.fellows(client)
        culprit = client.hub if others and not any(is_secured(one) for one in others) else client.name
    if known is _VERSION:
        culprit = client.hub if who == client.name else client.name
    has_own_key = False
    if known.cause is Cause.PSK and client.hub_facts is not None:
        mine = is_special(client.facts.configuration, client.nbma)
        theirs = is_special(client.hub_facts.configuration, scene.seen_as(client))
        has_own_key = mine is not theirs
        culprit = culprit if mine is theirs else client.name if mine else client.hub
    return Finding(
        step=known.step,
        cause=known.cause,
        router=culprit,
        what=_sentence(client, known.cause, culprit) if known is not _CERTIFICATE else _disbelief(client, reason),
        evidence=evidence,
        fix=_fix(scene, client, culprit, known.cause),
        order="show crypto pki certificates" if known is _CERTIFICATE else "",
        decide=_key_question(scene, client) if known.cause is Cause.PSK and not has_own_key else "",
    )


def _key_question(scene: Scene, client: Client) -> str:
    """Return the question whether the hidden keys of both ends are the same.

    "": they are shown, or other clients of the server show which end has the wrong key.
    """
    if client.hub_facts is None or scene.fellows(client):
        return ""
    mine = key_place(client.name, client.facts.configuration, client.nbma)
    theirs = key_place(client.hub, client.hub_facts.configuration, scene.seen_as(client))
    return question(mine, theirs) if mine is not None and theirs is not None else ""


def _sentence(client: Client, cause: Cause, culprit: str) -> str:
    between = f"{client.name} and {client.hub}"
    match cause:
        case Cause.PSK_MISSING:
            return f"{culprit} has no pre-shared key for {client.hub if culprit == client.name else client.name}"
        case Cause.PSK:
            return f"{between} have different pre-shared keys"
        case Cause.IKE_IDENTITY:
            return f"the IKE profile of {culprit} does not take the identity that the other end shows"
        case Cause.TRANSFORM:
            return f"IKE is up, and {between} agree on no transform set"
        case Cause.PFS:
            return f"IKE is up, and {between} do not agree on perfect forward secrecy"
        case Cause.MODE:
            return f"IKE is up, and {between} do not agree on transport or tunnel mode"
        case Cause.PROFILE:
            ends = _ends(client, culprit)
            if ends is not None and lacks_profile(ends[0]):
                return f"the IPsec profile of {culprit} has no IKE profile that exists"
            return f"the IKEv2 profile of {culprit} does not say how both ends prove themselves"
        case Cause.IKE:
            return f"{culprit} begins with IKEv1, and the other end has lines of IKEv2 alone"
        case Cause.IKE_PROPOSAL:
            return f"{between} agree on no IKE proposal"
        case _:
            return f"{between} do not agree"


def _disbelief(client: Client, reason: ReasonFacts) -> str:
    """Return which certificate was rejected, and why, if known."""
    between = f"{client.name} and {client.hub}"
    why = reason.find(IkeReason.NOT_BELIEVED, IkeReason.NO_MATCH, IkeReason.NO_CERTIFICATE, IkeReason.NO_TRUSTPOINT)
    if why is None:
        return f"{between} do not believe each other's certificates, or one of them wants something else"
    return f"{between} do not believe each other's certificates: {why}"


def _fix(scene: Scene, client: Client, culprit: str, cause: Cause) -> tuple[str, ...]:
    """Return the lines to enter; secrets cannot be shown."""
    peer = client.nbma if culprit == client.name else scene.seen_as(client)
    ends = _ends(client, culprit)
    if ends is None:
        return ()
    match cause:
        case Cause.PSK | Cause.PSK_MISSING:
            theirs = ends[1].facts.configuration
            return key_lines(ends[0].facts.configuration, peer, missing=cause is Cause.PSK_MISSING, other=theirs)
        case Cause.IKE:
            return (RUN_AS.of(),)
        case Cause.IKE_IDENTITY:
            return identity_lines(*ends)
        case Cause.IKE_PROPOSAL:
            return proposal_lines(*ends)
        case Cause.TRANSFORM:
            return transform_lines(*ends)
        case Cause.PFS:
            return pfs_lines(*ends)
        case Cause.MODE:
            return mode_lines(*ends)
        case Cause.PROFILE:
            return profile_lines(*ends) if lacks_profile(ends[0]) else proof_lines(*ends)
        case Cause.CERTIFICATE:
            return trustpoint_lines(*_with_fellow(scene, client, culprit, ends))
        case _:
            return ()


def _with_fellow(scene: Scene, client: Client, culprit: str, ends: tuple[End, End]) -> tuple[End, End]:
    """Return the end to change, and a working one: another client, if there is one."""
    good = [one for one in scene.fellows(client) if is_secured(one)] if culprit == client.name else []
    return ends[0], End(good[0].facts, good[0].tunnel) if good else ends[1]


def _ends(client: Client, culprit: str) -> tuple[End, End] | None:
    """Return the end to change, and the other one."""
    if client.there is None or client.hub_facts is None:
        return None
    mine, theirs = End(client.facts, client.tunnel), End(client.hub_facts, client.there)
    return (mine, theirs) if culprit == client.name else (theirs, mine)


def _unanswered(scene: Scene, client: Client, ours: list[ReasonFacts], evidence: tuple[str, ...]) -> Finding:
    """Return the finding where no end refuses, and no end answers."""
    for name, facts in ((client.name, client.facts), (client.hub, client.hub_facts)):
        lacking = half_key(facts.configuration) if facts is not None else ()
        if lacking:
            return Finding(
                step=Step.IKE,
                cause=Cause.PSK_MISSING,
                router=name,
                what=f"{name} has a pre-shared key for one direction, and none for the other",
                evidence=evidence,
                fix=lacking,
            )
    ping = probe_result(scene, ProbePurpose.UNDERLAY, client.name, client.nbma)
    passes = ping is not None and ping.passed
    about = (*evidence, *((f"pings from {client.name} to {client.nbma}: {ping}",) if ping is not None else ()))
    waits = any(map(no_proof_at_4500, ours))
    if passes and (waits or any(map(no_opening, ours))):
        port = 4500 if waits else 500
        return Finding(
            step=Step.IKE,
            cause=Cause.NAT_T_BLOCKED if waits else Cause.IKE_BLOCKED,
            router=client.name,
            what=f"pings pass between {client.name} and {client.hub}, and IKE (UDP port {port}) does not",
            evidence=about,
        )
    why = "" if evidence else ", and neither says why"
    return Finding(
        step=Step.IKE,
        cause=Cause.IKE if evidence else Cause.UNDECIDED,
        router=client.name,
        what=f"there is no IPsec between {client.name} and {client.hub} yet{why}",
        evidence=about,
    )
