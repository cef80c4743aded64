# FRR hub, one spoke of ours (spoke1) and one of FRR (spoke2). See _world.inc.
. ./scen/_world.inc
world spoke1; frr_all; ours_start spoke1 spoke
reach "registered" registered
# phase 2: the next hop of a route is the other spoke
ip -n spoke2 route add 192.168.11.0/24 via ${TUN[spoke1]} dev gre1 onlink
flow phase2-frr host-spoke2 192.168.11.1 0.2 15; sleep 4
flow phase2-ours host-spoke1 192.168.23.1 0.2 15; sleep 4
seen phase2
# phase 3
flow spoke1 host-spoke1 192.168.2.10; flow spoke2 host-spoke2 192.168.1.10
reach "direct" direct
sleep 1; seen_direct direct
# nhrpd of the FRR hub dies and comes back
frr_kill hub; sleep 2; frr_back hub
reach "registered again" registered
sleep 1; seen after-hub
# the FRR spoke stops; it says nothing
frr_term spoke2; sleep 16; seen frr-stopped
frr_back spoke2
reach "registered after FRR" registered; reach "direct after FRR" direct
# our spoke stops in good order
ours_end spoke1 TERM
flow_end spoke1 spoke2; sleep 1
seen withdrawn
finish
