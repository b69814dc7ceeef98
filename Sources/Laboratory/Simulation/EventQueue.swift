import Model

/// What happens next. Of one second first what happens to hosts, then what ends there, then looks, then decisions; among equals by
/// number, and then in the order in which they were asked for.
struct EventQueue {
    enum Kind: UInt8 {
        case arrival, disturbance, disturbanceEnds, awakens, endsAlone, personRepairs, repairEnds, day, look, decide
    }

    struct Event {
        let at: Timestamp
        let kind: Kind
        /// Of a scenario, a disturbance, a host or a subject, by kind.
        let number: Int
        /// Of the fault that it is about; 0 where it is about none.
        let fault: UInt64
        fileprivate let order: UInt64

        fileprivate func precedes(_ other: Event) -> Bool {
            (at, kind.rawValue, number, order) < (other.at, other.kind.rawValue, other.number, other.order)
        }
    }

    private var heap: [Event] = []
    private var count: UInt64 = 0

    var pending: Int { heap.count }

    mutating func add(_ kind: Kind, _ number: Int, fault: UInt64 = 0, at instant: Timestamp) {
        count += 1
        heap.append(Event(at: instant, kind: kind, number: number, fault: fault, order: count))
        var child = heap.count - 1
        while child > 0, heap[child].precedes(heap[(child - 1) / 2]) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// The next one before `end`.
    mutating func take(before end: Timestamp) -> Event? {
        guard let first = heap.first, first.at < end else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < heap.count else { break }
            let right = left + 1
            let child = right < heap.count && heap[right].precedes(heap[left]) ? right : left
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(parent, child)
            parent = child
        }
        return first
    }
}
