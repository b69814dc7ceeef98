import Model

extension Scenario {
    /// Disks, backups, certificates.
    static let data: [Scenario] = [
        Scenario(
            "disk.full", .disk, "A disk is full", check: "host.storage.capacity", code: "storage.low", .healed,
            facts: ["storage.least_free_percent": .value(.integer(4))], course: Course(worksPermille: 850, seconds: 2...120),
            rehearsal: Rehearsal(
                #"""
                set -e; d=/var/cache/apt/archives; cd /
                umount $d 2>/dev/null || true; for i in 0 1 2 3 4 5 6 7; do [ -b /dev/loop$i ] || mknod /dev/loop$i b 7 $i; done
                [ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
                rm -rf /var/disk; mkdir /var/disk; dd if=/dev/urandom of=/var/disk/old.deb bs=1M count=20 status=none
                touch /var/disk/new.deb /var/disk/old.log; truncate -s 24M /var/disk.img
                mke2fs -q -F -t ext4 -m 0 -d /var/disk /var/disk.img
                for f in old.deb old.log; do for t in ctime mtime; do
                    debugfs -w -R "sif /$f $t 20250101" /var/disk.img >/dev/null 2>&1
                done; done
                mount -o loop /var/disk.img $d
                """#, undo: "umount /var/cache/apt/archives; rm -rf /var/disk /var/disk.img")),
        Scenario(
            "backup.none", .backup, "There is no backup", check: "backup.job.success", code: "backup.none", .healed,
            facts: ["backup.status_present": .value(.boolean(false)), "backup.last": .absent],
            course: Course(worksPermille: 900, seconds: 30...1_800), rehearsal: Rehearsal("rm -f /var/lib/backup/status.json")),
        Scenario(
            "backup.old", .backup, "The backup is a month old", check: "backup.job.success", code: "backup.critically_old", .healed,
            facts: ["backup.last": .ago(.seconds(30 * 86_400))], course: Course(worksPermille: 900, seconds: 30...1_800),
            rehearsal: Rehearsal(
                #"""
                sed -i "s/\"last_backup\":\"[^\"]*\"/\"last_backup\":\"$(date -u -d '-30 days' +%Y-%m-%dT%H:%M:%SZ)\"/" \
                    /var/lib/backup/status.json
                """#)),
        Scenario(
            "backup.restore_untested", .backup, "No restore was tested in months", check: "backup.restore.test",
            code: "backup.restore_test_old", .healed, facts: ["backup.last_restore_test": .ago(.seconds(60 * 86_400))],
            course: Course(worksPermille: 900, seconds: 60...3_600),
            rehearsal: Rehearsal(
                #"""
                sed -i "s/\"last_restore_test\":\"[^\"]*\"/\"last_restore_test\":\"$(date -u -d '-60 days' +%Y-%m-%dT%H:%M:%SZ)\"/" \
                    /var/lib/backup/status.json
                """#)),
        Scenario(
            "certificate.ends", .certificate, "A certificate ends in three days", check: "network.tls.cert_expiry", code: "tls.expires",
            .healed, facts: ["tls.days_left": .value(.integer(3))], course: Course(worksPermille: 900, seconds: 5...120),
            rehearsal: Rehearsal(
                "sh -e /usr/local/sbin/practice-certificate 3", touches: ["file /etc/ssl/practice.pem", "file /etc/ssl/practice.key"])),
    ]
}
