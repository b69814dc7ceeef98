/// Why something is not proven.
package enum ProofError: Error, Hashable, Sendable {
    /// The proof is about a leaf or a tree that the tree cannot contain.
    case outside(index: Int64, size: Int64)
    /// More or fewer hashes than a tree of this size needs.
    case wrongLength
    /// Another root follows from it.
    case wrongRoot
    /// A proof in text that is not in its form; says where.
    case malformed(String)

    package var code: String {
        switch self {
        case .outside: "log.proof.outside"
        case .wrongLength: "log.proof.length"
        case .wrongRoot: "log.proof.root"
        case .malformed: "log.proof.malformed"
        }
    }

    package var message: String {
        switch self {
        case .outside(let index, let size): "not proven: \(index) is outside of a tree of \(size)."
        case .wrongLength: "not proven: the proof has not as many hashes as a tree of this size needs."
        case .wrongRoot: "not proven: another root follows from the proof than the checkpoint has."
        case .malformed(let what): "not proven: \(what); the proof was not read further."
        }
    }
}
