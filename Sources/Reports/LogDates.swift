import Evidence
import Model
import Wire

/// What Central says of when it wrote something into the log, by place: receipts of bundles, and statements. A log is written
/// at its end, so these dates ascend; one that falls was made up afterwards, and nothing else would show it.
struct LogDates {
    /// Central's clock may be put right by this, and a bundle waits for its place no longer than the merge delay.
    static let fallMax: Duration = EnrolledKey.skewMax + Receipt.mergeDelay

    private struct Item {
        let index: Int64
        let date: Timestamp
        let appliance: ApplianceID?
        /// Of the bundle; of a statement the number of its file.
        let number: Int64
    }

    private var items: [Item] = []
    private var nextIndex: Int64 = -1

    mutating func addStatement(_ number: Int, at index: Int64, _ date: Timestamp) {
        items.append(Item(index: index, date: date, appliance: nil, number: Int64(number)))
        nextIndex = -1
    }

    /// Of bundles that follow one another with one date only the first is kept.
    mutating func addBundle(_ sequence: Int64, of appliance: ApplianceID, at index: Int64, _ date: Timestamp) {
        let goesOn = index == nextIndex && items.last?.date == date
        nextIndex = index + 1
        if !goesOn { items.append(Item(index: index, date: date, appliance: appliance, number: sequence)) }
    }

    /// The file of the first that is dated before what stands earlier in the log.
    var firstFall: String? {
        var newest = Timestamp(milliseconds: 0)
        for item in items.sorted(by: { $0.index < $1.index }) {
            if item.date < newest - Self.fallMax {
                return item.appliance.map { KitPath.bundle($0, item.number) } ?? KitPath.statement(Int(item.number))
            }
            newest = max(newest, item.date)
        }
        return nil
    }
}
