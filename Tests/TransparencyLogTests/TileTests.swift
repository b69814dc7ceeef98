import Crypto
import Model
import TestSupport
import Testing
import TransparencyLog

@Suite struct TilePathTests {
    @Test(arguments: [
        (TilePath(.hashes(level: 0), index: 0), "tile/0/000"),
        (TilePath(.hashes(level: 0), index: 999, width: 1), "tile/0/999.p/1"),
        (TilePath(.hashes(level: 1), index: 1_000), "tile/1/x001/000"),
        (TilePath(.hashes(level: 7), index: 1_234_067, width: 255), "tile/7/x001/x234/067.p/255"),
        (TilePath(.entries, index: 1_234_067), "tile/entries/x001/x234/067"),
        (TilePath(.entries, index: 36_028_797_018_963_967, width: 255), "tile/entries/x036/x028/x797/x018/x963/967.p/255"),
    ])
    func aPathReadsBackAsItsText(path: TilePath, text: String) {
        #expect(path.description == text)
        #expect(TilePath(text) == path)
    }

    @Test(arguments: [
        "", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/8/000", "tile/64/000",
        "tile/-1/000", "tile/data/000", "tile/entries/", "tile/0/x000/000", "tile/0/001/000", "tile/0/x001/x000", "tile/0/x01/000",
        "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/1/2", "tile/0/000/1",
        "tile/0/.p/1", "/tile/0/000", "tile/0/000/", "tile/0/../000", "tile/0/x001/../000", "tile/0/٠٠٠", "tile/0/000\n", "tile/0/+01",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ])
    func anyOtherPathIsRefused(text: String) {
        #expect(TilePath(text) == nil)
    }
}

@Suite struct LogBuilderTests {
    /// What C2SP tlog-tiles says of a tree of 70,000.
    @Test func aLogOf70000HasTheTilesThatTheSpecificationNames() throws {
        let log = SampleLog.large
        func widths(_ kind: TilePath.Kind) -> [Int] {
            log.tiles.paths.filter { $0.kind == kind }.sorted { $0.index < $1.index }.map(\.width)
        }
        #expect(widths(.hashes(level: 0)) == Array(repeating: 256, count: 273) + [112])
        #expect(widths(.hashes(level: 1)) == [256, 17])
        #expect(widths(.hashes(level: 2)) == [1])
        #expect(widths(.entries) == Array(repeating: 256, count: 273) + [112])
        #expect(log.tiles.paths.count == 274 + 2 + 1 + 274)
        #expect(log.tiles[TilePath(.hashes(level: 0), index: 3)]?.count == 8_192)
        #expect(log.tiles[TilePath(.entries, index: 273, width: 112)]?.count == 112 * 66)
        #expect(SampleLog(size: 256).tiles.paths.map(\.description).sorted() == ["tile/0/000", "tile/1/000.p/1", "tile/entries/000"])
    }

    @Test func everyRootIsTheRFCs() {
        let entries = (0..<700).map(LogEntry.numbered)
        var naive = NaiveTree(entries.map(\.bytes))
        var builder = LogBuilder()
        for (index, entry) in entries.enumerated() {
            builder.append(entry)
            #expect(builder.root == naive.root(index + 1))
        }
    }

    /// However the leaves come, and however often the log is opened anew, the same tiles are written.
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func anyBatchesGiveTheSameTiles(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let size = Int.random(in: 0...1_500, using: &random)
        let whole = SampleLog(size: size)
        let tiles = MemoryTiles()
        var builder = LogBuilder()
        var written = 0
        var last = builder.takeBatch()
        while written < size {
            let count = min([1, 3, 255, 256, 257, 700].randomElement(using: &random)!, size - written)
            last = builder.batch((written..<(written + count)).map(LogEntry.numbered))
            for resource in last.resources {
                // Immutable: never another content under a name.
                #expect(tiles[resource.path] ?? resource.bytes == resource.bytes)
            }
            tiles.write(last.resources)
            written += count
            if Bool.random(using: &random) {
                builder = LogBuilder(try await LogFrontier.read(size: last.size, root: last.root, from: tiles))
            }
        }
        #expect(last.size == size && last.root == whole.batch.root)
        for path in whole.tiles.paths { #expect(tiles[path] == whole.tiles[path]) }
        // And what is there beside: only partial tiles of the sizes that were taken.
        #expect(Set(tiles.paths).subtracting(whole.tiles.paths).allSatisfy { !$0.isFull })
    }

    @Test func aBatchHoldsOnlyWhatChanged() {
        var builder = LogBuilder()
        _ = builder.batch((0..<300).map(LogEntry.numbered))
        #expect(builder.batch([]).resources.isEmpty)
        let paths = builder.batch([LogEntry.numbered(300)]).resources.map(\.path.description)
        #expect(paths == ["tile/entries/001.p/45", "tile/0/001.p/45"])
    }

    @Test func fullTilesCanBeTakenAhead() {
        var builder = LogBuilder()
        for number in 0..<600 { builder.append(LogEntry.numbered(number)) }
        let ahead = builder.takeFull()
        #expect(ahead.map(\.path.description) == ["tile/entries/000", "tile/0/000", "tile/entries/001", "tile/0/001"])
        let rest = builder.takeBatch()
        #expect(rest.root == SampleLog(size: 600).batch.root)
        #expect(rest.resources.map(\.path.description) == ["tile/entries/002.p/88", "tile/0/002.p/88", "tile/1/000.p/2"])
    }

    @Test func entriesOfAnyLengthAreBundled() throws {
        let path = TilePath(.entries, index: 0, width: 3)
        let entries: [[UInt8]] = [[], [7], [UInt8](repeating: 9, count: EntryBundle.entryBytesMax)]
        var builder = LogBuilder()
        for entry in entries { builder.append(entry) }
        let bundle = try #require(builder.takeBatch().resources.first { $0.path == path }).bytes
        #expect(Array(bundle[..<6]) == [0, 0, 0, 1, 7, 0xff])
        #expect(try EntryBundle.entries(bundle, at: path).map { Array($0) } == entries)
        for bad in [[], Array(bundle.dropLast()), bundle + [0], bundle + [0, 0], Array(bundle.dropFirst())] {
            #expect(throws: TileError.malformed(path)) { try EntryBundle.entries(bad, at: path) }
        }
    }
}

@Suite struct TileReaderTests {
    /// Every node of trees around the tiles' borders.
    @Test(arguments: [1, 2, 255, 256, 257, 300, 511, 512, 513, 1_000])
    func everyNodeIsTheRFCs(size: Int) async throws {
        let log = SampleLog(size: size)
        var naive = NaiveTree((0..<size).map { LogEntry.numbered($0).bytes })
        let shape = TreeShape(size: Int64(size))
        var nodes: [TreeNode] = []
        for level in 0...shape.height {
            for index in 0..<shape.width(ofLevel: level) { nodes.append(TreeNode(level: level, index: index)) }
        }
        let hashes = try await log.reader.hashes(of: nodes)
        for (node, hash) in zip(nodes, hashes) { #expect(hash == naive.hash(of: node, size: size)) }
    }

    @Test func proofsAcrossThreeLevelsOfTilesVerify() async throws {
        let log = SampleLog.large
        let reader = log.reader
        for index: Int64 in [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
            let proof = try await reader.inclusionProof(of: index)
            try proof.verify(leaf: LogEntry.numbered(Int(index)).leafHash, index: index, size: 70_000, root: log.batch.root)
        }
        for old in SampleLog.largeSizes {
            let root = SampleLog.largeRoot(old)
            #expect(try await reader.root(ofFirst: Int64(old)) == root)
            let proof = try await reader.consistencyProof(from: Int64(old))
            try proof.verify(oldSize: Int64(old), oldRoot: root, newSize: 70_000, newRoot: log.batch.root)
        }
        #expect(try await reader.leaves(65_530..<65_540) == (65_530..<65_540).map { LogEntry.numbered($0).leafHash })
        #expect(try await reader.entries(ofBundle: 273).count == 112)
        #expect(try await reader.entries(ofBundle: 1)[0] == LogEntry.numbered(256).bytes)
        await #expect(throws: ProofError.outside(index: 70_000, size: 70_000)) { try await reader.inclusionProof(of: 70_000) }
        await #expect(throws: ProofError.outside(index: -1, size: 70_000)) { try await reader.inclusionProof(of: -1) }
        await #expect(throws: ProofError.outside(index: 274, size: 274)) { try await reader.entries(ofBundle: 274) }
        await #expect(throws: ProofError.outside(index: 70_001, size: 70_000)) { try await reader.consistencyProof(from: 70_001) }
    }

    /// One bit wrong anywhere: nothing of that tile is used, and it is named.
    @Test(arguments: [600, 70_000])
    func aCorruptTileIsNamed(size: Int) async throws {
        let log = size == 70_000 ? .large : SampleLog(size: size)
        var random = SeededGenerator(seed: 3)
        let partial = log.tiles.paths.filter { !$0.isFull && $0.kind != .entries }
        for path in [TilePath(.hashes(level: 0), index: 0), TilePath(.hashes(level: 0), index: Int64(size / 256 - 1))] + partial
            + log.tiles.paths.filter({ $0.kind == .hashes(level: 1) })
        {
            let good = try #require(log.tiles[path])
            var bytes = good
            bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            log.tiles[path] = bytes
            let index = path.kind == .hashes(level: 0) ? path.index * 256 : path.index * 65_536
            do {
                _ = try await log.reader.inclusionProof(of: index)
                Issue.record("a proof from a corrupt \(path)")
            } catch let error as TileError {
                #expect(path.isFull ? error == .corrupt(path) : error == .corruptEdge(partial.sorted { $0.description > $1.description }))
            }
            log.tiles[path] = Array(good.dropLast())
            await #expect(throws: TileError.malformed(path)) { try await log.reader.inclusionProof(of: index) }
            log.tiles[path] = nil
            await #expect(throws: MemoryTiles.Missing(path: path)) { try await log.reader.inclusionProof(of: index) }
            log.tiles[path] = good
        }
        _ = try await log.reader.inclusionProof(of: 0)
    }

    @Test func corruptEntriesAreNamed() async throws {
        let log = SampleLog(size: 300)
        let path = TilePath(.entries, index: 1, width: 44)
        var bytes = try #require(log.tiles[path])
        bytes[bytes.count - 1] ^= 1
        log.tiles[path] = bytes
        await #expect(throws: TileError.corrupt(path)) { try await log.reader.entries(ofBundle: 1) }
        await #expect(throws: TileError.corrupt(path)) {
            try await LogFrontier.read(size: 300, root: log.batch.root, from: log.tiles)
        }
        #expect(try await log.reader.entries(ofBundle: 0).count == 256)
    }

    /// A log may delete a partial tile once the full one is there.
    @Test func aFullTileServesForAPartialOne() async throws {
        let small = SampleLog(size: 300)
        let large = SampleLog(size: 1_000)
        let reader = TileReader(size: 300, root: small.batch.root, source: large.tiles)
        // Level 1 has no full tile yet, and its partial one of 300 leaves is gone.
        await #expect(throws: MemoryTiles.Missing.self) { try await reader.inclusionProof(of: 299) }
        large.tiles[TilePath(.hashes(level: 1), index: 0, width: 1)] = small.tiles[TilePath(.hashes(level: 1), index: 0, width: 1)]
        let proof = try await reader.inclusionProof(of: 299)
        try proof.verify(leaf: LogEntry.numbered(299).leafHash, index: 299, size: 300, root: small.batch.root)
        #expect(try await reader.entries(ofBundle: 1).count == 44)
    }

    @Test func aTileIsReadOnce() async throws {
        let log = SampleLog(size: 1_000)
        let reader = log.reader
        for index in 0..<256 as Range<Int64> { _ = try await reader.inclusionProof(of: index) }
        #expect(log.tiles.reads == 3)
    }

    @Test func anEmptyLogHasOnlyTheEmptyRoot() async throws {
        _ = try await LogFrontier.read(size: 0, root: .empty, from: MemoryTiles())
        await #expect(throws: (any Error).self) { try await LogFrontier.read(size: 0, root: .leaf([]), from: MemoryTiles()) }
    }
}
