/// One finding about a document: place, stable code, one sentence.
package struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Level: String, Hashable, Sendable { case error, warning }
    package let level: Level
    package let mark: Mark
    package let code: String
    package let sentence: String

    package init(_ level: Level = .error, at mark: Mark, code: String, _ sentence: String) {
        self.level = level
        self.mark = mark
        self.code = code
        self.sentence = sentence
    }

    package var description: String { "\(mark): \(level.rawValue): \(sentence) [\(code)]" }
}

/// All that is wrong with a set of documents at once, so that one run shows everything to mend.
package struct Diagnostics: Error, Sendable, CustomStringConvertible {
    package let all: [Diagnostic]
    package init(_ all: [Diagnostic]) { self.all = all }
    package var description: String { all.map(\.description).joined(separator: "\n") }
}

/// Collects findings while documents are read, so that reading goes on after a fault.
///
/// A class, because the readers of nested parts share one; it never leaves the call that made it.
package final class DiagnosticLog {
    package private(set) var all: [Diagnostic] = []
    package private(set) var errorCount = 0

    package init() {}

    package func error(at mark: Mark, code: String, _ sentence: String) {
        add(Diagnostic(.error, at: mark, code: code, sentence))
    }

    package func warning(at mark: Mark, code: String, _ sentence: String) {
        add(Diagnostic(.warning, at: mark, code: code, sentence))
    }

    package func add(_ diagnostic: Diagnostic) {
        if diagnostic.level == .error { errorCount += 1 }
        // A hostile file could hold a fault per byte; a person reads the first few.
        guard all.count < Self.keptMax else { return }
        all.append(diagnostic)
    }

    /// Findings past this many are counted and not kept.
    package static let keptMax = 1_000

    /// Throws all findings if one of them is an error.
    package func throwIfErrors() throws(Diagnostics) {
        if errorCount > 0 { throw Diagnostics(all) }
    }
}
