"""What the command `dmvpn` prints of its errors, and its exit code after them."""

from __future__ import annotations

import os
import sys

from dmvpn.base.errors import UserError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def reported(act: Callable[[], int]) -> int:
    """Run a command and print its error. Returns its exit code, or that of the error."""
    try:
        return act()
    except UserError as error:
        print(f"dmvpn: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except MemoryError:
        print("dmvpn: this takes more memory than the process may have ('ulimit -d')", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output has seen enough (`| head`); do not complain when Python flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        print(f"dmvpn: {error.filename or 'the system'}: {error.strerror or error}", file=sys.stderr)
        return 1
