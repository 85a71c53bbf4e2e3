#!/bin/busybox sh
# init.sh: the first process of a stock host. Makes the machine usable, then hands it to the agent, which
# does what the outside asks for. When the agent ends, so does the machine.
#
# The kernel gives it, as its environment, what was said on the kernel's command line:
#   STOCK_NAME      the host's name
#   STOCK_ADDRESS   its address on the virtual network, with the prefix's length; none: no network
/bin/busybox mkdir -p /bin /sbin /usr/bin /usr/sbin /proc /sys /dev /tmp /root /run
/bin/busybox --install -s
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
chmod 1777 /tmp
ln -s /proc/self/fd /dev/fd

while read -r module; do insmod "$module"; done </etc/stock-kvm/modules

hostname "${STOCK_NAME:-stock}"
ip link set lo up
if [ -n "$STOCK_ADDRESS" ]; then
  ip addr add "$STOCK_ADDRESS" dev eth0
  ip link set eth0 up
fi

project=$(cat /etc/stock-kvm/project)
export DENO_DIR=/var/cache/deno DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1
cd "$project" || exec poweroff -f
# One open file for both directions: the port can be opened only once.
deno run --quiet --allow-all --no-lock --config deno.json scripts/stock_kvm/agent.ts \
  <>/dev/vport0p1 >&0 2>/dev/console
poweroff -f
