"""What key chains say, which RFC 7868 §6.7.2 leaves to the implementation. Their lines belong to feature `policy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.eigrp.model import Key, KeyChain
from dmvpn.ios.common import KEY, KEY_CHAIN, KEY_STRING

if TYPE_CHECKING:
    from dmvpn.ios.grammar import Args
    from dmvpn.ios.tree import ConfigTree, Section


def key_chains(tree: ConfigTree) -> tuple[KeyChain, ...]:
    """All key chains, with those keys that have a text."""
    return tuple(_key_chain(args, section) for args, section in tree.sections(KEY_CHAIN))


def _key_chain(args: Args, section: Section) -> KeyChain:
    keys = [
        Key(number.integer("number"), string.text("secret"))
        for number, key in section.sections(KEY)
        if (string := key.get(KEY_STRING)) is not None
    ]
    return KeyChain(args.text("name"), tuple(sorted(keys, key=lambda key: key.number)))
