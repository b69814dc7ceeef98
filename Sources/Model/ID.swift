/// What an identifier names; gives its text form a prefix (`site_…`), so that a site id cannot pass for a host id.
package protocol IDSubject: Sendable {
    static var prefix: String { get }
}

/// A generated identifier: prefix, underscore, 26 characters of Crockford base 32 (48 bits of time, 80 random bits).
///
/// Sorts by the time it was made. Made once, kept as text; what comes from outside goes through `init?(_:)`.
package struct ID<Subject: IDSubject>: Hashable, Comparable, Sendable, LosslessStringConvertible {
    private let text: String
    package var description: String { text }

    package init?(_ text: String) {
        guard Crockford.isID(text, prefix: Subject.prefix) else { return nil }
        self.text = text
    }

    package init(at now: Timestamp, random: inout some RandomNumberGenerator) {
        let time = UInt64(clamping: now.milliseconds) & 0xffff_ffff_ffff
        let high = time << 16 | (random.next() & 0xffff)
        let low = random.next()
        text = Subject.prefix + "_" + Crockford.text(high: high, low: low)
    }

    /// A fresh identifier from the system's random source.
    package init(at now: Timestamp) {
        var random = SystemRandomNumberGenerator()
        self.init(at: now, random: &random)
    }

    package static func < (left: ID, right: ID) -> Bool { left.text < right.text }
}

private enum Crockford {
    static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    private static let isInAlphabet: [Bool] = (UInt8.min...UInt8.max).map { alphabet.contains($0) }

    /// Prefix, underscore and 26 characters. Not in the generic type: every record that is read has several.
    static func isID(_ text: String, prefix: String) -> Bool {
        var (text, prefix) = (text, prefix)
        return text.withUTF8 { bytes in prefix.withUTF8 { isID(bytes, prefix: $0) } }
    }

    static func isID(_ bytes: UnsafeBufferPointer<UInt8>, prefix: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count == prefix.count + 27, bytes[prefix.count] == UInt8(ascii: "_") else { return false }
        for index in prefix.indices where bytes[index] != prefix[index] { return false }
        return isInAlphabet.withUnsafeBufferPointer { isInAlphabet in
            for byte in bytes[(prefix.count + 1)...] where !isInAlphabet[Int(byte)] { return false }
            return true
        }
    }

    /// 128 bits as 26 characters, most significant first; the first character holds the upper three bits.
    static func text(high: UInt64, low: UInt64) -> String {
        var bytes = [UInt8](repeating: 0, count: 26)
        var (high, low) = (high, low)
        for index in stride(from: 25, through: 0, by: -1) {
            bytes[index] = alphabet[Int(low & 31)]
            low = low >> 5 | high << 59
            high >>= 5
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The same questions of bytes that stand in a larger text: whoever asks them a million times a second makes no `String` for each.
package enum TextForm {
    private static let incidentPrefix = Array(IncidentSubject.prefix.utf8)

    /// Of an `IncidentID`.
    package static func isIncidentID(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        incidentPrefix.withUnsafeBufferPointer { Crockford.isID(bytes, prefix: $0) }
    }

    /// Of any `Name`.
    package static func isName(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool { NameText.isName(bytes) }
}

package enum OrganizationSubject: IDSubject { package static let prefix = "orgn" }
package enum SiteSubject: IDSubject { package static let prefix = "site" }
package enum ApplianceSubject: IDSubject { package static let prefix = "appl" }
package enum BundleSubject: IDSubject { package static let prefix = "bndl" }
package enum OrderSubject: IDSubject { package static let prefix = "ordr" }
package enum IncidentSubject: IDSubject { package static let prefix = "incd" }
package enum PlanSubject: IDSubject { package static let prefix = "plan" }

package typealias OrganizationID = ID<OrganizationSubject>
package typealias SiteID = ID<SiteSubject>
package typealias ApplianceID = ID<ApplianceSubject>
package typealias BundleID = ID<BundleSubject>
package typealias OrderID = ID<OrderSubject>
package typealias IncidentID = ID<IncidentSubject>
package typealias PlanID = ID<PlanSubject>

/// A name that a person chose: 1 to 100 characters of `A-Z a-z 0-9 . _ -`, starting with a letter or digit.
package struct Name<Subject: Sendable>: Hashable, Comparable, Sendable, LosslessStringConvertible {
    private let text: String
    package var description: String { text }

    package init?(_ text: String) {
        guard NameText.isName(text) else { return nil }
        self.text = text
    }

    package static func < (left: Name, right: Name) -> Bool { left.text < right.text }
}

/// Not in the generic type: every record that is read has dozens of names.
private enum NameText {
    static func isName(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { isName($0) }
    }

    static func isName(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = bytes.first, bytes.count <= 100, isAlphanumeric(first) else { return false }
        for byte in bytes where !(isAlphanumeric(byte) || byte == 46 || byte == 95 || byte == 45) { return false }
        return true
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}

extension Name: ExpressibleByStringLiteral {
    /// For names written in source; a malformed one is a programming error and stops the process.
    package init(stringLiteral value: StaticString) {
        guard let name = Name(value.description) else { preconditionFailure("malformed name in source: \(value)") }
        self = name
    }
}

package enum HostSubject: Sendable {}
package enum CheckSubject: Sendable {}
package enum RuleSubject: Sendable {}
package enum RunbookSubject: Sendable {}
package enum ProbeSubject: Sendable {}
package enum FactSubject: Sendable {}
package enum CodeSubject: Sendable {}

/// A host's name at its site, chosen by the operator and stable for its life (`front-desk`).
package typealias HostID = Name<HostSubject>
package typealias CheckID = Name<CheckSubject>
package typealias RuleID = Name<RuleSubject>
package typealias RunbookID = Name<RunbookSubject>
package typealias ProbeID = Name<ProbeSubject>
/// Dotted, the probe's area first: `sshd.permit_root_login`.
package typealias FactName = Name<FactSubject>
/// A stable machine-readable reason (`ssh.root_login`, `probe.timeout`). Alerts, rules and tests match on it.
package typealias Code = Name<CodeSubject>
