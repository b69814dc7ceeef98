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
    package enum Content: Sendable {
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
