"""The commands that switch debugs on and off, made of the flags of all features, and conditions that narrow them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from dmvpn.base.events import Event
from dmvpn.features.system.events import ClearDebug, ConditionKind, SetDebug, SetDebugCondition
from dmvpn.ios.feature import DebugFlag, ShowContext
from dmvpn.ios.grammar import Args, ExecCommand


def debug_commands(flags: Iterable[DebugFlag]) -> tuple[ExecCommand, ...]:
    """Return `debug X`, `no debug X`, `undebug X` for the flags of all features, and what goes with them.

    Flags with the same syntax are switched together. `debug dmvpn LEVEL PART` switches all that are of this level, of
    this part.
    """
    of_syntax: dict[str, list[DebugFlag]] = {}
    for flag in flags:
        of_syntax.setdefault(flag.syntax, []).append(flag)
        if flag.dmvpn:
            for level, part in product(*((word, "all") for word in flag.dmvpn.split())):
                of_syntax.setdefault(f"dmvpn {level} {part}", []).append(flag)
    commands: list[ExecCommand] = []
    for syntax, together in of_syntax.items():
        debugs = tuple((flag.group, flag.title, flag.name, flag.listed or flag.title) for flag in together)
        commands += _switch(syntax, debugs)
    conditions = [command for family in _FAMILIES for command in _conditions(family)]
    return (*commands, *conditions, *_CRYPTO_CONDITIONS, *_ALL_OFF)


def _switch(syntax: str, debugs: tuple[tuple[str, str, str, str], ...]) -> list[ExecCommand]:
    first, *_, last = (*syntax.split(), *syntax.split())
    group, *_, listed = debugs[0]
    texts = _DMVPN_HELP if first == "dmvpn" else {first: group, last: f"{listed} debugging"}

    def turn_on(ctx: ShowContext, _: Args) -> Event:
        return SetDebug(ctx.session, debugs, on=True)

    def turn_off(ctx: ShowContext, _: Args) -> Event:
        return SetDebug(ctx.session, debugs, on=False)

    return [
        ExecCommand(f"debug {syntax}", texts, action=turn_on, privilege=15),
        ExecCommand(f"no debug {syntax}", texts, action=turn_off, privilege=15),
        ExecCommand(f"undebug {syntax}", texts, action=turn_off, privilege=15),
    ]


_DMVPN_HELP: Mapping[str, str] = {
    "dmvpn": "DMVPN",
    "all": "Everything",
    "error": "What went wrong",
    "detail": "Actions and their reasons",
    "packet": "What packets say",
    "nhrp": "Next Hop Resolution Protocol",
    "tunnel": "Tunnel interfaces",
    "crypto": "IKE and IPsec",
    "socket": "Which peers are to be protected, and how far that is",
}
#: `debug FAMILY condition ...`: the word typed, and the first word of the flags that it narrows.
_FAMILIES = (("nhrp", "nhrp"), ("dmvpn", "nhrp"))
_CONDITION = (
    "( peer ( nbma {nbma:address} | tunnel ( {tunnel:address} | {tunnel:address6} ) ) | "
    "interface {interface:interface} )"
)
_CONDITION_HELP: Mapping[str, str] = {
    "condition": "Only for one peer or tunnel",
    "peer": "A peer",
    "nbma": "By its NBMA address",
    "tunnel": "By its tunnel address",
    "interface": "A tunnel interface",
}


def _conditions(words: tuple[str, str]) -> list[ExecCommand]:
    typed, family = words

    def add(ctx: ShowContext, args: Args) -> Event:
        return SetDebugCondition(ctx.session, family, *_condition(args), on=True)

    def remove(ctx: ShowContext, args: Args) -> Event:
        return SetDebugCondition(ctx.session, family, *_condition(args), on=False)

    texts = {**_CONDITION_HELP, typed: typed.upper()}
    commands = [ExecCommand(f"debug {typed} condition {_CONDITION}", texts, action=add, privilege=15)]
    commands += [
        ExecCommand(f"{verb} {typed} condition [ {_CONDITION} ]", texts, action=remove, privilege=15)
        for verb in ("no debug", "undebug")
    ]
    return commands


def _add_peer(ctx: ShowContext, args: Args) -> Event:
    return SetDebugCondition(ctx.session, _CRYPTO, *_condition(args), on=True)


def _remove_peer(ctx: ShowContext, args: Args) -> Event:
    return SetDebugCondition(ctx.session, _CRYPTO, *_condition(args), on=False)


#: The first word of the flags of IKE and IPsec, which all know the address of the peer.
_CRYPTO = "crypto"
_CRYPTO_HELP: Mapping[str, str] = {
    "crypto": "IKE and IPsec",
    "condition": "Only for one peer",
    "peer": "A peer",
    "ipv4": "By its address",
    "reset": "For all peers again",
    "nbma": "Its address",
}
_CRYPTO_CONDITIONS = (
    ExecCommand("debug crypto condition peer ipv4 {nbma:address}", _CRYPTO_HELP, action=_add_peer, privilege=15),
    ExecCommand("debug crypto condition reset", _CRYPTO_HELP, action=_remove_peer, privilege=15),
    *(
        ExecCommand(
            f"{verb} crypto condition [ peer ipv4 {{nbma:address}} ]", _CRYPTO_HELP, action=_remove_peer, privilege=15
        )
        for verb in ("no debug", "undebug")
    ),
)


def _condition(args: Args) -> tuple[ConditionKind | None, str]:
    for name, kind in (
        ("nbma", ConditionKind.NBMA),
        ("tunnel", ConditionKind.ADDRESS),
        ("interface", ConditionKind.INTERFACE),
    ):
        if name in args.values_given:
            return kind, str(args[name])
    return None, ""


def _all_off(ctx: ShowContext, _: Args) -> Event:
    return ClearDebug(ctx.session)


_ALL_OFF = tuple(
    ExecCommand(f"{verb} all", {"all": "Every debug, and every condition"}, action=_all_off, privilege=15)
    for verb in ("no debug", "undebug")
)
