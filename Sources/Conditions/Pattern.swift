/// A pattern over whole texts, matched in time linear in the text: all threads of the automaton advance together, so no
/// text makes it try again. `docs/conditions.md` gives the grammar; back-references and look-around cannot be said in it.
package struct Pattern: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    private let program: [Instruction]

    package static let bytesMax = 500
    /// Bounds both the compiled size and the work per character.
    package static let instructionsMax = 2_000
    package static let repetitionsMax: Int = 1_000
    package static let depthMax = 20

    package init(_ text: String) throws(PatternError) {
        guard text.utf8.count <= Self.bytesMax else { throw PatternError("is longer than \(Self.bytesMax) bytes") }
        var parser = PatternParser(text)
        let syntax = try parser.parse()
        var compiler = Compiler()
        try compiler.emit(syntax)
        try compiler.add(.match)
        self.text = text
        program = compiler.program
    }

    package static func == (left: Pattern, right: Pattern) -> Bool { left.text == right.text }
    package func hash(into hasher: inout Hasher) { hasher.combine(text) }
    package var description: String { text }

    package func matches(_ text: String) -> Bool { run(text).matches }

    /// `steps` counts visited instructions: at most program size times characters plus one.
    package func run(_ text: String) -> (matches: Bool, steps: Int) {
        var current = Threads(capacity: program.count)
        var following = Threads(capacity: program.count)
        var steps = 0
        follow(0, into: &current, &steps)
        for scalar in text.unicodeScalars {
            if current.list.isEmpty { return (false, steps) }
            for index in current.list {
                steps += 1
                guard case .one(let set) = program[index], set.contains(scalar.value) else { continue }
                follow(index + 1, into: &following, &steps)
            }
            swap(&current, &following)
            following.removeAll()
        }
        return (current.list.contains { if case .match = program[$0] { true } else { false } }, steps)
    }

    /// Adds `start` and everything reachable from it without taking a character.
    private func follow(_ start: Int, into threads: inout Threads, _ steps: inout Int) {
        var open = [start]
        while let index = open.popLast() {
            steps += 1
            guard threads.insert(index) else { continue }
            switch program[index] {
            case .jump(let target): open.append(target)
            case .split(let first, let second):
                open.append(second)
                open.append(first)
            case .one, .match: break
            }
        }
    }

    private enum Instruction: Sendable {
        case one(ScalarSet)
        case split(Int, Int)
        case jump(Int)
        case match
    }

    /// A set of instruction numbers that keeps each once and empties in constant time per member.
    private struct Threads {
        private(set) var list: [Int] = []
        private var isMember: [Bool]

        init(capacity: Int) { isMember = Array(repeating: false, count: capacity) }

        mutating func insert(_ index: Int) -> Bool {
            guard !isMember[index] else { return false }
            isMember[index] = true
            list.append(index)
            return true
        }

        mutating func removeAll() {
            for index in list { isMember[index] = false }
            list.removeAll(keepingCapacity: true)
        }
    }

    private struct Compiler {
        var program: [Instruction] = []

        mutating func add(_ instruction: Instruction) throws(PatternError) {
            guard program.count < Pattern.instructionsMax else {
                throw PatternError("is too large: it compiles to more than \(Pattern.instructionsMax) steps")
            }
            program.append(instruction)
        }

        mutating func emit(_ syntax: PatternSyntax) throws(PatternError) {
            switch syntax {
            case .one(let set): try add(.one(set))
            case .sequence(let parts): for part in parts { try emit(part) }
            case .alternatives(let choices):
                var ends: [Int] = []
                for (number, choice) in choices.enumerated() {
                    guard number < choices.count - 1 else {
                        try emit(choice)
                        break
                    }
                    let split = program.count
                    try add(.split(split + 1, 0))
                    try emit(choice)
                    ends.append(program.count)
                    try add(.jump(0))
                    program[split] = .split(split + 1, program.count)
                }
                for end in ends { program[end] = .jump(program.count) }
            case .repeated(let part, let least, let most):
                for _ in 0..<least { try emit(part) }
                if let most {
                    var splits: [Int] = []
                    for _ in least..<most {
                        splits.append(program.count)
                        try add(.split(0, 0))
                        try emit(part)
                    }
                    for split in splits { program[split] = .split(split + 1, program.count) }
                } else {
                    let split = program.count
                    try add(.split(0, 0))
                    try emit(part)
                    try add(.jump(split))
                    program[split] = .split(split + 1, program.count)
                }
            }
        }
    }
}

/// Why a text is not a pattern; `reason` completes "the pattern …".
package struct PatternError: Error, Hashable, Sendable {
    package let reason: String
    init(_ reason: String) { self.reason = reason }
}
