package import Model
import Seal

/// What one catalog has that another has not, or has otherwise. Versions are not compared.
package struct CatalogDifference: Hashable, Sendable {
    package enum Change: String, Hashable, Sendable { case added, removed, changed }

    package struct Entry: Hashable, Sendable {
        package let change: Change
        /// `check`, `runbook`, `rule` or `baseline`.
        package let kind: String
        package let id: String
        /// Top-level keys that differ, sorted; empty for what was added or removed.
        package let keys: [String]
    }

    /// By kind, then by id.
    package let entries: [Entry]

    package init(from old: CompiledCatalog, to new: CompiledCatalog) {
        func parts(_ catalog: CompiledCatalog) -> [(kind: String, parts: [String: JSONValue])] {
            [
                ("check", Dictionary(uniqueKeysWithValues: catalog.checks.map { ($0.key.description, $0.value.json) })),
                ("runbook", Dictionary(uniqueKeysWithValues: catalog.runbooks.map { ($0.key.description, $0.value.json) })),
                ("rule", Dictionary(catalog.rules.map { ($0.id.description, $0.json) }, uniquingKeysWith: { $1 })),
                ("baseline", catalog.baselines.mapValues(\.json)),
            ]
        }
        var entries: [Entry] = []
        for ((kind, before), (_, after)) in zip(parts(old), parts(new)) {
            for id in Set(before.keys).union(after.keys).sorted() where before[id] != after[id] {
                switch (before[id], after[id]) {
                case (nil, _): entries.append(Entry(change: .added, kind: kind, id: id, keys: []))
                case (_, nil): entries.append(Entry(change: .removed, kind: kind, id: id, keys: []))
                case (let left?, let right?):
                    let (left, right) = (left.object ?? [:], right.object ?? [:])
                    let keys = Set(left.keys).union(right.keys).filter { left[$0] != right[$0] }.sorted()
                    entries.append(Entry(change: .changed, kind: kind, id: id, keys: keys))
                }
            }
        }
        self.entries = entries
    }
}
