"""All words that can be explained, from the texts of `dmvpn explain`: docs/reference/words.md counts them.

The documentation site gets a page for each feature with its words, and a script with all of them, made at its build.
Writes the pages of all commands (`commands_page`) and of shows (`shows_page`), too, which have the same texts.

python -m support.words_page    (from the folder tests)
"""

from __future__ import annotations

import html
from functools import cache
from typing import TYPE_CHECKING, Final

from dmvpn.face.language import exec_parser
from dmvpn.router.features import FEATURES
from dmvpn.tools.explain import Explainer
from dmvpn.tools.explain.outer import RULE_GROUP, TERM_GROUP
from support import commands_page, shows_page
from support.conformance import ROOT
from support.site_search import anchor, as_json
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.explanations import Explanation, WordGroup

PAGE: Final = ROOT / "docs" / "reference" / "words.md"
#: Its name in the site, and the folder of the pages below it.
NAME: Final = "reference/words"
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
    "dhcp": "DHCP",
    "rip": "RIP",
    "bfd": "BFD",
    "rib": "Routing tables",
    "static": "Static routes",
    "track": "Tracked objects",
    "policy": "Lists and route maps",
    "filter": "Packet filters",
    "switching": "VLANs and switch ports",
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
_FIELD: Final = """
```{raw} html
<div id="explain"></div>
<script src="../_static/words.js"></script>
<script src="../_static/explain.js"></script>
```
"""


def page(explainer: Explainer) -> str:
    """Return the page of the repository: how many words there are of each feature."""
    rows = []
    for name, found in _by_feature(explainer).items():
        count = sum(len(group.explanations) for group in found)
        rows.append(f"| {TITLES[name]} | {count} | {_screens(found)} |")
    return _HEAD + "\n".join(rows) + "\n"


def for_site(text: str) -> str:
    """Return the page for the site: with a field in which words are found, and links to the pages of features."""
    head, _, rest = text.partition("\n\n")
    for name, title in TITLES.items():
        rest = rest.replace(f"| {title} |", f'| <a href="words/{name}.html">{title}</a> |')
    return f"{head}\n{_FIELD}\n{rest}"


@cache
def all_words() -> Explainer:
    """Return the explainer of all words."""
    return Explainer(FEATURES, exec_parser(FEATURES).commands)


def site_pages(explainer: Explainer) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the title and the HTML of each feature's page in the site."""
    for name, groups in _by_feature(explainer).items():
        title = f"Words: {TITLES[name]}"
        places = list(_places(groups))
        parts = [
            f"<h1>{html.escape(title)}</h1>",
            '<p>From the texts of <code>dmvpn explain</code>. <a href="../words.html">All words</a></p>',
            "<ul>",
            *(f'<li><a href="#{place}">{_marked(_heading(group))}</a></li>' for place, group in places),
            "</ul>",
        ]
        for place, group in places:
            parts += _group(place, group)
        yield f"{NAME}/{name}", title, "\n".join(parts)


def script(explainer: Explainer) -> str:
    """Return a script with all words: [page, anchor, place, word, meaning, next step] of each."""
    found = [
        [name, place, _heading(group), _numbered(each), _meaning(each).replace("`", ""), group.next_of(each)]
        for name, groups in sorted(_by_feature(explainer).items(), key=_screens_first)
        for place, group in _places(groups)
        for each in group.explanations
    ]
    return f"const WORDS = {as_json(found)};\n"


def _screens_first(feature: tuple[str, list[WordGroup]]) -> tuple[bool, str]:
    """Return the place of a feature: words of a screen come before those of the prompt, for a reader has seen them."""
    name, _ = feature
    return name == _OTHERS, name


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


def _places(groups: list[WordGroup]) -> Iterator[tuple[str, WordGroup]]:
    """Yield each group with the anchor of its heading."""
    seen: dict[str, int] = {}
    for group in groups:
        yield anchor(_heading(group), seen), group


def _heading(group: WordGroup) -> str:
    return f"{group.title[0].upper()}{group.title[1:]}: {group.screens[0]}"


def _group(place: str, group: WordGroup) -> Iterator[str]:
    """Yield the section of a group in HTML, in the classes of the theme."""
    yield f'<section id="{place}"><h2>{_marked(_heading(group))}<a class="headerlink" href="#{place}">#</a></h2>'
    if len(group.screens) > 1:
        yield f"<p>Also in {', '.join(_code(screen) for screen in group.screens[1:])}.</p>"
    yield '<div class="table-wrapper"><table class="docutils"><thead><tr>'
    yield "<th>word</th><th>what it is, and when</th><th>next</th><th>clause</th></tr></thead><tbody>"
    for each in group.explanations:
        cells = (_code(_numbered(each)), _marked(_meaning(each)), html.escape(group.next_of(each)))
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in (*cells, html.escape(group.clause_of(each))))}</tr>"
    yield "</tbody></table></div></section>"


def _numbered(each: Explanation) -> str:
    return f"{each.word} ({each.number})" if each.number is not None else each.word


def _meaning(each: Explanation) -> str:
    return f"{each.what} {each.when}".strip()


def _marked(text: str) -> str:
    """Return a text in HTML; between backticks is code."""
    return "".join(_code(part) if number % 2 else html.escape(part) for number, part in enumerate(text.split("`")))


def _code(text: str) -> str:
    return f'<code class="docutils literal notranslate">{html.escape(text)}</code>'


def main() -> None:
    """Write the pages."""
    made = {PAGE: page(all_words())} | commands_page.pages(TITLES)
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
    shows_page.main()


if __name__ == "__main__":
    main()
