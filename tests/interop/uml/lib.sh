# shellcheck shell=bash
# Functions used inside user-mode Linux. Sourced by init.sh.
#
#            hub 192.0.2.2 ---- 192.0.2.1 inet 198.51.100.1 ---- 198.51.100.2 spoke1
#                                              203.0.113.1  ---- 203.0.113.2  spoke2
# mGRE gre1, key 100: hub 10.255.0.1, spoke1 10.255.0.11, spoke2 10.255.0.12
# LANs (dummy lan0):  hub 192.168.0.1/24, spoke1 192.168.1.1/24, spoke2 192.168.2.1/24
KEY=100
FRRBIN=/usr/lib/frr
declare -A NBMA=([hub]=192.0.2.2 [spoke1]=198.51.100.2 [spoke2]=203.0.113.2)
declare -A GW=([hub]=192.0.2.1 [spoke1]=198.51.100.1 [spoke2]=203.0.113.1)
declare -A TUN=([hub]=10.255.0.1 [spoke1]=10.255.0.11 [spoke2]=10.255.0.12)
declare -A LAN=([hub]=192.168.0.1 [spoke1]=192.168.1.1 [spoke2]=192.168.2.1)
NODES="hub spoke1 spoke2"
PIDS=()
log(){ local up; read -r up _ < /proc/uptime; echo "[$up] $*"; }
in_ns(){ local n=$1; shift; ip netns exec "$n" "$@"; }

modules(){
  for m in ip_gre gre ip_tunnel veth dummy ip_tables iptable_filter iptable_nat xt_NFLOG xt_hashlimit xt_MASQUERADE \
           nfnetlink_log nf_nat nf_conntrack esp4 xfrm_user xfrm_algo af_key tunnel4 xfrm4_tunnel \
           gcm ctr cbc authenc ghash-generic sch_netem "$@"; do modprobe -q $m || log "no module $m"; done
}

mkns(){ ip netns add "$1"; ip -n "$1" link set lo up
  in_ns "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
    net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0 net.ipv4.conf.all.accept_redirects=0 \
    net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 ; }

# underlay SPOKE1_BEHIND_NAT=1 puts ns "nat" between inet and spoke1 (10.99.0.0/24 inside)
underlay(){
  mkns inet
  for n in $NODES; do
    mkns $n
    if [ "$n" = spoke1 ] && [ -n "$SPOKE1_BEHIND_NAT" ]; then
      mkns nat
      ip link add n-out netns nat type veth peer name i-$n netns inet
      ip link add n-in netns nat type veth peer name eth0 netns $n
      ip -n inet addr add ${GW[$n]}/24 dev i-$n; ip -n inet link set i-$n up
      ip -n nat addr add ${NBMA[$n]}/24 dev n-out; ip -n nat link set n-out up
      ip -n nat route add default via ${GW[$n]}
      ip -n nat addr add 10.99.0.1/24 dev n-in; ip -n nat link set n-in up
      ip -n $n addr add 10.99.0.2/24 dev eth0; ip -n $n link set eth0 up
      ip -n $n route add default via 10.99.0.1
      in_ns nat iptables-legacy -t nat -A POSTROUTING -o n-out -j MASQUERADE
    else
      ip link add eth0 netns $n type veth peer name i-$n netns inet
      ip -n $n addr add ${NBMA[$n]}/24 dev eth0; ip -n $n link set eth0 up
      ip -n inet addr add ${GW[$n]}/24 dev i-$n; ip -n inet link set i-$n up
      ip -n $n route add default via ${GW[$n]}
    fi
    ip -n $n link add lan0 type dummy; ip -n $n addr add ${LAN[$n]}/24 dev lan0; ip -n $n link set lan0 up
  done
  in_ns inet sysctl -qw net.ipv4.ip_forward=1
}

# mgre PREFIXLEN : create gre1 everywhere (32 = nhrpd style, 24 = Cisco style)
mgre(){
  local plen=${1:-32} n l
  for n in $NODES; do
    l=${NBMA[$n]}; [ "$n" = spoke1 ] && [ -n "$SPOKE1_BEHIND_NAT" ] && l=10.99.0.2
    # ip link, not ip tunnel: that one needs a gre0 in the namespace
    ip -n $n link add gre1 type gre key $KEY ttl 64 dev eth0 local $l remote any
    ip -n $n link set gre1 mtu 1400 multicast on
    ip -n $n addr add ${TUN[$n]}/$plen dev gre1
    ip -n $n link set gre1 up
  done
}

# The UML kernel has no NF_TABLES_IPV4/INET: use iptables-legacy.
# redirect NS: log packets forwarded gre1->gre1 to nflog group 1 (nhrpd sends traffic indications for them)
redirect_rules(){
  in_ns $1 iptables-legacy -A FORWARD -i gre1 -o gre1 -m hashlimit --hashlimit-upto 4/minute --hashlimit-burst 1 \
    --hashlimit-mode srcip,dstip --hashlimit-srcmask 24 --hashlimit-dstmask 24 --hashlimit-name red-$1 \
    -j NFLOG --nflog-group 1 --nflog-size 128
}
# multicast NS: hand locally generated multicast to nhrpd (nflog group 2), drop the original
multicast_rules(){
  in_ns $1 iptables-legacy -A OUTPUT -d 224.0.0.0/24 -o gre1 -j NFLOG --nflog-group 2
  in_ns $1 iptables-legacy -A OUTPUT -d 224.0.0.0/24 -o gre1 -j DROP
}

# cap NAME NS IFACE [FILTER]: tcpdump to out/NAME.pcap
cap(){ local name=$1 ns=$2 ifc=$3; shift 3
  # to its output, not to a file: that it would give to another user, which an ordinary user's root may not
  ip netns exec $ns tcpdump -Z root -i $ifc -s 0 -U --immediate-mode -w - "$@" >"$OUT/$name.pcap" 2>>"$OUT/tcpdump.log" & PIDS+=($!); }
stop_caps(){ local i; sleep 1; kill -TERM "${PIDS[@]}" 2>/dev/null
  for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "${PIDS[@]}" 2>/dev/null || break; sleep 0.2; done
  kill -KILL "${PIDS[@]}" 2>/dev/null; PIDS=(); }

# frr NS DAEMON  (config on stdin)
frr(){ local ns=$1 d=$2
  mkdir -p /run/frr/$ns "$OUT/conf"; chown -R frr:frr /run/frr; cat > "$OUT/conf/$ns.$d.conf"
  # zebra first; each daemon in its own path space
  cp "$OUT/conf/$ns.$d.conf" /run/frr/$ns/$d.conf; chown frr:frr /run/frr/$ns/$d.conf
  frr_again $ns $d
}
# frr_again NS DAEMON: as it was configured before
frr_again(){ local ns=$1 d=$2
  in_ns $ns $FRRBIN/$d -d -N $ns -f /run/frr/$ns/$d.conf -i /run/frr/$ns/$d.pid \
     --vty_socket /run/frr/$ns --log file:/run/frr/$ns/$d.log --log-level debug || log "start $ns $d failed"
}
# frr_stop NS DAEMON [SIGNAL]: nhrpd 8.4 hangs on TERM now and then, and keeps the lock that its successor needs
frr_stop(){ local pid; pid=$(cat /run/frr/$1/$2.pid)
  kill -${3:-TERM} $pid; wait_for 10 test ! -e /proc/$pid || kill -KILL $pid; }
vty(){ local ns=$1; shift; local a=(); for c in "$@"; do a+=(-c "$c"); done; timeout 30 vtysh --vty_socket /run/frr/$ns "${a[@]}"; }
show(){ local f=$1; shift; for n in $NODES; do for c in "$@"; do echo "### $n# $c"; vty $n "$c" 2>&1; done; done >> "$OUT/$f.txt"; }
kshow(){ local f=$1; for n in $NODES; do echo "### $n: ip route / ip neigh dev gre1"; ip -n $n route; ip -n $n neigh show dev gre1; done >> "$OUT/$f.txt"; }
save_logs(){ for n in $NODES; do for f in /run/frr/$n/*.log; do [ -e $f ] && cp $f "$OUT/$n.$(basename $f)"; done; done; }
xping(){ # NS SRC DST COUNT
  in_ns $1 ping -I $2 -c ${4:-3} -i 0.3 -W 1 $3 | tail -4; }
# wait_for SECONDS CMD...: poll; on a busy host as many times longer as REFLAB_LOAD says
wait_for(){ local end=$((SECONDS+$1*${REFLAB_LOAD:-1})); shift; while [ $SECONDS -lt $end ]; do "$@" >/dev/null 2>&1 && return 0; sleep 0.5; done; log "timeout: $*"; return 1; }

zebra_all(){ for n in $NODES; do frr $n zebra <<X
hostname $n
ip forwarding
interface gre1
 no link-detect
X
done; sleep 1; }
# nhrp_all [HOLD]  : nhrpd on all nodes of NODES; UNIQUE=1 keeps the unique flag, UNIQUE=spoke1 that of one
nhrp_all(){ local hold=${1:-30} n nu; for n in $NODES; do
  nu="ip nhrp registration no-unique"; case " $UNIQUE " in " 1 "|*" $n "*) nu="! unique";; esac
  if [ $n = hub ]; then frr hub nhrpd <<X
hostname hub
debug nhrp all
nhrp nflog-group 1
nhrp multicast-nflog-group 2
interface gre1
 ip nhrp network-id 1
 ip nhrp holdtime $hold
 ip nhrp redirect
 $nu
 ip nhrp map multicast dynamic
 tunnel source eth0
X
  else frr $n nhrpd <<X
hostname $n
debug nhrp all
nhrp nflog-group 1
nhrp multicast-nflog-group 2
interface gre1
 ip nhrp network-id 1
 ip nhrp holdtime $hold
 ip nhrp shortcut
 $nu
 ip nhrp nhs ${NHSADDR:-dynamic} nbma ${NBMA[hub]}
 ip nhrp map multicast ${NBMA[hub]}
 tunnel source eth0
X
  fi; done; }
registered(){ vty hub "show ip nhrp cache" | grep -c " dynamic " | grep -q 2; }
