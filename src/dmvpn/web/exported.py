"""A film, or two networks side by side, as one file: a page with its parts and data inside. It needs no server."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

#: The parts of the page.
FOLDER: Final = Path(__file__).parent / "page"
#: The way from the address of the lab's page to the folder of its parts; other pages are beside that folder.
_UP: Final = '"../page/'
_PARTS: Final = '"page/'
_ICON: Final = f'<link rel="icon" href={_PARTS}icon.svg" />'
_OLD: Final = f'<script defer src={_PARTS}old.js"></script>'
_STYLE: Final = f'<link rel="stylesheet" href={_PARTS}page.css" />'
_SCRIPT: Final = f'<script type="module" src={_PARTS}{{}}"></script>'
_SCRIPT_OF: Final = re.compile(r'<script type="module" src="([^"]*/)([a-z]+\.js)"></script>')
_IMPORT: Final = re.compile(r'(from )"\./([a-z]+\.js)"')


def as_page(film: Mapping[str, object]) -> str:
    """Return the page. film: its stage, and the news of routers (`page/feed.js`)."""
    return _packed("index.html", "page.js", film)


def as_comparison(compared: Mapping[str, object]) -> str:
    """Return the page of two networks side by side. compared: as `page/compare.js` reads it."""
    return _packed("compare.html", "compare.js", compared)


def _packed(name: str, script: str, data: Mapping[str, object]) -> str:
    """Return a page with its modules and its data inside. script: the module that begins."""
    page = (FOLDER / name).read_text(encoding="utf-8").replace(_UP, _PARTS)
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    # "<" in a string could end the element that holds the data.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    imports, entry = json.dumps({"imports": _modules(script)}), entry_of(script)
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, imports, entry)}" />'
        f"<style>{style}</style>"
        f'<script type="importmap">{imports}</script>'
        f'<script type="application/json" id="film">{text}</script>'
    )
    begins = f'<script type="module">{entry}</script>'
    return page.replace(_ICON, "").replace(_OLD, "").replace(_SCRIPT.format(script), begins).replace(_STYLE, head)


def entry_of(script: str) -> str:
    """Return what a page runs. script: the module that begins."""
    return f'import "{script}";'


def _policy(style: str, imports: str, entry: str) -> str:
    """Return the policy: the page's own style and scripts, no handler of an element, and nothing from outside."""
    scripts = f"{source_hash(imports)} {source_hash(entry)} data:"
    return (
        f"default-src 'none'; script-src {scripts}; style-src {source_hash(style)}; base-uri 'none'; form-action 'none'"
    )


def source_hash(text: str) -> str:
    """Return a script or a style as a policy names it (CSP Level 3 §2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _modules(script: str) -> dict[str, str]:
    """Return a module and all modules that it imports, by name.

    In a `data:` address a module has no neighbors, so they import each other by name.
    """
    return {
        name: f"data:text/javascript;base64,{base64.b64encode(_IMPORT.sub(_named, text).encode()).decode()}"
        for name, text in _texts(script).items()
    }


def _texts(script: str) -> dict[str, str]:
    """Return the texts of a module and all modules that it imports. Terminals are imported late, and left out."""
    texts: dict[str, str] = {}
    left = [script]
    while left:
        name = left.pop()
        if name not in texts:
            texts[name] = (FOLDER / name).read_text(encoding="utf-8")
            left += [found[2] for found in _IMPORT.finditer(texts[name])]
    return dict(sorted(texts.items()))


def preloading(page: str) -> str:
    """Return a page that names all modules of its script: a browser asks for all at once, not for one level after
    another.
    """
    found = _SCRIPT_OF.findall(page)
    links = (f'<link rel="modulepreload" href="{place}{name}" />' for place, script in found for name in _texts(script))
    return page.replace("</head>", f"{''.join(links)}</head>", 1)


def _named(found: re.Match[str]) -> str:
    return f'{found[1]}"{found[2]}"'
