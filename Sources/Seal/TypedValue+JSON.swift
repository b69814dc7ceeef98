package import Model

/// Booleans, integers, strings and lists of strings as JSON has them; the rest as an object of one member:
/// `{"instant":"2026-01-31T09:30:00.000Z"}`, `{"version":"1.2"}`, and `{"integer":"…"}` for one beyond ±(2^53 - 1).
extension TypedValue {
    package var json: JSONValue {
        switch self {
        case .boolean(let flag): .boolean(flag)
        case .integer(let number):
            number.magnitude <= JSONValue.greatestInteger.magnitude ? .integer(number) : ["integer": .string(String(number))]
        case .string(let text): .string(text)
        case .strings(let texts): .array(texts.map { .string($0) })
        case .instant(let instant): ["instant": .string(instant.description)]
        case .version(let version): ["version": .string(version.description)]
        }
    }

    /// Elements of a list, and bytes of a string, that a reader takes.
    package static let elementsMax = 4_096
    package static let textBytesMax = 65_536

    package init(json: JSONValue, at path: @autoclosure () -> String = "(value)") throws(FieldError) {
        switch json {
        case .boolean(let flag): self = .boolean(flag)
        case .integer(let number): self = .integer(number)
        case .string(let text):
            guard text.utf8.count <= Self.textBytesMax else { throw .outOfRange(path(), expected: "at most \(Self.textBytesMax) bytes") }
            self = .string(text)
        case .array(let items):
            guard items.count <= Self.elementsMax else { throw .outOfRange(path(), expected: "at most \(Self.elementsMax) items") }
            var texts: [String] = []
            texts.reserveCapacity(items.count)
            for item in items {
                guard let text = item.string else { throw .wrongType(path(), expected: "a list of strings") }
                texts.append(text)
            }
            self = .strings(texts)
        case .object(let members):
            guard members.count == 1, let (kind, value) = members.first, let text = value.string else {
                throw .wrongType(path(), expected: "a typed value")
            }
            switch kind {
            case "instant":
                guard let instant = Timestamp(text) else { throw .outOfRange(path(), expected: "an instant") }
                self = .instant(instant)
            case "version":
                guard let version = Version(text) else { throw .outOfRange(path(), expected: "a version") }
                self = .version(version)
            case "integer":
                // One value, one text: an integer that JSON can hold is written as one.
                guard let number = Int64(text), String(number) == text, number.magnitude > JSONValue.greatestInteger.magnitude else {
                    throw .outOfRange(path(), expected: "a large integer")
                }
                self = .integer(number)
            default: throw .wrongType(path(), expected: "a typed value")
            }
        case .null, .number: throw .wrongType(path(), expected: "a typed value")
        }
    }
}

/// `{"unknown":{name:code},"values":{name:value}}`.
extension Facts {
    package var json: JSONValue {
        let values = Dictionary(uniqueKeysWithValues: self.values.map { ($0.key.description, $0.value.json) })
        let unknowns = Dictionary(uniqueKeysWithValues: self.unknowns.map { ($0.key.description, JSONValue.string($0.value.description)) })
        return ["unknown": .object(unknowns), "values": .object(values)]
    }

    package static let namesMax = 1_024

    package init(json: JSONValue, at path: String = "facts") throws(FieldError) {
        try self.init(reading: ObjectReader(json, at: path), at: path)
    }

    package init(reading reader: ObjectReader, at path: String = "facts") throws(FieldError) {
        // Both are required below, so that two members are these two.
        if reader.count != 2 { try reader.refuseUnknown(except: ["unknown", "values"]) }
        let (values, unknowns) = (try reader.object("values"), try reader.object("unknown"))
        guard values.count + unknowns.count <= Self.namesMax else { throw .outOfRange(path, expected: "at most \(Self.namesMax) facts") }
        var read = [FactName: TypedValue](minimumCapacity: values.count)
        try values.forEachMember { (key, value) throws(FieldError) in
            read[try Self.name(key, path)] = try TypedValue(json: values.value(value), at: "\(path).\(key)")
        }
        var codes = [FactName: Code](minimumCapacity: unknowns.count)
        try unknowns.forEachMember { (key, value) throws(FieldError) in
            let name = try Self.name(key, path)
            guard read[name] == nil, let code = unknowns.value(value).string.flatMap(Code.init) else {
                throw .outOfRange("\(path).\(key)", expected: "a code, and a value or unknown but not both")
            }
            codes[name] = code
        }
        self.init(read, unknowns: codes)
    }

    private static func name(_ text: String, _ path: String) throws(FieldError) -> FactName {
        guard let name = FactName(text) else { throw .outOfRange(path, expected: "facts with well-formed names") }
        return name
    }
}
