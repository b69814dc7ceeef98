import Glibc
import Healing
import Model
import Testing

@Suite struct TimeZoneRulesTests {
    /// Changes as the tz database has them; offsets in minutes before and after.
    @Test(
        "Offsets change at the second at which the zone changes",
        arguments: [
            ("America/New_York", "2024-03-10T07:00", -300, -240), ("America/New_York", "2024-11-03T06:00", -240, -300),
            ("America/New_York", "2026-03-08T07:00", -300, -240), ("America/New_York", "2030-11-03T06:00", -240, -300),
            ("America/Chicago", "2025-03-09T08:00", -360, -300), ("America/Chicago", "2029-11-04T07:00", -300, -360),
            ("America/Los_Angeles", "2027-03-14T10:00", -480, -420), ("America/Los_Angeles", "2028-11-05T09:00", -420, -480),
            ("America/Phoenix", "2026-03-08T09:00", -420, -420), ("Europe/Berlin", "2026-03-29T01:00", 60, 120),
            ("Europe/Berlin", "2030-10-27T01:00", 120, 60), ("UTC", "2026-03-29T01:00", 0, 0),
            ("Australia/Lord_Howe", "2026-04-04T15:00", 660, 630), ("Australia/Lord_Howe", "2026-10-03T15:30", 630, 660),
        ])
    func changes(zone: String, instant: String, before: Int64, after: Int64) throws {
        let rules = try TimeZoneRules(named: zone)
        let change = Timestamp(instant + ":00.000Z")!
        #expect(rules.offset(at: change - .milliseconds(1)) == before * 60)
        #expect(rules.offset(at: change) == after * 60)
    }

    /// glibc is the other implementation; hours from 2024 to 2060, so that the footer is walked too (files end in 2037).
    @Test(
        "Every offset is the one that the C library computes",
        arguments: [
            "America/New_York", "America/Chicago", "America/Phoenix", "America/Los_Angeles", "Europe/Berlin", "UTC", "Australia/Lord_Howe",
            "Europe/Dublin", "Asia/Gaza", "Africa/Casablanca", "America/Nuuk", "Pacific/Apia",
        ])
    func agreesWithTheCLibrary(zone: String) throws {
        let rules = try TimeZoneRules(named: zone)
        let expected = ZoneDump.offsets(zone, from: 1_704_067_200, through: 2_840_140_800, step: 9 * 3_600)
        #expect(expected.count > 30_000)
        #expect(expected.allSatisfy { rules.offset(atSecond: $0.second) == $0.offset })
    }

    @Test(
        "Every local minute round a change maps to the first instant that shows it",
        arguments: [
            ("America/New_York", 1_772_953_200), ("America/New_York", 1_793_512_800), ("Australia/Lord_Howe", 1_775_314_800),
            ("Australia/Lord_Howe", 1_791_041_400), ("Europe/Berlin", 1_774_746_000),
        ])
    func firstShowing(zone: String, change: Int) throws {
        let rules = try TimeZoneRules(named: zone)
        let instants = stride(from: Int64(change) - 7_200, to: Int64(change) + 7_200, by: 60)
        var first: [Int64: Int64] = [:]
        for instant in instants {
            let local = instant + rules.offset(atSecond: instant)
            if first[local] == nil { first[local] = instant }
        }
        let (low, high) = (first.keys.min()!, first.keys.max()!)
        for local in stride(from: low, through: high, by: 60) {
            #expect(rules.second(ofLocal: local) == first[local] ?? Int64(change))
        }
    }

    @Test(
        "A name cannot leave the directory, and what is not TZif is refused",
        arguments: [
            "../../../etc/passwd", "/etc/passwd", "", "America//Chicago", "America/../UTC", "Mars/Olympus", "tzdata.zi", "America",
        ])
    func refused(name: String) {
        #expect(throws: WindowError.self) { try TimeZoneRules(named: name) }
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = try #require(fileBytes("/usr/share/zoneinfo/Europe/Berlin"))
        for length in 0..<bytes.count {
            #expect(throws: WindowError.zoneMalformed("x")) { try TimeZoneRules(named: "x", bytes: Array(bytes[..<length])) }
        }
    }
}

/// What `localtime_r` says, in a process of its own: `TZ` belongs to a whole process.
enum ZoneDump {
    static func offsets(_ zone: String, from: Int64, through: Int64, step: Int64) -> [(second: Int64, offset: Int64)] {
        var descriptors: [Int32] = [0, 0]
        guard pipe(&descriptors) == 0 else { return [] }
        // `date -f -` reads one instant per line; the instants go through a file, the answers through the pipe.
        var seconds: [Int64] = []
        var text = ""
        for second in stride(from: from, through: through, by: Int(step)) {
            seconds.append(second)
            text += "@\(second)\n"
        }
        let path = "/tmp/martlet-zones-\(getpid())-\(zone.split(separator: "/").joined(separator: "-"))"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer {
            close(file)
            unlink(path)
        }
        text.withCString { _ = write(file, $0, strlen($0)) }
        lseek(file, 0, SEEK_SET)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, file, 0)
        posix_spawn_file_actions_adddup2(&actions, descriptors[1], 1)
        posix_spawn_file_actions_addclose(&actions, descriptors[0])
        defer { posix_spawn_file_actions_destroy(&actions) }
        var arguments: [UnsafeMutablePointer<CChar>?] = ["date", "-f", "-", "+%z"].map { (text: String) in strdup(text) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("TZ=" + zone), nil]
        var pid: pid_t = 0
        guard posix_spawn(&pid, "/bin/date", &actions, nil, &arguments, &environment) == 0 else { return [] }
        close(descriptors[1])
        let answer = readAll(descriptors[0])
        close(descriptors[0])
        waitpid(pid, nil, 0)
        let lines = answer.split(separator: 10)
        guard lines.count == seconds.count else { return [] }
        return zip(seconds, lines).map { second, line in
            // `+hhmm`
            let digits = line.dropFirst().map { Int64($0) - 48 }
            let minutes = (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]
            return (second, (line.first == 45 ? -60 : 60) * minutes)
        }
    }
}

func readAll(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return bytes }
        bytes += buffer[..<count]
    }
}

func fileBytes(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return readAll(descriptor)
}
