"""The pages about tools: each session does what the page shows, with the tools in folders of the user's home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.docs import BLOCK, OF_TOOLS, ROOT, Session, plain, same, steps
from support.tool_lab import ANSIBLE, PARSERS, TOOLS, environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.tools, pytest.mark.slow]


@pytest.mark.parametrize("name", sorted(OF_TOOLS))
def test_a_page_shows_what_its_commands_print(name: str, tmp_path: Path) -> None:
    for folder, variable in (("tools", TOOLS), ("ansible", ANSIBLE), ("pyats", PARSERS)):
        (tmp_path / folder).symlink_to(environment(variable))
    text = (ROOT / "docs" / "how-to" / name).read_text()
    session = Session(home=tmp_path)
    try:
        for block in BLOCK.findall(text):
            for step in steps(block):
                _, printed = session.run(step.command)
                assert same(step.expected, printed), f"$ {step.command}\n" + "\n".join(plain(printed))
    finally:
        session.close()
