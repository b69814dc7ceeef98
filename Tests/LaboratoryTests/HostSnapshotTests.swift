import Laboratory
import Testing

/// What a repair could have harmed is seen: whatever is gone, new or another.
@Suite struct HostSnapshotTests {
    private let before = HostSnapshot("file /etc/a content\t1\nport tcp 0.0.0.0:22\topen\nunit cron.service enabled\tenabled\n")

    @Test func whatIsGoneNewOrAnotherIsNamed() {
        let after = HostSnapshot("file /etc/a content\t2\nfile /etc/b content\t1\nunit cron.service enabled\tenabled\n")
        #expect(before.changes(to: after, but: []) == ["file /etc/a content", "file /etc/b content", "port tcp 0.0.0.0:22"])
        #expect(before.changes(to: before, but: []) == [])
    }

    @Test func onlyWhatMayBeTouchedIsLeftOut() {
        let after = HostSnapshot("file /etc/a content\t2\nfile /etc/ab content\t1\nunit cron.service enabled\tdisabled\n")
        #expect(before.changes(to: after, but: ["file /etc/a ", "port "]) == ["file /etc/ab content", "unit cron.service enabled"])
    }
}
