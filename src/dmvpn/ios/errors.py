"""What the language says when it does not understand, and how it shows the line: without its keys.

Errors are values, not exceptions, with the exact words of IOS.

ErrorKind
├── EMPTY       nothing was typed, or a comment: nothing is said
├── INVALID     caret under the first character that fits nothing
├── INCOMPLETE  more words are needed
├── AMBIGUOUS   a cut word fits several keywords
├── UNKNOWN     the only word of an exec line is no command at all
└── REFUSED     understood, but not possible; the text says why

    slip_of(...)             the word of ours from which a misspelled word is one edit away
    without_keys(line)       hides whatever is where a command has a secret, and all behind it; in another line all
                             behind a word that a key may follow
    note_secrets(...)        the commands of a language that have a secret, which is recognized from now on

A key becomes asterisks, one for each letter, so that a caret stays where it points. A message is often about a line
that was not understood: cut, in the wrong mode, with a word too many. So the commands of all modes count, each word may
be cut, and any word may be a value.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ misspellings


#: Shorter words are too near to each other.
_SHORTEST: Final = 4
_LONGEST: Final = 40


@lru_cache(maxsize=4_096)
def slip_of(word: str, known: frozenset[str]) -> bool:
    """Return whether one letter more, less or other, or two that change places, would make a word of `known`."""
    if not _SHORTEST <= len(word) <= _LONGEST or word in known or not _may_be(word, known):
        return False
    own = frozenset(_without_one(word))
    if word in _one_less(known) or not own.isdisjoint(known):
        return True
    if not own.isdisjoint(_one_less(known)):
        return any(_is_near(word, other) for other in sorted(known) if len(other) == len(word))
    return False


def _may_be(word: str, known: frozenset[str]) -> bool:
    """Return whether the first letters, or the last, are those of a known word. One edit leaves one half as it was."""
    half = len(word) // 2 - 1
    beginnings, ends = _halves(known)
    return word[:half] in beginnings or word[-half:] in ends


@lru_cache(maxsize=64)
def _halves(known: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    beginnings = frozenset(word[:end] for word in known for end in range(1, len(word) + 1))
    return beginnings, frozenset(word[start:] for word in known for start in range(len(word)))


@lru_cache(maxsize=64)
def _one_less(known: frozenset[str]) -> frozenset[str]:
    return frozenset(shorter for word in known if len(word) >= _SHORTEST for shorter in _without_one(word))


def _without_one(word: str) -> Iterator[str]:
    for index in range(len(word)):
        yield word[:index] + word[index + 1 :]


def _is_near(word: str, other: str) -> bool:
    """Return whether of two words of one length one letter is another, or two neighbors changed places."""
    differing = [index for index in range(len(word)) if word[index] != other[index]]
    if len(differing) == 1:
        return True
    if len(differing) != 2 or differing[1] != differing[0] + 1:
        return False
    first, second = differing
    return word[first] == other[second] and word[second] == other[first]


# --------------------------------------------------------------------------------------------- lines without their keys


_WORD: Final = re.compile(r"\S+")
#: How a word begins that a key may follow, misspelled or not.
_STEMS: Final = (
    *("key", "pre-sh", "pre_sh", "presh", "passw", "passphr", "secr", "md5", "authentication-k", "message-digest-k"),
    *("communit", "area-passw", "domain-passw", "challenge-passw", "revocation-passw"),
)
#: The whole words, to find misspelled ones.
_KEYWORDS: Final = frozenset(
    ("key", "pre-shared-key", "password", "secret", "community", "key-string", "authentication-key")
)
_AUTHENTICATION: Final = frozenset(("authentication",))
#: Words behind `authentication` that name a method or an end. A key may follow later.
_METHODS: Final = frozenset(
    (
        *("mode", "key-chain", "message-digest", "null", "login", "enable", "ppp", "dot1x", "port-control", "open"),
        *("order", "event", "priority", "periodic", "timer", "host-mode", "logging", "ms-chap-v2", "aaa"),
        *("local", "remote", "pre-share", "rsa-sig", "rsa-encr", "ecdsa-sig", "eap", "list", "chap", "ms-chap", "pap"),
    )
)
#: Words between such a word and its key.
_PLAIN: Final = re.compile(
    r"local|remote|key(-string)?|address|hostname|text|md5|hex|[0-9]|\d+\.\d+\.\d+\.\d+", re.IGNORECASE
)
_CRYPTO: Final = r"\s*cr(?:y(?:p(?:to?)?)?)?\s+"
#: How lines begin in which such words are followed by names and numbers. A key may stand behind these.
_HARMLESS: Final = re.compile(
    r"\s*(no\s+|(do\s+)?show\s+)?(tunnel\s+\S+(\s+ipsec\s+profile)?|key\s+chain|ip\s+ssh\s+rsa\s+\S+"
    r"|route-map|ip\s+prefix-list|ip\s+access-list\s+\w+|crypto\s+(ikev2\s+)?keyring|keyring(\s+local)?)(\s+\S+|$)"
    r"|\s*(no\s+)?((set|match|bgp)\s+community|ip\s+community-list|description|remark)\b.*"
    rf"|{_CRYPTO}key\s+(g(e(n\w*)?)?|z(e(r\w*)?)?|pubkey-chain|storage)(\s|$)",
    re.IGNORECASE,
)
#: Groups of routers with one address prove themselves to each other, behind the word `authentication`.
_IS_OF_A_GROUP: Final = re.compile(r"\s*(no\s+)?(standby|vrrp|glbp)\s", re.IGNORECASE)
#: Without one of these words there is no key: most lines have none, and a file has many of them.
_MAY_HOLD: Final = re.compile(
    "|".join((*_STEMS, "auth", "crypto", "nhrp", "user", "enable", "pre-?s", "server", "ppp")), re.IGNORECASE
)
#: A password in a URL, its group. It may be in any line.
_IN_URL: Final = re.compile(r"\w://[^\s/:@]{0,64}:([^\s@]{1,128})(?=@)")
#: Where a key is behind other words: of users of SNMPv3 and hosts of SNMP, of wireless networks, of OSPF's IPsec, of
#: crypto maps without IKE; or in one with them.
_BEHIND: Final = re.compile(
    r"\bauth\s+(?:md5|sha\S*)\s+(?=\S)"
    r"|\bpriv\s+(?:3?des|aes(?:\s+(?:128|192|256))?)\s+(?=\S)"
    r"|\bpsk\s+(?:(?:ascii|hex)\s+)?(?:[0-9]\s+)?(?=\S)"
    r"|\b(?:key|psk|passw\w*|passphrase|secret|community)[=:](?=\S)"
    r"|\b(?:server-key|user-pin)\s+(?:[0-9]\s+)?(?=\S)|\bsession-key\s+\w+\s+\w+\s+\d+\s+(?=\S)"
    r"|\bhttp-proxy\s+\S[^\s:@]*:(?=\S+@)"
    r"|\bipsec\s+spi\s+\d+\s+(?:md5|sha1|esp\s+[\w-]+)\s+(?:(?:128|192|256)\s+)?(?=\S)"
    r"|\bsnmp-server\s+host\s+\S+\s+(?:vrf\s+\S+\s+)?(?:(?:traps?|informs?)\s+)?"
    r"(?:version\s+(?:1|2c|3\s+(?:no)?auth|3\s+priv)\s+)?(?=\S)",
    re.IGNORECASE,
)
#: Behind the name of a key pair that moves there may be a passphrase, and behind the place of a trustpoint.
_MOVED: Final = re.compile(
    rf"{_CRYPTO}(?:key\s+(?:ex|im)\w*\s+\w+\s+\S+|(?:pk\w*|ca)\s+(?:ex|im)\w*\s+\S+\s+\S+\s+(?:url\s+)?\S+)(?:\s+|$)",
    re.IGNORECASE,
)
#: Of each language, by the syntax of its commands, what finds a secret in a line. A process has one of configurations
#: and one of the prompt; tests have more, and a language that is made again is the same.
_NOTED: Final[dict[tuple[str, ...], Callable[[Sequence[str]], int]]] = {}


def note_secrets(commands: tuple[str, ...], find: Callable[[Sequence[str]], int]) -> None:
    """Recognize the secrets of commands from now on. commands: their syntax. find: `Grammar.secret_in`."""
    _NOTED.setdefault(commands, find)


def without_keys(line: str, *, is_listed: bool = False) -> str:
    """Return the line with asterisks for its key and all behind it.

    is_listed: it is a line of the table, so it is known that no key follows its `authentication`.
    """
    line = without_passwords_in_urls(line)
    harmless, moved = _HARMLESS.match(line), _MOVED.match(line)
    start = moved.end() if moved is not None else 0 if harmless is None else harmless.end()
    if moved is None:
        start += _first_of_key(line[start:], is_listed=is_listed)
    return line[:start] + _WORD.sub(lambda word: "*" * len(word[0]), line[start:])


def _first_of_key(line: str, *, is_listed: bool) -> int:
    """Return where a key begins in a line; without one, its end."""
    found = list(_WORD.finditer(line))
    words = [one[0].lower() for one in found]
    first = min((find(words) for find in _NOTED.values()), default=len(words))
    if _MAY_HOLD.search(line) is not None:
        is_group = _IS_OF_A_GROUP.match(line) is not None
        first = min(first, _behind_keyword(words, is_group=is_group, is_listed=is_listed))
    start = found[first].start() if first < len(found) else len(line)
    behind = _BEHIND.search(line)
    return start if behind is None else min(start, behind.end())


def without_passwords_in_urls(line: str) -> str:
    """Return the line, known or not, with asterisks for the password of each URL that names its user."""
    if "://" not in line:
        return line
    return _IN_URL.sub(lambda found: f"{found[0][: -len(found[1])]}{'*' * len(found[1])}", line)


def _behind_keyword(words: Sequence[str], *, is_group: bool, is_listed: bool) -> int:
    """Return the index of the first word behind a word that keys follow; without one, the number of words."""
    before = ""
    for index, word in enumerate(words):
        after = words[index + 1] if index + 1 < len(words) else ""
        if _opens_key(before, word):
            break
        is_key = before == "nhrp" or is_group or not (is_listed or after in _METHODS)
        if is_key and (word[:8] == "authenti" or slip_of(word, _AUTHENTICATION)):
            break
        before = word
    else:
        return len(words)
    behind = range(index + 1, len(words))
    return next((number for number in behind if not _PLAIN.fullmatch(words[number])), len(words))


def _opens_key(before: str, word: str) -> bool:
    """Return whether a key may follow this word, as it is or with a slip."""
    if word == "key-chain":
        return False
    is_short_slip = before == "isakmp" and word[:1] == "k" and word != "keepalive"
    return is_short_slip or word.startswith(_STEMS) or slip_of(word, _KEYWORDS)


# ------------------------------------------------------------------------------------------------ errors


class ErrorKind(enum.Enum):
    """Why a line was not taken."""

    EMPTY = "empty"
    INVALID = "invalid"
    INCOMPLETE = "incomplete"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class CliError(Value):
    """A line that was not understood. `column` counts from the first character of `line` as typed, blanks included."""

    kind: ErrorKind
    line: str
    column: int = 0
    text: str = ""

    def lines(self, prompt_width: int = 0) -> list[str]:
        """Return what the terminal shows; `prompt_width` is the length of the prompt before the line."""
        match self.kind:
            case ErrorKind.EMPTY:
                return []
            case ErrorKind.INVALID:
                return [" " * (prompt_width + self.column) + "^", "% Invalid input detected at '^' marker.", ""]
            case ErrorKind.INCOMPLETE:
                return ["% Incomplete command.", ""]
            case ErrorKind.AMBIGUOUS:
                return [f'% Ambiguous command:  "{without_keys(self.line.strip())}"', ""]
            case ErrorKind.UNKNOWN:
                return ["% Unknown command or computer name, or unable to find computer address"]
            case ErrorKind.REFUSED:
                return self.text.splitlines()
