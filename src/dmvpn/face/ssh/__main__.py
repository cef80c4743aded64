"""`python -m dmvpn.face.ssh --socket PATH --listen ADDRESS:PORT[@VRF] --keys FOLDER --flash FOLDER`: SSH to one router.

Started by `dmvpn run`, and ends when its standard input does: so it never outlives the router's process.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from dmvpn.base.errors import UserError
from dmvpn.face.ssh.entrance import Visitors
from dmvpn.face.ssh.gate import Door, Gate, host_keys, use_one_heap


async def _serve(door: Door, keys: Path) -> None:
    gate = Gate(door, host_keys(keys), Visitors())
    await gate.open()
    print(f"SSH listens on {door.address} port {gate.port}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    await gate.close()


def main() -> int:
    """Serve until standard input ends. Its exit code; 2: the address cannot be had."""
    parser = argparse.ArgumentParser(prog="dmvpn.face.ssh")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--listen", required=True)
    parser.add_argument("--keys", type=Path, required=True)
    parser.add_argument("--flash", type=Path)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    use_one_heap()
    place, _, vrf = arguments.listen.partition("@")
    address, _, port = place.rpartition(":")
    try:
        door = Door(arguments.socket, address.strip("[]"), int(port), flash=arguments.flash, vrf=vrf)
        asyncio.run(_serve(door, arguments.keys))
    except UserError as error:
        print(f"SSH: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
