"""Plain passwords become hashes before their line is entered anywhere: before it reaches a tree, a recording, a file.

A command that has such a password says so (`ConfigLine.seal`). To make a hash takes tens of milliseconds, so `sealing`
only draws the salt and gives a function, which a session calls aside. It depends on the line alone, and only the
resulting line is visible: so a replay needs neither the password nor the salt.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import aside, breathe
from dmvpn.ios.config_line import GLOBAL, Verb
from dmvpn.ios.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.entropy import Entropy
    from dmvpn.ios.language import Language

#: Lines of a file, or of the log of a terminal, that may have such a password: all of them are global ones.
#: `enable` and `username` may be cut, and words are parted by whatever is a space to the language.
_MAY_HOLD: Final = re.compile(
    r"(?im)((?:^\ufeff?|(?<=\r))[^\S\r\n]*(?:\S+#[^\S\r\n]*)?)"
    r"((?:e(?:n(?:a\w*)?)?|u(?:s(?:e\w*)?)?)[^\S\r\n]+\S[^\r\n]*)"
)


def sealing(language: Language, mode: str, line: str, entropy: Entropy) -> Callable[[], str] | None:
    """Return what makes the line without the plain password in it; None: it has none."""
    command = language.interpret(mode, line)
    if isinstance(command, CliError) or command.verb is not Verb.SET:
        return None
    ((meant, args),) = command.targets
    sealed = meant.seal(args, entropy) if meant.seal is not None else None
    return None if sealed is None else lambda: meant.text(sealed())


def sealed_text(language: Language, text: str, entropy: Entropy, known: dict[str, str] | None = None) -> str:
    """Return a configuration without plain passwords that have a hash.

    known: lines that were sealed before, and what came out; it grows.
    """
    sealed = {} if known is None else known

    def seal(found: re.Match[str]) -> str:
        breathe()
        before, line = found.groups()
        if line not in sealed:
            made = sealing(language, GLOBAL.name, line, entropy)
            sealed[line] = line if made is None else aside(made)
        return f"{before}{sealed[line]}"

    return _MAY_HOLD.sub(seal, text)
