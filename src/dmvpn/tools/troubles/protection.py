"""Troubles of IKEv2, IKEv1 and IPsec, of keys and certificates, and of time.

`PROTECTION` and `ISAKMP` are in every network's catalog; keys and policies of `crypto isakmp` lines are in the latter.
`AUTHENTICATION` needs clouds with certificates and keys (`Plan.sealed`, `CERTIFICATES`), so it is drawn only there:
certificates, clocks, key lifetimes of routing protocols, and timers.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from dmvpn.base.findings import Cause
from dmvpn.features.bgp.config import instance as bgp_processes
from dmvpn.features.eigrp.config import sections
from dmvpn.features.ike.config import isakmp
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.ike.config import settings as ike_lines
from dmvpn.features.ipsec.config import profiles
from dmvpn.features.ipsec.config import profiles as ipsec_profiles
from dmvpn.features.ospf.config import interfaces as ospf_ports
from dmvpn.features.rip.model import RipTimers
from dmvpn.features.rip.terms import TIMERS
from dmvpn.ios import common
from dmvpn.network.terms.bgp import BGP, PASSWORD
from dmvpn.network.terms.protocols import IPSEC, MODE, PROTECTED, RIP
from dmvpn.network.terms.protocols import PROTECTION as PROTECTION_TABLE
from dmvpn.tools.troubles import model
from dmvpn.tools.troubles.model import (
    Command,
    Configure,
    Differ,
    Edit,
    Need,
    Role,
    Trouble,
    hub,
    spoke,
    with_story,
    without_story,
    word,
)

# ------------------------------------------------------------------------------------------------ IKEv2 and IPsec


_IPSEC_PROFILE: Final = ipsec_profiles.PROFILE.line(name=word("profile"))

PROTECTION: Final = (
    model.unproved(spoke(*model.PEER, *model.keys("not-our-key")), *model.RENEW, Cause.PSK)(f"""
        psk: The pre-shared key of a spoke differs
        {model.HOW_FAR}
        IKE answers, and then it does not believe. What do both ends say in their logs?
        The pre-shared keys in the keyrings of {{spoke.name}} and {{hub.name}} are not the same.
        """),
    model.unproved(
        spoke(
            *model.PEER, ike_profiles.ADDRESS.no(), ike_profiles.ADDRESS.line(address="10.99.99.99", mask=model.HOST)
        ),
        *model.RENEW,
        Cause.PSK_MISSING,
        Cause.PSK,
        parts=(Role.SPOKE,),
    )(f"""
        psk-missing: The keyring of a spoke has no key for the hub
        {model.HOW_FAR}
        Which key would {{spoke.name}} take for {{hub.nbma}}?
        The peer in the keyring of {{spoke.name}} does not fit the hub's address.
        """),
    model.unproved(
        spoke(
            ike_lines.PROPOSAL.line(name="LESSON"),
            ike_lines.ENCRYPTION.line(cipher1="aes-cbc-128"),
            ike_lines.INTEGRITY.line(hash1="sha256"),
            ike_lines.GROUPS.line(group1="20"),
            "exit",
            ike_lines.POLICY.line(name="LESSON"),
            ike_lines.USES.line(name="LESSON"),
        ),
        *model.RENEW,
        Cause.IKE_PROPOSAL,
        needs=(Need.IKEV2,),
    )(f"""
        ike-proposal: A spoke offers algorithms for IKE that the hub does not take
        {model.HOW_FAR}
        The first message of IKE is refused. What does it offer?
        The IKEv2 proposal of {{spoke.name}} has nothing in common with the hub's.
        """),
    model.all_lost(
        Edit(
            Role.HUB,
            model.IKEV2_PROFILE,
            remove=("match identity remote",),
            add=(ike_profiles.MATCH_IDENTITY.line(address="10.99.99.99", mask=model.HOST),),
        ),
        *model.commands("clear crypto session", Role.HUB, Role.SPOKE, Role.OTHER),
        Cause.IKE_IDENTITY,
    )(f"""
        ike-identity: The hub's IKEv2 profile does not know the spokes
        {model.HOW_FAR}
        The branches prove who they are. Does the hub want to know them?
        `match identity remote` in the IKEv2 profile of {{hub.name}} fits none of them.
        """),
    model.unproved(
        spoke(
            profiles.TRANSFORM_SET.line(name="LESSON", esp_aes=True, esp_sha_hmac=True),
            profiles.MODE.line(transport=True),
            "exit",
            _IPSEC_PROFILE,
            ipsec_profiles.TRANSFORM_SETS.line(name1="LESSON"),
        ),
        *model.RENEW,
        Cause.TRANSFORM,
    )(f"""
        transform: The transform set of a spoke differs
        {model.HOW_FAR}
        IKE is up, and there is no pair of SAs. Which transforms are offered, and which are accepted?
        The transform sets of {{spoke.name}} and {{hub.name}} are not the same.
        """),
    model.unproved(
        spoke(_IPSEC_PROFILE, ipsec_profiles.PFS.line(group="group20"), ipsec_profiles.SECONDS.line(seconds=120)),
        *model.RENEW,
        Cause.PFS,
        noticed=False,
    )(f"""
        pfs: A spoke wants perfect forward secrecy, the hub does not know of it
        says: {{spoke.name}} works for some minutes, then it is away for a while, and so on, day and night.
        {model.HOW_FAR}
        IKE is up, and there is no pair of SAs. Compare the IPsec profiles.
        Only {{spoke.name}} has `set pfs`.
        """),
    with_story(Differ(Role.SPOKE, IPSEC, MODE), *model.RENEW)(f"""
        mode: A spoke's transform set is for tunnel mode
        says: The auditor asks why packets of {{spoke.name}} are larger than those of other branches.
        {model.HOW_FAR}
        Compare `show crypto ipsec sa` at both ends: which mode have the SAs?
        `mode transport` at both ends.
        """),
    model.lost(Differ(Role.SPOKE, PROTECTION_TABLE, PROTECTED), parts=(Role.SPOKE,), needs=(Need.PROTECTED,))(f"""
        spoke-unprotected: A spoke's tunnel is not protected
        {model.HOW_FAR}
        There is no IKE at all. Who should begin it, and why?
        `tunnel protection ipsec profile {{spoke.profile}}` is missing at {{spoke.name}}.
        """),
    model.all_lost(Differ(Role.HUB, PROTECTION_TABLE, PROTECTED), parts=(Role.HUB,), needs=(Need.PROTECTED,))(f"""
        hub-unprotected: The hub's tunnel is not protected
        {model.HOW_FAR}
        The branches begin IKE, and the hub does not answer them. Why should it?
        `tunnel protection ipsec profile {{hub.profile}}` is missing at {{hub.name}}.
        """),
)


# ------------------------------------------------------------------------------------------------ IKEv1


_ANY: Final = "0.0.0.0"  # noqa: S104 - no binding: a key for every address

ISAKMP: Final = (
    model.unproved(
        spoke("no {isakmp_key}", isakmp.KEY.line(key="not-our-key", address=_ANY)), *model.RENEW, Cause.PSK
    )(f"""
        isakmp-key: The isakmp key of a spoke differs
        {model.HOW_FAR}
        Main mode comes as far as MM_KEY_EXCH. What do both ends say in their logs?
        `crypto isakmp key` of {{spoke.name}} and of {{hub.name}} are not the same.
        """),
    model.unproved(
        spoke("no {isakmp_key}", isakmp.KEY.line(key="not-our-key", address="10.99.99.99")),
        *model.RENEW,
        Cause.PSK_MISSING,
        Cause.PSK,
    )(f"""
        isakmp-key-missing: The isakmp key of a spoke is for another address than the hub's
        {model.HOW_FAR}
        Does the spoke begin with IKE at all? Read its log.
        The `crypto isakmp key` of {{spoke.name}} is for an address without a router.
        """),
    model.unproved(spoke("{isakmp_policy}", isakmp.GROUP.line(group="20")), *model.RENEW, Cause.IKE_PROPOSAL)(f"""
        isakmp-policy: A spoke's isakmp policy has a group that the hub's policies lack
        {model.HOW_FAR}
        The first message of main mode is refused. Look into it with `debug crypto isakmp`.
        `show crypto isakmp policy` of {{spoke.name}} has nothing in common with the hub's.
        """),
    model.unproved(spoke("{isakmp_policy}", isakmp.HASH.line(sha512=True)), *model.RENEW, Cause.IKE_PROPOSAL)(f"""
        isakmp-hash: A spoke's isakmp policy has a hash that the hub's policies lack
        {model.HOW_FAR}
        The first message of main mode is refused. Which algorithms does it offer?
        Compare line by line what both ends print of `show crypto isakmp policy`.
        """),
)


# ------------------------------------------------------------------------------- certificates, keys, passwords and time


_NOT_OURS: Final = "NotOurs1"
_OURS: Final = "Drawn-Key-9"
_ENDS: Final = (("", Role.SPOKE), ("hub-", Role.HUB))
_PAST: Final = "clock set 12:00:00 1 January 2019"
_OVER: Final = "00:00:00 1 Jan 2020 00:00:00 1 Jan 2021"
_CHAIN: Final = (common.KEY_CHAIN.line(name="CLOUD"), common.KEY.line(number=1))
_SECOND: Final = (
    common.KEY.no(number=1),
    common.KEY.line(number=2),
    common.KEY_STRING.line(secret=_OURS),
    common.KEY_ALGORITHM.line(md5=True),
)
_FORGET: Final = model.commands("clear crypto session", Role.SPOKE, Role.HUB, Role.OTHER)
#: By protocol: who needs it, and what it is called if two do not believe each other.
_PROTOCOLS: Final = (
    ("eigrp", Need.EIGRP, Cause.EIGRP_AUTHENTICATION),
    ("ospf", Need.OSPF, Cause.OSPF_AUTHENTICATION),
    ("rip", Need.RIP, Cause.RIP_AUTHENTICATION),
)
_one: Final = partial(
    without_story,
    hints=("Who does not believe whom?", "Compare what both ends prove themselves with, and their clocks."),
)


def _certificate(heading: str, trustpoint: str, part: Role = Role.SPOKE) -> Trouble:
    """Return the trouble of a router whose certificate its peers must reject."""
    add = (ike_profiles.TRUSTPOINT.line(name=trustpoint),) if trustpoint else ()
    edit = Edit(part, model.IKEV2_PROFILE, remove=("pki trustpoint",), add=add)
    causes = (Cause.CERTIFICATE, Cause.IKE_IDENTITY)
    return _one(heading, (edit, *_FORGET), causes, parts=(Role.SPOKE, Role.HUB), needs=(Need.CERTIFICATES,))


_CERTIFIED: Final = (
    _certificate("certificate-expired: A spoke proves itself with a certificate that has expired", "EXPIRED"),
    _certificate("certificate-elsewhere: A spoke has a certificate of an authority that is unknown", "ELSEWHERE"),
    _certificate("certificate-misnamed: A spoke's certificate has a name that no peer accepts", "MISNAMED"),
    _certificate("certificate-none: A spoke does not say what it proves itself with", ""),
    _certificate("hub-certificate-expired: A hub's certificate has expired", "EXPIRED", Role.HUB),
    _certificate("hub-certificate-elsewhere: A hub has one of an unknown authority", "ELSEWHERE", Role.HUB),
    *(
        _one(
            f"{who}clock-and-certificates: The clock of a {part.value} is years behind: no certificate is valid yet",
            (Command(part, (_PAST,)), *_FORGET),
            (Cause.CLOCK,),
            needs=(Need.CERTIFICATES,),
        )
        for who, part in _ENDS
    ),
)

_KEYS: Final = tuple(
    trouble
    for protocol, need, cause in _PROTOCOLS
    for trouble in (
        *(
            _one(
                f"{who}key-{kind}-{protocol}: {title}, {protocol}",
                (Configure(part, lines),),
                (cause,),
                parts=(Role.SPOKE, Role.HUB),
                needs=(need, Need.SEALED),
            )
            for who, part in _ENDS
            for kind, title, lines in (
                ("other", "The text of a key is another one", (*_CHAIN, common.KEY_STRING.line(secret=_NOT_OURS))),
                ("number", "A key has another number", (_CHAIN[0], *_SECOND)),
                (
                    "over",
                    "A key is over",
                    (*_CHAIN, common.KEY_ACCEPT.line(text=_OVER), common.KEY_SEND.line(text=_OVER)),
                ),
                ("gone", "A key chain is gone", (common.KEY_CHAIN.no(name="CLOUD"),)),
            )
        ),
        *(
            _one(
                f"{who}clock-and-keys-{protocol}: A clock is years behind: no key is valid yet, {protocol}",
                (Command(part, (_PAST,)),),
                (Cause.CLOCK,),
                parts=(part,),
                needs=(need, Need.SEALED),
            )
            for who, part in _ENDS
        ),
    )
)

_PASSWORDS: Final = (
    _one(
        "bgp-password-other: A spoke has another BGP password than the hub",
        (Differ(Role.SPOKE, BGP, PASSWORD), Command(Role.SPOKE, ("clear ip bgp *",))),
        (PASSWORD.cause,),
    ),
    _one(
        "bgp-password-gone: A spoke has no BGP password any more",
        (
            spoke(model.BGP, bgp_processes.NEIGHBOR.no(peer=word("hub.tunnel_address"), password=_OURS)),
            Command(Role.SPOKE, ("clear ip bgp *",)),
        ),
        (Cause.BGP_PASSWORD,),
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.SEALED,),
    ),
)

_TIMES: Final = (
    *(
        _one(heading, (Differ(Role.SPOKE, RIP, TIMERS, timers),), (TIMERS.cause,))
        for heading, timers in (
            ("rip-forgets: A spoke forgets its RIP routes before the next update", RipTimers(10, 4, 4, 8)),
            ("rip-tells-late: A spoke sends RIP updates after its routes timed out", RipTimers(90, 180, 180, 240)),
        )
    ),
    _one(
        "hub-eigrp-timers: A hub says hello less often than it may be silent",
        (model.on_tunnel(Role.HUB, (sections.HELLO_INTERVAL, {"seconds": 60}), (sections.HOLD_TIME, {"seconds": 20})),),
        (Cause.EIGRP_TIMERS,),
    ),
    _one(
        "hub-ospf-dead: OSPF of a hub gives others up sooner than they do",
        (hub(model.TUNNEL, ospf_ports.DEAD_INTERVAL.line(seconds=25)),),
        (Cause.OSPF_TERMS,),
        parts=(Role.SPOKE, Role.OTHER, Role.HUB),
        needs=(Need.OSPF,),
    ),
)

AUTHENTICATION: Final = (*_CERTIFIED, *_KEYS, *_PASSWORDS, *_TIMES)
