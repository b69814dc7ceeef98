// Where a file of the module uses Foundation, the compiler counts `stat` to it.
import CoreFoundation
import Glibc

/// Where everything that the appliance keeps lies. One process at a time has it.
package struct StateDirectory: Hashable, Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var database: String { path + "/appliance.sqlite" }
    /// Ed25519, 32 raw bytes: signs evidence.
    package var evidenceKey: String { path + "/evidence.key" }
    /// X25519, 32 raw bytes: secrets are sealed to it.
    package var sealingKey: String { path + "/sealing.key" }
    /// Ed25519, 32 raw bytes: cosigns the log's checkpoints.
    package var witnessKey: String { path + "/witness.key" }
    /// P-256 key and certificate chain, PEM, in one file, so that a renewal swaps both in one step.
    package var tlsIdentity: String { path + "/tls.pem" }
    /// The P-256 key between its making and the grant of its certificate.
    package var pendingTLSKey: String { path + "/tls.key.pending" }
    /// 32 random bytes: under them the scrubber's pseudonyms are made.
    package var pseudonymKey: String { path + "/pseudonym.key" }
    /// Kept connections to hosts.
    package var connections: String { path + "/ssh" }
    /// Stops all healing while it exists: the operator's own brake, with no program needed.
    package var pauseFile: String { path + "/pause" }
    private var lockFile: String { path + "/lock" }

    /// Makes the directory (0700) if need be and refuses one that others may write to.
    package func prepare() throws(StateDirectoryError) {
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw .unusable(path, String(cString: strerror(errno))) }
        var status = stat()
        guard stat(path, &status) == 0 else { throw .unusable(path, String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .unusable(path, "not a directory") }
        guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else { throw .exposed(path) }
    }

    /// Two processes on one chain would fork it. The lock goes with the process, however it ends.
    package func lock() throws(StateDirectoryError) {
        let descriptor = open(lockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .unusable(path, String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .inUse(path)
        }
        // Deliberately never closed: the kernel keeps the lock for as long as the process lives.
    }

    package var isPausedByFile: Bool { access(pauseFile, F_OK) == 0 }
}

package enum StateDirectoryError: Error, Hashable, Sendable {
    case unusable(String, String)
    case exposed(String)
    case inUse(String)

    package var code: String {
        switch self {
        case .unusable: "state.unusable"
        case .exposed: "state.exposed"
        case .inUse: "state.in_use"
        }
    }

    package var message: String {
        switch self {
        case .unusable(let path, let reason): "The state directory \(path) cannot be used (\(reason)); nothing was started."
        case .exposed(let path):
            "The state directory \(path) belongs to somebody else or may be written by others; nothing was started. Run: chmod 700 \(path)"
        case .inUse(let path): "Another martlet-appliance already works in \(path); this one was not started."
        }
    }
}
