package import Model

/// What starts by itself and came with no package: scheduled jobs, units, preloaded libraries.
package struct PersistenceProbe: Probe {
    package let id: ProbeID = "persistence"
    package let facts: [FactName: ValueType] = ["persistence.items": .strings]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [HostCommand(["sh", "-c", Self.script], deadline: .seconds(60))]
    }

    /// Regular files in the places that are started, less those that a package owns. On NixOS such files are links into
    /// the store, so that what is left was put there by hand.
    private static let script = """
        find /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly /var/spool/cron /etc/systemd/system \
        /usr/local/lib/systemd /etc/rc.local /etc/ld.so.preload /etc/profile.d /etc/xdg/autostart /etc/init.d -type f ! -name .placeholder \
        -print 2>/dev/null | while IFS= read -r f; do
          if command -v dpkg-query >/dev/null; then dpkg-query -S "$f" >/dev/null 2>&1 && continue
          elif command -v rpm >/dev/null; then rpm -qf "$f" >/dev/null 2>&1 && continue; fi
          printf '%s\\n' "$f"
        done
        [ "$(id -u)" = 0 ] && echo end || echo partly
        """

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let lines = try CommandOutputs(results).lines(0)
        switch lines.last {
        case "end": return Facts(["persistence.items": .strings(lines.dropLast().map(String.init).sorted())])
        // Crontabs of others are hidden from an ordinary user.
        case "partly": throw ProbeError("host.not_permitted", "the spool of crontabs may not be read")
        default: throw ProbeError("probe.truncated", "the list has no end")
        }
    }
}
