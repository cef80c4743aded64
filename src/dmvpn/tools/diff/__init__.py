"""`dmvpn diff`: the effects of a change on a network, tried in virtual time before the change is made.

measure     a scenario -> its `Behavior`: reachability, paths, sizes, times, losses when a hub fails
migrate     the new configurations entered on the network that runs the old ones
flows       what access lists let pass on one side only, found from the lists
compare     two behaviors -> `NetworkChange`s, each worse, better or otherwise; knows no simulator (`behavior`)
comparison  both sides and the change at the same time, in processes of their own; text and JSON
"""

from __future__ import annotations
