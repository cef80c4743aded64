"""What key chains say. Their lines belong to feature `policy`; every protocol that authenticates reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.keychains import Key, KeyChain, Lifetime
from dmvpn.ios.common import KEY, KEY_ACCEPT, KEY_ALGORITHM, KEY_CHAIN, KEY_SEND, KEY_STRING
from dmvpn.ios.lifetimes import read_lifetime

if TYPE_CHECKING:
    from dmvpn.ios.grammar import Args, ConfigLine
    from dmvpn.ios.tree import ConfigTree, Section


def key_chains(tree: ConfigTree) -> tuple[KeyChain, ...]:
    """All key chains, with those keys that have a text."""
    return tuple(_key_chain(args, section) for args, section in tree.sections(KEY_CHAIN))


def _key_chain(args: Args, section: Section) -> KeyChain:
    keys = [
        Key(
            number.integer("number"),
            string.text("secret"),
            _algorithm(key),
            accept=lifetime(key, KEY_ACCEPT),
            send=lifetime(key, KEY_SEND),
        )
        for number, key in section.sections(KEY)
        if (string := key.get(KEY_STRING)) is not None
    ]
    return KeyChain(args.text("name"), tuple(sorted(keys, key=lambda key: key.number)))


def lifetime(key: Section, line: ConfigLine) -> Lifetime | None:
    """When a key is valid by this line; None: always."""
    said = key.get(line)
    return read_lifetime(said.text("text")) if said is not None else None


def _algorithm(key: Section) -> str:
    line = key.get(KEY_ALGORITHM)
    return line.words[-1] if line is not None else ""
