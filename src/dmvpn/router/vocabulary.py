"""All that this program can explain: the groups of all features, found by word, number, line, or on a screen.

    Vocabulary     made once for a tuple of features; `meanings` of a word, `of_code`, `of_line`, `on_screen`

It is in this room because a part of the language needs it: the output filter `explain` is put into the exec parser
where that is made of all features (`router/language.py`, `annotate`), so a face need not know of it. What
people ask in words (`dmvpn explain`) is looked up by `tools/explain`, with this.

    configuration_on    lines of a configuration on a screen, each meaning once, by mode, in the texts of `?`
    annotate            what `show ... | explain` does with the lines of a command: beneath them what their words mean
    explained           the paragraphs alone, of meanings that were found otherwise
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from dmvpn.base.explanations import Explanation, WordGroup, WordKind
from dmvpn.ios import CliError, ConfigSession, ConfigTree, Feature
from dmvpn.ios import explain as ios_words
from dmvpn.ios.begun import understood
from dmvpn.net import explain as net_words
from dmvpn.router.language import configurator

# ------------------------------------------------------------------------------------------------ the vocabulary


#: Inside a longer line (or reason) a reason is recognized if it has at least so many characters.
_LEAST_INSIDE: Final = 10
_SEPARATORS: Final = re.compile(r"[\s,]+")
_BLANKS: Final = re.compile(r"\s+")
#: What may follow a reason: its evidence, or the beginning of a list of guesses.
_BEHIND_REASON: Final = re.compile(r"(?: \(.*\)|; perhaps)$")
_PROMPT: Final = re.compile(r"^[\w.-]+(?:\([\w-]+\))?[#>]\s*(?:do )?(.+)$")
#: What terminals put between the characters of a line: colors, movements of the cursor.
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Meaning(NamedTuple):
    """One explanation at its place."""

    explanation: Explanation
    group: WordGroup

    @property
    def next(self) -> str:
        """What to look at."""
        return self.group.next_of(self.explanation)

    @property
    def clause(self) -> str:
        """What it rests on, or ""."""
        return self.group.clause_of(self.explanation)

    def is_spelled(self, word: str) -> bool:
        """Return whether it is printed so, letter for letter."""
        return word in (self.explanation.word, *self.explanation.also)


class Vocabulary:
    """The explanations of all groups, those of lower rank first."""

    def __init__(self, groups: Iterable[WordGroup]) -> None:
        self.groups = tuple(sorted(groups, key=lambda group: group.rank))
        self._words: dict[str, list[Meaning]] = {}
        for meaning in self.all():
            word = meaning.explanation.word
            bare = (
                (word.lstrip("%"), word.rpartition("-")[2])
                if meaning.group.kind is WordKind.LOG
                else (word.lstrip("#"),)
            )
            for spelling in dict.fromkeys((word, *meaning.explanation.also, *bare)):
                self._words.setdefault(spelling.casefold(), []).append(meaning)
        self._templates: dict[int, tuple[tuple[re.Pattern[str], Explanation], ...]] = {}

    def all(self) -> Iterator[Meaning]:
        """Yield everything, by rank."""
        for group in self.groups:
            for explanation in group.explanations:
                yield Meaning(explanation, group)

    @property
    def spellings(self) -> Iterator[str]:
        """All words, as they are printed."""
        return (word for each in self.all() for word in (each.explanation.word, *each.explanation.also))

    def meanings(self, word: str) -> list[Meaning]:
        """Return what a word means, letter for letter if it means something so (`r` is not `R`), else in any case.

        A label, or a phrase for a letter ("Down"), does not hide the words that are written otherwise.
        """
        found = self._words.get(word.casefold(), [])
        exact = [each for each in found if each.is_spelled(word)]
        if not any(each.explanation.word == word and each.group.kind is not WordKind.LABEL for each in exact):
            return [*exact, *(each for each in found if each not in exact)]
        return exact

    def of_cell(self, text: str, *, any_case: bool = False) -> list[Meaning]:
        """Return the meanings of several words in one cell: "DT2", "D/ur", "rib nho", "S*". any_case: or "dt2"."""
        if any_case:
            return self.of_cell(text.upper()) or self.of_cell(text.lower())
        found: list[Meaning] = []
        for group in self.groups:
            if group.lines or group.kind not in (WordKind.FLAG, WordKind.STATE):
                continue
            cell = re.fullmatch(group.cell, text) if group.cell else None
            if cell is None and (group.cell or group.joined or " " not in text.strip()):
                continue  # letters side by side are any word's; only the shape of a cell shows that they are flags
            words = _split(group, cell[1] if cell is not None else text)
            found += [Meaning(word, group) for word in words or ()]
        return found

    def of_code(self, words: frozenset[str], number: int) -> list[Meaning]:
        """Return the meaning of a number among the codes that all of these words may precede; without words, among all
        codes.
        """
        return [
            Meaning(each, group)
            for group in self.groups
            if group.names and words <= group.names
            for each in group.explanations
            if each.number == number
        ]

    def of_names(self, words: frozenset[str], name: str) -> list[Meaning]:
        """Return the meaning of a name among the codes that all of these words may precede."""
        return [each for each in self.meanings(name) if each.group.names and words <= each.group.names]

    def of_line(self, text: str, kinds: Sequence[WordKind] = tuple(WordKind)) -> Meaning | None:
        """Return the meaning of a whole line (or clause), whatever time stamp is before it."""
        whole = _BLANKS.sub(" ", text.strip())
        candidates = [whole, *(whole[match.end() :] for match in re.finditer(": ", whole[:80]))]
        groups = [group for group in self.groups if group.lines and group.kind in kinds]
        for candidate in candidates:
            fits = [found for group in groups for found in self._fitting(group, candidate)]
            if fits:
                return max(fits, key=lambda found: found.explanation.certainty)
        return None

    def in_line(self, command: str, line: str) -> list[Meaning]:
        """Return what a line of this command's screen has in it, by the groups that look for their words there."""
        found: list[Meaning] = []
        for group in self.groups:
            if _prints(group, command):
                found += [Meaning(each, group) for each in self._seen(group, line)]
        return found

    def on_screen(self, command: str, lines: Sequence[str]) -> list[Meaning]:
        """Return everything on a command's screen that has an explanation, each once, in the order in which it is
        met.
        """
        return self._on(lines, [group for group in self.groups if _prints(group, command)])

    def on_paste(self, lines: Sequence[str], in_full: Callable[[str], str] = str) -> list[Meaning]:
        """Return the same for lines from which the command must be inferred. in_full: a cut command in full words."""
        commands = (
            *map(in_full, dict.fromkeys(match[1] for match in map(_PROMPT.match, lines) if match is not None)),
            *self._marked(lines),
            "",
        )
        return self._on(lines, [group for group in self.groups if any(_may_print(group, each) for each in commands)])

    def _on(self, lines: Iterable[str], groups: Sequence[WordGroup]) -> list[Meaning]:
        found: dict[tuple[str, str], Meaning] = {}
        shown: set[str] = set()
        for line in lines:
            for group in groups:
                for explanation in self._seen(group, line):
                    is_shown = explanation.word in shown and group.kind is WordKind.REASON
                    if not is_shown:
                        found.setdefault((group.title, explanation.word), Meaning(explanation, group))
                        shown.add(explanation.word)
        return list(found.values())

    def _marked(self, lines: Sequence[str]) -> Iterable[str]:
        """Return the commands that are known by a line that they begin with."""
        marked = (group for group in self.groups if group.mark)
        return [group.screens[0] for group in marked if any(re.search(group.mark, line) for line in lines)]

    def _seen(self, group: WordGroup, line: str) -> Iterator[Explanation]:
        if not group.sighting:
            if group.lines:
                yield from self._inside(group, line)
            return
        for match in re.finditer(group.sighting, line):
            cell = next((text for text in match.groups() if text is not None), "")
            if group.cell:
                part = re.fullmatch(group.cell, cell)
                cell = part[1] if part is not None else cell
            if group.by_number:
                yield from (each for each in group.explanations if str(each.number) == cell)
            elif group.lines:
                yield from self._inside(group, cell)
            else:
                yield from _split(group, cell) or ()

    def _inside(self, group: WordGroup, line: str) -> Iterator[Explanation]:
        """Yield the explanation of this line, or of a reason inside it: the most certain match."""
        text = _BLANKS.sub(" ", line.strip())
        found = [meaning.explanation for meaning in self._fitting(group, text)]
        if group.kind is WordKind.REASON:
            parts = (each for pattern, each in self._patterns(group) if pattern.search(text))
            found += [each for each in parts if each.certainty >= _LEAST_INSIDE]
        if found:
            yield max(found, key=lambda explanation: explanation.certainty)

    def _fitting(self, group: WordGroup, text: str) -> Iterator[Meaning]:
        without = _BEHIND_REASON.sub("", text)
        for pattern, explanation in self._patterns(group):
            if pattern.fullmatch(text) or (group.kind is not WordKind.DEBUG and pattern.fullmatch(without)):
                yield Meaning(explanation, group)

    def _patterns(self, group: WordGroup) -> tuple[tuple[re.Pattern[str], Explanation], ...]:
        known = self._templates.get(id(group))
        if known is None:
            known = self._templates[id(group)] = tuple((each.line_pattern(), each) for each in group.explanations)
        return known


#: How commands of IPv6 begin, and commands of IPv4 that print the same words.
_AS_IPV4: Final = (
    ("show ipv6 ", "show ip "),
    ("show ospfv3", "show ip ospf"),
    ("show bgp ipv6 unicast", "show ip bgp"),
    ("show bgp all", "show ip bgp"),
)


@lru_cache(maxsize=64)
def _forms(command: str) -> tuple[list[str], ...]:
    """Return the words of a command, and of one of IPv6 those of the command of IPv4, too."""
    as_ipv4 = (ipv4 + command.removeprefix(ipv6) for ipv6, ipv4 in _AS_IPV4 if command.startswith(ipv6))
    return tuple(form.split() for form in (command, *as_ipv4))


def _prints(group: WordGroup, command: str) -> bool:
    """Return whether this command prints the group's words.

    Without a command anything may: pasted lines may come from a log.
    """
    if not command:
        return (
            group.kind in (WordKind.LOG, WordKind.DEBUG, WordKind.REASON, WordKind.ANSWER)
            or "show logging" in group.screens
        )
    return any(_leads(screen.split(), form) for screen in group.screens for form in _forms(command))


def _may_print(group: WordGroup, command: str) -> bool:
    """Return whether this command, or a longer form of it, prints the group's words, as `... detail` does."""
    longer = bool(command) and any(_leads(form, screen.split()) for screen in group.screens for form in _forms(command))
    return longer or _prints(group, command)


def _leads(screen: Sequence[str], words: Sequence[str]) -> bool:
    """Return whether all words of the screen's command are among these, in their order.

    Arguments may be between them.
    """
    rest = iter(words)
    return all(any(word == other for other in rest) for word in screen)


def _split(group: WordGroup, cell: str) -> list[Explanation] | None:
    """Return the words of a cell, or None if it has something else, too."""
    by_word = {spelling: each for each in group.explanations for spelling in (each.word, *each.also)}
    if cell.strip() in by_word:
        return [by_word[cell.strip()]]
    found: list[Explanation] = []
    for part in filter(None, _SEPARATORS.split(cell)):
        if part in by_word:
            found.append(by_word[part])
            continue
        letters = _letters(part, by_word) if group.joined else None
        if letters is None:
            return None
        found += letters
    return list(dict.fromkeys(found)) or None


def _letters(text: str, by_word: dict[str, Explanation]) -> list[Explanation] | None:
    """Return words side by side: the longest first, as "DT2" is D and T2."""
    found: list[Explanation] = []
    longest = max(map(len, by_word))
    while text:
        length = next((size for size in range(min(len(text), longest), 0, -1) if text[:size] in by_word), 0)
        if not length:
            return None
        found.append(by_word[text[:length]])
        text = text[length:]
    return found


@lru_cache(maxsize=4)
def vocabulary(features: tuple[Feature, ...]) -> Vocabulary:
    """Return what routers of these features can explain."""
    own = (group for feature in features for group in feature.explanations)
    return Vocabulary((*own, *net_words.GROUPS, *ios_words.GROUPS))


def plain_text(line: str) -> str:
    """Return a line without the colors of a terminal."""
    return _ESCAPES.sub("", line) if "\x1b" in line else line


# -------------------------------------------------------------------------------------- configuration lines on a screen


_SCREENS: Final = ("show running-config", "show startup-config")
#: Lines that no show command prints and nearly every configuration has.
_MARK: Final = re.compile(r"(?:Current configuration :|hostname \S|(?:interface|router|crypto) \S+ *[\w./-]* *$)")
_AT_PROMPT: Final = re.compile(r"^[\w.-]+\(conf[\w-]*\)# *")


def is_configuration(command: str, lines: Sequence[str]) -> bool:
    """Return whether this command printed configuration lines. command "": do the lines look so?"""
    if command:
        return command.startswith(_SCREENS)
    return any(_AT_PROMPT.match(line) or _MARK.match(line) for line in lines)


def configuration_on(features: tuple[Feature, ...], lines: Sequence[str]) -> list[Meaning]:
    """Return what the lines mean, in their order; those of one mode have a group. Keys are left out."""
    found: dict[str, dict[str, str]] = {}
    for prompt, line, what in _read(features, lines):
        found.setdefault(prompt, {}).setdefault(what, line)
    groups = [_group(prompt, {line: what for what, line in shown.items()}) for prompt, shown in found.items()]
    return [Meaning(each, group) for group in groups for each in group.explanations]


def _read(features: tuple[Feature, ...], lines: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield mode, line and text of each line that is understood; the rest of the screen is passed over."""
    language = configurator(features)
    session = ConfigSession(language, ConfigTree())
    for number, line in enumerate(_AT_PROMPT.sub("", line) for line in lines):
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


# ------------------------------------------------------------------------------------------------ screens


_WIDTH: Final = 78


def annotate(features: tuple[Feature, ...], command: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a screen, and beneath them what its flags, states, reasons and configuration lines mean, each
    once.

    command: that printed them, in full words. Lines pass through as they come.
    """
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        yield line
    configured = configuration_on(features, seen) if is_configuration(command, seen) else []
    yield from explained([*vocabulary(features).on_screen(command, seen), *configured])


def explained(meanings: Sequence[Meaning]) -> Iterator[str]:
    """Yield the paragraphs below a screen: by place, in the order of the screen."""
    yield ""
    if not meanings:
        yield "Nothing on this screen has an explanation."
        return
    for group in dict.fromkeys(meaning.group for meaning in meanings):
        yield f"{group.title}:"
        for meaning in meanings:
            if meaning.group is group:
                word, what = meaning.explanation.word, meaning.explanation.what
                if len(word) > 12:
                    yield f"  {word}"
                    word = ""
                yield from textwrap.wrap(what, _WIDTH, initial_indent=f"  {word:<12} ", subsequent_indent=" " * 15)
                # The labels of a screen would all lead back to it, or to its longer form.
                following = meaning.explanation.next if meaning.group.kind is WordKind.LABEL else meaning.next
                if following:
                    yield f"{'':15}next: {following}"
