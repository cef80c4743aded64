# FRR nhrpd with strongSwan is the hub and spoke2, our router is spoke1. See _ipsec.inc.
. ./scen/_world.inc
. ./scen/_ipsec.inc
world spoke1
protect hub spoke1 spoke2; protect spoke2 hub spoke1; frr_all
ours_start spoke1 ipsec-spoke
reach "registered" both
seen registered; crypto registered
flow spoke1 host-spoke1 192.168.2.10; flow spoke2 host-spoke2 192.168.1.10
reach "direct" direct
sleep 2; seen_direct direct; crypto direct; keys hub spoke2
mark "strongSwan rekeys its child SAs"; for n in hub spoke2; do sw $n --rekey --child gre; done > "$OUT/rekey.txt"; replaced hub spoke2; crypto rekeyed-child
mark "strongSwan rekeys its IKE SAs"; for n in hub spoke2; do sw $n --rekey --ike to-spoke1; done >> "$OUT/rekey.txt"; sleep 3; crypto rekeyed-ike
flow_end spoke1 spoke2
cut(){ in_ns inet iptables-legacy $1 FORWARD -s ${NBMA[spoke1]} -d ${NBMA[spoke2]} -j DROP
  in_ns inet iptables-legacy $1 FORWARD -d ${NBMA[spoke1]} -s ${NBMA[spoke2]} -j DROP; }
around(){ ! goes spoke1 192.168.2.0/24 ${TUN[spoke2]}; }
flow cut host-spoke1 192.168.2.10 0.2; sleep 1
cut -A; mark "cut"; reach "by the hub" around; sleep 1; seen cut; crypto cut; cut -D; flow_end cut
asked spoke1 clear crypto session
reach "back" has spoke1 ${TUN[hub]}
flow back host-spoke1 192.168.0.10 0.2 20; sleep 5; crypto cleared
ours_end spoke1 TERM
charon_logs
finish
