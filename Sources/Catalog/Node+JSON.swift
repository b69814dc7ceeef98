package import Documents
package import Seal

extension Node {
    /// A JSON value as a document, so that a compiled pack goes through the same readers as YAML.
    ///
    /// Fractions and null become scalars that no reader takes.
    package init(json: JSONElement, at mark: Mark) {
        let content: Content
        switch json.content {
        case .null: content = .scalar("null", isQuoted: false)
        case .boolean(let flag): content = .scalar(flag ? "true" : "false", isQuoted: false)
        case .integer(let number): content = .scalar(String(number), isQuoted: false)
        case .number(let number): content = .scalar("\(number)", isQuoted: false)
        case .string(let text): content = .scalar(text, isQuoted: true)
        case .array(let items): content = .sequence(items.map { Node(json: $0, at: mark) })
        case .object(let members):
            content = .mapping(members.map { (Node(.scalar($0.name, isQuoted: true), at: mark), Node(json: $0.value, at: mark)) })
        }
        self.init(content, at: mark)
    }
}
