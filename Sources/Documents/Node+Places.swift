extension Node {
    /// The value of a key of this mapping.
    package func value(of key: String) -> Node? { entry(key)?.value }

    /// Where the first of these keys that this mapping has stands; where the mapping itself does when it has none.
    package func mark(of keys: String...) -> Mark {
        for key in keys { if let entry = entry(key) { return entry.key.mark } }
        return mark
    }

    /// The items of a list that is the value of a key; none where there is no such list.
    package func items(of key: String) -> [Node] {
        guard case .sequence(let items)? = value(of: key)?.content else { return [] }
        return items
    }

    private func entry(_ key: String) -> (key: Node, value: Node)? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { if case .scalar(key, _) = $0.key.content { true } else { false } }
    }
}
