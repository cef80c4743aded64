"""Rules about the EIGRP lines of one router. Agreement with its neighbors is checked in `tools/lint`."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final

from dmvpn.base.findings import Cause, Concern, Rule, Severity, rule
from dmvpn.base.placeholder import SECRET, Blank
from dmvpn.base.values import collected
from dmvpn.features.eigrp.config.sections import CHAIN, HOLD_TIME, MODE, entered, line_of, nested
from dmvpn.features.eigrp.model import AuthenticationMode, EigrpConfig, InterfaceSettings, ProcessSettings

KEY_CHAIN: Final = rule(Severity.ERROR, Cause.EIGRP_AUTHENTICATION)(r"""
    eigrp-key-chain-undefined: EIGRP is to authenticate with a key chain that has no key
    Without a key nothing can be signed or checked: the interface forms no adjacency.
    bad: interface Tunnel0\n ip authentication mode eigrp 100 md5\n ip authentication key-chain eigrp 100 KEYS
    fix: key chain KEYS\n key 1\n  key-string <secret>
    """)
HALF: Final = rule(Severity.ERROR, Cause.EIGRP_AUTHENTICATION)(r"""
    eigrp-authentication-half: Half of EIGRP's authentication
    It takes two lines, a mode and a key chain. One line alone has no effect, and neighbors that have both drop packets
    without a digest.
    bad: interface Tunnel0\n ip authentication key-chain eigrp 100 KEYS
    fix: interface Tunnel0\n ip authentication mode eigrp 100 md5
    """)
HOLD: Final = rule(Severity.ERROR, Cause.EIGRP_TIMERS)(r"""
    eigrp-hold-time-short: The hold time is not longer than the interval between Hellos
    The hold time in a router's Hellos is how long its neighbors wait for the next Hello (RFC 7868 §5.3.2). Three
    intervals are usual; with one or less the adjacency comes and goes.
    bad: interface Tunnel0\n ip hello-interval eigrp 100 20
    fix: interface Tunnel0\n ip hold-time eigrp 100 60
    """)
HMAC: Final = rule(Severity.WARNING, Cause.EIGRP_AUTHENTICATION)(r"""
    eigrp-hmac-hidden: The password of EIGRP's HMAC-SHA-256 is hidden, and cannot be read here
    A password of type 6 or 7 is not read: the interface stays silent rather than run without authentication.
    bad: router eigrp DMVPN\n address-family ipv4 unicast autonomous-system 100\n  af-interface Tunnel0\n
      authentication mode hmac-sha-256 7 094F471A1A0A
    fix: router eigrp DMVPN\n address-family ipv4 unicast autonomous-system 100\n  af-interface Tunnel0\n
      authentication mode hmac-sha-256 <secret>
    """)
_NAME: Final = Blank("name")
_HMAC_LINE: Final[dict[str, Hashable]] = {"hmac-sha-256": True, "password": SECRET}
#: Seconds: the longest hold time.
_LONGEST: Final = 65535
RULES: Final = collected(Rule, vars())


def check(config: EigrpConfig) -> Iterator[Concern]:
    """Yield the problems of the processes, interface by interface."""
    for process in (*config.processes, *config.ipv6):
        for name, settings in process.interfaces:
            if not settings.shutdown:
                yield from _authentication(config, process, name, settings)
                yield from _times(process, name, settings)


def _authentication(
    config: EigrpConfig, process: ProcessSettings, name: str, settings: InterfaceSettings
) -> Iterator[Concern]:
    chain, mode = settings.key_chain, settings.authentication
    if mode is AuthenticationMode.HMAC_SHA_256:
        if settings.password:
            return
        yield Concern(
            rule=HMAC,
            at=line_of(process, name, "authentication mode"),
            what=f"{name}: EIGRP {process.autonomous_system} stays silent here, for its password is hidden",
            fix=nested(entered(process, name, MODE, **_HMAC_LINE)),
        )
        return
    if (mode is None) != (not chain):
        lacking, given = ("mode", "key-chain") if mode is None else ("key-chain", "mode")
        chains = [one.name for one in config.key_chains if one.keys]
        mode_line = entered(process, name, MODE, md5=True)
        chain_line = entered(process, name, CHAIN, chain=chains[0] if len(chains) == 1 else _NAME)
        yield Concern(
            rule=HALF,
            at=line_of(process, name, f"authentication {given}"),
            what=f"{name} has the {given} of EIGRP {process.autonomous_system}'s authentication, and no {lacking}",
            fix=nested(mode_line if mode is None else chain_line),
        )


def _times(process: ProcessSettings, name: str, settings: InterfaceSettings) -> Iterator[Concern]:
    hello, hold = settings.hello_interval, settings.hold_time
    if hold <= hello:
        at = line_of(process, name, "hold-time" if hold != type(settings)().hold_time else "hello-interval")
        what = f"{name}: Hellos of EIGRP {process.autonomous_system} every {hello} s, and neighbors wait {hold} s"
        fix = nested(entered(process, name, HOLD_TIME, seconds=min(3 * hello, _LONGEST)))
        yield Concern(rule=HOLD, at=at, what=what, fix=fix)
