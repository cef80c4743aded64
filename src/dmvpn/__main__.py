"""`python -m dmvpn` is the command `dmvpn`."""

import sys

from dmvpn.app.start import main

if __name__ == "__main__":
    sys.exit(main())
