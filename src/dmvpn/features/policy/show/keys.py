"""`show key chain`: the keys that routing protocols authenticate with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.ios import Args, ExecCommand, ShowContext
from dmvpn.ios.common import KEY, KEY_CHAIN, KEY_STRING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Lifetimes are kept and not obeyed: every key is valid at all times.
_ALWAYS: Final = "lifetime (always valid) - (always valid) [valid now]"


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key. text: None while it has none; then it is of no use."""

    number: int
    text: str | None


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
    """All key chains, or one."""
    wanted = args.text("name", "")
    chains = []
    for named, section in ctx.running.sections(KEY_CHAIN):
        if wanted not in ("", named.text("name")):
            continue
        keys = []
        for number, key in section.sections(KEY):
            string = key.get(KEY_STRING)
            keys.append(KeyLine(number.integer("number"), string.text("secret") if string is not None else None))
        chains.append(ChainLines(named.text("name"), tuple(sorted(keys, key=lambda key: key.number))))
    return ShowKeyChain(tuple(chains))


def render(answer: ShowKeyChain) -> Iterator[str]:
    """A paragraph for each chain."""
    for chain in answer.chains:
        yield f"Key-chain {chain.name}:"
        for key in chain.keys:
            yield f"    key {key.number} -- text " + (f'"{key.text}"' if key.text is not None else "(unset)")
            yield f"        accept {_ALWAYS}"
            yield f"        send {_ALWAYS}"


COMMANDS: Final = (
    ExecCommand(
        "show key chain [ {name:word} ]",
        {"key": "Keys of routing protocols", "chain": "Lists of keys", "name": "One list"},
        query=query,
        render=render,
        privilege=15,
    ),
)
