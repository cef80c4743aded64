"""`show key chain`: the keys that routing protocols authenticate with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.ios.common import KEY, KEY_ACCEPT, KEY_CHAIN, KEY_SEND, KEY_STRING
from dmvpn.ios.grammar import HIDDEN
from dmvpn.ios.routing import lifetime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dmvpn.base.keychains import Lifetime

_ALWAYS: Final = "lifetime (always valid) - (always valid) [valid now]"


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key.

    text: None while it has none; then it is of no use.
    accept, send: lifetimes in words.
    """

    number: int
    text: str | None
    accept: str
    send: str


@dataclass(frozen=True, slots=True)
class ChainLines:
    """A key chain with its keys, in the order of their numbers."""

    name: str
    keys: tuple[KeyLine, ...]


@dataclass(frozen=True, slots=True)
class ShowKeyChain:
    """The answer to `show key chain`."""

    chains: tuple[ChainLines, ...]


def query(ctx: ShowContext, args: Args) -> ShowKeyChain:
    """Return all key chains, or one."""
    wanted = args.text("name", "")
    chains = []
    for named, section in ctx.running.sections(KEY_CHAIN):
        if wanted not in ("", named.text("name")):
            continue
        keys = []
        for number, key in section.sections(KEY):
            string = key.get(KEY_STRING)
            text = None if string is None else HIDDEN if ctx.hides else string.text("secret")
            accept, send = (_words(lifetime(key, line), ctx) for line in (KEY_ACCEPT, KEY_SEND))
            keys.append(KeyLine(number.integer("number"), text, accept, send))
        chains.append(ChainLines(named.text("name"), tuple(sorted(keys, key=lambda key: key.number))))
    return ShowKeyChain(tuple(chains))


def render(answer: ShowKeyChain) -> Iterator[str]:
    """Yield a paragraph for each chain."""
    for chain in answer.chains:
        yield f"Key-chain {chain.name}:"
        for key in chain.keys:
            yield f"    key {key.number} -- text " + (f'"{key.text}"' if key.text is not None else "(unset)")
            yield f"        accept {key.accept}"
            yield f"        send {key.send}"


def _words(life: Lifetime | None, ctx: ShowContext) -> str:
    """Return a lifetime as IOS has it; those in the router's own time zone have no zone behind them."""
    if life is None:
        return _ALWAYS
    ends = [f"({_moment(one, life)})" if one is not None else "(infinite)" for one in (life.start, life.end)]
    valid = " [valid now]" if life.holds(ctx.ports.clock, ctx.now) else ""
    return f"lifetime {ends[0]} - {ends[1]}{valid}"


def _moment(moment: datetime, lifetime: Lifetime) -> str:
    zone = "" if lifetime.local else " UTC"
    return f"{moment:%H:%M:%S}{zone} {moment:%b} {moment.day} {moment.year}"


COMMANDS: Final = (
    ExecCommand(
        "show key chain [ {name:word} ]",
        {"key": "Keys of routing protocols", "chain": "Lists of keys", "name": "One list"},
        query=query,
        render=render,
        privilege=15,
    ),
)
