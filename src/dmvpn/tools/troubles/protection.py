"""Troubles of IKEv2 and IPsec."""

from __future__ import annotations

from typing import Final

from dmvpn.tools.causes import Cause
from dmvpn.tools.troubles.acts import Command, Configure, Edit, Part
from dmvpn.tools.troubles.trouble import Need, Trouble

_LOST: Final = "The branch {spoke.name} does not reach the head office any more."
_TUNNEL: Final = "interface {tunnel}"
#: What was agreed on before goes on otherwise, until it is replaced.
_ANEW: Final = (Command(Part.SPOKE, ("clear crypto session",)), Command(Part.HUB, ("clear crypto session",)))

PROTECTION: Final = (
    Trouble(
        id="psk",
        title="The pre-shared key of a spoke differs",
        acts=(
            Configure(
                Part.SPOKE,
                (
                    "crypto ikev2 keyring {keyring}",
                    "peer {peer}",
                    "pre-shared-key local not-our-key",
                    "pre-shared-key remote not-our-key",
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
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.PSK,),
    ),
    Trouble(
        id="psk-missing",
        title="The keyring of a spoke has no key for the hub",
        acts=(
            Configure(
                Part.SPOKE,
                ("crypto ikev2 keyring {keyring}", "peer {peer}", "no address", "address 10.99.99.99 255.255.255.255"),
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
                Part.SPOKE,
                (
                    "crypto ikev2 proposal LESSON",
                    "encryption aes-cbc-128",
                    "integrity sha256",
                    "group 20",
                    "exit",
                    "crypto ikev2 policy LESSON",
                    "proposal LESSON",
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
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.PROTECTED,),
    ),
    Trouble(
        id="ike-identity",
        title="The hub's IKEv2 profile does not know the spokes",
        acts=(
            Edit(
                Part.HUB,
                "crypto ikev2 profile {ikev2_profile}",
                remove=("match identity remote",),
                add=("match identity remote address 10.99.99.99 255.255.255.255",),
            ),
            Command(Part.HUB, ("clear crypto session",)),
            Command(Part.SPOKE, ("clear crypto session",)),
            Command(Part.OTHER, ("clear crypto session",)),
        ),
        complaint="All branches lost the head office at the same minute.",
        hints=(
            "How far does it come: IKE, an SA, a registration?",
            "The branches prove who they are. Does the hub want to know them?",
            "`match identity remote` in the IKEv2 profile of {hub.name} fits none of them.",
        ),
        cause=Cause.IKE_IDENTITY,
        parts=(Part.HUB,),
        needs=(Need.PROTECTED,),
    ),
    Trouble(
        id="transform",
        title="The transform set of a spoke differs",
        acts=(
            Configure(
                Part.SPOKE,
                (
                    "crypto ipsec transform-set LESSON esp-aes esp-sha-hmac",
                    "mode transport",
                    "exit",
                    "crypto ipsec profile {profile}",
                    "set transform-set LESSON",
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
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.PROTECTED,),
    ),
    Trouble(
        id="pfs",
        title="A spoke wants perfect forward secrecy, the hub does not know of it",
        acts=(
            Configure(
                Part.SPOKE,
                (
                    "crypto ipsec profile {profile}",
                    "set pfs group20",
                    "set security-association lifetime seconds 120",
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
        parts=(Part.SPOKE, Part.HUB),
        noticed=False,
        needs=(Need.PROTECTED,),
    ),
    Trouble(
        id="mode",
        title="A spoke's transform set is for tunnel mode",
        acts=(Configure(Part.SPOKE, ("{transform_line}", "mode tunnel")), *_ANEW),
        complaint="The auditor asks why packets of {spoke.name} are larger than those of others.",
        hints=(
            "How far does it come: IKE, an SA, a registration?",
            "Compare `show crypto ipsec sa` at both ends: what is inside what?",
            "`mode transport` at both ends.",
        ),
        cause=Cause.MODE,
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.PROTECTED,),
    ),
    Trouble(
        id="spoke-unprotected",
        title="A spoke's tunnel is not protected",
        acts=(Edit(Part.SPOKE, _TUNNEL, remove=("tunnel protection",)),),
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
        acts=(Edit(Part.HUB, _TUNNEL, remove=("tunnel protection",)),),
        complaint="All branches lost the head office at the same minute.",
        hints=(
            "How far does it come: IKE, an SA, a registration?",
            "The branches begin IKE, and the hub does not answer them. Why should it?",
            "`tunnel protection ipsec profile {hub.profile}` is missing at {hub.name}.",
        ),
        cause=Cause.UNPROTECTED,
        parts=(Part.HUB,),
        needs=(Need.PROTECTED,),
    ),
)
