#!/bin/sh
# Brings a practice host to what the laboratory's site is held to, after provision.sh and scripts/lab/practice.sh; run on the host as root.
# Usage: sh -s TIME-SERVER, or "serve" where this host is to be the others' time server.
set -eu
id kiosk >/dev/null 2>&1 || useradd -M kiosk
passwd -q -l kiosk; passwd -q -l frontdesk
chage -M 90 drcox
sed -i 's/^PASS_MAX_DAYS.*/PASS_MAX_DAYS\t90/' /etc/login.defs
install -d /etc/security/pwquality.conf.d
printf 'minlen = 14\ndictcheck = 1\nusercheck = 1\n' >/etc/security/pwquality.conf.d/10-practice.conf
printf 'deny = 5\nunlock_time = 900\n' >/etc/security/faillock.conf
dpkg -i /srv/repo/practice-tool_1.1.deb >/dev/null 2>&1

# The stand-in brings no folder, as the real package does.
install -d -m 750 /etc/audit/rules.d
dpkg -i /srv/repo/auditd_1.0.deb >/dev/null 2>&1; systemctl -q enable --now auditd
for file in /etc/passwd /etc/group /etc/shadow /etc/sudoers /var/log/auth.log /var/log/secure; do auditctl -w "$file" -p wa -k practice; done

[ -e /etc/ssl/practice.pem ] || sh -e /usr/local/sbin/practice-certificate 90

for setting in accept_redirects send_redirects; do sysctl -q -w "net.ipv4.conf.all.$setting=0"; done
sysctl -q -w net.ipv4.tcp_syncookies=1

install -d /etc/systemd/system/chrony.service.d
if [ "$1" = serve ]; then
  # As root: a practice host's chronyd may otherwise not have the port; and past a firewall that lets nothing but SSH in.
  printf 'local stratum 8\nallow\n' >/etc/chrony/conf.d/practice.conf
  printf '[Service]\nUser=root\nExecStart=\nExecStart=/usr/sbin/chronyd -n -x -u root\n' >/etc/systemd/system/chrony.service.d/server.conf
  nft add rule inet filter input udp dport 123 accept
else
  sed -i /^pool/d /etc/chrony/chrony.conf
  echo "server $1 iburst minpoll 1 maxpoll 2" >/etc/chrony/sources.d/practice.sources
fi
systemctl daemon-reload; systemctl restart chrony
systemctl start practice-backup
systemctl start practice-restore-test
journalctl -q --sync
