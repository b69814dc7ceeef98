package import TransparencyLog

/// A witness that is asked over HTTP for its cosignature.
package struct ConfiguredWitness: Hashable, Sendable {
    /// Without a slash at its end.
    package let url: String
    package let key: NoteVerifier

    /// - Parameter text: `URL VKEY`.
    /// - Throws: `CentralError.logWitnesses`.
    package init(_ text: String) throws(CentralError) {
        let parts = text.split(separator: " ")
        guard parts.count == 2, parts[0].hasPrefix("https://") || parts[0].hasPrefix("http://") else {
            throw .logWitnesses("\"\(text)\" is not a URL, a space and a key")
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
