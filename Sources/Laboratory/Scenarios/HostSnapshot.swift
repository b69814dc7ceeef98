/// What a host is, as far as a repair could harm it, in lines of a key and a value: files and their modes, accounts, running and enabled
/// services, enabled timers, open ports, firewall, packages, kernel settings.
package struct HostSnapshot: Hashable, Sendable {
    private let lines: [String: String]

    /// Prints it; run as root on the host.
    package static let script = #"""
        set -eu; export LC_ALL=C; cd /
        places='/etc /root /srv /home /usr/local /var/spool/cron'
        find $places -xdev \( -type f -o -type l -o -type d \) ! -name '*-' ! -name .pwd.lock ! -path '/root/.*history' \
            -printf 'file %p mode\t%y %m %u %g %l\n'
        find $places -xdev -type f ! -name '*-' ! -name .pwd.lock ! -path '/root/.*history' ! -path /etc/passwd ! -path /etc/shadow \
            ! -path /etc/group ! -path /etc/gshadow ! -path /etc/ld.so.cache -exec sha256sum {} + | sed -E 's/^([0-9a-f]+)  (.*)$/file \2 content\t\1/'
        for list in passwd shadow group gshadow; do sed -E "s/^([^:]*):(.*)/$list \1\t\2/" /etc/$list; done
        systemctl list-unit-files --type=service,socket,timer --no-legend --plain | awk '{ print "unit " $1 " enabled\t" $2 }'
        systemctl list-units --type=service,socket --state=running,listening,failed --no-legend --plain |
            grep -Ev '^(user@|user-runtime|systemd-(hostnamed|timedated|localed|udevd|networkd)|polkit|dbus)' | awk '{ print "unit " $1 " active\t" $3 }'
        ss -Hlntu | awk '{ print "port " $1 " " $5 "\topen" }'
        printf 'firewall\t%s\n' "$(nft list ruleset 2>/dev/null | sed -E 's/ (counter packets) .*//' | sha256sum | cut -c1-64)"
        dpkg-query -W -f 'package ${Package}\t${Version} ${db:Status-Abbrev}\n'
        for name in conf/all/accept_redirects conf/all/send_redirects conf/all/accept_source_route conf/all/rp_filter ip_forward tcp_syncookies; do
            printf 'kernel %s\t%s\n' "$name" "$(cat /proc/sys/net/ipv4/$name)"
        done
        """#

    package init(_ output: String) {
        var lines: [String: String] = [:]
        for line in output.split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { lines[String(parts[0])] = String(parts[1]) }
        }
        self.lines = lines
    }

    package var count: Int { lines.count }

    /// Keys that are in one only or have another value, sorted.
    /// - Parameter touched: beginnings of keys that do not count.
    package func changes(to later: HostSnapshot, but touched: [String]) -> [String] {
        Set(lines.keys).union(later.lines.keys).filter { key in
            lines[key] != later.lines[key] && !touched.contains(where: key.hasPrefix)
        }.sorted()
    }
}
