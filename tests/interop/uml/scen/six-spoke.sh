# An overlay of IPv6: our router is spoke1, hub and spoke2 are FRR nhrpd. See _six.inc.
. ./scen/_six.inc
six_world spoke1; six_frr; ours_start spoke1 six-spoke; ours_ready spoke1
reach "registered" six_known
six_seen registered; six_flows
ours_end spoke1 TERM
finish
