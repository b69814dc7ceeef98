import Synchronization

/// A value that a test and the tasks it starts both change. (A bare `Mutex` cannot be captured by two of them.)
package final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    package init(_ value: Value) { self.value = Mutex(value) }

    package func withLock<Result: Sendable>(_ body: (inout sending Value) throws -> sending Result) rethrows -> Result {
        try value.withLock { try body(&$0) }
    }

    package var current: Value { value.withLock { $0 } }
}
