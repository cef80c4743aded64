"""What the language says when it does not understand: values, not exceptions, with the exact words of IOS.

ErrorKind
├── EMPTY       nothing was typed, or a comment: nothing is said
├── INVALID     caret under the first character that fits nothing
├── INCOMPLETE  more words are needed
├── AMBIGUOUS   a cut word fits several keywords
├── UNKNOWN     the only word of an exec line is no command at all
└── REFUSED     understood, but not possible; the text says why
"""

from __future__ import annotations

import enum

from dmvpn.base.values import dataclass
from dmvpn.ios.redaction import without_keys


class ErrorKind(enum.Enum):
    """Why a line was not taken."""

    EMPTY = "empty"
    INVALID = "invalid"
    INCOMPLETE = "incomplete"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CliError:
    """A line that was not understood. `column` counts from the first character of `line` as typed, blanks included."""

    kind: ErrorKind
    line: str
    column: int = 0
    text: str = ""

    def lines(self, prompt_width: int = 0) -> list[str]:
        """Return what the terminal shows; `prompt_width` is the length of the prompt before the line."""
        match self.kind:
            case ErrorKind.EMPTY:
                return []
            case ErrorKind.INVALID:
                return [" " * (prompt_width + self.column) + "^", "% Invalid input detected at '^' marker.", ""]
            case ErrorKind.INCOMPLETE:
                return ["% Incomplete command.", ""]
            case ErrorKind.AMBIGUOUS:
                return [f'% Ambiguous command:  "{without_keys(self.line.strip())}"', ""]
            case ErrorKind.UNKNOWN:
                return ["% Unknown command or computer name, or unable to find computer address"]
            case ErrorKind.REFUSED:
                return self.text.splitlines()
