#!/bin/sh
# What practice hosts need for drifts and repairs of every kind; run on the host as root: accounts, a package repository of its own,
# stand-ins for what no container has. Nothing is done twice.
set -eu
id frontdesk >/dev/null 2>&1 || useradd -M frontdesk
id drcox >/dev/null 2>&1 || useradd -M drcox
usermod -p '$6$lab$notarealhash' drcox
sed -i '/pam_faillock/d' /etc/pam.d/common-auth; sed -i '1i auth required pam_faillock.so preauth' /etc/pam.d/common-auth
printf 'deny = 5\nunlock_time = 900\n' >/etc/security/faillock.conf
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
[ -e /srv/repo/Packages ] && exit 0

deb() { # NAME VERSION: from /tmp/deb
  mkdir -p /tmp/deb/DEBIAN /srv/repo
  printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: lab\nDescription: practice\n' "$1" "$2" >/tmp/deb/DEBIAN/control
  dpkg-deb --root-owner-group -b /tmp/deb "/srv/repo/$1_$2.deb" >/dev/null; rm -rf /tmp/deb
}
deb practice-tool 1.0; deb practice-tool 1.1; deb telnetd 1.0
# A stand-in: a container's kernel takes no audit rules. It keeps them in a file and knows the same options.
mkdir -p /tmp/deb/usr/sbin /tmp/deb/lib/systemd/system
cat >/tmp/deb/usr/sbin/auditctl <<'S'
#!/bin/sh
rules=/run/auditctl.rules; enabled=/run/auditctl.enabled; touch $rules; [ -e $enabled ] || echo 1 >$enabled
case $1 in
  -l) if [ -s $rules ]; then cat $rules; else echo 'No rules'; fi ;;
  -s) printf 'enabled %s\nlost 0\n' "$(cat $enabled)" ;;
  -e) echo "$2" >$enabled ;;
  -D) : >$rules ;;
  -w) echo "$*" >>$rules ;;
  -W) grep -vxF -e "-w $2 -p wa -k martlet" $rules >$rules.new; mv $rules.new $rules ;;
esac
S
chmod 755 /tmp/deb/usr/sbin/auditctl
printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' >/tmp/deb/lib/systemd/system/auditd.service
deb auditd 1.0
cd /srv/repo
for f in *.deb; do
  dpkg-deb -f "$f"; printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$f" "$(stat -c %s "$f")" "$(sha256sum "$f" | cut -d' ' -f1)"
done >Packages
printf 'Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nCodename: bookworm-security\nDate: %s\nSHA256:\n %s %s Packages\n' \
  "$(date -u -R)" "$(sha256sum Packages | cut -d' ' -f1)" "$(stat -c %s Packages)" >Release
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list
apt-get -q update

# A renewal: a certificate for 90 days in place of the one that ends.
printf '[Service]\nType=oneshot\nExecStart=/bin/sh -e /usr/local/sbin/practice-certificate 90\n' >/etc/systemd/system/practice-renew.service
cat >/usr/local/sbin/practice-certificate <<'S'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=practice -days $1 -keyout /etc/ssl/practice.key -out /etc/ssl/practice.pem 2>/dev/null
S
# NixOS: stand-ins that move the links that the real programs move.
for s in a b; do
  mkdir -p /nix/store/system-$s/bin /nix/store/system-$s/sw/bin
  printf '#!/bin/sh\nln -sfn /nix/store/system-%s /run/current-system\n' $s >/nix/store/system-$s/bin/switch-to-configuration
  printf '#!/bin/sh\nexec "$(readlink -f /nix/var/nix/profiles/system)/bin/switch-to-configuration" switch\n' >/nix/store/system-$s/sw/bin/nixos-rebuild
  printf '#!/bin/sh\nln -sfn "$4" /nix/var/nix/profiles/system\n' >/nix/store/system-$s/sw/bin/nix-env
  chmod 755 /nix/store/system-$s/bin/* /nix/store/system-$s/sw/bin/*
done
mkdir -p /nix/var/nix/profiles
systemctl daemon-reload
