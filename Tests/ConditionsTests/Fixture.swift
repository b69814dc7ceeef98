import Documents

enum Fixture {
    static func lines(_ name: String) throws -> [String] {
        let folder = String(#filePath.prefix(upTo: #filePath.lastIndex(of: "/")!))
        let bytes = try YAMLReader.contents(path: "\(folder)/Fixtures/\(name)", bytesMax: 1 << 20)
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
