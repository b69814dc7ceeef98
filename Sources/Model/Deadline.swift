/// When something must have ended, by the time that passes: setting the clock moves no deadline.
package struct Deadline: Sendable {
    private let end: Duration
    private let clock: WallClock

    package init(in span: Duration, by clock: WallClock) {
        end = clock.elapsed() + span
        self.clock = clock
    }

    /// What is left; zero or less when it is over.
    package var rest: Duration { end - clock.elapsed() }

    package var isOver: Bool { rest <= .zero }
}
