"""docs/reference/words.md: all words that can be explained, made from the texts that `dmvpn explain` answers with.

Writes the pages of all commands (`commands_page`) and of shows (`shows_page`), too, which have the same texts.

python -m support.words_page    (from the folder tests)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.face.language import exec_parser
from dmvpn.router.features import FEATURES
from dmvpn.tools.explain import Explainer
from dmvpn.tools.explain.outer import RULE_GROUP
from support import commands_page, shows_page
from support.conformance import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.explanations import WordGroup

PAGE: Final = ROOT / "docs" / "reference" / "words.md"

_HEAD: Final = """\
# Words

This page explains every flag, state, code, message, debug line and reason that this program prints: what it is, when it
appears, and what to look at next. `dmvpn explain WORD...` answers from the same texts, and `show ... | explain` prints
them below a screen. The page is generated from these texts (`python -m support.words_page` in the folder `tests`), and
a test fails when it is out of date. `dmvpn explain` also knows [all commands](commands.md) and the rules of `dmvpn
lint`, which have [a page of their own](lint.md).
"""


def page(explainer: Explainer) -> str:
    """Return the whole page."""
    lines = [_HEAD]
    for group in explainer.whole.groups:
        if group is RULE_GROUP:
            continue
        lines += [*_group(group), ""]
    return "\n".join(lines) + "\n"


def _group(group: WordGroup) -> Iterator[str]:
    yield f"## {group.title[0].upper()}{group.title[1:]}: {group.screens[0]}"
    yield ""
    if len(group.screens) > 1:
        yield f"Also in {', '.join(f'`{screen}`' for screen in group.screens[1:])}."
        yield ""
    yield "| word | what it is, and when | next | clause |"
    yield "| --- | --- | --- | --- |"
    for each in group.explanations:
        word = f"{each.word} ({each.number})" if each.number is not None else each.word
        told = f"{each.what} {each.when}".strip()
        cells = (_code(word), told, group.next_of(each), group.clause_of(each))
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(text: str) -> str:
    return f"``{text}``" if "`" in text else f"`{text}`"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(Explainer(FEATURES, exec_parser(FEATURES).commands)), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
    commands_page.main()
    shows_page.main()


if __name__ == "__main__":
    main()
