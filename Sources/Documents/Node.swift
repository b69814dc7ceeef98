/// Where a piece of a document stands, for messages: `Catalog/rules/linux/ssh.yaml:12`.
package struct Mark: Hashable, Sendable, CustomStringConvertible {
    package let file: String
    /// From 1; 0 where the document has no lines (a compiled pack).
    package let line: Int

    package init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    package var description: String { line == 0 ? file : "\(file):\(line)" }
}

/// A parsed document (YAML or JSON), each piece with its place. Scalars keep their text: what `1.10` or `no` means is
/// decided by the type that reads it, never guessed.
package struct Node: Sendable {
    package indirect enum Content: Sendable {
        case scalar(String, isQuoted: Bool)
        case sequence([Node])
        /// In document order; keys are unique (a repeated key is refused by the reader).
        case mapping([(key: Node, value: Node)])
    }

    package let content: Content
    package let mark: Mark

    package init(_ content: Content, at mark: Mark) {
        self.content = content
        self.mark = mark
    }
}

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
