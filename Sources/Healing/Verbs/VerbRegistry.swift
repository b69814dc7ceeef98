package import Catalog

/// The fixed set of verbs. What is not here cannot be done to a host, whatever a catalog says.
package struct VerbRegistry: Sendable {
    private let verbs: [String: any Verb]

    /// - Parameter undoAfter: how long a host waits for us after a change that could cut us off, before it undoes it.
    package init(undoAfter: Duration = .seconds(45)) {
        let all: [any Verb] = [
            ServiceStart(), ServiceRestart(), ServiceEnable(), SSHDSetOption(undoAfter: undoAfter), FileSetMode(), FileSetContent(),
            FileDenyWorldWrite(), SysctlSet(), SessionSetTimeout(), NftRestore(undoAfter: undoAfter), AuditSetRules(), AccountLock(),
            AccountExpire(undoAfter: undoAfter), AccountSetAgeing(undoAfter: undoAfter), PackageInstall(), PackageRemove(),
            PackageUpgrade(), PackageRefresh(), TimeSetSources(), TimeStep(), LogCanary(), BackupRun(), BackupTestRestore(), DiskClean(),
            CertificateRenew(), NixOSRebuild(), HostReboot(),
        ]
        verbs = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    }

    package subscript(_ name: String) -> (any Verb)? { verbs[name] }
    /// For `CatalogSchema`.
    package var signatures: [String: VerbSignature] { verbs.mapValues(\.signature) }
    package var all: [any Verb] { verbs.values.sorted { $0.name < $1.name } }
}
