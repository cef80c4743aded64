"""The meanings of messages and of their fields, for a page that opens a message: also for a film without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.router.vocabulary import vocabulary

if TYPE_CHECKING:
    from dmvpn.ios import Feature

#: Groups of words that are in messages, by title; and the protocol as the chronicle names it.
_GROUPS: Final = {
    "packet types": "NHRP",
    "fields of an NHRP message": "NHRP",
    "exchanges": "IKEv2",
    "fields of an IKEv2 message": "IKEv2",
    "exchanges of IKEv1": "ISAKMP",
    "fields of an IKEv1 message": "ISAKMP",
}


def in_messages(features: tuple[Feature, ...]) -> dict[str, dict[str, str]]:
    """Return what, when, next and clause, by protocol and word: "NHRP Resolution Request", "NHRP Hop Count"."""
    found: dict[str, dict[str, str]] = {}
    for meaning in vocabulary(features).all():
        protocol = _GROUPS.get(meaning.group.title)
        if protocol is None:
            continue
        each = meaning.explanation
        texts = {"what": each.what, "when": each.when, "next": meaning.next, "clause": meaning.clause}
        for word in (each.word, *each.also):
            found.setdefault(f"{protocol} {word}", {name: text for name, text in texts.items() if text})
    return found
