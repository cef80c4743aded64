# Registrations at FRR's nhrpd with zebra, then at our hub, from one sender. Read by ../../bench/nhrpd.py.
#   REFLAB_CLIENTS  how many clients there are        REFLAB_SECONDS  processor time of a hub for refreshed registrations
# In this kernel only the first network namespace gets a gre0.
sysctl -qw net.core.fb_tunnels_only_for_init_net=1
for level in 1 2 3; do sysctl -qw net.ipv4.neigh.default.gc_thresh$level=200000; done
export PYTHONPATH=$OURS_DIR/src:$OURS_DIR/tests XDG_RUNTIME_DIR=/run
modules tun; mkns hub; mkns clients
in_ns clients sysctl -qw net.ipv4.ip_forward=0  # what comes for the clients is seen on the wire, and dropped
ip link add eth0 netns hub type veth peer name eth0 netns clients
for n in hub clients; do ip -n $n link set eth0 up; done
ip -n hub addr add ${NBMA[hub]}/24 dev eth0; ip -n clients addr add ${GW[hub]}/24 dev eth0
ip -n hub route add default via ${GW[hub]}
in_ns hub ping -c 1 ${GW[hub]} >/dev/null
# clients LABEL PROCESS...: they register at the hub that these processes are, again and again
clients(){ local label=$1; shift
  in_ns clients "$OURS_PYTHON" -m bench.nhrpd $REFLAB_CLIENTS $REFLAB_SECONDS "$@" > "$OUT/$label.json" || exit 1; }

ip -n hub link add gre1 type gre key $KEY ttl 64 dev eth0 local ${NBMA[hub]} remote any
ip -n hub addr add 10.0.0.1/32 dev gre1; ip -n hub link set gre1 up
mkdir -p /run/frr/hub; chown -R frr:frr /run/frr
for d in zebra nhrpd; do
  cat > /run/frr/hub/$d.conf <<X
hostname hub
interface gre1
 ip nhrp network-id 1
 ip nhrp holdtime 600
 ip nhrp registration no-unique
 tunnel source eth0
X
  [ $d = nhrpd ] || echo hostname hub > /run/frr/hub/$d.conf
  in_ns hub $FRRBIN/$d -d -N hub -f /run/frr/hub/$d.conf -i /run/frr/hub/$d.pid --vty_socket /run/frr/hub \
    --log file:/run/frr/hub/$d.log --log-level errors
done
sleep 2
clients frr "$(cat /run/frr/hub/nhrpd.pid)" "$(cat /run/frr/hub/zebra.pid)"
vty hub "show ip nhrp cache" | grep -c dynamic > "$OUT/frr.entries.txt"
for d in nhrpd zebra; do frr_stop hub $d; done
ip -n hub link del gre1

cat > /run/hub.cfg <<X
hostname HUB
interface Tunnel0
 ip address 10.0.0.1 255.0.0.0
 ip nhrp network-id 1
 ip nhrp holdtime 600
 tunnel source GigabitEthernet0/1
 tunnel mode gre multipoint
 tunnel key $KEY
interface GigabitEthernet0/1
 ip address ${NBMA[hub]} 255.255.255.0
end
X
ip netns exec hub "$OURS_PYTHON" -m dmvpn run /run/hub.cfg --map GigabitEthernet0/1=eth0 > "$OUT/ours.log" 2>&1 &
hub=$!
begun(){ grep -q "runs; its prompt" "$OUT/ours.log"; }
wait_for 60 begun || exit 1
clients ours $hub
kill -TERM $hub; wait $hub
