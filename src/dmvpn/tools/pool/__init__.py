"""Workers that carry out many tasks: processes of this machine, or a cluster of Dask.

    local.py      processes of this machine, and what every pool does: `submit`, and lost tasks
    on_dask.py    a cluster, with the extra `pool`; the only file that imports Dask
    results.py    a file with one result a line, with which a command that was cut off goes on
    addresses.py  addresses of clusters that may be used, which need TLS unless they are this machine

A task, its function and its result must be importable or picklable in another process. The function gives the same
result on any worker; the number of workers changes nothing but the time.
"""
