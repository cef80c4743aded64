"""The meaning of reasons of IKE: which cause each of them points to, and at which end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.causes import Cause
from dmvpn.features.ike.numbers import TransformType
from dmvpn.features.ike.reasons import IkeReason, main_mode_message
from dmvpn.features.ike.v2.numbers import ExchangeType
from dmvpn.network.terms.ike import side_of
from dmvpn.tools.doctor.verdicts import Step

if TYPE_CHECKING:
    from dmvpn.base.facts import ReasonFacts
    from dmvpn.network.overlay import TunnelEnd


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
