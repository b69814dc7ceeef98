package import TransparencyLog

/// A witness that is asked over HTTP for its cosignature.
package struct ConfiguredWitness: Hashable, Sendable {
    /// Without a slash at its end.
    package let url: String
    package let key: NoteVerifier
    /// PEM file of the authorities that may vouch for its certificate instead of the system's.
    package let authorityPath: String?

    /// - Parameter text: `URL VKEY`, or `URL VKEY CA-FILE`.
    /// - Throws: `CentralError.logWitnesses`.
    package init(_ text: String) throws(CentralError) {
        // The file's name may hold spaces.
        let parts = text.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0].hasPrefix("https://") || parts[0].hasPrefix("http://") else {
            throw .logWitnesses("\"\(text)\" is not a URL, a space and a key")
        }
        authorityPath = parts.count == 3 ? String(parts[2]) : nil
        guard authorityPath == nil || parts[0].hasPrefix("https://") else {
            throw .logWitnesses("\"\(parts[0])\" shows no certificate, so no authority can vouch for it")
        }
        var url = String(parts[0])
        while url.hasSuffix("/") { url.removeLast() }
        self.url = url
        // Which part of a key is wrong, its maker knows best: it was copied from there.
        guard let key = try? NoteVerifier(String(parts[1])), key.algorithm == .cosignature else {
            throw .logWitnesses("\"\(parts[1])\" is not the key of a witness")
        }
        self.key = key
    }
}
