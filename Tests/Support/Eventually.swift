/// Asks every 20 ms until it holds, moving the clock, if one is given, by five seconds each time. Gives up after 150 s: the
/// machine is shared by every scenario, and a slow one is no failure.
package func eventually(
    _ what: String, moving clock: TestClock? = nil, every pause: Duration = .milliseconds(20), _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + .seconds(150)
    while ContinuousClock.now < end {
        if try await condition() { return }
        clock?.advance(by: .seconds(5))
        try await Task.sleep(for: pause)
    }
    throw DidNotHappen(description: "did not happen within 150 s: \(what)")
}

package struct DidNotHappen: Error, CustomStringConvertible {
    package let description: String
    package init(description: String) { self.description = description }
}
