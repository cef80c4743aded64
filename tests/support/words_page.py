"""docs/reference/words.md and the folder beside it: all words that can be explained, from the texts of `dmvpn explain`.

Writes the pages of all commands (`commands_page`) and of shows (`shows_page`), too, which have the same texts.

python -m support.words_page    (from the folder tests)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.face.language import exec_parser
from dmvpn.router.features import FEATURES
from dmvpn.tools.explain import Explainer
from dmvpn.tools.explain.outer import RULE_GROUP, TERM_GROUP
from support import commands_page, shows_page
from support.conformance import ROOT
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dmvpn.base.explanations import WordGroup

PAGE: Final = ROOT / "docs" / "reference" / "words.md"
FOLDER: Final = ROOT / "docs" / "reference" / "words"
#: The pages of features, and of the words that belong to none.
TITLES: Final = {
    "nhrp": "NHRP",
    "tunnel": "Tunnels",
    "ike": "IKE",
    "ipsec": "IPsec",
    "pki": "Certificates",
    "eigrp": "EIGRP",
    "ospf": "OSPF",
    "bgp": "BGP",
    "rip": "RIP",
    "bfd": "BFD",
    "rib": "Routing tables",
    "static": "Static routes",
    "track": "Tracked objects",
    "policy": "Lists and route maps",
    "filter": "Packet filters",
    "nat": "Address translation",
    "vrf": "VRFs",
    "interface": "Interfaces",
    "system": "The router itself",
    "archive": "Copies of the configuration",
    "chronicle": "The chronicle",
    "commands": "The prompt and the dmvpn command line",
}
_OTHERS: Final = "commands"

_HEAD: Final = file_text("words.md")


def pages(explainer: Explainer) -> dict[Path, str]:
    """Return all pages: the overview, and a page for each feature."""
    groups = _by_feature(explainer)
    rows = []
    for name, found in groups.items():
        count = sum(len(group.explanations) for group in found)
        rows.append(f"| [{TITLES[name]}](words/{name}.md) | {count} | {_screens(found)} |")
    made = {PAGE: _HEAD + "\n".join(rows) + "\n"}
    for name, found in groups.items():
        lines = [
            f"# Words: {TITLES[name]}",
            "",
            "Generated from the texts of `dmvpn explain`. [All words](../words.md).",
            "",
        ]
        for group in found:
            lines += [*_group(group), ""]
        made[FOLDER / f"{name}.md"] = "\n".join(lines).rstrip() + "\n"
    return made


def _by_feature(explainer: Explainer) -> dict[str, list[WordGroup]]:
    """Return the groups by feature, in the order of `TITLES`; features without words are not in it."""
    feature_of = {id(group): feature.name for feature in FEATURES for group in feature.explanations}
    found: dict[str, list[WordGroup]] = {name: [] for name in TITLES}
    for group in explainer.whole.groups:
        if group not in (RULE_GROUP, TERM_GROUP):
            found[feature_of.get(id(group), _OTHERS)].append(group)
    return {name: groups for name, groups in found.items() if groups}


def _screens(groups: list[WordGroup]) -> str:
    """Return the first commands that print these words."""
    screens = list(dict.fromkeys(screen for group in groups for screen in group.screens))
    return ", ".join(f"`{screen}`" for screen in screens[:4]) + (" ..." if len(screens) > 4 else "")


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
    """Write the pages."""
    made = pages(Explainer(FEATURES, exec_parser(FEATURES).commands)) | commands_page.pages(TITLES)
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
    shows_page.main()


if __name__ == "__main__":
    main()
