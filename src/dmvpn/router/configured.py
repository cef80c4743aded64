"""Configuration lines on a screen, explained: the texts of `?`, found with the reader of `config check`.

configuration_on    the lines that are understood, each meaning once, by mode
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.explanations import Explanation, WordGroup, WordKind
from dmvpn.ios import CliError, ConfigSession, ConfigTree
from dmvpn.ios.begun import understood
from dmvpn.router.language import configurator
from dmvpn.router.vocabulary import Meaning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.ios import Feature

_SCREENS: Final = ("show running-config", "show startup-config")
#: Lines that no show command prints and nearly every configuration has.
_MARK: Final = re.compile(r"(?:Current configuration :|hostname \S|(?:interface|router|crypto) \S+ *[\w./-]* *$)")
_PROMPT: Final = re.compile(r"^[\w.-]+\(conf[\w-]*\)# *")


def is_configuration(command: str, lines: Sequence[str]) -> bool:
    """Return whether this command printed configuration lines. command "": do the lines look so?"""
    if command:
        return command.startswith(_SCREENS)
    return any(_PROMPT.match(line) or _MARK.match(line) for line in lines)


def configuration_on(features: tuple[Feature, ...], lines: Sequence[str]) -> list[Meaning]:
    """Return what the lines mean, in their order; those of one mode have a group. Keys are left out."""
    found: dict[str, dict[str, str]] = {}
    for prompt, line, what in _read(features, lines):
        found.setdefault(prompt, {}).setdefault(what, line)
    groups = [_group(prompt, {line: what for what, line in told.items()}) for prompt, told in found.items()]
    return [Meaning(each, group) for group in groups for each in group.explanations]


def _read(features: tuple[Feature, ...], lines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield mode, line and text of each line that is understood; the rest of the screen is passed over."""
    language = configurator(features)
    session = ConfigSession(language, ConfigTree())
    for number, line in enumerate(_PROMPT.sub("", line) for line in lines):
        mode = session.mode.name
        session.enter(line)
        place = session.entered(number)
        command = language.interpret(mode, line)
        if place is None or isinstance(command, CliError):
            continue
        entry, args = command.targets[-1]
        what = understood(entry, args.words).what
        if what:
            is_off = place.text.startswith("no ")
            yield language.mode(command.mode).prompt, place.text, f"Off: {what}" if is_off else what


def _group(prompt: str, lines: dict[str, str]) -> WordGroup:
    return WordGroup(
        title=f"lines of {prompt}",
        kind=WordKind.LINE,
        screens=_SCREENS,
        explanations=tuple(Explanation(line, what) for line, what in lines.items()),
    )
