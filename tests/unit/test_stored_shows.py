"""`show ... | redirect`, `tee`, `append`: lines of a show in a file of flash."""

from __future__ import annotations

import pytest

from support.typing_at import Terminal

NAMED = "hostname R1\n"


def answer(found: Terminal, typed: str) -> list[str]:
    """The lines that a command shows, without its echo and the prompt."""
    return found.type(f"{typed}\r").split("\r\n")[1:-1]


def kept(found: Terminal) -> dict[str, str]:
    return {name: octets.decode() for name, octets in found.router.flash.kept.items()}


def test_redirect_writes_the_lines_and_shows_none() -> None:
    """It was: % Error: "redirect" is not possible here."""
    found = Terminal(NAMED)
    assert answer(found, "show privilege | redirect flash:level.txt") == []
    assert kept(found) == {"level.txt": "Current privilege level is 15\n"}
    assert answer(found, "more flash:level.txt") == ["Current privilege level is 15"]


def test_tee_writes_the_lines_and_shows_them() -> None:
    found = Terminal(NAMED)
    assert answer(found, "show privilege | t bootflash:/level.txt") == ["Current privilege level is 15"]
    assert kept(found) == {"level.txt": "Current privilege level is 15\n"}


def test_append_puts_them_behind_what_is_there_and_redirect_in_its_place() -> None:
    found = Terminal(NAMED)
    for _ in range(2):
        answer(found, "show privilege | append flash:a")
    assert kept(found)["a"] == "Current privilege level is 15\n" * 2
    answer(found, "show privilege | redirect flash:a")
    assert kept(found)["a"] == "Current privilege level is 15\n"


def test_other_filters_come_before() -> None:
    found = Terminal(NAMED)
    answer(found, "show running-config | include hostname | redirect flash:a")
    assert kept(found)["a"] == "hostname R1\n"
    answer(found, "show privilege | json | redirect flash:b")
    assert '"level": 15' in kept(found)["b"]
    refused = answer(found, "show privilege | redirect flash:c | include x")
    assert "% Invalid input detected at '^' marker." in refused
    assert "c" not in kept(found)


def test_it_works_in_configuration_mode_behind_do() -> None:
    found = Terminal(NAMED)
    answer(found, "configure terminal")
    answer(found, "do show privilege | redirect flash:a")
    assert kept(found)["a"] == "Current privilege level is 15\n"


@pytest.mark.parametrize(
    "file",
    ["tftp://192.0.2.1/x", "flash:", "flash:a/b", "flash:../x", "x", "nvram:startup-config", "system:running-config"],
)
@pytest.mark.parametrize("word", ["redirect", "tee", "append"])
def test_no_other_place_is_written(word: str, file: str) -> None:
    found = Terminal(NAMED)
    (line,) = answer(found, f"show privilege | {word} {file}")
    assert line == f"%Error opening {file} (lines of shows go into flash:NAME alone)"
    assert kept(found) == {}


@pytest.mark.parametrize("line", ["redirect", "redirect flash:a b", "tee "])
def test_a_file_is_one_word(line: str) -> None:
    found = Terminal(NAMED)
    assert any(text.startswith("% In") for text in answer(found, f"show privilege | {line}"))
    assert kept(found) == {}


def test_who_has_a_lower_level_writes_nothing() -> None:
    found = Terminal(NAMED)
    answer(found, "disable")
    assert answer(found, "show privilege | redirect flash:a") == ['% Error: "redirect" is not possible here']
    assert kept(found) == {}
    assert "redirect" not in found.type("show privilege | ?")


def test_the_question_mark_tells_of_files() -> None:
    found = Terminal(NAMED)
    shown = found.type("show privilege | ?")
    assert {"redirect", "tee", "append"} <= set(shown.split())
    assert "URL" in found.type("redirect ?")


def test_a_file_that_flash_has_no_room_for_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Terminal(NAMED)
    monkeypatch.setattr("dmvpn.face.filing.CAPACITY", 10)
    assert answer(found, "show privilege | redirect flash:a") == ["%Error writing flash:a (No space left on device)"]
    assert kept(found) == {}
