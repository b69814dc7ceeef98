import Foundation
package import Model
package import Seal

/// Central's secrets, one file each (0600) in its data directory. Made once by `martlet central init`; back them up offline:
/// who has them can issue orders, receipts and certificates in Central's name.
package struct CentralKeys: Sendable {
    package let authority: CertificateAuthority
    package let orders: SigningKey
    package let receipts: SigningKey
    /// What catalogs are verified with.
    package let catalog: VerifyingKey
    /// nil where the key that signs catalogs is kept elsewhere, and only `catalog.pub` lies here.
    package let catalogSigner: SigningKey?
    package let kits: SigningKey
    /// Signs the transparency log's checkpoints.
    package let log: SigningKey

    private static let signingNames = ["order", "receipt", "kit", "log"]

    /// Makes what is missing, so that a start that died half-way can be repeated, and never replaces what is there.
    ///
    /// - Parameter catalogKey: of the key that signs catalogs and is never on this machine; nil: one is made here.
    /// - Throws: `CentralError` where catalogs are verified with another key here already: appliances have pinned that one.
    package static func create(in directory: String, at now: Timestamp, catalogKey: VerifyingKey? = nil) throws -> CentralKeys {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var names = signingNames
        if let catalogKey {
            try publish(catalogKey, in: directory)
        } else if !hasCatalogKey(in: directory) {
            names.append("catalog")
        }
        for name in names {
            do { _ = try SigningKey.create(at: "\(directory)/\(name).key") } catch .exists {}
        }
        if !FileManager.default.fileExists(atPath: "\(directory)/ca.pem") {
            // A key without its certificate is what a start that died in between left, and then nothing was issued with it; or what
            // a backup without ca.pem gave back, and then every appliance hangs on it. Kept aside, since nobody can tell.
            let key = "\(directory)/ca.key"
            if FileManager.default.fileExists(atPath: key) {
                try FileManager.default.moveItem(atPath: key, toPath: "\(key).aside-\(now.milliseconds)")
            }
            try CertificateAuthority(makingAt: now, name: "Martlet Central CA")
                .write(keyFile: "\(directory)/ca.key", certificateFile: "\(directory)/ca.pem")
        }
        return try CentralKeys(in: directory)
    }

    /// - Throws: `PrivateFileError` when one is missing or could be read by others.
    package init(in directory: String) throws {
        authority = try CertificateAuthority(keyFile: "\(directory)/ca.key", certificateFile: "\(directory)/ca.pem")
        orders = try SigningKey(contentsOf: "\(directory)/order.key")
        receipts = try SigningKey(contentsOf: "\(directory)/receipt.key")
        (catalog, catalogSigner) = try Self.catalogKey(in: directory)
        kits = try SigningKey(contentsOf: "\(directory)/kit.key")
        log = try SigningKey(contentsOf: "\(directory)/log.key")
    }

    private static func hasCatalogKey(in directory: String) -> Bool {
        ["catalog.key", "catalog.pub"].contains { FileManager.default.fileExists(atPath: "\(directory)/\($0)") }
    }

    private static func publish(_ wanted: VerifyingKey, in directory: String) throws {
        if hasCatalogKey(in: directory) {
            let known = try catalogKey(in: directory).verifying
            if known != wanted { throw CentralError.catalogKeyTaken(known.id) }
        } else {
            try PrivateFile.create("\(directory)/catalog.pub", Array("\(wanted.bytes.base64)\n".utf8))
        }
    }

    /// `catalog.pub` where it is there: then the other file is not needed, and need not be here.
    private static func catalogKey(in directory: String) throws -> (verifying: VerifyingKey, SigningKey?) {
        let published = "\(directory)/catalog.pub"
        guard FileManager.default.fileExists(atPath: published) else {
            let signer = try SigningKey(contentsOf: "\(directory)/catalog.key")
            return (signer.verifyingKey, signer)
        }
        let text = String(decoding: try PrivateFile.read(published, size: 44...45), as: UTF8.self)
        guard let key = [UInt8](base64: text.trimmingCharacters(in: .newlines)).flatMap({ VerifyingKey(bytes: $0) }) else {
            throw CentralError.catalogKeyMalformed(published)
        }
        return (key, nil)
    }
}
