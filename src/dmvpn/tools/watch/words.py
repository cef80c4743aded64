"""How steps are called: short on the ladder, as a sentence in the story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chronicle import Sign
from dmvpn.tools.watch.steps import Arrow, Note

if TYPE_CHECKING:
    from dmvpn.tools.watch.steps import Step

#: Names of messages on the ladder.
SHORT: Final = {
    "Registration Request": "registration",
    "Registration Reply": "registration reply",
    "Resolution Request": "resolution",
    "Resolution Reply": "reply",
    "Traffic Indication": "redirect",
    "Purge Request": "purge",
    "Purge Reply": "purge reply",
    "Error Indication": "error",
}

#: Sentences about the sending of a message: `{0}` is the sender, `{1}` the receiver, `{2}` the particulars.
_SENTENCES: Final = {
    "Registration Request": "{0} registers with {1}: {2}",
    "Registration Reply": "{0} answers the registration of {1}: {2}",
    "Resolution Request": "{0} asks {1}: who has {2}",
    "Resolution Reply": "{0} answers {1}: {2}",
    "Traffic Indication": "{0} tells {1} that there may be a shorter way (redirect): {2}",
    "Purge Request": "{0} tells {1} to forget {2}",
    "Purge Reply": "{0} tells {1} that it has forgotten {2}",
    "Error Indication": "{0} complains to {1}: {2}",
}
#: What became of something: `{0}` is the router, `{1}` the kind of thing, `{2}` the particulars.
_SIGNS: Final = {Sign.CAME: "{0}, new {1}: {2}", Sign.CHANGED: "{0}, {1} changed: {2}", Sign.WENT: "{0}, {1} gone: {2}"}


def label(step: Step) -> str:
    """Return a few words for a step, without routers and time."""
    if isinstance(step, Note):
        return _thing(step)
    name = SHORT.get(step.name, step.name)
    if step.protocol == "IKEv2" and not name.startswith("IKE"):
        name = f"IKE {name}"
    return f"{name} {step.subject}".rstrip()


def sentence(step: Step) -> str:
    """Return a sentence for people that were not there."""
    if isinstance(step, Note):
        text = _SIGNS[step.sign].format(step.router, step.kind, _thing(step))
    else:
        text = f"{_described(step)}{'' if step.arrived else ' (nobody saw it arrive)'}"
    return text if text.endswith("?") else f"{text}."


def _thing(note: Note) -> str:
    between = " " if note.text.startswith("=") else ": " if note.text else ""
    return f"{note.subject}{between}{note.text}"


def _described(arrow: Arrow) -> str:
    if arrow.forwarded:
        return f"{arrow.sender} passes on to {arrow.receiver}: {label(arrow)}"
    pattern = _SENTENCES.get(arrow.name)
    if pattern is None:
        return f"{arrow.sender} sends {arrow.receiver} an {label(arrow)}"
    return pattern.format(arrow.sender, arrow.receiver, arrow.subject).rstrip(": ")
