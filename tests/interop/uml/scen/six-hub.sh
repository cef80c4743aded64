# An overlay of IPv6: our router is the hub, both spokes are FRR nhrpd. See _six.inc.
. ./scen/_six.inc
six_world hub; ours_start hub six-hub; ours_ready hub; six_frr
reach "registered" six_known
six_seen registered; six_flows
ours_end hub TERM
finish
