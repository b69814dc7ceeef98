import Anchors
import Foundation
import Model
import Seal
import TestSupport
import Testing

@Suite struct ProofFormatTests {
    private let digest = Digest(bytes: Array(0..<32))!
    private static let header = Array("\0OpenTimestamps\0\0Proof\0".utf8) + [0xbf, 0x89, 0xe2, 0xe8, 0x84, 0xe8, 0x92, 0x94, 1, 8]

    private func file(_ tree: [UInt8]) -> [UInt8] { Self.header + digest.bytes + tree }
    private func attestation(_ tag: String, _ payload: [UInt8]) -> [UInt8] {
        [0] + [UInt8](hexadecimal: tag)! + number(payload.count) + payload
    }
    private func number(_ value: Int) -> [UInt8] { value < 128 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + number(value >> 7) }
    private func pending(_ address: [UInt8]) -> [UInt8] { attestation("83dfe30d2ef90c8e", number(address.count) + address) }
    private func string(_ count: Int) -> [UInt8] { number(count) + [UInt8](repeating: 7, count: count) }

    private func refusal(_ bytes: [UInt8]) -> String? {
        do throws(ProofError) {
            _ = try OpenTimestampsProof(parsing: bytes)
            return nil
        } catch { return error.code }
    }

    @Test(
        "Published RIPEMD-160 digests come out",
        arguments: [
            ("", "9c1185a5c5e9fc54612808977ee8f548b2258d31"), ("abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"),
            ("abcdefghijklmnopqrstuvwxyz", "f71c27109c692c1b56bbdceb5b9d2865b3708dbc"),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "b0e20b6e3116640286ed3a87a5713079b21f5189"),
            (String(repeating: "1234567890", count: 8), "9b752e45573d4b39f4dbd3323cab82bf63326bfb"),
        ])
    func ripemd(text: String, digest: String) throws {
        #expect(try ProofOperation.ripemd160.apply(to: .known(Array(text.utf8))).bytes?.hexadecimal == digest)
    }

    @Test("Each limit of the format is taken and one more is refused")
    func limits() {
        let end = pending(Array("https://c.example".utf8))
        let chain = { (count: Int) in self.file([UInt8](repeating: 8, count: count) + end) }
        #expect(refusal(chain(255)) == nil)
        #expect(refusal(chain(256)) == "ots.too_deep")
        #expect(refusal(file([0xf0] + string(4_064) + [8] + end)) == nil)
        #expect(refusal(file([0xf0] + string(4_065) + [8] + end)) == "ots.too_long")
        #expect(refusal(file([8, 0xf1] + string(4_097) + [8] + end)) == "ots.too_long")
        #expect(refusal(file([0xf0] + string(2_016) + [0xf3, 8] + end)) == nil)
        #expect(refusal(file([0xf0] + string(2_017) + [0xf3, 8] + end)) == "ots.too_long")
        #expect(refusal(file([0xf0, 0] + end)) == "ots.empty")
        #expect(refusal(file(pending([UInt8](repeating: 97, count: 1_000)))) == nil)
        #expect(refusal(file(pending([UInt8](repeating: 97, count: 1_001)))) == "ots.too_long")
        #expect(refusal(file(attestation("0102030405060708", [UInt8](repeating: 1, count: 8_192)))) == nil)
        #expect(refusal(file(attestation("0102030405060708", [UInt8](repeating: 1, count: 8_193)))) == "ots.too_long")
        let many = { (count: Int) in
            self.file((0..<count - 1).flatMap { [0xff] + self.attestation("0102030405060708", self.number($0 + 1)) } + end)
        }
        #expect(refusal(many(4_096)) == nil)
        #expect(refusal(many(4_097)) == "ots.too_many")
        #expect(refusal([UInt8](repeating: 0, count: OpenTimestampsProof.bytesMax + 1)) == "ots.too_long")
    }

    @Test("What is malformed is refused with its code")
    func malformed() {
        let end = pending(Array("https://c.example".utf8))
        #expect(refusal([]) == "ots.not_a_proof")
        #expect(refusal(file(end + [0])) == "ots.trailing")
        #expect(refusal(file([0x09] + end)) == "ots.operation")
        #expect(refusal(file([0xff] + end + end)) == "ots.duplicate")
        #expect(refusal(file([0xff, 8] + end + [8] + end)) == "ots.duplicate")
        for character in "?#@%[] &\\\n" { #expect(refusal(file(pending(Array("https://c\(character)".utf8)))) == "ots.address") }
        #expect(refusal(file(attestation("83dfe30d2ef90c8e", [1, 97, 97]))) == "ots.trailing")
        #expect(refusal(file(attestation("0588960d73d71901", [5, 5]))) == "ots.trailing")
        #expect(refusal(file(attestation("0588960d73d71901", []))) == "ots.truncated")
        #expect(refusal(file(attestation("0588960d73d71901", [0x85, 0]))) == "ots.number")
        #expect(refusal(file(attestation("0588960d73d71901", number(2_147_483_648)))) == "ots.number")
        #expect(refusal(file(attestation("0588960d73d71901", [UInt8](repeating: 0xff, count: 12)))) == "ots.number")
        var other = file(end)
        other[31] = 2
        #expect(refusal(other) == "ots.version")
        other[31] = 1
        other[32] = 2
        #expect(refusal(other) == "ots.digest")
        for count in 1..<file(end).count { #expect(refusal(Array(file(end).prefix(count))) != nil) }
        #expect(throws: ProofError.otherDigest) { try OpenTimestampsProof(parsing: file(end), about: .genesis) }
    }

    @Test("Behind Keccak nothing is computed, and what stands there is kept")
    func keccak() throws {
        let bytes = file([0xff] + [0x67, 8] + attestation("0588960d73d71901", [5]) + [8] + attestation("0588960d73d71901", [6]))
        let proof = try OpenTimestampsProof(parsing: bytes)
        #expect(proof.bytes == bytes)
        #expect(proof.attestations.map { $0.message == nil } == [true, false])
    }

    @Test("A refuted attestation goes with the branch that led only to it, and the last one stays")
    func removes() throws {
        let bytes = file([0xff, 2] + attestation("0588960d73d71901", [5]) + [8] + attestation("0588960d73d71901", [6]))
        var proof = try OpenTimestampsProof(parsing: bytes)
        proof.remove([proof.attestations[0]])
        #expect(proof.bytes == file([8] + attestation("0588960d73d71901", [6])))
        proof.remove([proof.attestations[0]])
        #expect(proof.bytes == file([8] + attestation("0588960d73d71901", [6])))
    }

    @Test("The published library's proofs are read as it reads them, and written back byte for byte")
    func readsTheirs() async throws {
        let made = try await LabTimestamps.python(repositoryRoot + "/scripts/lab/lib/ots_oracle.py", "make", "7", "150")
        let lines = made.split(separator: "\n")
        #expect(lines.count == 150)
        for line in lines {
            let parts = line.split(separator: " ", maxSplits: 1)
            let bytes = try #require([UInt8](hexadecimal: String(parts[0])))
            let proof = try OpenTimestampsProof(parsing: bytes)
            #expect(proof.bytes == bytes)
            let expected = try JSONValue(parsing: Array(parts[1].utf8), limits: JSONLimits(bytesMax: 1 << 20)).array ?? []
            let computed = Set(
                proof.attestations.compactMap { item in item.message.map { $0.hexadecimal + " " + describe(item.attestation) } })
            let theirs = Set(expected.compactMap { pair in pair.array.map { ($0[0].string ?? "") + " " + ($0[1].string ?? "") } })
            #expect(computed.isSubset(of: theirs))
            #expect(expected.count == proof.attestations.count)
            if proof.attestations.allSatisfy({ $0.message != nil }) { #expect(computed == theirs) }
            // Taken apart and merged again in another order, the same bytes come out: our order is the library's.
            var rebuilt = ProofTree([])
            for item in proof.tree.items.reversed() { rebuilt.merge(ProofTree([item])) }
            #expect(OpenTimestampsProof(digest: proof.digest, tree: rebuilt).bytes == bytes)
        }
    }

    @Test("Of damaged proofs we take none that the published library refuses, and write those we take as it does")
    func neverLaxer() async throws {
        let made = try await LabTimestamps.python(repositoryRoot + "/scripts/lab/lib/ots_oracle.py", "make", "11", "60")
        var random = SystemRandomNumberGenerator()
        var damaged: [[UInt8]] = []
        for line in made.split(separator: "\n") {
            let bytes = try #require([UInt8](hexadecimal: String(line.prefix { $0 != " " })))
            for _ in 0..<20 {
                var copy = bytes
                let place = Int.random(in: 31..<copy.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: copy[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: copy.remove(at: place)
                default: copy.insert(UInt8.random(in: 0...255, using: &random), at: place)
                }
                damaged.append(copy)
            }
        }
        let directory = try TemporaryDirectory()
        try Data(damaged.map(\.hexadecimal).joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: directory.file("damaged")))
        let judged = try await LabTimestamps.python(repositoryRoot + "/scripts/lab/lib/ots_oracle.py", "read", directory.file("damaged"))
        let theirs = judged.split(separator: "\n")
        #expect(theirs.count == damaged.count)
        var taken = 0
        for (bytes, answer) in zip(damaged, theirs) {
            guard let proof = try? OpenTimestampsProof(parsing: bytes) else { continue }
            #expect(proof.bytes == bytes)
            // We keep a Litecoin attestation's payload as it is; the library reads it.
            guard !bytes.hexadecimal.contains("06869a0d73d71b45") else { continue }
            taken += 1
            #expect(answer != "refused", "\(bytes.hexadecimal)")
            if answer != "refused" { #expect(answer.count == bytes.count * 2, "\(bytes.hexadecimal)") }
        }
        #expect(taken > 20)
    }

    private func describe(_ attestation: ProofAttestation) -> String {
        switch attestation {
        case .pending(let calendar): "pending " + calendar
        case .bitcoin(let height): "bitcoin \(height)"
        case .other(let tag, _): "other " + tag.hexadecimal
        }
    }
}
