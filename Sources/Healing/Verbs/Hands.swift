package import Hosts
package import Model

/// What a verb may use: one host until a deadline, the site's documents, and nothing else.
package struct Hands: Sendable {
    package let host: any Host
    package let clock: WallClock
    /// No command starts after it, and none runs past it.
    package let deadline: Deadline
    /// Text by name, from the baseline.
    package let documents: [String: String]
    /// Names what this run leaves on the host for its own undoing.
    package let plan: PlanID

    package init(host: any Host, clock: WallClock, deadline: Deadline, documents: [String: String], plan: PlanID) {
        self.host = host
        self.clock = clock
        self.deadline = deadline
        self.documents = documents
        self.plan = plan
    }

    /// Runs to the end, whatever the exit status.
    func run(
        _ arguments: [String], input: [UInt8] = [], atMost span: Duration = .seconds(20), outputBytesMax: Int = 1 << 20
    ) async throws(StepError) -> CommandResult {
        let rest = deadline.rest
        guard rest > .zero else { throw StepError("step.timed_out", arguments[0]) }
        do throws(HostError) {
            return try await host.run(
                HostCommand(arguments, input: input, deadline: min(span, rest), outputBytesMax: outputBytesMax))
        } catch {
            throw StepError(error.code, "\(arguments[0]): \(error)", isOfHost: true)
        }
    }

    /// Runs, and demands exit status 0.
    @discardableResult
    func require(
        _ arguments: [String], input: [UInt8] = [], atMost span: Duration = .seconds(20), code: Code = "step.command_failed"
    ) async throws(StepError) -> CommandResult {
        let result = try await run(arguments, input: input, atMost: span)
        guard result.succeeded else {
            let words = String(decoding: result.errorOutput.prefix(400), as: UTF8.self)
            throw StepError(code, "\(arguments.joined(separator: " ")): \(words)", exitStatus: result.exitStatus)
        }
        return result
    }

    /// The same for `span` from now: for what must be done also when the time is over.
    func afterwards(_ span: Duration) -> Hands {
        Hands(host: host, clock: clock, deadline: Deadline(in: span, by: clock), documents: documents, plan: plan)
    }

    /// Whether a connection made just now still gets in.
    func reconnects() async -> Bool {
        await host.disconnect()
        return (try? await run(["true"], atMost: .seconds(10)))?.succeeded ?? false
    }

    /// Tries once a second until a new connection gets in; false when `span` is over.
    func reconnects(within span: Duration) async -> Bool {
        let end = Deadline(in: span, by: clock)
        repeat {
            if await reconnects() { return true }
            guard (try? await clock.sleep(.seconds(1))) != nil else { return false }
        } while !end.isOver
        return false
    }
}
