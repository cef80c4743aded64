# A lab with real packets in this kernel: of 2022, so that a TAP takes no trains of datagrams, and without IPv6.
cd "$OURS_DIR" || exit
modprobe tun; mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
{ uname -r; cat /proc/net/if_inet6; } > "$OUT/kernel.txt" 2>&1
"$OURS_PYTHON" -m pytest -q -rA -p no:cacheprovider tests/lab/test_protected_troubles_lab.py -k one_by_one > "$OUT/tests.txt" 2>&1
