"""`--jobs` and `--on`: which workers carry out the many tasks of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from dmvpn.tools.pool.local import Pool


def chosen_pool(arguments: argparse.Namespace) -> Callable[[], Pool]:
    """Return what begins the pool that the options ask for. Both raise UserError."""
    files = [arguments.tls_ca, arguments.tls_cert, arguments.tls_key]
    if arguments.on is None:
        if any(files):
            raise UserError("--tls-ca, --tls-cert and --tls-key go with --on tls://...")
        from dmvpn.tools.pool.local import LocalPool

        jobs = 1 if arguments.jobs is None else arguments.jobs
        if jobs < 1:
            raise UserError("--jobs is a positive number")
        return lambda: LocalPool(jobs)
    if arguments.jobs is not None:
        raise UserError("--jobs is about processes of this machine, and --on about those of a cluster: choose one")
    from dmvpn.tools.pool.addresses import Tls, checked

    if any(files) and not all(files):
        raise UserError("--tls-ca, --tls-cert and --tls-key go together")
    address = checked(arguments.on)
    try:
        from dmvpn.tools.pool.on_dask import DaskPool
    except ModuleNotFoundError as error:
        raise UserError(f"--on needs Dask, and {error.name} is not installed: pip install 'dmvpn[pool]'") from error
    return lambda: DaskPool(address, Tls(*files) if all(files) else None)
