import Crypto
import TransparencyLog

/// RFC 6962 section 2.1, word for word: what everything else is compared with. Shares no line with it.
struct NaiveTree {
    let entries: [[UInt8]]
    private var known: [Range<Int>: [UInt8]] = [:]

    init(_ entries: [[UInt8]]) { self.entries = entries }

    /// Entry i is the text of i.
    init(numbered count: Int) { self.init((0..<count).map { Array("entry \($0)".utf8) }) }

    /// MTH(D[range]).
    mutating func hash(_ range: Range<Int>) -> [UInt8] {
        if let hash = known[range] { return hash }
        let hash: [UInt8]
        switch range.count {
        case 0: hash = Array(SHA256.hash(data: [UInt8]()))
        case 1: hash = Array(SHA256.hash(data: [0] + entries[range.lowerBound]))
        default:
            let middle = range.lowerBound + Self.split(range.count)
            hash = Array(SHA256.hash(data: [1] + self.hash(range.lowerBound..<middle) + self.hash(middle..<range.upperBound)))
        }
        known[range] = hash
        return hash
    }

    /// The largest power of two smaller than n.
    static func split(_ n: Int) -> Int {
        var k = 1
        while k * 2 < n { k *= 2 }
        return k
    }

    mutating func root(_ size: Int) -> LogHash { LogHash(bytes: hash(0..<size))! }

    /// PATH(m, D[range]), m counted from the range's start.
    mutating func path(_ m: Int, _ range: Range<Int>) -> [LogHash] {
        guard range.count > 1 else { return [] }
        let k = Self.split(range.count)
        let middle = range.lowerBound + k
        if m < k { return path(m, range.lowerBound..<middle) + [LogHash(bytes: hash(middle..<range.upperBound))!] }
        return path(m - k, middle..<range.upperBound) + [LogHash(bytes: hash(range.lowerBound..<middle))!]
    }

    /// PROOF(m, D[n]).
    mutating func consistency(_ m: Int, _ n: Int) -> [LogHash] { m == 0 || m == n ? [] : subproof(m, 0..<n, true) }

    private mutating func subproof(_ m: Int, _ range: Range<Int>, _ isOld: Bool) -> [LogHash] {
        if m == range.count { return isOld ? [] : [LogHash(bytes: hash(range))!] }
        let k = Self.split(range.count)
        let middle = range.lowerBound + k
        if m <= k {
            return subproof(m, range.lowerBound..<middle, isOld) + [LogHash(bytes: hash(middle..<range.upperBound))!]
        }
        return subproof(m - k, middle..<range.upperBound, false) + [LogHash(bytes: hash(range.lowerBound..<middle))!]
    }

    /// What stands at a node.
    mutating func hash(of node: TreeNode, size: Int) -> LogHash {
        let first = Int(node.index) << node.level
        return LogHash(bytes: hash(first..<min(first + 1 << node.level, size)))!
    }
}
