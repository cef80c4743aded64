"""Pages in one file: they have all their modules inside."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.web.exported import as_comparison, as_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@pytest.mark.parametrize("made", [as_page, as_comparison])
def test_a_page_in_a_file_imports_nothing_from_a_server(made: Callable[[Mapping[str, object]], str]) -> None:
    """A module with an underscore in its name was left out, and no film began."""
    found = re.findall(r"data:text/javascript;base64,([\w+/=]+)", made({}))
    modules = [base64.b64decode(text).decode() for text in found]
    assert len(modules) > 5
    assert not [module for module in modules if re.search(r'^import [^(]*"\./', module, re.MULTILINE)]
