#!/bin/bash
# PID 1 inside user-mode Linux. reflab_dir, reflab_out and reflab_scen come from the kernel command line.
# shellcheck disable=SC2154,SC1090,SC1091
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/netns
# The rest of the file system is the host's. These get a private one, unless the checkout itself lies there.
for d in /tmp /var/tmp; do
  case "$reflab_dir/ $reflab_out/" in
    *"$d"/*) ;;
    *) mount -t tmpfs tmpfs $d ;;
  esac
done
mount -t devtmpfs dev /dev 2>/dev/null; mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts 2>/dev/null
# The package keeps the modules aside; modprobe looks where every kernel's are. The host's folder stays as it is.
v=$(uname -r)
[ -e "/lib/modules/$v" ] || { mount -t tmpfs tmpfs /lib/modules; ln -s "/usr/lib/uml/modules/$v" "/lib/modules/$v"; }
ip link set lo up
echo 1 > /proc/sys/kernel/printk
cd "$reflab_dir" || exit
export OUT="$reflab_out"
( . "$OUT/env.sh"; . ./lib.sh; . "./scen/$reflab_scen.sh" ) > "$OUT/run.log" 2>&1 &
scenario=$!
# Whoever reads of a scenario that does not end wants to know where it is.
( . "$OUT/env.sh"; sleep $((${REFLAB_TIMEOUT:-200} - 30)); ps -N -p 2 --ppid 2 -o pid,ppid,stat,wchan:20,args > "$OUT/stuck.txt"; kill -KILL $scenario ) &
wait $scenario
echo "rc=$?" > "$OUT/RESULT"
sync
halt -f
