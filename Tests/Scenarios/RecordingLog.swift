import Logging
import Synchronization

/// Keeps what a service logs, for tests that read it as an operator does.
final class RecordingLog: Sendable {
    struct Line: Sendable {
        let level: Logger.Level
        let message: String
        let metadata: [String: String]
    }
    private let kept = Mutex<[Line]>([])

    var logger: Logger { Logger(label: "test", factory: { _ in Handler(log: self) }) }

    /// What was logged since it was asked last.
    func take() -> [Line] {
        kept.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }

    private struct Handler: LogHandler {
        let log: RecordingLog
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.info
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(
            level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, source: String, file: String, function: String,
            line: UInt
        ) {
            let line = Line(level: level, message: "\(message)", metadata: (metadata ?? [:]).mapValues { "\($0)" })
            log.kept.withLock { $0.append(line) }
        }
    }
}
