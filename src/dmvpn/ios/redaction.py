"""Removes keys from unknown lines; the grammar marks the secrets in all other lines."""

from __future__ import annotations

import re
from typing import Final

from dmvpn.ios.slips import slip_of

_WORD: Final = re.compile(r"\S+")
#: How a word begins that a key may follow, misspelled or not.
_STEMS: Final = (
    *("key", "pre-sh", "passw", "secr", "md5", "authentication-k", "communit"),
    *("area-passw", "domain-passw"),
)
#: The whole words, to find misspelled ones.
_KEYWORDS: Final = frozenset(
    ("key", "pre-shared-key", "password", "secret", "community", "key-string", "authentication-key")
)
_AUTHENTICATION: Final = frozenset(("authentication",))
#: Words between such a word and its key, or after a key of one word.
_PLAIN: Final = re.compile(
    r"local|remote|key(-string)?|address|hostname|text|md5|hex|[0567]|\d+\.\d+\.\d+\.\d+", re.IGNORECASE
)
#: Lines in which such words are followed by names and numbers.
_HARMLESS: Final = re.compile(
    r"\s*(no\s+)?tunnel\s|.*\bkey[- ]chain\b|\s*crypto\s+key\s+(generate|zeroize)\b|\s*ip\s+ssh\s+rsa\s", re.IGNORECASE
)
#: Groups of routers with one address prove themselves to each other, behind the word `authentication`.
_IS_OF_A_GROUP: Final = re.compile(r"\s*(no\s+)?(standby|vrrp|glbp)\s", re.IGNORECASE)
#: Without one of these words there is no key: most lines have none, and a file has many of them.
_MAY_HOLD: Final = re.compile(
    "|".join((*_STEMS, "authenti", "crypto", "nhrp", "user", "enable", "pre-?s", "server", "ppp")), re.IGNORECASE
)
#: A password in a URL, its group. It may be in any line.
_IN_URL: Final = re.compile(r"\w://[^\s/:@]{0,64}:([^\s@]{1,128})(?=@)")
#: Where a key is behind other words: of users of SNMPv3, of wireless networks. Its group is the key.
_BEHIND: Final = re.compile(
    r"\bauth\s+(?:md5|sha\S*)\s+(\S+)"
    r"|\bpriv\s+(?:3?des|aes(?:\s+(?:128|192|256))?)\s+(\S+)"
    r"|\bpsk\s+(?:ascii|hex)\s+(?:[0-9]\s+)?(\S+)",
    re.IGNORECASE,
)
#: So much of a key gives it away wherever it appears; a shorter key is looked for as a word.
_QUOTED: Final = 4


def without_keys(line: str) -> str:
    """Return the line with asterisks for its key, one for each letter, so that a caret stays where it points."""
    if _HARMLESS.match(line):
        return line
    line = _BEHIND.sub(_starred, without_passwords_in_urls(line))
    if _MAY_HOLD.search(line) is None:
        return line
    before, words_left, shown, end = "", 0, "", 0
    for match in _WORD.finditer(line):
        word = match[0]
        shown += line[end : match.start()]
        hidden = words_left > 0 and not _PLAIN.fullmatch(word)
        shown += "*" * len(word) if hidden else word
        words_left -= hidden
        if not hidden and _opens_key(before, word.lower()):
            one_word = before == "isakmp" or word.lower() == "md5"
            words_left = 1 if one_word else len(line)
        elif (before == "nhrp" or _IS_OF_A_GROUP.match(line)) and (
            word[:8].lower() == "authenti" or slip_of(word.lower(), _AUTHENTICATION)
        ):
            words_left = 1
        before, end = word.lower(), match.end()
    return shown + line[end:]


def without_passwords_in_urls(line: str) -> str:
    """Return the line, known or not, with asterisks for the password of each URL that names its user."""
    return _IN_URL.sub(_starred, line) if "://" in line else line


def _starred(found: re.Match[str]) -> str:
    """Return the match, with asterisks for its one group that took part."""
    key = next(each for each in found.groups() if each is not None)
    whole = found[0]
    return f"{whole[: -len(key)]}{'*' * len(key)}"


def _opens_key(before: str, word: str) -> bool:
    """Return whether a key may follow this word, as it is or with a slip."""
    is_short_slip = before == "isakmp" and word[:1] == "k" and word != "keepalive"
    return is_short_slip or word.startswith(_STEMS) or slip_of(word, _KEYWORDS)


def without_its_keys(line: str, said: str) -> str:
    """Return what a router says of a line, with asterisks for the line's key and for a beginning of it that is
    quoted.
    """
    shown = without_keys(line)
    keys = [match[0] for match in _WORD.finditer(line) if shown[match.start() : match.end()] != match[0]]
    for key in keys:
        for length in range(len(key), min(len(key), _QUOTED) - 1, -1):
            quoted = re.escape(key[:length])
            said = re.sub(quoted if length >= _QUOTED else rf"(?<!\w){quoted}(?!\w)", "*" * length, said)
    return said
