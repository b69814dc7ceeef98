package import Seal
import Synchronization

/// Verifies bundles on several cores, for all who read many: a kit's verifier, and Central before it hands evidence out.
///
/// Signatures are verified one by one, with keys that are prepared for many: `docs/dependencies.md` says why not in batches.
package struct BundleVerifier: Sendable {
    /// Bundles that a core takes at a time: one to three milliseconds of work, so that none waits long for the last.
    private static let shareCount = 32

    private let workers: Int

    /// - Parameter workers: how many cores to use.
    package init(workers: Int) { self.workers = max(workers, 1) }

    /// What `judge` makes of each, in their order. It runs on several cores at once, each with its own memory.
    package func judge<Held: Sendable, Judged: Sendable>(
        _ held: [Held], _ judge: @escaping @Sendable (Held, JSONMemory) -> Judged
    ) async -> [Judged] {
        let turn = Turn()
        return await withTaskGroup(of: [(start: Int, judged: [Judged])].self) { group in
            for _ in 0..<min(workers, (held.count + Self.shareCount - 1) / Self.shareCount) {
                group.addTask {
                    let memory = JSONMemory()
                    var shares: [(start: Int, judged: [Judged])] = []
                    while let start = turn.next(upTo: held.count, by: Self.shareCount) {
                        shares.append((start, held[start..<min(start + Self.shareCount, held.count)].map { judge($0, memory) }))
                    }
                    return shares
                }
            }
            var shares: [(start: Int, judged: [Judged])] = []
            for await more in group { shares += more }
            return shares.sorted { $0.start < $1.start }.flatMap(\.judged)
        }
    }

    /// Calls `body` with what `verify` makes of everything that `page` reads, in its order. While a page is worked through, the next is
    /// verified and the one after it is read: of three pages something is in memory.
    ///
    /// - Parameters:
    ///   - page: what comes after an item, or from the start; empty at the end.
    ///   - verify: runs on several cores at once. Of several errors the first in order is thrown.
    package func forEach<Held: Sendable, Verified: Sendable>(
        page: @escaping @Sendable (_ after: Held?) async throws -> [Held],
        verify: @escaping @Sendable (Held, JSONMemory) throws -> Verified,
        _ body: (Verified) throws -> Void
    ) async throws {
        var held = try await page(nil)
        var judged: [Result<Verified, any Error>] = []
        while !held.isEmpty || !judged.isEmpty {
            let current = held
            async let following = current.isEmpty ? [] : page(current.last)
            async let verified = judge(current) { item, memory in Result { try verify(item, memory) } }
            for result in judged { try body(result.get()) }
            judged = await verified
            held = try await following
        }
    }
}

/// Gives out the starts of shares, each to one task.
private final class Turn: Sendable {
    private let position = Atomic(0)

    func next(upTo end: Int, by count: Int) -> Int? {
        let start = position.add(count, ordering: .relaxed).oldValue
        return start < end ? start : nil
    }
}
