import ArgumentParser
import Central
import Model
import Seal
import TransparencyLog
import Wire

/// `martlet central log`: the transparency log and who watches it. Exit code 2 when something needs a person.
struct CentralLog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "The transparency log: its newest checkpoint, its witnesses, disputes.",
        discussion: "Exit code: 0 all is well, 1 nothing could be read, 2 something needs a person.")
    @OptionGroup var central: CentralOptions

    func run() async throws {
        var alerts: [String] = []
        try await central.run { services, _ in
            let configuration = try central.read()
            let now = services.clock.now()
            let overview = try await services.witnesses.overview(
                configuration.witnessPolicy, signedBefore: now - Receipt.mergeDelay - Receipt.mergeDelay)
            guard let origin = overview.origin, let newest = overview.newest else {
                print("The log is empty: martlet-central has not run yet.")
                return
            }
            let key = try NoteVerifier(name: origin, key: services.keys.log.verifyingKey)
            print("origin     \(origin)")
            print("key        \(key.text)")
            print("size       \(newest.checkpoint.size)")
            print("signed     \(newest.signed) (\((now - newest.signed).wholeSeconds) s ago)")
            print("")
            var table = CentralTable("witness", "size", "cosigned", "seen")
            for witness in overview.witnesses {
                table.add(
                    .string(witness.name), witness.size < 0 ? nil : .integer(witness.size),
                    witness.cosigned.map { .string($0.description) } ?? nil, .string(witness.seen.description))
                if witness.size > newest.checkpoint.size {
                    alerts.append(
                        "log.rolled_back: \(witness.name) has cosigned size \(witness.size), and this log ends at \(newest.checkpoint.size). "
                            + "Was the database restored from a backup?")
                }
            }
            try table.print(asJSON: false)
            for missing in configuration.logWitnesses where !overview.witnesses.contains(where: { $0.key == missing.key.text }) {
                alerts.append("log.witness_silent: \(missing.key.name) at \(missing.url) has never answered.")
            }
            if let unwitnessed = overview.unwitnessed {
                alerts.append(
                    "log.quorum: the checkpoint of size \(unwitnessed.size) was signed at \(unwitnessed.signed) and fewer than "
                        + "\(configuration.logQuorum) witnesses have cosigned it or a later one.")
            }
            for dispute in overview.disputes {
                alerts.append("log.inconsistent: \(dispute.source) refused a checkpoint at \(dispute.seen): \(dispute.summary(for: key))")
            }
            // More than so many sequenced and not covered means that the integrator stands still; its own log says why.
            if overview.sequenced > newest.checkpoint.size, now - newest.signed > Receipt.mergeDelay + Receipt.mergeDelay {
                alerts.append("log.stalled: \(overview.sequenced - newest.checkpoint.size) entries wait to be covered by a checkpoint.")
            }
            if !alerts.isEmpty { print("") }
            for alert in alerts { print("ALERT      \(alert)") }
        }
        if !alerts.isEmpty { throw ExitCode(2) }
    }
}

extension WitnessStore.DisputeLine {
    /// Judged here and now, from the notes themselves.
    fileprivate func summary(for key: NoteVerifier) -> String {
        guard let kind = LogDispute.Kind(rawValue: kind), let cosigned = try? SignedNote(Array(cosigned.utf8)),
            let refused = try? SignedNote(Array(refused.utf8))
        else { return "what it told cannot be read" }
        let dispute = LogDispute(kind: kind, cosigned: cosigned, refused: refused)
        let isProof = dispute.isProof(against: LogTrust(logKeys: [key]))
        return dispute.summary + (isProof ? "; both are signed by this log: it has two histories" : "")
    }
}
