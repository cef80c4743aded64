"""`ip ssh pubkey-chain`: the public keys of users. A key is no secret, and is kept as it was typed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import collected
from dmvpn.ios.config_line import ConfigLine, Mode
from dmvpn.ios.values import ValueType, register_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dmvpn.ios.section import Section
    from dmvpn.ios.tree import ConfigTree

_CHAIN, _USER, _DATA = "ssh-pubkey", "ssh-pubkey-user", "ssh-pubkey-data"
MODES = (
    Mode(_CHAIN, "conf-ssh-pubkey"),
    Mode(_USER, "conf-ssh-pubkey-user", _CHAIN),
    Mode(_DATA, "conf-ssh-pubkey-data", _USER, exit_word="exit"),
)

#: A piece of base 64, or the kind of the key, which files of public keys have in front. No word of the language.
_PIECE: Final = re.compile(r"(?=.*[A-Z0-9+/=])[A-Za-z0-9+/=]{4,}|(ssh|ecdsa|sk)-[a-z0-9@.-]+")
register_type(ValueType("key-data", "LINE", lambda text: (text, text) if _PIECE.fullmatch(text) else None))

_HELP: Mapping[str, str] = {
    "pubkey-chain": "Public keys of users",
    "username": "Whose keys follow",
    "name": "The user's name",
    "key-string": "A public key, in base 64, over as many lines as it takes; `exit` ends it",
    "key-hash": "The MD5 hash of a public key",
    "kind": "Kind of the key, such as ssh-rsa",
    "hash": "Hexadecimal digits",
    "comment": "For people",
    "data": "A piece of the key",
}
CHAIN = ConfigLine("global", "ip ssh pubkey-chain", _HELP, order=519, opens=_CHAIN)
USER = ConfigLine(_CHAIN, "username {name:word}", _HELP, opens=_USER)
STRING = ConfigLine(_USER, "key-string", _HELP, order=10, opens=_DATA)
HASH = ConfigLine(_USER, "key-hash {kind:word} {hash:word} [ {comment:line} ]", _HELP, key=("hash",), order=20)
DATA = ConfigLine(_DATA, "{data:key-data} [ {comment:line} ]", _HELP, key=())

CONFIG = collected(ConfigLine, vars())


def key_hashes(tree: ConfigTree) -> tuple[tuple[str, str], ...]:
    """Return names of users, and the MD5 hash of a key of theirs, in hexadecimal digits."""
    found: list[tuple[str, str]] = []
    for _, chain in tree.sections(CHAIN):
        for args, user in chain.sections(USER):
            found += [(args.text("name"), hashed) for hashed in _hashes(user)]
    return tuple(found)


def _hashes(user: Section) -> Iterator[str]:
    for _, data in user.sections(STRING):
        pieces = [word for args in data.all(DATA) for word in (args.text("data"), args.text("comment", ""))]
        text = "".join(piece for piece in pieces if _PIECE.fullmatch(piece) and "-" not in piece)
        try:
            octets = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        if octets:
            yield hashlib.md5(octets, usedforsecurity=False).hexdigest()
    for args in user.all(HASH):
        yield args.text("hash").lower()
