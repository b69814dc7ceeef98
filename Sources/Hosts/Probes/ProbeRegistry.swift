package import Model

/// Every probe there is.
package enum ProbeRegistry {
    package static let all: [any Probe] = [
        AccountsProbe(), AuditProbe(), BackupProbe(), CertificateProbe(), ClockProbe(), EncryptionProbe(), FilesProbe(), FirewallProbe(),
        IntegrityProbe(), KernelProbe(), ListeningProbe(), LogProbe(), MalwareProbe(), OperatingSystemProbe(), PasswordPolicyProbe(),
        PatchProbe(), PersistenceProbe(), ResolverProbe(), SSHDProbe(), ServicesProbe(), SessionProbe(), SoftwareProbe(), StorageProbe(),
    ]

    package static let byID: [ProbeID: any Probe] = Dictionary(uniqueKeysWithValues: all.map { ($0.id, $0) })
}
