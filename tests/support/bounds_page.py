"""docs/reference/web-bounds.md, made from the table of bounds: page and code cannot part.

python -m support.bounds_page      write the page (in the folder `tests`)
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dmvpn.web.bounds import TABLE
from support.texts import file_text

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "web-bounds.md"
_HEAD: Final = file_text("bounds.md")


def page() -> str:
    """Return the whole page."""
    rows = ""
    for bound in TABLE.values():
        share = f"{bound.share // bound.unit:,}"
        if bound.trusted != bound.share:
            share += f"; with a token of all labs {bound.trusted // bound.unit}"
        rows += (
            f"| {bound.what} | {bound.most // bound.unit:,} | {share} | {bound.kept // bound.unit:,} | {bound.then} |\n"
        )
    return _HEAD + rows


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
