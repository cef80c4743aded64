"""What key chains say. Their lines belong to feature `policy`; every protocol that authenticates reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.keychains import Key, KeyChain
from dmvpn.ios.common import KEY, KEY_ALGORITHM, KEY_CHAIN, KEY_STRING

if TYPE_CHECKING:
    from dmvpn.ios.grammar import Args
    from dmvpn.ios.tree import ConfigTree, Section


def key_chains(tree: ConfigTree) -> tuple[KeyChain, ...]:
    """All key chains, with those keys that have a text."""
    return tuple(_key_chain(args, section) for args, section in tree.sections(KEY_CHAIN))


def _key_chain(args: Args, section: Section) -> KeyChain:
    keys = [
        Key(number.integer("number"), string.text("secret"), _algorithm(key))
        for number, key in section.sections(KEY)
        if (string := key.get(KEY_STRING)) is not None
    ]
    return KeyChain(args.text("name"), tuple(sorted(keys, key=lambda key: key.number)))


def _algorithm(key: Section) -> str:
    line = key.get(KEY_ALGORITHM)
    return line.words[-1] if line is not None else ""
