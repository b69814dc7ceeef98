import Foundation

/// Where a language model would be: the real `martlet planner double`, a script on this machine.
final class DemoModel {
    private let process: DemoProcess
    private let port: Int

    init(directory: String, binaries: String) throws {
        port = try DemoProcess.freePort()
        process = DemoProcess(
            binaries + "/martlet", ["planner", "double", "--port", "\(port)"], environment: [:], log: directory + "/model.log")
    }

    let words = "a double on this machine answers, a script that takes the first repair it is offered"
    /// As `planner.address` takes it for the dialect of local servers.
    var address: String { "http://127.0.0.1:\(port)/v1" }

    func start() async throws {
        try process.start()
        try await eventually("the model's double to listen", within: .seconds(20)) {
            guard process.isRunning else { throw DemoFailure("martlet planner double ended; see \(process.log)") }
            return process.occurrences(of: "It answers at") > 0
        }
    }

    func stop() { process.stop() }
}
