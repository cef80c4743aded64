"""Troubles of IKEv2 and IPsec."""

from __future__ import annotations

from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.ike.config import settings as ike_lines
from dmvpn.features.ipsec.config import profiles as ipsec_profiles
from dmvpn.features.ipsec.config import transforms
from dmvpn.ios import common
from dmvpn.tools.troubles.acts import Command, Configure, Edit, Role, word
from dmvpn.tools.troubles.trouble import Need, Trouble

_LOST: Final = "The branch {spoke.name} does not reach the head office any more."
_TUNNEL: Final = common.INTERFACE.of(name=word("tunnel"))
#: Existing SAs would otherwise continue until they are replaced.
_ANEW: Final = (Command(Role.SPOKE, ("clear crypto session",)), Command(Role.HUB, ("clear crypto session",)))

PROTECTION: Final = (
    Trouble(
        id="psk",
        title="The pre-shared key of a spoke differs",
        acts=(
            Configure(
                Role.SPOKE,
                (
                    ike_profiles.RING.of(name=word("keyring")),
                    ike_profiles.PEER.of(name=word("peer")),
                    ike_profiles.PRE_SHARED_KEY.of(key="not-our-key", local=True),
                    ike_profiles.PRE_SHARED_KEY.of(key="not-our-key", remote=True),
                ),
            ),
            *_ANEW,
        ),
        complaint=_LOST,
        hints=(
            "How far does it come: IKE, an SA, a registration?",
            "IKE answers, and then it does not believe. What do both ends say in their logs?",
            "The pre-shared keys in the keyrings of {spoke.name} and {hub.name} are not the same.",
        ),
        cause=Cause.PSK,
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.PSK,),
    ),
    Trouble(
        id="psk-missing",
        title="The keyring of a spoke has no key for the hub",
        acts=(
            Configure(
                Role.SPOKE,
                (
                    ike_profiles.RING.of(name=word("keyring")),
                    ike_profiles.PEER.of(name=word("peer")),
                    ike_profiles.ADDRESS.no(),
                    ike_profiles.ADDRESS.of(address="10.99.99.99", mask="255.255.255.255"),
                ),
            ),
            *_ANEW,
        ),
        complaint=_LOST,
        hints=(
            "How far does it come: IKE, an SA, a registration?",
            "Which key would {spoke.name} take for {hub.nbma}?",
            "The peer in the keyring of {spoke.name} does not fit the hub's address.",
        ),
        cause=Cause.PSK_MISSING,
        also=(Cause.PSK,),
        needs=(Need.PSK,),
    ),
    Trouble(
        id="ike-proposal",
        title="A spoke offers algorithms for IKE that the hub does not take",
        acts=(
            Configure(
                Role.SPOKE,
                (
                    ike_lines.PROPOSAL.of(name="LESSON"),
                    ike_lines.ENCRYPTION.of(cipher1="aes-cbc-128"),
                    ike_lines.INTEGRITY.of(hash1="sha256"),
                    ike_lines.GROUPS.of(group1="20"),
                    "exit",
                    ike_lines.POLICY.of(name="LESSON"),
                    ike_lines.USES.of(name="LESSON"),
                ),
            ),
            *_ANEW,
        ),
        complaint=_LOST,
        hints=(
            "How far does it come: IKE, an SA, a registration?",
            "The first message of IKE is refused. What is in it?",
            "The IKEv2 proposal of {spoke.name} has nothing in common with the hub's.",
        ),
        cause=Cause.IKE_PROPOSAL,
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.IKEV2,),
    ),
    Trouble(
        id="ike-identity",
        title="The hub's IKEv2 profile does not know the spokes",
        acts=(
            Edit(
                Role.HUB,
                ike_profiles.PROFILE.of(name=word("ikev2_profile")),
                remove=("match identity remote",),
                add=(ike_profiles.MATCH_IDENTITY.of(address="10.99.99.99", mask="255.255.255.255"),),
            ),
            Command(Role.HUB, ("clear crypto session",)),
            Command(Role.SPOKE, ("clear crypto session",)),
            Command(Role.OTHER, ("clear crypto session",)),
        ),
        complaint="All branches lost the head office at the same minute.",
        hints=(
            "How far does it come: IKE, an SA, a registration?",
            "The branches prove who they are. Does the hub want to know them?",
            "`match identity remote` in the IKEv2 profile of {hub.name} fits none of them.",
        ),
        cause=Cause.IKE_IDENTITY,
        parts=(Role.HUB,),
        needs=(Need.PROTECTED,),
    ),
    Trouble(
        id="transform",
        title="The transform set of a spoke differs",
        acts=(
            Configure(
                Role.SPOKE,
                (
                    transforms.TRANSFORM_SET.of(name="LESSON", esp_aes=True, esp_sha_hmac=True),
                    transforms.MODE.of(transport=True),
                    "exit",
                    ipsec_profiles.PROFILE.of(name=word("profile")),
                    ipsec_profiles.TRANSFORM_SETS.of(name1="LESSON"),
                ),
            ),
            *_ANEW,
        ),
        complaint=_LOST,
        hints=(
            "How far does it come: IKE, an SA, a registration?",
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
            Configure(
                Role.SPOKE,
                (
                    ipsec_profiles.PROFILE.of(name=word("profile")),
                    ipsec_profiles.PFS.of(group="group20"),
                    ipsec_profiles.SECONDS.of(seconds=120),
                ),
            ),
            *_ANEW,
        ),
        complaint="{spoke.name} works for some minutes, then it is away for a while, and so on, day and night.",
        hints=(
            "How far does it come: IKE, an SA, a registration?",
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
        acts=(Configure(Role.SPOKE, ("{transform_line}", transforms.MODE.of(tunnel=True))), *_ANEW),
        complaint="The auditor asks why packets of {spoke.name} are larger than those of others.",
        hints=(
            "How far does it come: IKE, an SA, a registration?",
            "Compare `show crypto ipsec sa` at both ends: what is inside what?",
            "`mode transport` at both ends.",
        ),
        cause=Cause.MODE,
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.PROTECTED,),
    ),
    Trouble(
        id="spoke-unprotected",
        title="A spoke's tunnel is not protected",
        acts=(Edit(Role.SPOKE, _TUNNEL, remove=("tunnel protection",)),),
        complaint=_LOST,
        hints=(
            "How far does it come: IKE, an SA, a registration?",
            "There is no IKE at all. Who should begin it, and why?",
            "`tunnel protection ipsec profile {spoke.profile}` is missing at {spoke.name}.",
        ),
        cause=Cause.UNPROTECTED,
        needs=(Need.PROTECTED,),
    ),
    Trouble(
        id="hub-unprotected",
        title="The hub's tunnel is not protected",
        acts=(Edit(Role.HUB, _TUNNEL, remove=("tunnel protection",)),),
        complaint="All branches lost the head office at the same minute.",
        hints=(
            "How far does it come: IKE, an SA, a registration?",
            "The branches begin IKE, and the hub does not answer them. Why should it?",
            "`tunnel protection ipsec profile {hub.profile}` is missing at {hub.name}.",
        ),
        cause=Cause.UNPROTECTED,
        parts=(Role.HUB,),
        needs=(Need.PROTECTED,),
    ),
)
