#!/bin/busybox sh
# The first and only program of a lab guest: it makes this machine one Fibre Channel over Ethernet host, then obeys.
#
# Who reads what:
#   kernel command line   who we are (fcr.role, fcr.vlan, fcr.luns, fcr.acl; guest.go writes it)
#   /dev/ttyS0            the console: kernel messages and whatever our commands grumble; kept when a scenario fails
#   /dev/ttyS1            the control line: one request a line in, one answer a line out, "ok key=value ..." or "fail why"
#
# Nothing joins the fabric before the lab says so: the machine in the middle must be ready first, or the first claims
# are lost and every run waits for the retry.

/bin/busybox --install -s /bin
export PATH=/bin

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /srv
# LUN files live in memory: the lab measures paths, not disks.
mount -t tmpfs srv /srv

# param NAME: the value of NAME=... on the kernel command line, or nothing.
param() {
    for word in $(cat /proc/cmdline); do
        case $word in "$1="*) echo "${word#*=}" ;; esac
    done
}

role=$(param fcr.role)
vlan=$(param fcr.vlan)

# The control line carries bytes as they are: no echo, no carriage returns, nothing that a signal character could stop.
stty -F /dev/ttyS1 raw -echo
exec 3<>/dev/ttyS1
say() { echo "$*" >&3; }

# uptime in hundredths of a second: busybox's date has no fractions that the shell can compute with.
uptime_cs() { read -r up _ </proc/uptime; echo "${up%.*}${up#*.}"; }

# wait_for SECONDS COMMAND...: runs COMMAND until it succeeds. sysfs has no event for what we wait for (a disk with its
# rport, a port state), so this looks 20 times a second.
wait_for() {
    deadline=$(($(uptime_cs) + $1 * 100)); shift
    until "$@"; do
        [ "$(uptime_cs)" -lt "$deadline" ] || return 1
        usleep 50000
    done
}

# ---- the target's side: LIO over tcm_fc ---------------------------------------------------------------------------

config=/sys/kernel/config/target

# make_lun INDEX BYTES: one file-backed LUN. A fixed serial number, so that two paths to it are seen as one disk.
make_lun() {
    truncate -s "$2" "/srv/lun$1"
    store=$config/core/fileio_$1/lun$1
    mkdir -p "$store"
    echo "fd_dev_name=/srv/lun$1,fd_dev_size=$2" >"$store/control"
    echo "fcrlab-lun-$1" >"$store/wwn/vpd_unit_serial"
    echo 1 >"$store/enable"
}

# make_target: a portal group under our WWPN. tcm_fc has no demo mode: each initiator needs an ACL and its own mapping.
make_target() {
    mount -t configfs config /sys/kernel/config
    index=0
    for bytes in $(param fcr.luns | tr , ' '); do
        make_lun $index "$bytes"
        index=$((index + 1))
    done
    tpg=$config/fc/$(param fcr.wwpn)/tpgt_1
    mkdir -p "$tpg"
    for i in $(seq 0 $((index - 1))); do
        mkdir "$tpg/lun/lun_$i"
        ln -s "$config/core/fileio_$i/lun$i" "$tpg/lun/lun_$i/backing"
    done
    for initiator in $(param fcr.acl | tr , ' '); do
        mkdir "$tpg/acls/$initiator"
        for i in $(seq 0 $((index - 1))); do
            mkdir "$tpg/acls/$initiator/lun_$i"
            ln -s "$tpg/lun/lun_$i" "$tpg/acls/$initiator/lun_$i/mapping"
        done
    done
}

# ---- requests of the lab ------------------------------------------------------------------------------------------
# Each is a function do_NAME that sets `answer` (key=value ...) and returns 0, or sets it to the reason and returns 1.

# join: become an N_Port in VN2VN mode.
do_join() {
    answer="no FCoE port on $netdev"
    echo "$netdev" >/sys/module/libfcoe/parameters/create_vn2vn || return 1
    wait_for 5 test -d /sys/class/fc_host/host* || return 1
    fc=$(echo /sys/class/fc_host/host*)
    answer="wwpn=$(cat "$fc/port_name") id=$(cat "$fc/port_id")"
}

# rport_of WWPN: the directory of the remote port with that name, if the kernel sees it online.
rport_of() {
    for r in /sys/class/fc_remote_ports/rport-*; do
        [ "$(cat "$r/port_name" 2>/dev/null)" = "$1" ] && [ "$(cat "$r/port_state")" = Online ] && echo "$r" && return 0
    done
    return 1
}

# disk_of WWPN LUN: the name of the disk behind that target. Letters change from run to run, the rport does not.
disk_of() {
    r=$(rport_of "$1") || return 1
    for b in "$r"/device/target*/*:"$2"/block/*; do
        [ -b "/dev/${b##*/}" ] && echo "${b##*/}" && return 0
    done
    return 1
}

# find SECONDS WWPN LUN: waits for the disk, then bounds what it may have in flight: 8 commands of 512 KiB are 2048 frames.
# There is no priority flow control on a virtual wire, so every queue on the way must hold that much (the dataplane's rings
# by the boot file, see middle.go): each frame lost costs three seconds, and then perhaps the command.
do_find() {
    answer="no disk of $2 lun $3 within $1 s; remote ports: $(cat /sys/class/fc_remote_ports/*/port_name /sys/class/fc_remote_ports/*/port_state 2>/dev/null | tr '\n' ' ')"
    wait_for "$1" disk_of "$2" "$3" >/dev/null || return 1
    disk=$(disk_of "$2" "$3"); rport=$(rport_of "$2")
    echo 128 >"/sys/block/$disk/queue/read_ahead_kb"
    echo 512 >"/sys/block/$disk/queue/max_sectors_kb"
    echo 8 >"/sys/block/$disk/device/queue_depth"
    # Without it a dead path blocks every reader until dev_loss_tmo.
    echo 5 >"$rport/fast_io_fail_tmo"
    answer="disk=$disk target_id=$(cat "$rport/port_id") sectors=$(cat "/sys/block/$disk/size")"
}

# write|verify SECONDS WWPN LUN BYTES SEED: the pattern of that seed onto the disk, or compared with what is on it.
disk_io() {
    answer="no disk of $3 lun $4"
    disk=$(disk_of "$3" "$4") || return 1
    answer=$(timeout "$2" diskcheck "$1" "/dev/$disk" "$5" "$6" 2>&1) || { answer="$1 of $disk: $answer"; return 1; }
}
do_write() { disk_io write "$@"; }
do_verify() { disk_io verify "$@"; }

# pulse WWPN LUN BYTES SEED: begins a small command every 10 ms from now on, while other requests are answered. The queue is
# deep enough that some that are stuck keep no other from beginning.
do_pulse() {
    answer="no disk of $1 lun $2"
    disk=$(disk_of "$1" "$2") || return 1
    echo 64 >"/sys/block/$disk/device/queue_depth"
    diskcheck pulse "/dev/$disk" "$3" "$4" >/pulse 2>&1 &
    pulse=$!
    answer="disk=$disk"
}

# calm: ends what pulse began, and tells how it went.
do_calm() {
    answer="there is no pulse"
    [ -n "$pulse" ] || return 1
    kill -TERM "$pulse"
    wait "$pulse"
    status=$?
    pulse=
    answer=$(cat /pulse)
    return $status
}

# stored SECONDS LUN BYTES SEED: a target looks into its own backing file, past every cache of the initiator.
do_stored() {
    answer=$(timeout "$1" diskcheck verify "/srv/lun$2" "$3" "$4" 2>&1) || { answer="lun $2: $answer"; return 1; }
}

# counters: what this host's Fibre Channel layer counted, and how many complaints the kernel has logged about I/O.
do_counters() {
    s=$(echo /sys/class/fc_host/host*/statistics)
    answer=""
    for name in invalid_crc_count error_frames link_failure_count fcp_frame_alloc_failures fcp_packet_aborts \
        fc_no_free_exch fc_non_bls_resp; do
        answer="$answer $name=$(($(cat "$s/$name")))"
    done
    complaints=$(dmesg | grep -c -i -E 'i/o error|blk_update_request|device offline|timing out')
    answer="${answer# } io_errors=$complaints"
}

# quit: answer first, then switch off; nothing here needs to be saved.
do_quit() {
    say "ok"
    echo o >/proc/sysrq-trigger
    sleep 60
}

# ---- life of a guest ----------------------------------------------------------------------------------------------

while read -r module; do
    insmod "/modules/$module" || echo "init: module $module did not load"
done <"/modules/order.$role"

# Debian's default, fq_codel, drops frames that have queued for long: here, write data of a burst, at 30 seconds each.
# A plain queue refuses instead when it is full, and the FCoE driver keeps the frame.
echo pfifo_fast >/proc/sys/net/core/default_qdisc

ip link set eth0 mtu 2500 up
netdev=eth0
if [ -n "$vlan" ]; then
    netdev=eth0.$vlan
    ip link add link eth0 name "$netdev" type vlan id "$vlan"
    ip link set "$netdev" up
fi

[ "$role" != target ] || make_target
say "up seconds=$(cut -d ' ' -f 1 /proc/uptime)"

while read -r verb args <&3; do
    case $verb in
        join | find | write | verify | pulse | calm | stored | counters | quit)
            # shellcheck disable=SC2086 # the arguments are words
            if do_$verb $args; then say "ok $answer"; else say "fail $answer"; fi ;;
        "") ;;
        *) say "fail no such request: $verb" ;;
    esac
done
