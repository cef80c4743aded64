"""The lines of key chains, which RFC 7868 §6.7.2 leaves to the implementation, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.eigrp.model import Key, KeyChain
from dmvpn.ios.grammar import ConfigLine, Mode

if TYPE_CHECKING:
    from dmvpn.ios.grammar import Args
    from dmvpn.ios.tree import ConfigTree, Section

KEY_CHAIN_MODE, KEY_MODE = "key-chain", "key-chain-key"
MODES: Final = (Mode(KEY_CHAIN_MODE, "config-keychain"), Mode(KEY_MODE, "config-keychain-key", KEY_CHAIN_MODE))

KEY_CHAIN: Final = ConfigLine(
    "global",
    "key chain {name:word}",
    {"key": "Keys of routing protocols", "chain": "A list of keys", "name": "Its name"},
    key=("name",),
    order=100,
    opens=KEY_CHAIN_MODE,
)
KEY: Final = ConfigLine(
    KEY_CHAIN_MODE,
    "key {number:0-2147483647}",
    {"key": "One key", "number": "Its number, which travels in packets"},
    key=("number",),
    opens=KEY_MODE,
)
KEY_STRING: Final = ConfigLine(
    KEY_MODE,
    "key-string [ 0 ] {text:line}",
    {"key-string": "The key itself", "0": "It follows in clear", "text": "The key"},
    order=10,
)
# Kept for the sake of existing configurations: a key is valid all the time.
LIFETIMES: Final = tuple(
    ConfigLine(KEY_MODE, f"{word} {{text:line}}", {word: "Kept; keys are always valid", "text": "Times"}, order=20)
    for word in ("accept-lifetime", "send-lifetime", "cryptographic-algorithm")
)
LINES: Final = (KEY_CHAIN, KEY, KEY_STRING, *LIFETIMES)


def key_chains(tree: ConfigTree) -> tuple[KeyChain, ...]:
    """All key chains, with those keys that have a text."""
    return tuple(_key_chain(args, section) for args, section in tree.sections(KEY_CHAIN))


def _key_chain(args: Args, section: Section) -> KeyChain:
    keys = [
        Key(number.integer("number"), string.text("text"))
        for number, key in section.sections(KEY)
        if (string := key.get(KEY_STRING)) is not None
    ]
    return KeyChain(args.text("name"), tuple(sorted(keys, key=lambda key: key.number)))
