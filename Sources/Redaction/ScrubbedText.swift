/// Text that has been through the scrubber: what types take that may leave a site. Only the scrubber makes one.
package struct ScrubbedText: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let description: String

    init(scrubbed text: String) { description = text }

    /// What stands in our own source holds nobody's data.
    package init(constant text: StaticString) { description = text.description }

    package static let empty = ScrubbedText(scrubbed: "")
    package var isEmpty: Bool { description.isEmpty }
    package static func < (left: ScrubbedText, right: ScrubbedText) -> Bool { left.description < right.description }
}
