# Builds, once, the Debian 12 tree that the practice hosts share: sourced, never run. Needs root; 2 to 4 minutes, 350 MB.
ROOTFS=$MARTLET_LAB_DIR/rootfs
ROOTFS_VERSION=3

rootfs() {
  packages mmdebstrap openssh-client
  (
    flock 8
    [ "$(cat "$ROOTFS/.version" 2>/dev/null)" = "$ROOTFS_VERSION" ] && exit 0
    say "building the practice hosts' system tree (once, some minutes)"
    rm -rf "$ROOTFS"; mkdir -p "$ROOTFS"
    mmdebstrap --quiet --variant=minbase --mode=root \
      --include=systemd-sysv,dbus,openssh-server,nftables,rsyslog,chrony,cron,unattended-upgrades,cryptsetup-bin,iproute2,procps,sudo,ca-certificates,logrotate,libpam-pwquality \
      bookworm "$ROOTFS" >&2
    rm -f "$ROOTFS"/etc/ssh/ssh_host_*
    chroot "$ROOTFS" useradd -m -s /bin/bash martlet
    printf 'martlet ALL=(root) NOPASSWD: ALL\n' >"$ROOTFS/etc/sudoers.d/martlet"; chmod 440 "$ROOTFS/etc/sudoers.d/martlet"
    # A practice's backup job: a unit that writes a status file, as restic wrappers do.
    mkdir -p "$ROOTFS/var/lib/backup" "$ROOTFS/srv/practice"
    printf 'appointments\n' >"$ROOTFS/srv/practice/calendar.txt"
    cat >"$ROOTFS/usr/local/sbin/practice-backup" <<'S'
#!/bin/sh
# Archives the practice's data and notes what was archived, for whoever watches backups.
set -eu
tar -C /srv -cf /var/lib/backup/practice.tar.new practice
mv /var/lib/backup/practice.tar.new /var/lib/backup/practice.tar
printf '{"last_backup":"%s","checksum":"%s","last_restore_test":"%s"}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
  "$(sha256sum /var/lib/backup/practice.tar | cut -d' ' -f1)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >/var/lib/backup/status.json.new
mv /var/lib/backup/status.json.new /var/lib/backup/status.json
S
    chmod 755 "$ROOTFS/usr/local/sbin/practice-backup"
    printf '[Unit]\nDescription=Practice data backup\n[Service]\nType=oneshot\nExecStart=/usr/local/sbin/practice-backup\n' \
      >"$ROOTFS/etc/systemd/system/practice-backup.service"
    chroot "$ROOTFS" systemctl -q enable ssh nftables rsyslog cron >/dev/null 2>&1
    chroot "$ROOTFS" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer man-db.timer systemd-networkd-wait-online >/dev/null 2>&1
    # The clock is this machine's: chronyd runs and leaves it alone.
    mkdir -p "$ROOTFS/etc/systemd/system/chrony.service.d"
    printf '[Unit]\nConditionCapability=\n[Service]\nType=simple\nPIDFile=\nExecStart=\nExecStart=/usr/sbin/chronyd -n -x -U\n' \
      >"$ROOTFS/etc/systemd/system/chrony.service.d/lab.conf"
    : >"$ROOTFS/etc/machine-id"
    echo "$ROOTFS_VERSION" >"$ROOTFS/.version"
  ) 8>"$MARTLET_LAB_DIR/.rootfs-lock"
}
