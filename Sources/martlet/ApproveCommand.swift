import ArgumentParser
import Documents
import Model
import Seal

/// The approver's side, on their own machine: reads the plan, shows it, signs it. Needs neither Central nor its keys.
struct ApproveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Sign the approval of a plan with your own key.",
        discussion: "The plan is the file that `martlet central approvals --plan` wrote. Send the output to whoever runs "
            + "`martlet central approve --signed`. Exit code: 0 signed, 1 refused.")
    @Argument(help: "The plan's file.") var plan: String
    @OptionGroup var signature: ApprovalSignature
    @Option(help: "The file to write; it is replaced as a whole.") var output: String

    func run() throws {
        let bytes = try YAMLReader.contents(path: plan, bytesMax: PlanStatement.bytesMax)
        let statement: PlanStatement
        do throws(FieldError) { statement = try PlanStatement(parsing: String(decoding: bytes, as: UTF8.self)) } catch {
            throw KeyRefused(description: "\(plan) is no plan: \(error.message)")
        }
        for line in statement.description { print(line) }
        try FileReplacement.write(Array(signature.sign(statement).utf8), to: output)
        print("\(output): approved by \(signature.name) for \(signature.lifetime)")
    }
}

/// Who approves, with which key, for how long.
struct ApprovalSignature: ParsableArguments {
    @Option(help: "File of your private key: martlet key create.") var key: String
    @Option(name: .customLong("as"), help: "Your name, as you are registered.") var name: String
    @Option(help: "How long the approval can be used (60s to 7d); it is used once.") var lifetime = "24h"

    func sign(_ statement: PlanStatement) throws -> String {
        try Self.sign(statement, key: key, name: name, lifetime: lifetime)
    }

    static func sign(_ statement: PlanStatement, key: String, name: String, lifetime: String) throws -> String {
        guard let span = DurationText.parse(lifetime), span >= Approval.ttlMin, span <= Approval.ttlMax else {
            throw ValidationError("--lifetime takes 60s to 7d, such as 24h")
        }
        let signer: SigningKey
        do throws(PrivateFileError) { signer = try SigningKey(contentsOf: key) } catch { throw KeyRefused(description: error.message) }
        let now = WallClock.system.now()
        var random = SystemRandomNumberGenerator()
        return Approval(of: statement, approver: name, issued: now, expires: now + span, random: &random).signed(with: signer)
    }
}

extension PlanStatement {
    /// What a person has to see before signing: one line for each thing that the signature covers.
    var description: [String] {
        var lines = [
            "plan \(digest)", "  appliance   \(appliance) of \(site)", "  host        \(host)", "  check       \(check)",
            "  runbook     \(runbook) (\(runbookDigest))", "  asked by    \(requester.printable)",
            "  disruptive  \(isDisruptive ? "yes" : "no")",
        ]
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
            let text = String(decoding: (try? value.json.canonicalBytes()) ?? [], as: UTF8.self)
            lines.append("  with        \(name.printable) = \(text.printable)")
        }
        return lines
    }
}
