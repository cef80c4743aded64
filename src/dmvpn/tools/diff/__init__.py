"""`dmvpn diff`: the effects of a change on a network, tried in virtual time before the change is made.

measuring   a scenario -> its `Behavior`: reachability, paths, sizes, times, losses when a hub fails
probing     packets between the LANs of a network
migration   the new configurations entered on the network that runs the old ones
flows       what access lists let pass on one side only, found from the lists
behavior    two behaviors -> `NetworkChange`s, each worse, better or otherwise; knows no simulator
comparison  both sides and the change at the same time, in processes of their own; text and JSON; many candidates for
            one network, as tasks of a pool
"""
