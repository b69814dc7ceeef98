import Model
import Objects
import TestSupport
import Testing

/// What every store promises, over every store.
@Suite struct ObjectStoreContractTests {
    @Test(arguments: StoreKind.allCases)
    func anObjectIsReadAsItWasCreatedAndNeverOverwritten(_ kind: StoreKind) async throws {
        try await withStore(kind) { made in
            let store = made.store
            #expect(try await store.create(key("a/b"), bytes("one"), retention: made.aDay) == .created)
            #expect(try await store.create(key("a/b"), bytes("one"), retention: made.aDay) == .alreadyThere)
            #expect(
                await code { _ = try await store.create(key("a/b"), bytes("two"), retention: .none) }
                    == "object.exists_different")
            #expect(try await store.read(key("a/b"), bytesMax: 3) == bytes("one"))
            let record = try #require(try await store.record(of: key("a/b")))
            #expect(record.size == 3)
            #expect(!record.isHeld)
            #expect(record.retention.covers(made.aDay))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func emptyAndLargeObjectsAreKept(_ kind: StoreKind) async throws {
        try await withStore(kind) { made in
            let large = (0..<1_000_003).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await made.store.create(key("empty"), [], retention: .none)
            try await made.store.create(key("large"), large, retention: .none)
            #expect(try await made.store.read(key("empty"), bytesMax: 0) == [])
            #expect(try await made.store.read(key("large"), bytesMax: large.count) == large)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func whatIsMissingOrTooLargeIsRefused(_ kind: StoreKind) async throws {
        try await withStore(kind) { made in
            let store = made.store
            try await store.create(key("a"), bytes("four"), retention: .none)
            try await store.putMutable(key("m"), bytes("four"))
            #expect(await code { _ = try await store.read(key("a"), bytesMax: 3) } == "object.too_large")
            #expect(await code { _ = try await store.readMutable(key("m"), bytesMax: 3) } == "object.too_large")
            #expect(await code { _ = try await store.read(key("b"), bytesMax: 3) } == "object.missing")
            #expect(await code { _ = try await store.readMutable(key("a"), bytesMax: 4) } == "object.missing")
            #expect(await code { try await store.setLegalHold(key("b"), true) } == "object.missing")
            #expect(await code { try await store.verifyRetention(key("b"), .none) } == "object.missing")
            #expect(try await store.record(of: key("b")) == nil)
            try await store.delete(key("b"))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func aRetainedObjectIsNotDeletedAndItsTermOnlyGrows(_ kind: StoreKind) async throws {
        try await withStore(kind) { made in
            let store = made.store
            let twoDays = Retention.days(2, from: made.clock.now)
            try await store.create(key("a"), bytes("kept"), retention: made.aDay)
            #expect(await code { try await store.delete(key("a")) } == "object.retained")
            #expect(
                await code { try await store.verifyRetention(key("a"), twoDays) }
                    == "object.retention_not_applied")
            try await store.create(key("a"), bytes("kept"), retention: twoDays)
            try await store.verifyRetention(key("a"), twoDays)
            try await store.extendRetention(key("a"), to: made.aDay)
            try await store.verifyRetention(key("a"), twoDays)
            #expect(try await store.read(key("a"), bytesMax: 4) == bytes("kept"))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func aLegalHoldOutlivesTheTerm(_ kind: StoreKind) async throws {
        try await withStore(kind) { made in
            let store = made.store
            try await store.create(key("a"), bytes("held"), retention: .none)
            try await store.setLegalHold(key("a"), true)
            #expect(try await store.record(of: key("a"))?.isHeld == true)
            #expect(await code { try await store.delete(key("a")) } == "object.held")
            try await store.setLegalHold(key("a"), false)
            try await store.delete(key("a"))
            #expect(try await store.record(of: key("a")) == nil)
            // A name that is free again may be taken by other bytes.
            #expect(try await store.create(key("a"), bytes("other"), retention: .none) == .created)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func listingsComeInPagesInTheOrderOfBytes(_ kind: StoreKind) async throws {
        try await withStore(kind) { made in
            let names = ["log/a", "log/tile/000", "log/tile/000.p/5", "log/tile/001", "log/tile-x", "log/tile.x", "other/z", "zz"]
            try await made.store.create(names.map { NewObject(key: key($0), bytes: bytes($0), retention: .none) })
            try await made.store.putMutable(key("log/checkpoint"), bytes("not listed"))
            let expected = names.map { key($0) }.sorted()
            var found: [ObjectKey] = []
            var pages = 0
            while true {
                let page = try await made.store.list(.all, after: found.last, limit: 3)
                found += page.keys
                pages += 1
                if !page.isTruncated { break }
                #expect(page.keys.count == 3)
                if pages > 4 { break }
            }
            #expect(found == expected)
            #expect(pages == 3)
            let tiles = try await made.store.list(try #require(ObjectPrefix("log/tile/")), after: nil, limit: 1_000)
            #expect(tiles.keys.map(\.description) == ["log/tile/000", "log/tile/000.p/5", "log/tile/001"])
            #expect(!tiles.isTruncated)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func aMutableObjectIsReplacedAndIsNoImmutableOne(_ kind: StoreKind) async throws {
        try await withStore(kind) { made in
            for text in ["one", "two", "three"] {
                try await made.store.putMutable(key("log/checkpoint"), bytes(text))
                #expect(try await made.store.readMutable(key("log/checkpoint"), bytesMax: 10) == bytes(text))
            }
            #expect(try await made.store.record(of: key("log/checkpoint")) == nil)
            try await made.store.create(key("log/checkpoint"), bytes("immutable"), retention: .none)
            #expect(try await made.store.readMutable(key("log/checkpoint"), bytesMax: 10) == bytes("three"))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func manyAtOnceAreThereAndADifferentOneAmongThemIsRefused(_ kind: StoreKind) async throws {
        try await withStore(kind) { made in
            let objects = (0..<40).map { NewObject(key: key("tile/\($0)"), bytes: bytes("content \($0)"), retention: made.aDay) }
            try await made.store.create(objects)
            try await made.store.create(objects)
            for object in objects { #expect(try await made.store.read(object.key, bytesMax: 100) == object.bytes) }
            let clash = [
                NewObject(key: key("tile/new"), bytes: bytes("x"), retention: .none),
                NewObject(key: key("tile/7"), bytes: bytes("other"), retention: .none),
            ]
            #expect(await code { try await made.store.create(clash) } == "object.exists_different")
            #expect(try await made.store.read(key("tile/7"), bytesMax: 100) == bytes("content 7"))
        }
    }

    @Test(arguments: StoreKind.allCases)
    func ofTwoWhoCreateTheSameKeyAtOnceOneWinsAndTheOtherIsTold(_ kind: StoreKind) async throws {
        try await withStore(kind) { made in
            let store = made.store
            let outcomes = await withTaskGroup(of: String?.self) { group in
                for number in 0..<6 {
                    group.addTask {
                        await code {
                            _ = try await store.create(key("contested"), bytes("\(number)"), retention: .none)
                        }
                    }
                }
                return await group.reduce(into: [String?]()) { $0.append($1) }
            }
            #expect(outcomes.filter { $0 == nil }.count == 1)
            #expect(outcomes.filter { $0 == "object.exists_different" }.count == 5)
        }
    }
}
