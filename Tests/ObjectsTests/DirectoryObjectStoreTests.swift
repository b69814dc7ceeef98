import Foundation
import Model
import Objects
import TestSupport
import Testing

/// What only a directory can suffer.
@Suite struct DirectoryObjectStoreTests {
    let directory: TemporaryDirectory
    let clock = TestClock()
    let store: DirectoryObjectStore

    init() throws {
        directory = try TemporaryDirectory()
        store = try DirectoryObjectStore(path: directory.path, clock: clock.clock)
    }

    func overwrite(_ path: String, _ content: [UInt8]) throws {
        try FileManager.default.removeItem(atPath: directory.file(path))
        try Data(content).write(to: URL(fileURLWithPath: directory.file(path)))
    }

    @Test("The term's last millisecond still refuses; its end lets go")
    func theTermEnds() async throws {
        let end = clock.now + .seconds(10)
        try await store.create(key("a"), bytes("kept"), retention: .until(end))
        clock.advance(by: .milliseconds(9_999))
        #expect(await code { try await store.delete(key("a")) } == "object.retained")
        clock.advance(by: .milliseconds(1))
        try await store.delete(key("a"))
        #expect(try await store.record(of: key("a")) == nil)
    }

    @Test func filesAreReadOnlyAndTheDirectoryIsPrivate() async throws {
        try await store.create(key("a/b"), bytes("x"), retention: .none)
        for name in ["objects/a/b", "notes/a/b"] {
            let mode = try FileManager.default.attributesOfItem(atPath: directory.file(name))[.posixPermissions] as? Int
            #expect(mode == 0o400)
        }
        chmod(directory.path, 0o722)
        #expect(
            await code { _ = try DirectoryObjectStore(path: directory.path, clock: clock.clock) }
                == "object.directory_unsafe")
    }

    @Test("Every flipped byte is noticed, and the same bytes created again put it right")
    func damageIsNoticedAndMended() async throws {
        let content = bytes("sixteen bytes ..")
        try await store.create(key("a"), content, retention: .days(1, from: clock.now))
        for index in content.indices {
            var damaged = content
            damaged[index] ^= 1
            try overwrite("objects/a", damaged)
            #expect(await code { _ = try await store.read(key("a"), bytesMax: 100) } == "object.corrupt")
        }
        for damaged in [[], Array(content.dropLast()), content + [0]] {
            try overwrite("objects/a", damaged)
            #expect(await code { _ = try await store.read(key("a"), bytesMax: 100) } == "object.corrupt")
        }
        #expect(
            await code { _ = try await store.create(key("a"), bytes("other"), retention: .none) }
                == "object.exists_different")
        #expect(try await store.create(key("a"), content, retention: .none) == .alreadyThere)
        #expect(try await store.read(key("a"), bytesMax: 100) == content)
        try FileManager.default.removeItem(atPath: directory.file("objects/a"))
        #expect(await code { _ = try await store.read(key("a"), bytesMax: 100) } == "object.corrupt")
        try await store.create(key("a"), content, retention: .none)
        #expect(try await store.read(key("a"), bytesMax: 100) == content)
    }

    @Test func aNoteThatWasDamagedOrMovedIsNoLicenceToDelete() async throws {
        try await store.create(key("a"), bytes("x"), retention: .days(1, from: clock.now))
        try await store.create(key("b"), bytes("x"), retention: .none)
        let free = try Data(contentsOf: URL(fileURLWithPath: directory.file("notes/b")))
        for damage in [[UInt8](free), [], bytes("{}"), [UInt8](repeating: 32, count: 5_000)] {
            try overwrite("notes/a", damage)
            #expect(await code { try await store.delete(key("a")) } == "object.corrupt")
            #expect(await code { _ = try await store.read(key("a"), bytesMax: 100) } == "object.corrupt")
            #expect(
                await code { _ = try await store.create(key("a"), bytes("y"), retention: .none) }
                    == "object.corrupt")
        }
    }

    /// What a writer that was killed leaves behind, after each of its steps.
    @Test(arguments: ["temporary", "bytes", "other bytes"])
    func whatAKilledWriterLeftIsNeitherReadNorInTheWay(left: String) async throws {
        switch left {
        case "temporary": try Data(bytes("half")).write(to: URL(fileURLWithPath: directory.file("temporary/abcdef")))
        case "bytes": try Data(bytes("whole")).write(to: URL(fileURLWithPath: directory.file("objects/a")))
        default: try Data(bytes("never acknowledged")).write(to: URL(fileURLWithPath: directory.file("objects/a")))
        }
        let again = try DirectoryObjectStore(path: directory.path, clock: clock.clock)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("temporary")).isEmpty)
        #expect(await code { _ = try await again.read(key("a"), bytesMax: 100) } == "object.missing")
        #expect(try await again.list(.all, after: nil, limit: 10).keys.isEmpty)
        #expect(try await again.create(key("a"), bytes("whole"), retention: .none) == .created)
        #expect(try await again.read(key("a"), bytesMax: 100) == bytes("whole"))
    }

    @Test func oneKeyBelowAnotherIsRefused() async throws {
        try await store.create(key("a"), bytes("x"), retention: .none)
        try await store.create(key("c/d"), bytes("x"), retention: .none)
        #expect(
            await code { _ = try await store.create(key("a/b"), bytes("x"), retention: .none) }
                == "object.key_conflict")
        #expect(
            await code { _ = try await store.create(key("c"), bytes("x"), retention: .none) }
                == "object.key_conflict")
        #expect(await code { _ = try await store.read(key("a/b"), bytesMax: 9) } == "object.missing")
        #expect(await code { _ = try await store.read(key("c"), bytesMax: 9) } == "object.missing")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("temporary")).isEmpty)
    }

    @Test func twoProcessesThatCreateTheSameKeysAgreeOnOneContentEach() async throws {
        let other = try DirectoryObjectStore(path: directory.path, clock: clock.clock)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                for (store, text) in [(store, "one"), (other, "two")] {
                    group.addTask {
                        _ = await code {
                            _ = try await store.create(key("k\(number)"), bytes(text), retention: .none)
                        }
                    }
                }
            }
        }
        for number in 0..<20 {
            let found = try await store.read(key("k\(number)"), bytesMax: 10)
            #expect(found == bytes("one") || found == bytes("two"))
        }
    }

    /// Needs root, to mount a small file system.
    @Test("A full disk leaves nothing half, and with room again the same work succeeds", .enabled(if: geteuid() == 0), arguments: [1, 30])
    func diskFull(groupSize: Int) async throws {
        let mount = try TemporaryDirectory()
        try runCommand("/bin/mount", ["-t", "tmpfs", "-o", "size=1m,mode=0700", "martlet-test", mount.path])
        defer { _ = try? runCommand("/bin/umount", ["-l", mount.path]) }
        let store = try DirectoryObjectStore(path: mount.file("store"), clock: clock.clock)
        let ballast = mount.file("ballast")
        try Data(count: 512 << 10).write(to: URL(fileURLWithPath: ballast))

        var acknowledged: [NewObject] = []
        var refused: [NewObject] = []
        for round in 0..<200 where refused.isEmpty {
            let group = (0..<groupSize).map {
                NewObject(key: key("r\(round)/o\($0)"), bytes: [UInt8](repeating: UInt8(round), count: 8_192), retention: .none)
            }
            let code = await code { try await store.create(group) }
            if code == nil { acknowledged += group } else { refused = group }
            #expect(code == nil || code == "object.disk_full")
        }
        #expect(!refused.isEmpty)
        #expect(
            await code { try await store.putMutable(key("m"), [UInt8](repeating: 1, count: 600_000)) }
                == "object.disk_full")
        #expect(try FileManager.default.contentsOfDirectory(atPath: mount.file("store/temporary")).isEmpty)
        for object in acknowledged { #expect(try await store.read(object.key, bytesMax: 8_192) == object.bytes) }
        for object in refused where try await store.record(of: object.key) != nil {
            #expect(try await store.read(object.key, bytesMax: 8_192) == object.bytes)
        }

        try FileManager.default.removeItem(atPath: ballast)
        try await store.create(refused)
        for object in refused { #expect(try await store.read(object.key, bytesMax: 8_192) == object.bytes) }
    }
}
