// The event parser of the YAML library, one layer below its Swift face: that face expands aliases, hashes whole trees and
// recurses before a limit could stop it.
import CYaml
import Glibc

/// What a reader of YAML is willing to take.
package struct YAMLLimits: Sendable {
    package var bytesMax: Int
    package var depthMax: Int
    /// Scalars, sequences and mappings together; keys count.
    package var nodesMax: Int

    package init(bytesMax: Int = 1 << 20, depthMax: Int = 32, nodesMax: Int = 100_000) {
        self.bytesMax = bytesMax
        self.depthMax = depthMax
        self.nodesMax = nodesMax
    }
}

/// Reads the part of YAML that cannot surprise: one document, UTF-8, no anchors, aliases or tags, keys that are scalars
/// and occur once. Scalars keep their text; nothing is guessed from their look.
///
/// Time and memory are bounded by the limits: it stops at the first event past one.
package struct YAMLReader {
    /// - Throws: `Diagnostic` with a code `yaml.…`; nothing of a refused document is returned.
    package static func read(_ bytes: [UInt8], file: String, limits: YAMLLimits = YAMLLimits()) throws(Diagnostic) -> Node {
        guard bytes.count <= limits.bytesMax else {
            throw Diagnostic(
                at: Mark(file: file, line: 0), code: "yaml.too_large",
                "\(bytes.count) bytes, at most \(limits.bytesMax) are taken; nothing was read")
        }
        if let offset = firstUnreadable(bytes) {
            let line = bytes[..<offset].count { $0 == UInt8(ascii: "\n") } + 1
            throw Diagnostic(
                at: Mark(file: file, line: line), code: "yaml.not_utf8",
                "not UTF-8 text without NUL, at byte \(offset); nothing was taken. Save the file as UTF-8")
        }
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else {
            throw Diagnostic(at: Mark(file: file, line: 0), code: "yaml.memory", "no memory to read it; nothing was taken")
        }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        // The parser keeps the pointer, so everything happens inside this closure.
        let result: Result<Node, Diagnostic> = bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            return withUnsafeMutablePointer(to: &parser) { pointer in
                var reader = YAMLReader(parser: pointer, file: file, limits: limits)
                return Result { () throws(Diagnostic) in try reader.document() }
            }
        }
        return try result.get()
    }

    /// Reads a file. - Throws: as above, and `file.unreadable`.
    package static func read(path: String, limits: YAMLLimits = YAMLLimits()) throws(Diagnostic) -> Node {
        try read(try contents(path: path, bytesMax: limits.bytesMax), file: path, limits: limits)
    }

    /// At most one byte more than the limit is read, whatever the file's size.
    package static func contents(path: String, bytesMax: Int) throws(Diagnostic) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Diagnostic(
                at: Mark(file: path, line: 0), code: "file.unreadable", "cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= bytesMax {
            let count = Glibc.read(descriptor, &chunk, min(chunk.count, bytesMax + 1 - bytes.count))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw Diagnostic(
                    at: Mark(file: path, line: 0), code: "file.unreadable", "cannot be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return bytes
    }

    /// Offset of the first byte that is NUL or not UTF-8; nil for good text.
    private static func firstUnreadable(_ bytes: [UInt8]) -> Int? {
        var offset = 0
        var decoder = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        while true {
            switch decoder.parseScalar(from: &iterator) {
            case .valid(let encoded):
                if encoded.count == 1, encoded.first == 0 { return offset }
                offset += encoded.count
            case .emptyInput: return nil
            case .error: return offset
            }
        }
    }

    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let file: String
    private let limits: YAMLLimits
    private var nodes = 0

    private init(parser: UnsafeMutablePointer<yaml_parser_t>, file: String, limits: YAMLLimits) {
        self.parser = parser
        self.file = file
        self.limits = limits
    }

    private enum Event {
        case scalar(String, isQuoted: Bool)
        case sequenceStart, sequenceEnd, mappingStart, mappingEnd, documentStart, documentEnd, streamStart, streamEnd
    }

    private mutating func document() throws(Diagnostic) -> Node {
        _ = try next()  // stream start
        let (first, start) = try next()
        guard case .documentStart = first else {
            throw Diagnostic(at: start, code: "yaml.empty", "the document is empty")
        }
        let (event, mark) = try next()
        let root = try node(event, mark, depth: 1)
        _ = try next()  // document end
        let (after, place) = try next()
        guard case .streamEnd = after else {
            throw Diagnostic(at: place, code: "yaml.documents", "a second document begins here; one per file is taken")
        }
        return root
    }

    private mutating func node(_ event: Event, _ mark: Mark, depth: Int) throws(Diagnostic) -> Node {
        nodes += 1
        guard nodes <= limits.nodesMax else {
            throw Diagnostic(at: mark, code: "yaml.too_many", "more than \(limits.nodesMax) values; nothing was taken")
        }
        guard depth <= limits.depthMax else {
            throw Diagnostic(at: mark, code: "yaml.too_deep", "nested deeper than \(limits.depthMax); nothing was taken")
        }
        switch event {
        case .scalar(let text, let isQuoted):
            return Node(.scalar(text, isQuoted: isQuoted), at: mark)
        case .sequenceStart:
            var items: [Node] = []
            while true {
                let (event, place) = try next()
                if case .sequenceEnd = event { return Node(.sequence(items), at: mark) }
                items.append(try node(event, place, depth: depth + 1))
            }
        case .mappingStart:
            return try mapping(mark, depth: depth)
        case .sequenceEnd, .mappingEnd, .documentStart, .documentEnd, .streamStart, .streamEnd:
            throw Diagnostic(at: mark, code: "yaml.syntax", "not YAML here; nothing was taken")
        }
    }

    private mutating func mapping(_ mark: Mark, depth: Int) throws(Diagnostic) -> Node {
        var entries: [(key: Node, value: Node)] = []
        var lines: [String: Int] = [:]
        while true {
            let (event, place) = try next()
            if case .mappingEnd = event { return Node(.mapping(entries), at: mark) }
            guard case .scalar(let name, _) = event else {
                throw Diagnostic(at: place, code: "yaml.key", "a key must be a plain word; nothing was taken")
            }
            if let first = lines.updateValue(place.line, forKey: name) {
                throw Diagnostic(
                    at: place, code: "yaml.duplicate_key", "key \(quoted(name)) stands at line \(first) already; nothing was taken")
            }
            let key = try node(event, place, depth: depth + 1)
            let (following, position) = try next()
            entries.append((key, try node(following, position, depth: depth + 1)))
        }
    }

    private mutating func next() throws(Diagnostic) -> (Event, Mark) {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
        defer { yaml_event_delete(&event) }
        let mark = Mark(file: file, line: Int(event.start_mark.line) + 1)
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            try refuse(anchor: scalar.anchor, tag: scalar.tag, at: mark)
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return (.scalar(text, isQuoted: scalar.style != YAML_PLAIN_SCALAR_STYLE), mark)
        case YAML_SEQUENCE_START_EVENT:
            try refuse(anchor: event.data.sequence_start.anchor, tag: event.data.sequence_start.tag, at: mark)
            return (.sequenceStart, mark)
        case YAML_MAPPING_START_EVENT:
            try refuse(anchor: event.data.mapping_start.anchor, tag: event.data.mapping_start.tag, at: mark)
            return (.mappingStart, mark)
        case YAML_ALIAS_EVENT:
            throw Diagnostic(at: mark, code: "yaml.alias", "aliases are not taken; write the value out")
        case YAML_SEQUENCE_END_EVENT: return (.sequenceEnd, mark)
        case YAML_MAPPING_END_EVENT: return (.mappingEnd, mark)
        case YAML_DOCUMENT_START_EVENT: return (.documentStart, mark)
        case YAML_DOCUMENT_END_EVENT: return (.documentEnd, mark)
        case YAML_STREAM_START_EVENT: return (.streamStart, mark)
        default: return (.streamEnd, mark)
        }
    }

    private func refuse(anchor: UnsafePointer<UInt8>?, tag: UnsafePointer<UInt8>?, at mark: Mark) throws(Diagnostic) {
        if anchor != nil { throw Diagnostic(at: mark, code: "yaml.anchor", "anchors are not taken; write the value out") }
        if tag != nil { throw Diagnostic(at: mark, code: "yaml.tag", "tags are not taken; types come from the schema") }
    }

    private func syntaxError() -> Diagnostic {
        let problem = parser.pointee.problem.map { String(cString: $0) } ?? "not YAML"
        let line = max(parser.pointee.problem_mark.line, parser.pointee.context_mark.line)
        return Diagnostic(
            at: Mark(file: file, line: Int(line) + 1), code: "yaml.syntax", "not YAML: \(problem); nothing was taken")
    }
}

/// Text from outside as it may stand in a message: in quotes, at most 60 bytes, without control characters.
package func quoted(_ text: String) -> String {
    var shown = "\""
    for scalar in text.unicodeScalars {
        if shown.utf8.count > 60 { return shown + "…\"" }
        shown.unicodeScalars.append(scalar.value < 32 || scalar.value == 127 ? "\u{FFFD}" : scalar)
    }
    return shown + "\""
}
