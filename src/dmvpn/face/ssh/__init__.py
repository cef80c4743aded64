"""SSH to routers, in a process of its own: SSH (asyncssh) on one side, the management protocol on the other.

    keys.py         host keys, for their owner alone
    link.py         the management socket of a router, for asyncio
    visitors.py     how many may be connected without a login, and from where
    entrance.py     where connections come in, and from which addresses they may
    copying.py      SCP
    sftp.py         SFTP
    memory.py       how it uses memory
    gate.py         one listening address that leads to one router
    __main__.py     the process beside `dmvpn run`

A router does not notice whether this process lives: it holds no state that a router needs, asks who may come in at each
login, and computes itself what passwords take, because that would hold up a router's timers. It serves no forwarding
and no agent; a session is a terminal line (`line vty`), and files come and go in flash alone.
"""
