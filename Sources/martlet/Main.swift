import ArgumentParser
import Model

@main struct Main: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet", abstract: "Look after a practice's machines, and prove it.", version: "martlet \(softwareVersion)",
        subcommands: [
            DemoCommand.self, LabCommand.self, CheckCommand.self, CatalogCommand.self, RulesCommand.self, CentralCommand.self,
            PacketCommand.self, EvidenceCommand.self, ApproveCommand.self, KeyCommand.self, LogCommand.self, WitnessCommand.self,
            VerifyCommand.self, CanonicalizeCommand.self, ScrubCommand.self, PlannerCommand.self,
        ])
}
