package import Model

/// How a host is reached: what the operator wrote in the site's configuration, checked.
package struct HostAccess: Hashable, Sendable {
    package let id: HostID
    package let address: HostAddress
    package let become: Become

    package enum Become: String, Hashable, Sendable, CaseIterable {
        /// The log-in is root already, or may see only what it may see.
        case none
        /// Commands run as root through `sudo -n`: the log-in needs `NOPASSWD: ALL`.
        case sudo
    }

    package init(id: HostID, address: HostAddress, become: Become = .none) {
        self.id = id
        self.address = address
        self.become = become
    }

    /// - Parameter stateDirectory: where connections are kept; made with mode 0700 if it is not there.
    package func host(stateDirectory: String) throws(HostAccessError) -> any Host {
        switch address {
        case .local: LocalHost(id: id, become: become)
        case .ssh(let address): try SSHHost(id: id, address: address, become: become, stateDirectory: stateDirectory)
        }
    }
}

package enum HostAddress: Hashable, Sendable {
    /// This machine.
    case local
    case ssh(SSHAddress)
}

/// A host behind sshd.
package struct SSHAddress: Hashable, Sendable {
    /// A name or an address; never begins with `-`.
    package let host: String
    package let port: UInt16
    package let user: String
    /// Path of the private key.
    package let keyFile: String
    /// `ssh-ed25519 AAAA…` as in the host's `ssh_host_ed25519_key.pub`; nil makes every command fail with `hostKeyUnknown`.
    package let hostKey: String?

    package init(host: String, port: UInt16 = 22, user: String = "root", keyFile: String, hostKey: String?) throws(HostAccessError) {
        guard Self.isPlain(host, also: "._-:%"), port != 0 else { throw .badAddress(host) }
        guard Self.isPlain(user, also: "._-") else { throw .badUser(user) }
        if let hostKey {
            let fields = hostKey.split(separator: " ")
            // The shortest, Ed25519, has 68 characters.
            guard (2...3).contains(fields.count), fields[1].utf8.count >= 60, Self.isPlain(String(fields[0]), also: "-@."),
                Self.isPlain(String(fields[1]), also: "+/=")
            else { throw .badHostKey }
            self.hostKey = "\(fields[0]) \(fields[1])"
        } else {
            self.hostKey = nil
        }
        self.host = host
        self.port = port
        self.user = user
        self.keyFile = keyFile
    }

    /// So that no value can pass for an option, and none splits a line of a known_hosts file.
    private static func isPlain(_ text: String, also allowed: StaticString) -> Bool {
        let extra = Array(allowed.description.utf8)
        guard let first = text.utf8.first, first != UInt8(ascii: "-") else { return false }
        return text.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || extra.contains($0) }
    }
}

/// Why a host entry, or the directory for its connections, cannot be used.
package enum HostAccessError: Error, Hashable, Sendable {
    case badAddress(String)
    case badUser(String)
    case badHostKey
    case stateDirectory(String, reason: String)

    package var code: Code {
        switch self {
        case .badAddress: "host.bad_address"
        case .badUser: "host.bad_user"
        case .badHostKey: "host.bad_host_key"
        case .stateDirectory: "host.state_directory"
        }
    }

    package var message: String {
        switch self {
        case .badAddress(let text): "host address \"\(text)\" refused: not a name, an address and a port from 1; the host is not watched."
        case .badUser(let text): "user \"\(text)\" refused: letters, digits, dot, dash and underscore only; the host is not watched."
        case .badHostKey: "host key refused: write type and key as in the host's ssh_host_ed25519_key.pub; the host is not watched."
        case .stateDirectory(let path, let reason): "connections cannot be kept in \(path): \(reason); no host was contacted."
        }
    }
}
