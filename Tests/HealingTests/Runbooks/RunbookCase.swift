import Model
import Testing

/// One drift that is injected into a practice host, and what becomes of it. The scripts run as root.
struct RunbookCase: Sendable, CustomTestStringConvertible {
    let name: String
    let check: CheckID
    let code: Code
    let runbook: RunbookID
    /// Makes the drift; whatever the case before left, and again after a repair.
    let inject: String
    /// Prints what a rollback must leave as it was after `inject`; nil where nothing can be put back.
    let state: String?
    /// Of the check, instead of the baseline's.
    var parameters: [String: TypedValue] = [:]
    var platforms: Set<String> = ["linux", "debian"]
    /// False where each repair takes seconds: then it is not made a second time.
    var relapses = true

    var testDescription: String { name }

    /// Before what `scripts/lab/practice.sh` brings.
    static let preparation = """
        rm -f /etc/ssh/sshd_config.d/*.conf
        printf 'ClientAliveInterval 300\\nClientAliveCountMax 3\\n' >/etc/ssh/sshd_config.d/50-practice.conf; systemctl reload ssh
        """

    /// - Parameter timeServer: a host whose chrony serves time.
    static func all(timeServer: String) -> [RunbookCase] {
        [
            RunbookCase(
                name: "kernel parameters", check: "linux.kernel.hardening", code: "kernel.setting", runbook: "linux.kernel.set_parameters",
                inject: "sysctl -qw net.ipv4.conf.all.accept_redirects=1 net.ipv4.conf.all.send_redirects=1; rm -f /etc/sysctl.d/*martlet*",
                state: "sysctl net.ipv4.conf.all.accept_redirects net.ipv4.conf.all.send_redirects; ls /etc/sysctl.d",
                parameters: [
                    "settings": .strings([
                        "net.ipv4.conf.all.accept_redirects=0", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.tcp_syncookies=1",
                    ]), "macAccepted": .strings(["apparmor", "selinux", "selinux-permissive", "none"]),
                ]),
            RunbookCase(
                name: "world-writable files", check: "linux.files.permissions", code: "files.world_writable",
                runbook: "linux.file.deny_world_write",
                inject: "touch /etc/practice.conf /etc/shared; chmod 0666 /etc/practice.conf /etc/shared",
                state: "stat -c '%a %n' /etc/practice.conf /etc/shared",
                parameters: ["directories": .strings(["/etc"]), "worldWritableAllowed": .strings(["/etc/shared"])]),
            RunbookCase(
                name: "idle shells", check: "linux.session.timeout", code: "session.shell_no_limit", runbook: "linux.session.set_timeout",
                inject: "rm -f /etc/profile.d/zz-martlet-timeout.sh /etc/profile.d/idle.sh", state: "ls /etc/profile.d"),
            RunbookCase(
                name: "idle SSH sessions", check: "linux.session.timeout", code: "session.ssh_no_limit",
                runbook: "linux.sshd.set_idle_limit",
                inject:
                    "printf 'TMOUT=900\\nreadonly TMOUT\\n' >/etc/profile.d/idle.sh; rm -f /etc/ssh/sshd_config.d/*.conf; systemctl reload ssh",
                state: "sshd -T | grep -i clientalive; ls /etc/ssh/sshd_config.d", relapses: false),
            RunbookCase(
                name: "accounts without a password", check: "linux.accounts.integrity", code: "accounts.empty_password",
                runbook: "linux.account.lock", inject: "passwd -q -d frontdesk", state: "passwd -S frontdesk | cut -d' ' -f1,2"),
            RunbookCase(
                name: "ages of passwords", check: "linux.accounts.password_policy", code: "passwords.too_old",
                runbook: "linux.account.set_ageing",
                inject: "chage -M 99999 drcox; sed -i 's/^PASS_MAX_DAYS.*/PASS_MAX_DAYS\\t99999/' /etc/login.defs",
                state: "chage -l drcox | grep Maximum; grep ^PASS_MAX_DAYS /etc/login.defs",
                parameters: ["ageMaxDays": .integer(90), "lengthMin": .integer(8), "historyMin": .integer(0)]),
            RunbookCase(
                name: "quality of passwords", check: "linux.accounts.password_policy", code: "passwords.too_short",
                runbook: "linux.password.set_quality", inject: "rm -rf /etc/security/pwquality.conf.d",
                state: "ls /etc/security/pwquality.conf.d 2>/dev/null; true", parameters: ["historyMin": .integer(0)]),
            RunbookCase(
                name: "lockout", check: "linux.accounts.password_policy", code: "passwords.too_many_tries",
                runbook: "linux.password.set_lockout", inject: "echo 'deny = 50' >/etc/security/faillock.conf",
                state: "cat /etc/security/faillock.conf", parameters: ["lengthMin": .integer(8), "historyMin": .integer(0)]),
            RunbookCase(
                name: "pending security updates", check: "linux.patch.security_updates", code: "patch.security_pending",
                runbook: "linux.package.upgrade_security",
                inject:
                    "dpkg --force-downgrade -i /srv/repo/practice-tool_1.0.deb >/dev/null 2>&1; rm -f /var/cache/apt/*.bin; touch /var/lib/apt/lists",
                state: nil),
            RunbookCase(
                name: "old package lists", check: "linux.patch.security_updates", code: "patch.lists_old", runbook: "linux.package.refresh",
                inject:
                    "dpkg -i /srv/repo/practice-tool_1.1.deb >/dev/null 2>&1; rm -f /var/lib/apt/periodic/*; touch -d '10 days ago' /var/lib/apt/lists",
                state: nil),
            RunbookCase(
                name: "forbidden software", check: "host.software.inventory", code: "software.forbidden", runbook: "linux.package.remove",
                inject: "dpkg -i /srv/repo/telnetd_1.0.deb >/dev/null 2>&1", state: nil),
            RunbookCase(
                name: "audit is not installed", check: "linux.audit.rules", code: "audit.not_installed", runbook: "linux.audit.install",
                inject:
                    "systemctl -q disable --now auditd 2>/dev/null; dpkg -P auditd >/dev/null 2>&1; rm -rf /etc/audit /run/auditctl*; mkdir /etc/audit",
                state: nil),
            RunbookCase(
                name: "audit rules", check: "linux.audit.rules", code: "audit.stopped", runbook: "linux.audit.set_rules",
                inject:
                    "systemctl -q disable --now auditd; auditctl -D; auditctl -e 0; auditctl -w /etc/passwd -p wa -k other; rm -rf /etc/audit/rules.d",
                state: "auditctl -l; auditctl -s; systemctl is-enabled auditd; systemctl is-active auditd; ls /etc/audit/rules.d; true",
                relapses: false),
            RunbookCase(
                name: "time sources", check: "host.time.sync", code: "time.not_synchronized", runbook: "linux.time.set_sources",
                inject:
                    "rm -f /etc/chrony/sources.d/martlet.sources; sed -i '/^pool/d' /etc/chrony/chrony.conf; systemctl restart chrony; sleep 0.3",
                state: "ls /etc/chrony/sources.d; systemctl is-active chrony; systemctl is-enabled chrony",
                parameters: ["servers": .strings([timeServer])], relapses: false),
            RunbookCase(
                name: "a full disk", check: "host.storage.capacity", code: "storage.low", runbook: "linux.disk.clean",
                inject: #"""
                    set -e; d=/var/cache/apt/archives; cd /
                    umount $d 2>/dev/null || true; for i in 0 1 2 3 4 5 6 7; do [ -b /dev/loop$i ] || mknod /dev/loop$i b 7 $i; done
                    [ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
                    rm -rf /var/disk; mkdir /var/disk; dd if=/dev/urandom of=/var/disk/old.deb bs=1M count=20 status=none; touch /var/disk/new.deb /var/disk/old.log
                    truncate -s 24M /var/disk.img; mke2fs -q -F -t ext4 -m 0 -d /var/disk /var/disk.img
                    for f in old.deb old.log; do for t in ctime mtime; do debugfs -w -R "sif /$f $t 20250101" /var/disk.img >/dev/null 2>&1; done; done
                    mount -o loop /var/disk.img $d
                    """#, state: nil, parameters: ["rootFreeMebibytesMin": .integer(1)]),
            RunbookCase(
                name: "a restore that was not tested", check: "backup.restore.test", code: "backup.restore_test_old",
                runbook: "linux.backup.test_restore",
                inject:
                    #"systemctl start practice-backup; sed -i 's/"last_restore_test":[^,}]*/"last_restore_test":"2026-01-05T01:00:00Z"/' /var/lib/backup/status.json"#,
                state: nil),
            RunbookCase(
                name: "a certificate that ends", check: "network.tls.cert_expiry", code: "tls.expires", runbook: "linux.certificate.renew",
                inject: "sh -e /usr/local/sbin/practice-certificate 3", state: nil,
                parameters: [
                    "files": .strings(["/etc/ssl/practice.pem"]), "renewalUnit": .string("practice-renew.service"),
                    "reloadUnits": .strings(["ssh.service"]),
                ]),
            RunbookCase(
                name: "another NixOS system", check: "linux.patch.security_updates", code: "patch.generation_not_declared",
                runbook: "linux.nixos.rebuild",
                inject: "ln -sfn /nix/store/system-b /nix/var/nix/profiles/system; ln -sfn /nix/store/system-a /run/current-system",
                state: "readlink -f /run/current-system /nix/var/nix/profiles/system", platforms: ["linux", "nixos"]),
            // Last: /run, and with it the stand-in of NixOS, is gone afterwards.
            RunbookCase(
                name: "an overdue restart", check: "linux.patch.security_updates", code: "patch.restart_overdue",
                runbook: "linux.host.reboot",
                inject: "rm -f /run/current-system; touch /var/lib/apt/lists; touch -d '10 days ago' /run/reboot-required", state: nil,
                relapses: false),
        ]
    }
}
