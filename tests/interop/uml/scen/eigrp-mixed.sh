# EIGRP over the tunnel: our hub, one spoke of ours (spoke1), one of FRR (spoke2: eigrpd). See _world.inc.
# eigrpd wants a connected subnet, nhrpd registers only a /32, and with both addresses each takes the wrong one: so FRR is
# mapped by hand here, in the kernel and on our hub, and its nhrpd only carries the multicast.
. ./scen/_world.inc
world hub spoke1; ours_start hub hub-eigrp; ours_start spoke1 spoke-eigrp
mgre 24; multicast_rules spoke2
ip -n spoke2 link set gre1 arp on
ip -n spoke2 neigh replace ${TUN[hub]} lladdr ${NBMA[hub]} dev gre1 nud permanent
zebra_all >/dev/null 2>&1
frr spoke2 nhrpd <<X
hostname spoke2
nhrp multicast-nflog-group 2
interface gre1
 ip nhrp network-id 1
 ip nhrp map multicast ${NBMA[hub]}
 tunnel source eth0
X
reach "registered" neighbor hub spoke1
frr spoke2 eigrpd <<X
hostname spoke2
debug eigrp packets all
router eigrp 100
 eigrp router-id ${TUN[spoke2]}
 network 10.255.0.0/24
 network 192.168.2.0/24
X
mark "eigrpd"
routes(){ goes spoke2 192.168.1.0/24 ${TUN[hub]} && goes spoke1 192.168.2.0/24 ${TUN[hub]}; }
eigrp(){ local c n
  for c in neighbors topology; do vty spoke2 "show ip eigrp $c" > "$OUT/$1.spoke2.eigrp-$c.txt" 2>&1; done
  for n in hub spoke1; do
    printf '%s\n' 'show ip eigrp neighbors' 'show ip eigrp topology' 'show ip route' |
      "$OURS_PYTHON" -m dmvpn -r run-$n/$n - > "$OUT/$1.$n.eigrp.txt" 2>&1
  done
  seen $1; }
reach "routes" routes
eigrp routes
flow spoke1 host-spoke1 192.168.2.10; flow spoke2 host-spoke2 192.168.1.10; sleep 3
# a Query comes to eigrpd: it does not live through it
gone(){ ! goes spoke2 192.168.1.0/24 ${TUN[hub]}; }
forgotten(){ ! goes spoke1 192.168.2.0/24 ${TUN[hub]}; }
mark "LAN down"; ip -n spoke1 link set lan0 down
wait_for 10 gone && mark "route gone"; wait_for 25 forgotten && mark "neighbor lost"
eigrp lost
mark "LAN up"; ip -n spoke1 link set lan0 up; mark "start eigrpd"; frr_again spoke2 eigrpd
reach "routes again" routes
sleep 1; flow_end spoke1 spoke2
ours_end spoke1 TERM; ours_end hub TERM
finish
