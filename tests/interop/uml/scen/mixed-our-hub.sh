# Our hub, one spoke of ours (spoke1) and one of FRR (spoke2). See _world.inc.
. ./scen/_world.inc
world hub spoke1; ours_start hub hub; ours_start spoke1 spoke; frr_all
reach "registered" both
flow spoke1 host-spoke1 192.168.2.10; flow spoke2 host-spoke2 192.168.1.10
reach "direct" direct
sleep 1; seen_direct direct
# nhrpd of the FRR spoke dies and comes back
frr_kill spoke2; sleep 2; frr_back spoke2
reach "direct after FRR" direct
seen_direct after-frr
# our spoke dies and comes back (FRR asks once: if nobody is there to answer, it goes by the hub for the next 30 s)
ours_direct(){ goes spoke1 192.168.2.0/24 ${TUN[spoke2]}; }
ours_end spoke1 KILL; sleep 1; ours_start spoke1 spoke
reach "direct after ours" ours_direct
seen after-ours
# the hub dies and comes back, while the spokes talk to each other
ours_end hub KILL; sleep 1; ours_start hub hub
reach "registered again" both
sleep 2; reach "direct after hub" ours_direct; seen after-hub
# nothing passes between the spokes any more; FRR does not notice
cut(){ in_ns inet iptables-legacy $1 FORWARD -s ${NBMA[spoke1]} -d ${NBMA[spoke2]} -j DROP
  in_ns inet iptables-legacy $1 FORWARD -s ${NBMA[spoke2]} -d ${NBMA[spoke1]} -j DROP; }
cut -A; mark cut; sleep 5; mark fix; cut -D
# our spoke stops in good order, then the FRR spoke, in its own
ours_end spoke1 TERM
reach "withdrawn" unknown spoke1
seen withdrawn
frr_term spoke2
reach "expired" unknown spoke2
flow_end spoke1 spoke2
seen expired
ours_end hub TERM
finish
