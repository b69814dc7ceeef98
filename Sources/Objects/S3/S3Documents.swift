import Model

/// One page of `ListObjectVersions`: newest first within a key.
struct S3VersionPage {
    struct Version {
        /// nil: written by a stranger, under a name of his.
        let key: String?
        let id: String
        let isDeleteMarker: Bool
    }

    let versions: [Version]
    /// nil on the last page.
    let next: (key: String, version: String)?

    init(_ root: StrictXML.Element) throws(ObjectError) {
        guard root.name == "ListVersionsResult", let truncated = root["IsTruncated"]?.text, ["true", "false"].contains(truncated) else {
            throw .malformed("no list of versions")
        }
        var found: [Version] = []
        for element in root.children where element.name == "Version" || element.name == "DeleteMarker" {
            guard let key = element["Key"]?.text, let id = element["VersionId"]?.text, Self.isID(id) else {
                throw .malformed("a version without key or number")
            }
            found.append(Version(key: Self.decoded(key), id: id, isDeleteMarker: element.name == "DeleteMarker"))
        }
        versions = found
        if truncated == "true" {
            guard let key = root["NextKeyMarker"].flatMap({ Self.decoded($0.text) }), let version = root["NextVersionIdMarker"]?.text else {
                throw .malformed("a page without the way to the next")
            }
            next = (key, version)
        } else {
            next = nil
        }
    }

    static func isID(_ text: String) -> Bool {
        (1...1_024).contains(text.utf8.count) && text.utf8.allSatisfy { (33...126).contains($0) }
    }

    /// Keys are asked for percent-encoded, because XML cannot hold every key.
    private static func decoded(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                let digits = rest.prefix(2)
                guard digits.count == 2, let value = UInt8(Substring(digits), radix: 16) else { return nil }
                bytes.append(value)
                rest = rest.dropFirst(2)
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// What Object Lock keeps of one version, in the words of S3.
enum S3Lock {
    /// Whole seconds, rounded up: never shorter than asked.
    static func text(_ end: Timestamp) -> String {
        let seconds = (end + .milliseconds(999)).description.prefix(19)
        return seconds + "Z"
    }

    /// `2026-11-21T02:33:00Z`, with or without a fraction, which is cut to milliseconds. nil for anything else.
    static func time(_ text: String) -> Timestamp? {
        guard text.utf8.count <= 40, text.hasSuffix("Z") else { return nil }
        let pieces = text.dropLast().split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = pieces.count == 2 ? pieces[1] : "0"
        guard !fraction.isEmpty, fraction.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Timestamp("\(pieces[0]).\((fraction + "00").prefix(3))Z")
    }

    static func retentionDocument(mode: String, until end: Timestamp) -> [UInt8] {
        Array(
            ("<Retention xmlns=\"\(namespace)\"><Mode>\(mode)</Mode><RetainUntilDate>\(text(end))</RetainUntilDate></Retention>").utf8)
    }

    static func legalHoldDocument(isHeld: Bool) -> [UInt8] {
        Array("<LegalHold xmlns=\"\(namespace)\"><Status>\(isHeld ? "ON" : "OFF")</Status></LegalHold>".utf8)
    }

    static func placeDocument(region: String) -> [UInt8] {
        Array(
            ("<CreateBucketConfiguration xmlns=\"\(namespace)\"><LocationConstraint>\(region)</LocationConstraint>"
                + "</CreateBucketConfiguration>").utf8)
    }

    private static let namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
}
