package import Model
package import Wire

/// When the bundles of one appliance were received: of the receipts that cover a number, the earliest. Asked in ascending order.
package struct ReceiptTimes: Sendable {
    private struct Span: Sendable {
        let first: Int64
        let last: Int64
        let received: Timestamp
    }

    /// By `first`; from `position` on not begun yet.
    private let spans: [Span]
    private var position = 0
    /// Those that have begun, a heap with the earliest received on top. Those that have ended leave it when they come to the top.
    private var open: [Span] = []

    package init(_ receipts: [Receipt]) {
        spans = receipts.map { Span(first: $0.firstSequence, last: $0.lastSequence, received: $0.received) }
            .sorted { $0.first < $1.first }
    }

    package mutating func received(_ sequence: Int64) -> Timestamp? {
        while position < spans.count, spans[position].first <= sequence {
            push(spans[position])
            position += 1
        }
        while let top = open.first, top.last < sequence { pop() }
        return open.first?.received
    }

    private mutating func push(_ span: Span) {
        open.append(span)
        var child = open.count - 1
        while child > 0, open[child].received < open[(child - 1) / 2].received {
            open.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func pop() {
        open.swapAt(0, open.count - 1)
        open.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < open.count && open[child].received < open[least].received {
                least = child
            }
            guard least != parent else { return }
            open.swapAt(parent, least)
            parent = least
        }
    }
}
