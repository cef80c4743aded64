"""Checks of IKE and its SAs: both ends protect the tunnel, and if they do not agree, which lines are wrong.

The reasons of IKE are clues: each points to a cause, and to an end. Of the SAs that IKE made, ESP of one end reaches
the other, and the next rekeying would succeed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from dmvpn.base.facts import Address, ReasonFacts
from dmvpn.base.findings import Cause, Concern
from dmvpn.base.terms import Odd, odd
from dmvpn.features.ike.config.profiles import PROFILE, TRUSTPOINT
from dmvpn.features.ike.lint import INCOMPLETE, check
from dmvpn.features.ike.numbers import TransformType
from dmvpn.features.ike.reasons import IkeReason, main_mode_message
from dmvpn.features.ike.translation import written
from dmvpn.features.ike.v2.numbers import ExchangeType
from dmvpn.features.ipsec.facts import SaFacts
from dmvpn.ios.hidden_secrets import question
from dmvpn.network.overlay import TunnelEnd
from dmvpn.network.references import IKE_PROFILE_UNDEFINED, dangling
from dmvpn.network.terms.ike import IDENTITY as IDENTITY_DUTY
from dmvpn.network.terms.ike import IKE, Side, side_of
from dmvpn.network.terms.preshared_keys import half_key, is_special, key_lines, key_place
from dmvpn.network.terms.protocols import IPSEC, PROTECTION
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.scene import Client, ProbePurpose, Scene
from dmvpn.tools.doctor.terms import differences
from dmvpn.tools.doctor.underlay_path import probe_result
from dmvpn.tools.doctor.verdicts import Finding, Fine, Step, Verdict
from dmvpn.tools.lint.rules.lines import ike_profiles

# ----------------------------------------------------------------------------------------------- the meaning of reasons


class Clue(NamedTuple):
    """The meaning of a reason of IKE. own: the lines to change are those of the reporting router."""

    cause: Cause
    step: Step = Step.IKE
    own: bool = False


IDENTITY: Final = Clue(Cause.IKE_IDENTITY, own=True)
CERTIFICATE: Final = Clue(Cause.CERTIFICATE)
_PROPOSAL: Final = Clue(Cause.IKE_PROPOSAL)
#: The other end begins with IKEv1, for which this end has no lines.
VERSION: Final = Clue(Cause.IKE)
#: The meaning of each reason that is conclusive by itself.
CLUES: Final = {
    code.id: meaning
    for code, meaning in (
        (IkeReason.NO_KEY, Clue(Cause.PSK_MISSING, own=True)),
        (IkeReason.NO_ISAKMP_POLICY, Clue(Cause.IKE_PROPOSAL, own=True)),
        (IkeReason.NO_KEY_LINE, Clue(Cause.PSK_MISSING, own=True)),
        (IkeReason.NO_KEY_IN_VRF, Clue(Cause.PSK_MISSING, own=True)),
        (IkeReason.NO_KEY_FOR, Clue(Cause.PSK_MISSING, own=True)),
        (IkeReason.UNNAMED_PROFILE, Clue(Cause.PROFILE, own=True)),
        (IkeReason.OTHER_KEY, Clue(Cause.PSK)),
        (IkeReason.UNREADABLE_PROOF, Clue(Cause.PSK)),
        (IkeReason.IDENTITY_REFUSED, Clue(Cause.IKE_IDENTITY)),
        (IkeReason.NO_MATCH, IDENTITY),
        (IkeReason.OTHER_IDENTITY, IDENTITY),
        (IkeReason.PROFILE_MISSING, Clue(Cause.PROFILE, own=True)),
        (IkeReason.NO_PROFILE, Clue(Cause.PROFILE, own=True)),
        (IkeReason.UNABLE, Clue(Cause.PROFILE, own=True)),
        (IkeReason.NO_WAY, Clue(Cause.PROFILE, own=True)),
        (IkeReason.NO_MAP, CERTIFICATE),
        (IkeReason.NO_TRUSTPOINT, CERTIFICATE),
        (IkeReason.NO_CERTIFICATE, CERTIFICATE),
        (IkeReason.OTHER_KIND_OF_KEY, CERTIFICATE),
        (IkeReason.NO_AUTHORITY, CERTIFICATE),
        (IkeReason.NOT_BELIEVED, CERTIFICATE),
        (IkeReason.NOT_THE_HOLDER, CERTIFICATE),
        (IkeReason.CERTIFICATE_REFUSED, CERTIFICATE),
        (IkeReason.METHOD_REFUSED, CERTIFICATE),
        (IkeReason.NO_PROOF, CERTIFICATE),
        (IkeReason.NO_PROOF_IN_TIME, CERTIFICATE),
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
_LACKING: Final = (IkeReason.NO_KEY_FOR, IkeReason.NO_MATCH, *_NO_PROFILE)
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


def clue_at(reason: ReasonFacts, end: TunnelEnd | None) -> Clue | None:
    """Return the meaning of a reason that an end reports, if it is conclusive together with the lines of this end.

    A router without a profile for the tunnel reports a missing key in IKEv1. Without any key it reports a missing
    profile.
    """
    found, side = clue(reason), side_of(end) if end is not None else None
    if found is None or side is None or not reason.find(*_LACKING):
        return found
    config, policy = side.end.device.ikev2, side.policy
    if side.profile is not None:
        if reason.find(IkeReason.NO_KEY_FOR) and (policy.ikev2_profile or not config.isakmp.keys):
            return VERSION
        return None if reason.find(*_NO_PROFILE) else found
    is_named = policy.ikev2_profile or policy.isakmp_profile
    lacks_keys = not is_named and not config.profiles and config.isakmp.policies
    return Clue(Cause.PSK_MISSING if lacks_keys else Cause.PROFILE, own=True)


def is_silent(reason: ReasonFacts, *names: str) -> bool:
    """Return whether a message or an exchange of IKE with one of these names was never answered; no names: any."""
    return any(part.is_one(*_SILENT) and (not names or part.fields[0] in names) for part in reason.parts())


def no_proof_at_4500(reason: ReasonFacts) -> bool:
    """Return whether IKE began, and what came then to port 4500 was not answered."""
    if is_silent(reason, ExchangeType.IKE_AUTH.name):
        return True
    proof = main_mode_message(5)
    silent = (part.fields for part in reason.parts() if part.is_one(*_SILENT))
    return any(fields[0] == proof and str(fields[2]).endswith(_NAT_T) for fields in silent)


# ------------------------------------------------------------------------------------------------ IKE


def protection(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that both ends protect the tunnel, or neither does."""
    yield from differences(scene, client, PROTECTION, Step.IKE)


def ike(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that IKE succeeds: if not, by their lines or because the end that knows the reason reports it."""
    if not client.tunnel.protection or client.there is None or not client.there.protection:
        return
    ours, theirs = _reasons(scene, client)
    if is_secured(client):
        yield Fine(Step.IKE, f"{client.name} and {client.hub} have SAs")
        return
    evidence = (*(f"{client.name} says: {one}" for one in ours), *(f"{client.hub} says: {one}" for one in theirs))
    found = [*differences(scene, client, IKE, Step.IKE, lambda one: (is_secured(one), ()), evidence)]
    if found:
        yield from found
        return
    for who, reasons in ((client.hub, theirs), (client.name, ours)):
        for reason in reasons:
            known = clue_at(reason, _end(client, who))
            if known is not None:
                of_sa = differences(scene, client, IPSEC, known.step, evidence=evidence)
                found = [one for one in of_sa if one.cause is known.cause]
                yield from found or (_from_clue(scene, client, who, known, (reason, evidence)),)
                return
    yield _unanswered(scene, client, ours, evidence)


def is_secured(client: Client) -> bool:
    """Return whether the client has SAs with its server by its own report."""
    if client.server is not None:
        return client.server.secured
    return all(peer.nbma != client.nbma for peer in client.tunnel.unsecured)


def _reasons(scene: Scene, client: Client) -> tuple[list[ReasonFacts], list[ReasonFacts]]:
    """Return the reasons of both ends, without duplicates, the more detailed first."""
    mine = [peer.reason for peer in client.facts.unsecured(client.tunnel) if peer.nbma == client.nbma]
    facts, there = client.hub_facts, client.there
    known = facts.unsecured(there) if facts is not None and there is not None else facts.refused if facts else ()
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
    judge, _ = _sides(client, who)
    if known is IDENTITY and judge is not None and judge.profile is not None and judge.profile.certificate_maps:
        known = CERTIFICATE
    if not known.own:
        is_hub = odd((client, *scene.fellows(client)), is_secured) is Odd.SERVER
        culprit = client.hub if is_hub else client.name
    has_own_key = False
    if known.cause is Cause.PSK and client.hub_facts is not None:
        mine = is_special(device(client.facts), client.nbma, client.tunnel.front)
        theirs = is_special(device(client.hub_facts), scene.seen_as(client), _front_of_hub(client))
        has_own_key = mine is not theirs
        culprit = culprit if mine is theirs else client.name if mine else client.hub
    if known is CERTIFICATE:
        why = reason.find(IkeReason.NOT_BELIEVED, IkeReason.NO_MATCH, IkeReason.NO_CERTIFICATE, IkeReason.NO_TRUSTPOINT)
        which = f": {why}" if why is not None else ", or one of them wants something else"
        what = f"{client.name} and {client.hub} do not believe each other's certificates{which}"
    else:
        what = _sentence(client, known.cause, culprit)
    order = "show crypto pki certificates" if known is CERTIFICATE else ""
    ask = _key_question(scene, client) if known.cause is Cause.PSK and not has_own_key else ""
    fix = _fix(scene, client, culprit, known.cause)
    return Finding(known.step, known.cause, culprit, what, evidence, fix, order=order, decide=ask)


def _key_question(scene: Scene, client: Client) -> str:
    """Return the question whether the hidden keys of both ends are the same.

    "": they are shown, or other clients of the server show which end has the wrong key.
    """
    if client.hub_facts is None or scene.fellows(client):
        return ""
    mine = key_place(client.name, device(client.facts), client.nbma, client.tunnel.front)
    theirs = key_place(client.hub, device(client.hub_facts), scene.seen_as(client), _front_of_hub(client))
    return question(mine, theirs) if mine is not None and theirs is not None else ""


def _front_of_hub(client: Client) -> str:
    return client.there.front if client.there is not None else ""


def _sentence(client: Client, cause: Cause, culprit: str) -> str:
    between = f"{client.name} and {client.hub}"
    match cause:
        case Cause.PSK_MISSING:
            return f"{culprit} has no pre-shared key for {client.hub if culprit == client.name else client.name}"
        case Cause.PSK:
            return f"{between} have different pre-shared keys"
        case Cause.IKE_IDENTITY:
            return f"the IKE profile of {culprit} does not take the identity that the other end shows"
        case Cause.PROFILE if concern := _of_profile(client, culprit):
            return f"{culprit}: {concern.what}"
        case _:
            return f"{between} do not agree"


def _fix(scene: Scene, client: Client, culprit: str, cause: Cause) -> tuple[str, ...]:
    """Return the lines to enter; secrets cannot be shown."""
    peer = client.nbma if culprit == client.name else scene.seen_as(client)
    there, hub = client.there, client.hub_facts
    if there is None or hub is None:
        return ()
    mine, theirs = (client.facts, client.tunnel.front), (hub, there.front)
    (here, front), (other, _) = (mine, theirs) if culprit == client.name else (theirs, mine)
    match cause:
        case Cause.PSK | Cause.PSK_MISSING:
            side, _ = _sides(client, culprit)
            return key_lines(
                device(here),
                peer,
                missing=cause is Cause.PSK_MISSING,
                other=device(other),
                front=front,
                profile=side.policy.ikev2_profile if side is not None else "",
                every=_peers_of(scene, culprit, front),
                routers=[at for one in scene.clients() for at in (one.nbma, scene.seen_as(one)) if at is not None],
                by_v1=side is not None and side.by_v1,
            )
        case Cause.IKE_IDENTITY:
            judge, peer_side = _sides(client, culprit)
            return IDENTITY_DUTY.lines(judge, peer_side) if judge is not None and peer_side is not None else ()
        case Cause.PROFILE if concern := _of_profile(client, culprit):
            return concern.typed
        case Cause.CERTIFICATE:
            return _trustpoint_lines(scene, client, culprit)
        case _:
            return ()


def _peers_of(scene: Scene, name: str, front: str) -> list[Address]:
    """Return the addresses of the routers with which this one has protected tunnels, in the table of its front door."""
    clients = scene.clients()
    mine = [one.nbma for one in clients if one.name == name and one.tunnel.protection and one.tunnel.front == front]
    served = [one for one in clients if one.hub == name and one.there is not None and one.there.protection]
    theirs = [scene.seen_as(one) for one in served if _front_of_hub(one) == front]
    return list(dict.fromkeys(address for address in (*mine, *theirs) if address is not None))


def _trustpoint_lines(scene: Scene, client: Client, culprit: str) -> tuple[str, ...]:
    """Return the lines that let an end use the trustpoint of a working one, another client if there is one, if it has
    that, too; () if it does.
    """
    end, other = _sides(client, culprit)
    good = [one for one in scene.fellows(client) if is_secured(one)] if culprit == client.name else []
    right = _sides(good[0], good[0].name)[0] if good else other
    if end is None or right is None or end.profile is None:
        return ()
    known = {one.name for one in end.end.device.pki.trustpoints}
    mine, theirs = _trustpoints(end), _trustpoints(right)
    wanted = [line for line, name in theirs.items() if name in known and line not in mine]
    gone = [f"no {line}" for line in mine if line not in theirs]
    return (PROFILE.line(name=end.profile.name), *gone, *wanted) if wanted else ()


def _trustpoints(end: Side) -> dict[str, str]:
    """Return the trustpoints of an end's IKE profile: lines with names."""
    section = end.end.device.tree.section(PROFILE, name=end.profile.name) if end.profile is not None else None
    return {
        TRUSTPOINT.text(args): args.text("name") for args in (section.all(TRUSTPOINT) if section is not None else ())
    }


def _sides(client: Client, culprit: str) -> tuple[Side | None, Side | None]:
    """Return the end to change, and the other one, as IKE has them."""
    pair = client.pair
    here, there = IKE.views(pair) if pair is not None else (None, None)
    return (here, there) if culprit == client.name else (there, here)


def _end(client: Client, name: str) -> TunnelEnd | None:
    """Return the tunnel of one of the two; None: its lines are not in view."""
    pair = client.pair
    return None if pair is None else pair.here if name == client.name else pair.there


def _of_profile(client: Client, name: str) -> Concern | None:
    """Return what lint says of the IKE profile of a tunnel."""
    end = _end(client, name)
    side = side_of(end) if end is not None else None
    if end is None or side is None:
        return None
    sections = [*end.at, *side.profile_line, *((f"crypto {written(side.profile.name)}",) if side.profile else ())]
    device = end.device
    undefined = (one.concern for one in dangling(device, IKE_PROFILE_UNDEFINED))
    missing = (one.concern for one in ike_profiles(device))
    incomplete = (one for one in check(device.ikev2) if one.rule is INCOMPLETE)
    return next((one for one in (*undefined, *missing, *incomplete) if one.at[0] in sections), None)


def _unanswered(scene: Scene, client: Client, ours: list[ReasonFacts], evidence: tuple[str, ...]) -> Finding:
    """Return the finding where no end refuses, and no end answers."""
    for name, facts in ((client.name, client.facts), (client.hub, client.hub_facts)):
        lacking = half_key(device(facts)) if facts is not None else ()
        if lacking:
            what = f"{name} has a pre-shared key for one direction, and none for the other"
            return Finding(Step.IKE, Cause.PSK_MISSING, name, what, evidence, lacking)
    ping = probe_result(scene, ProbePurpose.UNDERLAY, client.name, client.nbma)
    passes = ping is not None and ping.passed
    about = (*evidence, *((f"pings from {client.name} to {client.nbma}: {ping}",) if ping is not None else ()))
    waits = any(map(no_proof_at_4500, ours))
    if passes and (waits or any(is_silent(reason, *_OPENINGS) for reason in ours)):
        port, cause = (4500, Cause.NAT_T_BLOCKED) if waits else (500, Cause.IKE_BLOCKED)
        what = f"pings pass between {client.name} and {client.hub}, and IKE (UDP port {port}) does not"
        return Finding(Step.IKE, cause, client.name, what, about)
    why, cause = ("", Cause.IKE) if evidence else (", and neither says why", Cause.UNDECIDED)
    what = f"there is no IPsec between {client.name} and {client.hub} yet{why}"
    return Finding(Step.IKE, cause, client.name, what, about)


# ------------------------------------------------------------------------------------------------ SAs


def unused_sas(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check SAs that never carried anything: IKE passed when they were made, so the wire is not the cause, whatever
    pings show.
    """
    yield from (one for one in sas(scene, client) if isinstance(one, Finding))


def sas(scene: Scene, client: Client) -> Iterator[Verdict]:
    """Check that ESP from one end reaches the other."""
    if not client.tunnel.protection or client.hub_facts is None or not is_secured(client) or client.nbma is None:
        return
    mine = _sa_with(client.facts, client.tunnel, client.nbma)
    theirs = _sa_with(client.hub_facts, client.there, scene.seen_as(client))
    if mine is None or theirs is None:
        return
    sent, received = client.facts.esp_packets(mine)
    sent_there, received_there = client.hub_facts.esp_packets(theirs)
    evidence = (
        f"{client.name}: {sent} packets sent by ESP, {received} received",
        f"{client.hub}: {sent_there} sent, {received_there} received",
    )
    lost = [
        (one, other)
        for one, other, out, came in (
            (client.name, client.hub, sent, received_there),
            (client.hub, client.name, sent_there, received),
        )
        if out >= 3 and came == 0
    ]
    if not lost:
        yield Fine(Step.SA, f"ESP passes between {client.name} and {client.hub}: {evidence[0]}")
        return
    kind, cause = "ESP (protocol 50)", Cause.ESP_BLOCKED
    if mine.remote_port:
        kind, cause = "ESP in UDP port 4500", Cause.NAT_T_BLOCKED
    what = f"IKE is up, and {kind} from {lost[0][0]} does not reach {lost[0][1]}: a filter drops it"
    yield Finding(Step.SA, cause, client.name, what, evidence)


def _sa_with(facts: RouterFacts, tunnel: TunnelFacts | None, remote: Address | None) -> SaFacts | None:
    """Return the SA that a tunnel sends on."""
    found = [sa for sa in (facts.sas_of(tunnel) if tunnel is not None else facts.sas) if sa.remote == remote]
    return next((sa for sa in found if sa.used), next(iter(found), None))


def agreements(scene: Scene, client: Client) -> Iterator[Finding]:
    """Check settings that work now by accident, or fail at the next rekeying: transform sets, mode and PFS."""
    sa = _sa_with(client.facts, client.tunnel, client.nbma)
    mode = "transport" if sa is not None and sa.transport else "tunnel"
    evidence = (f"the SAs in use have {sa.transform} in {mode} mode",) if sa is not None else ()
    for one in differences(scene, client, IPSEC, Step.SA, evidence=evidence):
        yield replace(one, stops=False)
