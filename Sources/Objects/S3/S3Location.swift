package import Documents
package import Model

/// The address of an S3 server: `https://host[:port]`, and `http://` only on this machine.
package struct S3Endpoint: Hashable, Sendable, LosslessStringConvertible {
    package let isTLS: Bool
    package let host: String
    /// nil: the scheme's own.
    package let port: Int?

    package init?(_ text: String) {
        let rest: Substring
        if text.hasPrefix("https://") {
            isTLS = true
            rest = text.dropFirst(8)
        } else if text.hasPrefix("http://") {
            isTLS = false
            rest = text.dropFirst(7)
        } else {
            return nil
        }
        let pieces = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        host = String(pieces[0])
        guard Self.isHost(host) else { return nil }
        if pieces.count == 2 {
            guard let number = Int(pieces[1]), (1...65_535).contains(number), String(number) == pieces[1] else { return nil }
            port = number == (isTLS ? 443 : 80) ? nil : number
        } else {
            port = nil
        }
        // Signatures keep requests from being changed, not from being read.
        if !isTLS, host != "localhost", host != "127.0.0.1" { return nil }
    }

    package var description: String { (isTLS ? "https://" : "http://") + authority(of: host) }

    /// As the `Host` header has it.
    func authority(of host: String) -> String { port.map { "\(host):\($0)" } ?? host }

    private static func isHost(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 253
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
                !label.isEmpty && label.utf8.count <= 63 && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-") }
            }
    }
}

/// A bucket on a server, and how it is addressed.
package struct S3Location: Sendable {
    package enum Style: String, CaseIterable, Sendable {
        /// `https://host/bucket/key`: every server has it but AWS for new regions.
        case path
        /// `https://bucket.host/key`.
        case virtual
    }

    package let endpoint: S3Endpoint
    package let region: String
    package let bucket: String
    package let style: Style

    package init(endpoint: S3Endpoint, region: String, bucket: String, style: Style = .path) {
        self.endpoint = endpoint
        self.region = region
        self.bucket = bucket
        self.style = style
    }

    /// The `Host` header.
    var authority: String {
        switch style {
        case .path: endpoint.authority(of: endpoint.host)
        case .virtual: endpoint.authority(of: "\(bucket).\(endpoint.host)")
        }
    }

    /// - Parameter object: of plain characters, which need no encoding; nil for the bucket itself.
    func path(_ object: String?) -> String {
        switch style {
        case .path: object.map { "/\(bucket)/\($0)" } ?? "/\(bucket)"
        case .virtual: object.map { "/\($0)" } ?? "/"
        }
    }
}

/// Bucket names: one for all (`martlet-evidence`), or one per organization (`martlet-{organization}`).
package struct BucketTemplate: Hashable, Sendable, LosslessStringConvertible {
    package let description: String
    private static let placeholder = "{organization}"

    package init?(_ text: String) {
        description = text
        let longest = OrganizationID("orgn_" + String(repeating: "z", count: 26))!
        guard text.components(of: Self.placeholder) <= 1, Self.isName(bucket(for: nil)), Self.isName(bucket(for: longest)) else {
            return nil
        }
    }

    /// What belongs to no organization, such as the log's tiles, goes to the bucket of `central`.
    package func bucket(for organization: OrganizationID?) -> String {
        // Names of buckets have no underscore.
        let name = organization.map { $0.description.map { $0 == "_" ? "-" : String($0) }.joined() } ?? "central"
        guard let place = description.place(of: Self.placeholder) else { return description }
        return description[..<place.lowerBound] + name + description[place.upperBound...]
    }

    /// 3 to 63 lower-case letters, digits and hyphens; no dots, which wildcard certificates do not cover.
    private static func isName(_ text: String) -> Bool {
        (3...63).contains(text.utf8.count) && text.first != "-" && text.last != "-"
            && text.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-") }
    }
}

extension String {
    fileprivate func place(of text: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }

    fileprivate func components(of text: String) -> Int {
        var (count, rest) = (0, self)
        while let place = rest.place(of: text) {
            count += 1
            rest = String(rest[place.upperBound...])
        }
        return count
    }
}

/// Who we are to the server. The file holds `accessKey` and `secretKey`, YAML, mode 0600.
package struct S3Credentials: Sendable {
    package let accessKey: String
    package let secretKey: Secret
    /// Of temporary credentials.
    package let sessionToken: Secret?

    package init(accessKey: String, secretKey: Secret, sessionToken: Secret? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
    }
}
