"""Troubles of IKEv2 and IPsec."""

from __future__ import annotations

from functools import partial
from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.ike.config import settings as ike_lines
from dmvpn.features.ipsec.config import profiles as ipsec_profiles
from dmvpn.features.ipsec.config import transforms
from dmvpn.network.terms.ipsec import IPSEC, MODE, PROTECTED
from dmvpn.network.terms.ipsec import PROTECTION as PROTECTION_TABLE
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.model import Differ, Edit, Need, Role, Trouble, word

_IPSEC_PROFILE: Final = ipsec_profiles.PROFILE.of(name=word("profile"))

PROTECTION: Final = (
    pieces.unproved(
        "psk",
        "The pre-shared key of a spoke differs",
        (*pieces.PEER, *pieces.keys("not-our-key")),
        (
            "IKE answers, and then it does not believe. What do both ends say in their logs?",
            "The pre-shared keys in the keyrings of {spoke.name} and {hub.name} are not the same.",
        ),
        Cause.PSK,
    ),
    pieces.unproved(
        "psk-missing",
        "The keyring of a spoke has no key for the hub",
        (*pieces.PEER, ike_profiles.ADDRESS.no(), ike_profiles.ADDRESS.of(address="10.99.99.99", mask=pieces.HOST)),
        (
            "Which key would {spoke.name} take for {hub.nbma}?",
            "The peer in the keyring of {spoke.name} does not fit the hub's address.",
        ),
        Cause.PSK_MISSING,
        Cause.PSK,
        parts=(Role.SPOKE,),
    ),
    pieces.unproved(
        "ike-proposal",
        "A spoke offers algorithms for IKE that the hub does not take",
        (
            ike_lines.PROPOSAL.of(name="LESSON"),
            ike_lines.ENCRYPTION.of(cipher1="aes-cbc-128"),
            ike_lines.INTEGRITY.of(hash1="sha256"),
            ike_lines.GROUPS.of(group1="20"),
            "exit",
            ike_lines.POLICY.of(name="LESSON"),
            ike_lines.USES.of(name="LESSON"),
        ),
        (
            "The first message of IKE is refused. What is in it?",
            "The IKEv2 proposal of {spoke.name} has nothing in common with the hub's.",
        ),
        Cause.IKE_PROPOSAL,
        story=partial(pieces.lost, needs=(Need.IKEV2,)),
    ),
    pieces.all_lost(
        id="ike-identity",
        title="The hub's IKEv2 profile does not know the spokes",
        acts=(
            Edit(
                Role.HUB,
                pieces.IKEV2_PROFILE,
                remove=("match identity remote",),
                add=(ike_profiles.MATCH_IDENTITY.of(address="10.99.99.99", mask=pieces.HOST),),
            ),
            *pieces.commands("clear crypto session", Role.HUB, Role.SPOKE, Role.OTHER),
        ),
        hints=(
            pieces.HOW_FAR,
            "The branches prove who they are. Does the hub want to know them?",
            "`match identity remote` in the IKEv2 profile of {hub.name} fits none of them.",
        ),
        causes=(Cause.IKE_IDENTITY,),
    ),
    pieces.unproved(
        "transform",
        "The transform set of a spoke differs",
        (
            transforms.TRANSFORM_SET.of(name="LESSON", esp_aes=True, esp_sha_hmac=True),
            transforms.MODE.of(transport=True),
            "exit",
            _IPSEC_PROFILE,
            ipsec_profiles.TRANSFORM_SETS.of(name1="LESSON"),
        ),
        (
            "IKE is up, and there is no pair of SAs. What is offered, and what is accepted?",
            "The transform sets of {spoke.name} and {hub.name} are not the same.",
        ),
        Cause.TRANSFORM,
    ),
    pieces.unproved(
        "pfs",
        "A spoke wants perfect forward secrecy, the hub does not know of it",
        (_IPSEC_PROFILE, ipsec_profiles.PFS.of(group="group20"), ipsec_profiles.SECONDS.of(seconds=120)),
        ("IKE is up, and there is no pair of SAs. Compare the IPsec profiles.", "Only {spoke.name} has `set pfs`."),
        Cause.PFS,
        story=partial(
            Trouble,
            complaint="{spoke.name} works for some minutes, then it is away for a while, and so on, day and night.",
            noticed=False,
        ),
    ),
    Trouble(
        id="mode",
        title="A spoke's transform set is for tunnel mode",
        acts=(Differ(Role.SPOKE, IPSEC, MODE), *pieces.RENEW),
        complaint="The auditor asks why packets of {spoke.name} are larger than those of others.",
        hints=(
            pieces.HOW_FAR,
            "Compare `show crypto ipsec sa` at both ends: what is inside what?",
            "`mode transport` at both ends.",
        ),
    ),
    pieces.lost(
        id="spoke-unprotected",
        title="A spoke's tunnel is not protected",
        acts=(Differ(Role.SPOKE, PROTECTION_TABLE, PROTECTED),),
        parts=(Role.SPOKE,),
        needs=(Need.PROTECTED,),
        hints=(
            pieces.HOW_FAR,
            "There is no IKE at all. Who should begin it, and why?",
            "`tunnel protection ipsec profile {spoke.profile}` is missing at {spoke.name}.",
        ),
    ),
    pieces.all_lost(
        id="hub-unprotected",
        title="The hub's tunnel is not protected",
        acts=(Differ(Role.HUB, PROTECTION_TABLE, PROTECTED),),
        parts=(Role.HUB,),
        needs=(Need.PROTECTED,),
        hints=(
            pieces.HOW_FAR,
            "The branches begin IKE, and the hub does not answer them. Why should it?",
            "`tunnel protection ipsec profile {hub.profile}` is missing at {hub.name}.",
        ),
    ),
)
