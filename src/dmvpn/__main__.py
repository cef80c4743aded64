"""`python -m dmvpn` is the command `dmvpn`."""

from __future__ import annotations

import sys

from dmvpn.app.start import main

if __name__ == "__main__":
    sys.exit(main())
