"""Where the command `dmvpn` starts: what needs few modules is answered here, everything else by `app/main`.

An empty interpreter takes 10 ms, the modules of `app/main` five times as long. So a command on a router imports almost
nothing before its answer if exactly one running lab has this router. Whatever is not so clear is handed over, with no
word printed before.
"""

from __future__ import annotations

import gc
import sys

from dmvpn.app.reporting import reported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: Of garbage collection: what imports make stays. With Python's own thresholds, an eighth of the time of most commands
#: went into looking through it.
_THRESHOLDS = (10_000, 10, 10)
#: Characters of a word whose meaning is remembered.
_LONGEST_WORD = 40


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code, as `app.main.main` does."""
    words = list(sys.argv[1:] if argv is None else argv)
    return reported(lambda: _carry_out(words))


def _carry_out(words: list[str]) -> int:
    if len(words) > 2 and words[0] in ("-r", "--router"):
        from dmvpn.shells.lab.sockets import the_socket_of

        path = the_socket_of(words[1])
        if path is not None:
            from dmvpn.face.calling import run_line

            return run_line(path, " ".join(words[2:]))
    if words[:1] == ["explain"] and (status := _explained(words[1:])) is not None:
        return status
    before = gc.get_threshold()
    gc.set_threshold(*_THRESHOLDS)
    try:
        from dmvpn.app.main import carry_out

        return carry_out(words)
    finally:
        gc.set_threshold(*before)


def _explained(words: list[str]) -> int | None:
    """Print the meaning of a word, from the index if it was asked for before. None: it is another question.

    Lines of a configuration may have secrets, and stay out of the index as unknown words do.
    """
    asked = " ".join(word for word in words if word != "--json")
    if not asked.isprintable() or len(asked) > _LONGEST_WORD or " " in asked or asked[:1] in ("", "-"):
        return None
    from dmvpn.shells.index import remembered

    def answer() -> tuple[str, int]:
        from dmvpn.app.explain import answer

        return answer(asked, as_json="--json" in words)

    printed, status = remembered(f"explain {'--json' in words} {asked}", answer, keep=lambda answer: not answer[1])
    print(printed)
    return status
