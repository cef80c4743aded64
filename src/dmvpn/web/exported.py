"""A film as one file: the page of `dmvpn web` with all its parts and the film inside. It needs no server."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The parts of the page.
FOLDER: Final = Path(__file__).parent / "page"
_ICON: Final = '<link rel="icon" href="/page/icon.svg" />'
_STYLE: Final = '<link rel="stylesheet" href="/page/page.css" />'
_SCRIPT: Final = '<script type="module" src="/page/page.js"></script>'
#: A film has no terminals and no class.
_LEFT_OUT: Final = ("terminal.js", "class.js")
_IMPORT: Final = re.compile(r'(from )"\./([a-z]+\.js)"')
#: What the page runs.
ENTRY: Final = 'import "page.js";'


def as_page(film: Mapping[str, object]) -> str:
    """Return the page. film: its stage, and the news of routers (`page/feed.js`)."""
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    # "<" in a string could end the element that holds the film.
    text = json.dumps(film, separators=(",", ":")).replace("<", "\\u003c")
    imports = json.dumps({"imports": _modules()})
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, imports)}" />'
        f"<style>{style}</style>"
        f'<script type="importmap">{imports}</script>'
        f'<script type="application/json" id="film">{text}</script>'
    )
    return page.replace(_ICON, "").replace(_SCRIPT, f'<script type="module">{ENTRY}</script>').replace(_STYLE, head)


def _policy(style: str, imports: str) -> str:
    """Return the policy: the page's own style and scripts, no handler of an element, and nothing from outside."""
    scripts = f"{_hash(imports)} {_hash(ENTRY)} data:"
    return f"default-src 'none'; script-src {scripts}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _modules() -> dict[str, str]:
    """Return the modules by name. In a `data:` address a module has no neighbors, so they import each other by name."""
    modules = {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(FOLDER.glob("*.js"))
        if path.name not in _LEFT_OUT
    }
    return {
        name: f"data:text/javascript;base64,{base64.b64encode(_IMPORT.sub(_named, text).encode()).decode()}"
        for name, text in modules.items()
    }


def _named(found: re.Match[str]) -> str:
    return f'{found[1]}"{found[2]}"'
