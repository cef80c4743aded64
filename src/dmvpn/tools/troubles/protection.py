"""Troubles of IKEv2 and IPsec."""

from __future__ import annotations

from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.ike.config import settings as ike_lines
from dmvpn.features.ipsec.config import profiles as ipsec_profiles
from dmvpn.features.ipsec.config import transforms
from dmvpn.network.terms.ipsec import IPSEC, MODE, PROTECTED
from dmvpn.network.terms.ipsec import PROTECTION as PROTECTION_TABLE
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.acts import Command, Differ, Edit, Role, spoke, word
from dmvpn.tools.troubles.trouble import Need, Trouble

PROTECTION: Final = (
    pieces.lost(
        id="psk",
        title="The pre-shared key of a spoke differs",
        acts=(
            spoke(
                ike_profiles.RING.of(name=word("keyring")),
                ike_profiles.PEER.of(name=word("peer")),
                ike_profiles.PRE_SHARED_KEY.of(key="not-our-key", local=True),
                ike_profiles.PRE_SHARED_KEY.of(key="not-our-key", remote=True),
            ),
            *pieces.RENEW,
        ),
        hints=(
            pieces.HOW_FAR,
            "IKE answers, and then it does not believe. What do both ends say in their logs?",
            "The pre-shared keys in the keyrings of {spoke.name} and {hub.name} are not the same.",
        ),
        cause=Cause.PSK,
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.PSK,),
    ),
    pieces.lost(
        id="psk-missing",
        title="The keyring of a spoke has no key for the hub",
        acts=(
            spoke(
                ike_profiles.RING.of(name=word("keyring")),
                ike_profiles.PEER.of(name=word("peer")),
                ike_profiles.ADDRESS.no(),
                ike_profiles.ADDRESS.of(address="10.99.99.99", mask=pieces.HOST),
            ),
            *pieces.RENEW,
        ),
        hints=(
            pieces.HOW_FAR,
            "Which key would {spoke.name} take for {hub.nbma}?",
            "The peer in the keyring of {spoke.name} does not fit the hub's address.",
        ),
        cause=Cause.PSK_MISSING,
        also=(Cause.PSK,),
        needs=(Need.PSK,),
    ),
    pieces.lost(
        id="ike-proposal",
        title="A spoke offers algorithms for IKE that the hub does not take",
        acts=(
            spoke(
                ike_lines.PROPOSAL.of(name="LESSON"),
                ike_lines.ENCRYPTION.of(cipher1="aes-cbc-128"),
                ike_lines.INTEGRITY.of(hash1="sha256"),
                ike_lines.GROUPS.of(group1="20"),
                "exit",
                ike_lines.POLICY.of(name="LESSON"),
                ike_lines.USES.of(name="LESSON"),
            ),
            *pieces.RENEW,
        ),
        hints=(
            pieces.HOW_FAR,
            "The first message of IKE is refused. What is in it?",
            "The IKEv2 proposal of {spoke.name} has nothing in common with the hub's.",
        ),
        cause=Cause.IKE_PROPOSAL,
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.IKEV2,),
    ),
    pieces.all_lost(
        id="ike-identity",
        title="The hub's IKEv2 profile does not know the spokes",
        acts=(
            Edit(
                Role.HUB,
                ike_profiles.PROFILE.of(name=word("ikev2_profile")),
                remove=("match identity remote",),
                add=(ike_profiles.MATCH_IDENTITY.of(address="10.99.99.99", mask=pieces.HOST),),
            ),
            Command(Role.HUB, ("clear crypto session",)),
            Command(Role.SPOKE, ("clear crypto session",)),
            Command(Role.OTHER, ("clear crypto session",)),
        ),
        hints=(
            pieces.HOW_FAR,
            "The branches prove who they are. Does the hub want to know them?",
            "`match identity remote` in the IKEv2 profile of {hub.name} fits none of them.",
        ),
        cause=Cause.IKE_IDENTITY,
        needs=(Need.PROTECTED,),
    ),
    pieces.lost(
        id="transform",
        title="The transform set of a spoke differs",
        acts=(
            spoke(
                transforms.TRANSFORM_SET.of(name="LESSON", esp_aes=True, esp_sha_hmac=True),
                transforms.MODE.of(transport=True),
                "exit",
                ipsec_profiles.PROFILE.of(name=word("profile")),
                ipsec_profiles.TRANSFORM_SETS.of(name1="LESSON"),
            ),
            *pieces.RENEW,
        ),
        hints=(
            pieces.HOW_FAR,
            "IKE is up, and there is no pair of SAs. What is offered, and what is accepted?",
            "The transform sets of {spoke.name} and {hub.name} are not the same.",
        ),
        cause=Cause.TRANSFORM,
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.PROTECTED,),
    ),
    Trouble(
        id="pfs",
        title="A spoke wants perfect forward secrecy, the hub does not know of it",
        acts=(
            spoke(
                ipsec_profiles.PROFILE.of(name=word("profile")),
                ipsec_profiles.PFS.of(group="group20"),
                ipsec_profiles.SECONDS.of(seconds=120),
            ),
            *pieces.RENEW,
        ),
        complaint="{spoke.name} works for some minutes, then it is away for a while, and so on, day and night.",
        hints=(
            pieces.HOW_FAR,
            "IKE is up, and there is no pair of SAs. Compare the IPsec profiles.",
            "Only {spoke.name} has `set pfs`.",
        ),
        cause=Cause.PFS,
        parts=(Role.SPOKE, Role.HUB),
        noticed=False,
        needs=(Need.PROTECTED,),
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
        cause=Cause.MODE,
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.PROTECTED,),
    ),
    pieces.lost(
        id="spoke-unprotected",
        title="A spoke's tunnel is not protected",
        acts=(Differ(Role.SPOKE, PROTECTION_TABLE, PROTECTED),),
        hints=(
            pieces.HOW_FAR,
            "There is no IKE at all. Who should begin it, and why?",
            "`tunnel protection ipsec profile {spoke.profile}` is missing at {spoke.name}.",
        ),
        cause=Cause.UNPROTECTED,
        needs=(Need.PROTECTED,),
    ),
    pieces.all_lost(
        id="hub-unprotected",
        title="The hub's tunnel is not protected",
        acts=(Differ(Role.HUB, PROTECTION_TABLE, PROTECTED),),
        hints=(
            pieces.HOW_FAR,
            "The branches begin IKE, and the hub does not answer them. Why should it?",
            "`tunnel protection ipsec profile {hub.profile}` is missing at {hub.name}.",
        ),
        cause=Cause.UNPROTECTED,
        needs=(Need.PROTECTED,),
    ),
)
