"""Mechanisms of proof and of time: certificates, clocks, keys of routing protocols and their lifetimes, timers.

Clouds of a kind of their own have what they need (`Plan.sealed`, `CERTIFICATES`), so these are drawn there alone.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from dmvpn.tools.causes import Cause
from dmvpn.tools.troubles.acts import Command, Configure, Edit, Eigrp, Part
from dmvpn.tools.troubles.trouble import Need, Trouble, untold

_PAST: Final = "clock set 12:00:00 1 January 2019"
_OVER: Final = "00:00:00 1 Jan 2020 00:00:00 1 Jan 2021"
_CHAIN: Final = ("key chain CLOUD", "key 1")
_SECOND: Final = ("no key 1", "key 2", "key-string Drawn-Key-9", "cryptographic-algorithm md5")
_FORGET: Final = tuple(Command(part, ("clear crypto session",)) for part in (Part.SPOKE, Part.HUB, Part.OTHER))
#: By protocol: who needs it, and what it is called if two do not believe each other.
_PROTOCOLS: Final = (
    ("eigrp", Need.EIGRP, Cause.EIGRP_AUTHENTICATION),
    ("ospf", Need.OSPF, Cause.OSPF_AUTHENTICATION),
    ("rip", Need.RIP, Cause.RIP_AUTHENTICATION),
)
_one: Final = partial(
    untold,
    hints=("Who does not believe whom?", "Compare what both ends prove themselves with, and their clocks."),
)


def _certificate(name: str, title: str, trustpoint: str, part: Part = Part.SPOKE) -> Trouble:
    """Return a router that proves itself with what nobody is to believe."""
    add = (f"pki trustpoint {trustpoint}",) if trustpoint else ()
    edit = Edit(part, "crypto ikev2 profile {ikev2_profile}", remove=("pki trustpoint",), add=add)
    causes = (Cause.CERTIFICATE, Cause.IKE_IDENTITY)
    return _one(name, title, (edit, *_FORGET), causes, parts=(Part.SPOKE, Part.HUB), needs=(Need.CERTIFICATES,))


_CERTIFIED: Final = (
    _certificate("certificate-expired", "A spoke proves itself with a certificate that has expired", "EXPIRED"),
    _certificate("certificate-elsewhere", "A spoke has a certificate of an authority that is unknown", "ELSEWHERE"),
    _certificate("certificate-misnamed", "A spoke's certificate has a name that nobody wants", "MISNAMED"),
    _certificate("certificate-none", "A spoke does not say what it proves itself with", ""),
    _certificate("hub-certificate-expired", "A hub's certificate has expired", "EXPIRED", Part.HUB),
    _certificate("hub-certificate-elsewhere", "A hub has one of an unknown authority", "ELSEWHERE", Part.HUB),
    _one(
        "clock-and-certificates",
        "The clock of a spoke is years behind: no certificate is valid yet",
        (Command(Part.SPOKE, (_PAST,)), *_FORGET),
        (Cause.CLOCK,),
        needs=(Need.CERTIFICATES,),
    ),
    _one(
        "hub-clock-and-certificates",
        "The clock of a hub is years behind: no certificate is valid yet",
        (Command(Part.HUB, (_PAST,)), *_FORGET),
        (Cause.CLOCK,),
        parts=(Part.HUB,),
        needs=(Need.CERTIFICATES,),
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
                parts=(Part.SPOKE, Part.HUB),
                needs=(need, Need.SEALED),
            )
            for who, part in (("", Part.SPOKE), ("hub-", Part.HUB))
            for kind, title, lines in (
                ("other", "The text of a key is another one", (*_CHAIN, "key-string NotOurs1")),
                ("number", "A key has another number", ("key chain CLOUD", *_SECOND)),
                ("over", "A key is over", (*_CHAIN, f"accept-lifetime {_OVER}", f"send-lifetime {_OVER}")),
                ("gone", "A key chain is gone", ("no key chain CLOUD",)),
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
            for who, part in (("", Part.SPOKE), ("hub-", Part.HUB))
        ),
    )
)

_PASSWORDS: Final = (
    _one(
        "bgp-password-other",
        "A spoke has another BGP password than the hub",
        (
            Configure(Part.SPOKE, ("router bgp {bgp}", "neighbor {hub.tunnel_address} password NotOurs1")),
            Command(Part.SPOKE, ("clear ip bgp *",)),
        ),
        (Cause.BGP_PASSWORD,),
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.BGP,),
    ),
    _one(
        "bgp-password-gone",
        "A spoke has no BGP password any more",
        (
            Configure(Part.SPOKE, ("router bgp {bgp}", "no neighbor {hub.tunnel_address} password Drawn-Key-9")),
            Command(Part.SPOKE, ("clear ip bgp *",)),
        ),
        (Cause.BGP_PASSWORD,),
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.BGP, Need.SEALED),
    ),
)

_TIMES: Final = (
    _one(
        "rip-forgets",
        "A spoke forgets what RIP told it before it is told again",
        (Configure(Part.SPOKE, ("router rip", "timers basic 10 4 4 8")),),
        (Cause.RIP_TIMERS,),
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.RIP,),
    ),
    _one(
        "rip-tells-late",
        "A spoke tells by RIP when all others have forgotten",
        (Configure(Part.SPOKE, ("router rip", "timers basic 90 180 180 240")),),
        (Cause.RIP_TIMERS,),
        parts=(Part.SPOKE, Part.HUB),
        needs=(Need.RIP,),
    ),
    _one(
        "hub-eigrp-timers",
        "A hub says hello less often than it may be silent",
        (
            Eigrp(
                Part.HUB,
                named=("hello-interval 60", "hold-time 20"),
                classic=("ip hello-interval eigrp {as} 60", "ip hold-time eigrp {as} 20"),
            ),
        ),
        (Cause.EIGRP_TIMERS,),
        parts=(Part.HUB,),
        needs=(Need.EIGRP,),
    ),
    _one(
        "hub-ospf-dead",
        "OSPF of a hub gives others up sooner than they do",
        (Configure(Part.HUB, ("interface {tunnel}", "ip ospf dead-interval 25")),),
        (Cause.OSPF_TERMS,),
        parts=(Part.SPOKE, Part.OTHER, Part.HUB),
        needs=(Need.OSPF,),
    ),
)

PROOFS: Final = (*_CERTIFIED, *_KEYS, *_PASSWORDS, *_TIMES)
