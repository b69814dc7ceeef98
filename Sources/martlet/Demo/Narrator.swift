import Foundation
import Model

/// Tells what happens while it happens: each line with the seconds since the start, so that nobody wonders whether it hangs.
struct Narrator: Sendable {
    private let start = ContinuousClock.now
    /// Where standard output is for a program.
    private let isQuiet: Bool

    init(isQuiet: Bool = false) { self.isQuiet = isQuiet }

    var elapsed: Duration { ContinuousClock.now - start }

    func chapter(_ title: String) { line("\n\(title)") }

    /// One fact. `mark` says how it is meant: done, found, refused, waiting.
    func tell(_ text: String, _ mark: Mark = .done) {
        let seconds = Double(elapsed.wholeMilliseconds) / 1_000
        line(String(format: "%6.1f s  %@ %@", seconds, mark.rawValue, text))
    }

    enum Mark: String { case done = "+", found = "!", refused = "x", waiting = "~", note = " " }

    private func line(_ text: String) {
        if !isQuiet { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }
    }
}

/// The demo did not show what it is there to show. It ends with exit status 1 and says where to look.
struct DemoFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
