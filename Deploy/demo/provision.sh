#!/bin/sh
# Brings a fresh practice host to the default baseline, as its administrator would when it joins; run on the host as root.
# The firewall's rules are put in /etc/nftables.conf before.
set -eu
nft -f /etc/nftables.conf
systemctl -q enable nftables

echo 'nameserver 9.9.9.9' >/etc/resolv.conf

# Nobody logs in as root from here on: the appliance comes as "martlet" and uses sudo.
cat >/etc/ssh/sshd_config.d/10-practice.conf <<'C'
PermitRootLogin no
PasswordAuthentication no
MaxAuthTries 4
ClientAliveInterval 300
ClientAliveCountMax 2
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
C
sshd -t && systemctl reload ssh

printf 'TMOUT=900\nreadonly TMOUT\nexport TMOUT\n' >/etc/profile.d/10-idle.sh

# The backup job: archives the practice's data, and notes what each file was, for whoever tests what comes back.
cat >/usr/local/sbin/practice-backup <<'S'
#!/bin/sh
set -eu
cd /var/lib/backup
(cd /srv && find practice -type f -exec sha256sum {} +) >manifest.new
tar -C /srv -cf archive.new practice
# Before the first backup there is no status, and nothing was tested: null.
tested=$(sed -n 's/.*"last_restore_test":\("[^"]*"\).*/\1/p' status.json 2>/dev/null || :)
printf '{"last_backup":"%s","checksum":"%s","last_restore_test":%s}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
  "$(sha256sum archive.new | cut -d' ' -f1)" "${tested:-null}" >status.new
mv manifest.new practice.sha256; mv archive.new practice.tar; mv status.new status.json
S
chmod 755 /usr/local/sbin/practice-backup
# The practice's own restore test: by it the hosts begin as tested.
cat >/etc/systemd/system/practice-restore-test.service <<'U'
[Service]
Type=oneshot
ExecStart=/bin/sh -e /usr/local/sbin/practice-restore-test
U
cat >/usr/local/sbin/practice-restore-test <<'S'
place=$(mktemp -d); trap 'rm -rf "$place"' EXIT
tar -C "$place" -xf /var/lib/backup/practice.tar
diff -r "$place/practice" /srv/practice
sed "s/\"last_restore_test\":[^,}]*/\"last_restore_test\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"/" /var/lib/backup/status.json >/var/lib/backup/new
mv /var/lib/backup/new /var/lib/backup/status.json
S
systemctl daemon-reload

# What the baseline's kernel parameters ask for; a container may set those of its own network only, and where it may not, the
# check says drift, which the account of the demo then shows.
for setting in accept_redirects accept_source_route send_redirects; do sysctl -q -w "net.ipv4.conf.all.$setting=0" || true; done
systemctl start practice-backup
systemctl start practice-restore-test
