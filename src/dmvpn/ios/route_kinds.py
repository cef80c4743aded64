"""`match` behind `redistribute ospf`: which kinds of OSPF's routes come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from dmvpn.ios.values import Misfit, Reading, ValueType, register_type

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from dmvpn.ios.grammar import Args
    from dmvpn.ios.values import Read, Token

#: The words, with the subtypes of routes that they mean; a type may follow words with two subtypes.
_WORDS: Final = {"internal": ("", "IA"), "external": ("E1", "E2"), "nssa-external": ("N1", "N2")}
_HELP: Final = {
    "internal": "From within OSPF",
    "external": "From outside OSPF, perhaps of one type",
    "nssa-external": "From outside, by a not-so-stubby area, perhaps of one type",
}
#: The types redistributed into BGP by default.
INTERNAL: Final = _WORDS["internal"]


def _spelled(value: Hashable) -> str:
    """Return words that mean these subtypes, in their order."""
    kinds = value if isinstance(value, tuple) else ()
    words: list[str] = []
    while kinds:
        word, both = next((word, both) for word, both in _WORDS.items() if kinds[0] in both)
        is_both = kinds[:2] == both
        words.append(word if is_both else f"{word} {both.index(kinds[0]) + 1}")
        kinds = kinds[1 + is_both :]
    return " ".join(words)


class RouteKinds(ValueType):
    """Words in any order. The value: all subtypes that they mean."""

    def __init__(self) -> None:
        super().__init__("ospf-kinds", "internal", lambda text: None, spell=_spelled)

    def read(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        kinds: dict[str, None] = {}
        words: list[str] = []
        while index < len(tokens) and len(found := self.words(tokens[index].text)) == 1:
            word, index = found[0], index + 1
            both: tuple[str, ...] = _WORDS[word]
            words.append(word)
            if word != "internal" and index < len(tokens) and tokens[index].text in ("1", "2"):
                both = (both[int(tokens[index].text) - 1],)
                words.append(tokens[index].text)
                index += 1
            kinds.update(dict.fromkeys(both))
        return Reading(tuple(kinds), " ".join(words), index) if kinds else Misfit()

    def hints(self, fragment: str) -> list[tuple[str, str]]:
        return [(word, text) for word, text in _HELP.items() if word.startswith(fragment.lower())]

    def words(self, fragment: str) -> list[str]:
        return [word for word, _ in self.hints(fragment)]


def kinds_of(args: Args) -> tuple[str, ...]:
    """Return the subtypes that a line names; (): the line has none."""
    return cast("tuple[str, ...]", args.get("kinds")) or ()


ROUTE_KINDS: Final = register_type(RouteKinds())
#: For the syntax of a line, in its `[* ... ]`; the value is `kinds`.
MATCH: Final = f"match {{kinds:{ROUTE_KINDS.name}}}"
MATCH_HELP: Final = {"match": "Only some kinds of OSPF's routes", "kinds": "Which"}
