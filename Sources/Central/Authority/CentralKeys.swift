import Foundation
package import Model
package import Seal

/// Central's secrets, one file each (0600) in its data directory. Made once by `martlet central init`; back them up offline:
/// who has them can issue orders, receipts and certificates in Central's name.
package struct CentralKeys: Sendable {
    package let authority: CertificateAuthority
    package let orders: SigningKey
    package let receipts: SigningKey
    package let catalog: SigningKey
    package let kits: SigningKey
    /// Signs the transparency log's checkpoints.
    package let log: SigningKey

    private static let signingNames = ["order", "receipt", "catalog", "kit", "log"]

    /// Makes what is missing, so that a start that died half-way can be repeated, and never replaces what is there.
    package static func create(in directory: String, at now: Timestamp) throws -> CentralKeys {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for name in signingNames {
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
        catalog = try SigningKey(contentsOf: "\(directory)/catalog.key")
        kits = try SigningKey(contentsOf: "\(directory)/kit.key")
        log = try SigningKey(contentsOf: "\(directory)/log.key")
    }
}
