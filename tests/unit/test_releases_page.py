"""The page about the defaults of releases is the one that the table makes."""

from __future__ import annotations

from support.releases_page import PAGE, page


def test_the_page_about_releases_is_the_one_that_the_table_makes() -> None:
    """If this fails: `python -m support.releases_page` in the folder tests."""
    assert PAGE.read_text(encoding="utf-8") == page()
