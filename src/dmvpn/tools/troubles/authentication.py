"""Faults of authentication and of time: certificates, clocks, key lifetimes of routing protocols, and timers.

They need clouds with certificates and keys (`Plan.sealed`, `CERTIFICATES`), so they are drawn only there.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from dmvpn.base.causes import Cause
from dmvpn.features.bgp.config import processes as bgp_processes
from dmvpn.features.eigrp.config import sections
from dmvpn.features.ike.config import profiles as ike_profiles
from dmvpn.features.ospf.config import interfaces as ospf_ports
from dmvpn.features.rip.model import RipTimers
from dmvpn.features.rip.terms import TIMERS
from dmvpn.ios import common
from dmvpn.network.terms.bgp import BGP, PASSWORD
from dmvpn.network.terms.protocols import RIP
from dmvpn.tools.troubles import pieces
from dmvpn.tools.troubles.acts import Command, Configure, Differ, Edit, Role, hub, spoke, word
from dmvpn.tools.troubles.trouble import Need, Trouble, without_story

_NOT_OURS: Final = "NotOurs1"
_OURS: Final = "Drawn-Key-9"
_ENDS: Final = (("", Role.SPOKE), ("hub-", Role.HUB))
_PAST: Final = "clock set 12:00:00 1 January 2019"
_OVER: Final = "00:00:00 1 Jan 2020 00:00:00 1 Jan 2021"
_CHAIN: Final = (common.KEY_CHAIN.of(name="CLOUD"), common.KEY.of(number=1))
_SECOND: Final = (
    common.KEY.no(number=1),
    common.KEY.of(number=2),
    common.KEY_STRING.of(secret=_OURS),
    common.KEY_ALGORITHM.of(md5=True),
)
_FORGET: Final = pieces.commands("clear crypto session", Role.SPOKE, Role.HUB, Role.OTHER)
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


def _certificate(name: str, title: str, trustpoint: str, part: Role = Role.SPOKE) -> Trouble:
    """Return the trouble of a router whose certificate its peers must reject."""
    add = (ike_profiles.TRUSTPOINT.of(name=trustpoint),) if trustpoint else ()
    edit = Edit(part, pieces.IKEV2_PROFILE, remove=("pki trustpoint",), add=add)
    causes = (Cause.CERTIFICATE, Cause.IKE_IDENTITY)
    return _one(name, title, (edit, *_FORGET), causes, parts=(Role.SPOKE, Role.HUB), needs=(Need.CERTIFICATES,))


_CERTIFIED: Final = (
    _certificate("certificate-expired", "A spoke proves itself with a certificate that has expired", "EXPIRED"),
    _certificate("certificate-elsewhere", "A spoke has a certificate of an authority that is unknown", "ELSEWHERE"),
    _certificate("certificate-misnamed", "A spoke's certificate has a name that nobody wants", "MISNAMED"),
    _certificate("certificate-none", "A spoke does not say what it proves itself with", ""),
    _certificate("hub-certificate-expired", "A hub's certificate has expired", "EXPIRED", Role.HUB),
    _certificate("hub-certificate-elsewhere", "A hub has one of an unknown authority", "ELSEWHERE", Role.HUB),
    *(
        _one(
            f"{who}clock-and-certificates",
            f"The clock of a {part.value} is years behind: no certificate is valid yet",
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
                f"{who}key-{kind}-{protocol}",
                f"{title}, {protocol}",
                (Configure(part, lines),),
                (cause,),
                parts=(Role.SPOKE, Role.HUB),
                needs=(need, Need.SEALED),
            )
            for who, part in _ENDS
            for kind, title, lines in (
                ("other", "The text of a key is another one", (*_CHAIN, common.KEY_STRING.of(secret=_NOT_OURS))),
                ("number", "A key has another number", (_CHAIN[0], *_SECOND)),
                ("over", "A key is over", (*_CHAIN, common.KEY_ACCEPT.of(text=_OVER), common.KEY_SEND.of(text=_OVER))),
                ("gone", "A key chain is gone", (common.KEY_CHAIN.no(name="CLOUD"),)),
            )
        ),
        *(
            _one(
                f"{who}clock-and-keys-{protocol}",
                f"A clock is years behind: no key is valid yet, {protocol}",
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
        "bgp-password-other",
        "A spoke has another BGP password than the hub",
        (Differ(Role.SPOKE, BGP, PASSWORD), Command(Role.SPOKE, ("clear ip bgp *",))),
        (PASSWORD.cause,),
    ),
    _one(
        "bgp-password-gone",
        "A spoke has no BGP password any more",
        (
            spoke(pieces.BGP, bgp_processes.NEIGHBOR.no(peer=word("hub.tunnel_address"), password=_OURS)),
            Command(Role.SPOKE, ("clear ip bgp *",)),
        ),
        (Cause.BGP_PASSWORD,),
        parts=(Role.SPOKE, Role.HUB),
        needs=(Need.SEALED,),
    ),
)

_TIMES: Final = (
    *(
        _one(name, title, (Differ(Role.SPOKE, RIP, TIMERS, timers),), (TIMERS.cause,))
        for name, title, timers in (
            ("rip-forgets", "A spoke forgets what RIP told it before it is told again", RipTimers(10, 4, 4, 8)),
            ("rip-tells-late", "A spoke tells by RIP when all others have forgotten", RipTimers(90, 180, 180, 240)),
        )
    ),
    _one(
        "hub-eigrp-timers",
        "A hub says hello less often than it may be silent",
        (
            pieces.on_tunnel(
                Role.HUB, (sections.HELLO_INTERVAL, {"seconds": 60}), (sections.HOLD_TIME, {"seconds": 20})
            ),
        ),
        (Cause.EIGRP_TIMERS,),
    ),
    _one(
        "hub-ospf-dead",
        "OSPF of a hub gives others up sooner than they do",
        (hub(pieces.TUNNEL, ospf_ports.DEAD_INTERVAL.of(seconds=25)),),
        (Cause.OSPF_TERMS,),
        parts=(Role.SPOKE, Role.OTHER, Role.HUB),
        needs=(Need.OSPF,),
    ),
)

AUTHENTICATION: Final = (*_CERTIFIED, *_KEYS, *_PASSWORDS, *_TIMES)
