"""What key chains say. Their lines belong to feature `policy`; every protocol that authenticates reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.keychains import Key, KeyChain, Lifetime
from dmvpn.base.pages import NONE
from dmvpn.ios.common import KEY, KEY_ACCEPT, KEY_ALGORITHM, KEY_CHAIN, KEY_SEND, KEY_STRING, read_lifetime

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.base.pages import Pages
    from dmvpn.ios.config_line import ConfigLine
    from dmvpn.ios.grammar import Args
    from dmvpn.ios.section import Section
    from dmvpn.ios.tree import ConfigTree


def key_chains(tree: ConfigTree) -> Pages[KeyChain]:
    """Return all key chains, with those keys that have a text."""
    return tree.made(KEY_CHAIN, _key_chain)


def _key_chain(args: Args, section: Section) -> KeyChain:
    return KeyChain(args.text("name"), section.following(KEY, _key, _Keys).keys)


class _Keys:
    """The keys of one chain by number."""

    def __init__(self) -> None:
        self.keys: Pages[Key] = NONE

    def follow(self, gone: Mapping[int, Key], came: Mapping[int, Key]) -> None:
        """See `Follower`."""
        changes: dict[int, Key | None] = {key.number: None for key in gone.values()}
        self.keys = self.keys.turned(changes | {key.number: key for key in came.values()})


def _key(args: Args, section: Section) -> Key | None:
    string = section.get(KEY_STRING)
    if string is None:
        return None
    return Key(
        args.integer("number"),
        string.text("secret"),
        _algorithm(section),
        accept=lifetime(section, KEY_ACCEPT),
        send=lifetime(section, KEY_SEND),
    )


def lifetime(key: Section, line: ConfigLine) -> Lifetime | None:
    """Return when a key is valid by this line; None: always."""
    said = key.get(line)
    return read_lifetime(said.text("text")) if said is not None else None


def _algorithm(key: Section) -> str:
    line = key.get(KEY_ALGORITHM)
    return line.words[-1] if line is not None else ""
