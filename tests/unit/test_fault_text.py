"""What a line about a fault of ours says."""

from __future__ import annotations

from dmvpn.base.errors import fault_text, named


def test_a_fault_is_named_by_the_type_and_message_of_its_exception_and_says_what_to_do() -> None:
    """`internal fault while handling ConfigurationEntered(...)` was all that `dmvpn run --plan` said."""
    assert fault_text(FileNotFoundError(2, "No such file or directory", "/x"), "handling Tick()") == (
        "internal fault while handling Tick(): FileNotFoundError: [Errno 2] No such file or directory: '/x'; "
        "report it with the traceback that the log of this program has"
    )
    assert fault_text(AssertionError(), "waiting").startswith("internal fault while waiting: AssertionError; report it")


def test_a_message_of_many_lines_with_control_characters_becomes_one_short_line_of_text() -> None:
    said = named(ValueError("first\n\tsecond \x1b[31m" + "x" * 10_000))
    assert said.startswith("ValueError: first second ?[31mxxx")
    assert said.isprintable()
    assert len(said) < 500
