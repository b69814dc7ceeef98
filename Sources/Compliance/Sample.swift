import Crypto
package import Model

/// Which bundles an auditor looks at: drawn by a nonce that nobody could know when the log was closed, from a population that was
/// committed to before. Anybody who has both draws the same.
package struct Sample: Sendable {
    package static let nonceBytes = 16...200

    package struct Draw: Hashable, Sendable {
        package let appliance: ApplianceID
        package let sequence: Int64

        package init(appliance: ApplianceID, sequence: Int64) {
            self.appliance = appliance
            self.sequence = sequence
        }
    }

    private let key: SymmetricKey
    private var counter: UInt64 = 0
    /// Numbers of the newest block that were not used yet, last first.
    private var numbers: [UInt64] = []

    /// - Parameters:
    ///   - nonce: the auditor's text.
    ///   - root: of the checkpoint that the kit holds.
    /// nil for a nonce of another length than 16 to 200 bytes.
    package init?(nonce: String, root: Model.Digest) {
        guard Self.nonceBytes.contains(nonce.utf8.count) else { return nil }
        key = SymmetricKey(data: Array(nonce.utf8) + root.bytes)
    }

    /// In the order drawn, each once; all of them where there are not more.
    package mutating func draw(_ count: Int, from bundles: [Coverage.Read]) -> [Draw] {
        let total = bundles.reduce(0) { $0 + UInt64($1.last - $1.first + 1) }
        // Only places that were moved are kept: the list itself may have millions.
        var moved: [UInt64: UInt64] = [:]
        var draws: [Draw] = []
        for index in 0..<min(UInt64(max(count, 0)), total) {
            let other = index + below(total - index)
            let drawn = moved[other] ?? other
            moved[other] = moved[index] ?? index
            draws.append(Self.bundle(drawn, of: bundles))
        }
        return draws
    }

    /// Uniform: numbers that would favour the small remainders are thrown away.
    private mutating func below(_ bound: UInt64) -> UInt64 {
        // 2^64 mod bound.
        let excess = (UInt64.max % bound + 1) % bound
        while true {
            let number = next()
            if excess == 0 || number < 0 &- excess { return number % bound }
        }
    }

    private mutating func next() -> UInt64 {
        if numbers.isEmpty {
            var message = Array("martlet.sample/v1".utf8) + [0]
            withUnsafeBytes(of: counter.bigEndian) { message += $0 }
            counter += 1
            let block = Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
            for place in stride(from: 24, through: 0, by: -8) {
                numbers.append(block[place..<(place + 8)].reduce(0) { $0 << 8 | UInt64($1) })
            }
        }
        return numbers.removeLast()
    }

    private static func bundle(_ number: UInt64, of bundles: [Coverage.Read]) -> Draw {
        var rest = Int64(number)
        for read in bundles {
            let count = read.last - read.first + 1
            if rest < count { return Draw(appliance: read.appliance, sequence: read.first + rest) }
            rest -= count
        }
        preconditionFailure("a number beyond the population")
    }
}
