package import Documents
import Glibc
package import Model
package import Seal

/// The configuration, read once.
package struct HandsConfiguration: Sendable {
    package var user = "martlet"
    package var host: HostID = "appliance"
    package var baseline: String?
    package var isClinical = false
    package var catalogKey = "/etc/martlet/catalog.pem"
    package var socket = "/run/martlet-hands.sock"
    package var stateDirectory = "/var/lib/martlet-hands"
    package var pauseFiles = ["/etc/martlet/pause", "/var/lib/martlet-appliance/pause"]

    package static let defaultPath = "/etc/martlet/hands.yaml"

    package init() {}

    /// - Parameter path: nil where no file was named: then the default one, or none if that is not there.
    package init(path: String?, environment: [String: String]) throws {
        var file: Node?
        if path != nil || access(Self.defaultPath, F_OK) == 0 {
            let name = path ?? Self.defaultPath
            file = try YAMLReader.read(try RootFile.read(name, bytesMax: 1 << 16), file: name)
        }
        try self.init(file: file, environment: environment)
    }

    package init(file: Node?, environment: [String: String]) throws(Diagnostics) {
        typealias Keys = HandsSettings
        let settings = try Settings(Keys.schema, file: file, environment: environment)
        user = settings[Keys.user]
        host = settings[Keys.host]
        baseline = settings.optional(Keys.baseline)
        isClinical = settings[Keys.clinical]
        catalogKey = settings[Keys.catalogKey]
        socket = settings[Keys.socket]
        stateDirectory = settings[Keys.stateDirectory]
        pauseFiles = settings[Keys.pauseFiles]
    }

    /// The keys of which one must have signed a pack.
    package func catalogKeys() throws(HandsStartError) -> [VerifyingKey] {
        let text = String(decoding: try RootFile.read(catalogKey, bytesMax: 4_096), as: UTF8.self)
        let end = "-----END PUBLIC KEY-----\n"
        var keys: [VerifyingKey] = []
        var rest = text[...]
        while let begin = rest.firstRange(of: "-----BEGIN PUBLIC KEY-----"), let stop = rest.firstRange(of: end),
            begin.lowerBound < stop.lowerBound
        {
            guard let key = VerifyingKey(pem: String(rest[begin.lowerBound..<stop.upperBound])) else { throw .noKey(catalogKey) }
            keys.append(key)
            rest = rest[stop.upperBound...]
        }
        guard (1...8).contains(keys.count) else { throw .noKey(catalogKey) }
        return keys
    }

    /// Numbers of the user that is answered and of its group.
    package func peer() throws(HandsStartError) -> (user: UInt32, group: UInt32) {
        guard let entry = getpwnam(user) else { throw .userUnknown(user) }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }
}
