"""What two RIP routers must agree on, RFC 2453 §3.8, RFC 4822 §2, and have for each other."""

from __future__ import annotations

from typing import Final

from dmvpn.base.credentials import Key
from dmvpn.base.findings import Cause, Severity, rule
from dmvpn.base.placeholder import Blank
from dmvpn.base.terms import Duty, Likeness, NoValue, Term
from dmvpn.base.values import Value
from dmvpn.features.rip import config as lines
from dmvpn.features.rip.model import AuthenticationMode, RipConfig, RipInterfaceSettings, RipTimers
from dmvpn.features.rip.reasons import RipReason
from dmvpn.ios import INTERFACE
from dmvpn.ios.hidden_secrets import compare, compare_keys, key_lines


class RipEnd(Value, eq=False):
    """A tunnel on which RIP runs. router: its name. keys: of its key chain. vrf: "": the global table."""

    router: str
    config: RipConfig
    settings: RipInterfaceSettings
    keys: tuple[Key, ...]
    vrf: str

    @property
    def opening(self) -> str:
        """The line that opens the section of the interface."""
        return INTERFACE.line(name=self.settings.name)

    @property
    def process(self) -> tuple[str, ...]:
        """The lines that open the section of the process."""
        return lines.process(self.vrf)


class Proof(Value):
    """How packets are authenticated, and with which keys of a key chain."""

    mode: AuthenticationMode | None
    chain: str = ""
    keys: tuple[Key, ...] = ()

    @classmethod
    def of(cls, end: RipEnd) -> Proof | NoValue:
        """Return the authentication of an end. One without its key is a mistake of its own."""
        mode = end.settings.authentication
        if mode is None:
            return cls(None)
        return cls(mode, end.settings.key_chain, end.keys) if end.keys else NoValue.UNKNOWN

    def compare(self, other: Proof) -> Likeness:
        """Compare two ends. A password has no number, and where there are several, it depends on the time."""
        if self.mode is not AuthenticationMode.TEXT or other.mode is not self.mode:
            return compare_keys(self.keys, other.keys) if self.mode is other.mode else Likeness.DIFFERENT
        if len(self.keys) > 1 or len(other.keys) > 1:
            return Likeness.UNKNOWN
        return compare(self.keys[0].text, other.keys[0].text)

    def __str__(self) -> str:
        if self.mode is None:
            return "no RIP authentication"
        return f"RIP authentication by {self.mode.value} with key {self.keys[0].number}"


def _proof_lines(end: RipEnd, proof: Proof) -> tuple[str, ...]:
    if proof.mode is None:
        return end.opening, lines.AUTHENTICATION_MODE.no(), lines.AUTHENTICATION_KEYS.no()
    mine, chain = Proof.of(end), end.settings.key_chain or proof.chain
    is_same = isinstance(mine, Proof) and mine.compare(proof) is Likeness.SAME
    keys = () if is_same else key_lines(chain, end.keys, proof.keys)
    if end.settings.authentication is proof.mode:
        return keys
    mode = lines.AUTHENTICATION_MODE.line(**{proof.mode.value: True})
    return *keys, end.opening, mode, lines.AUTHENTICATION_KEYS.line(keys=chain)


TIMERS: Final = Term["RipEnd", RipTimers](
    rule=rule(Severity.ERROR)(r"""
        rip-timers-differ: One end of a tunnel sends RIP updates less often than the other end keeps their routes
        A route without an update is invalid when its time is over (RFC 2453 §3.8). If updates come later than that,
        routes vanish and come back.
        bad: router rip\n timers basic 10 30 30 60
        fix: router rip\n timers basic 30 180 180 240
        """),
    cause=Cause.RIP_TIMERS,
    name="RIP timer",
    effect="routes are invalid before the next update",
    see=lambda end: end.config.timers,
    words=lambda timers: f"RIP updates every {timers.update} s and routes for {timers.invalid} s",
    fits=lambda here, there: Likeness.of(here.invalid > there.update and there.invalid > here.update),
    place=lambda end: (*end.process, "timers basic"),
    lines=lambda end, timers: (*end.process, lines.timers_line(timers)),
)
AUTHENTICATION: Final = Term["RipEnd", Proof](
    rule=rule(Severity.ERROR)(r"""
        rip-authentication-differs: RIP authenticates at one end only, or with other keys
        An update without the receiver's password or key is dropped (RFC 2453 §4.1, RFC 4822 §2).
        bad: interface Tunnel0\n ip address 10.0.0.10 255.255.255.0
        fix: interface Tunnel0\n ip rip authentication mode md5\n ip rip authentication key-chain KEYS
        """),
    cause=Cause.RIP_AUTHENTICATION,
    name="RIP key",
    effect="each drops what the other one sends",
    see=Proof.of,
    words=str,
    fits=Proof.compare,
    place=lambda end: (end.opening, f"ip rip authentication {'key-chain' if end.settings.key_chain else 'mode'}"),
    lines=_proof_lines,
    protects=lambda proof: proof.mode is not None,
    refuses=lambda reason: reason.is_one(RipReason.NO_VALID_KEY),
)


def _has_no_key(here: RipEnd, _: RipEnd) -> str:
    """Return that an end is to authenticate, and has no key."""
    if here.settings.authentication is None or here.keys:
        return ""
    chain = here.settings.key_chain
    lack = f"key chain {chain} has no key" if chain else "no key chain is named"
    return f"RIP of {here.router} is to authenticate on {here.settings.name}, and {lack}: it keeps silent"


def _missing_key(here: RipEnd, there: RipEnd) -> tuple[str, ...]:
    chain = here.settings.key_chain
    if not chain:
        return here.opening, lines.AUTHENTICATION_KEYS.line(keys=there.settings.key_chain or Blank("name"))
    return key_lines(chain, here.keys, there.keys)


KEY: Final = Duty["RipEnd"](
    rule=rule(Severity.ERROR)(r"""
        rip-key-missing: RIP is to authenticate with a key chain that has no key
        Without a key nothing can be signed or checked, so the interface sends nothing and takes nothing.
        bad: interface Tunnel0\n ip rip authentication mode md5\n ip rip authentication key-chain KEYS
        fix: key chain KEYS\n key 1\n  key-string <secret>
        """),
    cause=Cause.RIP_AUTHENTICATION,
    fails=_has_no_key,
    place=lambda end: (end.opening, "ip rip authentication"),
    lines=_missing_key,
)
VERSION: Final = Duty["RipEnd"](
    rule=rule(Severity.ERROR)(r"""
        rip-version-missing: RIP on a tunnel without `version 2`
        Without that line a router sends version 1, which has no masks and no authentication (RFC 2453 §3.1): the
        networks of sites are lost in that of their class. Routers of this program speak version 2 alone.
        bad: router rip\n network 10.0.0.0
        fix: router rip\n version 2
        """),
    cause=Cause.RIP_BLOCKED,
    fails=lambda here, _: (
        f"RIP of {here.router} has version 1 alone on {here.settings.name}, which knows no masks"
        if 2 not in here.config.sends(here.settings.name)
        else ""
    ),
    place=lambda end: (end.opening, "ip rip send version") if end.settings.send else end.process,
    lines=lambda here, _: (
        (here.opening, lines.SEND_VERSION.line(**{"2": True}))
        if here.settings.send
        else (*here.process, lines.VERSION.line(version=2))
    ),
)
TERMS: Final = (TIMERS, AUTHENTICATION)
DUTIES: Final = (VERSION, KEY)
