package import Evidence
package import Model
package import Seal

/// What a site's appliances had to look at, and from when: `ledger.json`.
package struct ExpectationLedger: Hashable, Sendable {
    package static let schema = "martlet.ledger/v1"
    package static let entriesMax = 1_000_000

    package struct Entry: Hashable, Comparable, Sendable {
        package let appliance: ApplianceID
        /// Of the bundle that says it.
        package let sequence: Int64
        package let host: HostID
        package internal(set) var effective: Timestamp
        /// Sorted, each check once; empty when the host is no longer watched.
        package let expected: [ExpectedCheck]

        package init(appliance: ApplianceID, sequence: Int64, host: HostID, effective: Timestamp, expected: [ExpectedCheck]) {
            self.appliance = appliance
            self.sequence = sequence
            self.host = host
            self.effective = effective
            var known: Set<CheckID> = []
            self.expected = expected.filter { known.insert($0.check).inserted }.sorted { $0.check < $1.check }
        }

        var rules: [CheckID: SlotRule] { SlotRule.rules(expected) }

        package static func < (left: Entry, right: Entry) -> Bool {
            (left.effective, left.appliance, left.sequence) < (right.effective, right.appliance, right.sequence)
        }
    }

    package let site: SiteID
    /// In the order in which they take effect.
    package let entries: [Entry]

    package init(site: SiteID, entries: [Entry]) {
        self.site = site
        self.entries = entries.sorted()
    }

    /// For each check that was ever expected its segments, ascending by begin; the last ends at `horizon`. And who took over which host.
    package func segments(until horizon: Timestamp) -> (segments: [WatchedCheck: [Segment]], takeovers: [Takeover]) {
        var segments: [WatchedCheck: [Segment]] = [:]
        var takeovers: [Takeover] = []
        var hosts: [HostID: Watch] = [:]
        func end(
            _ check: CheckID, _ host: HostID, _ open: Watch.Open, _ watcher: ApplianceID, at instant: Timestamp, lasts: Timestamp
        ) {
            guard open.from < instant else { return }
            let segment = Segment(from: open.from, until: lasts, rule: open.rule, watcher: watcher)
            segments[WatchedCheck(host: host, check: check), default: []].append(segment)
        }
        for entry in entries {
            var watch = hosts[entry.host] ?? Watch(watcher: entry.appliance, open: [:])
            guard !entry.expected.isEmpty || watch.watcher == entry.appliance else { continue }
            // Who takes a host over shortens nothing that day: what the other one had to look at stands until it ends.
            var lasts = entry.effective
            if watch.watcher != entry.appliance {
                lasts = Timestamp(hour: -(-entry.effective.hourRoundedUp).flooredDivision(by: 24) * 24)
                if !watch.open.isEmpty {
                    takeovers.append(
                        Takeover(appliance: entry.appliance, before: watch.watcher, host: entry.host, at: entry.effective))
                }
            }
            var open: [CheckID: Watch.Open] = [:]
            for item in entry.expected {
                let rule = SlotRule(item)
                if let before = watch.open[item.check], watch.watcher == entry.appliance, before.rule.hasSlots(of: rule) {
                    open[item.check] = Watch.Open(from: before.from, rule: before.rule)
                } else {
                    open[item.check] = Watch.Open(from: entry.effective, rule: rule)
                }
            }
            for (check, before) in watch.open where watch.watcher != entry.appliance || open[check]?.from != before.from {
                end(check, entry.host, before, watch.watcher, at: entry.effective, lasts: lasts)
            }
            watch = Watch(watcher: entry.appliance, open: open)
            hosts[entry.host] = watch
        }
        for (host, watch) in hosts {
            for (check, open) in watch.open { end(check, host, open, watch.watcher, at: horizon, lasts: horizon) }
        }
        return (segments, takeovers)
    }

    /// What was expected of every host at an instant.
    package func expected(at instant: Timestamp) -> Set<WatchedCheck> {
        var hosts: [HostID: (watcher: ApplianceID, expected: [ExpectedCheck])] = [:]
        for entry in entries where entry.effective <= instant {
            guard !entry.expected.isEmpty || hosts[entry.host]?.watcher == entry.appliance else { continue }
            hosts[entry.host] = (entry.appliance, entry.expected)
        }
        return hosts.reduce(into: []) { found, item in
            for expected in item.value.expected { found.insert(WatchedCheck(host: item.key, check: expected.check)) }
        }
    }

    /// Who looks at one host now, and at what.
    private struct Watch {
        struct Open {
            let from: Timestamp
            let rule: SlotRule
        }
        var watcher: ApplianceID
        var open: [CheckID: Open]
    }
}

extension SlotRule {
    fileprivate func hasSlots(of other: SlotRule) -> Bool { hours == other.hours && grace == other.grace }
}

extension ExpectationLedger {
    package var json: JSONValue {
        ["entries": .array(entries.map(\.json)), "schema": .string(Self.schema), "site": .string(site.description)]
    }

    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        guard try reader.string("schema", bytesMax: 100) == Self.schema else {
            throw .outOfRange("schema", expected: Self.schema)
        }
        var entries: [Entry] = []
        for item in try reader.objects("entries", countMax: Self.entriesMax) { entries.append(try Entry(reading: item)) }
        self.init(site: try reader.parsed("site"), entries: entries)
    }
}

extension ExpectationLedger.Entry {
    package var json: JSONValue {
        [
            "appliance": .string(appliance.description), "effective": .string(effective.description),
            "expected": .array(expected.map(\.json)), "host": .string(host.description), "sequence": .integer(sequence),
        ]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        var expected: [ExpectedCheck] = []
        for item in try reader.objects("expected", countMax: ExpectedCheck.countMax) {
            expected.append(try ExpectedCheck(reading: item))
        }
        self.init(
            appliance: try reader.parsed("appliance"), sequence: try reader.integer("sequence", in: 0...JSONValue.greatestInteger),
            host: try reader.parsed("host"), effective: try reader.instant("effective"), expected: expected)
    }
}
