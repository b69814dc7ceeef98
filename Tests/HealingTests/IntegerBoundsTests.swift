import Conditions
import Model
import Testing

@testable import Healing

/// The short way of `L1Index` and the evaluator that checks use must never differ.
@Suite struct IntegerBoundsTests {
    private static let values: [Int64] = [.min, .min + 1, -1, 0, 1, 5, .max - 1, .max]

    @Test(
        "Bounds take exactly the integers for which the comparison holds, at the ends of the range too",
        arguments: Comparison.Operator.allCases)
    func agree(on operation: Comparison.Operator) {
        for bound in Self.values {
            let comparison = Comparison(fact: "service.restarts", operator: operation, operand: .literal(.integer(bound)))
            guard let bounds = IntegerBounds(comparison) else {
                #expect(![.equals, .notEquals, .less, .lessOrEqual, .greater, .greaterOrEqual].contains(operation))
                continue
            }
            for value in Self.values {
                let truth = comparison.evaluate(
                    Facts(["service.restarts": .integer(value)]), parameters: [:], at: Timestamp(milliseconds: 0))
                #expect((truth == .holds) == bounds.accept(value), "\(value) \(operation) \(bound)")
                #expect(truth == .holds || truth == .fails)
            }
        }
    }

    @Test("A parameter, or a literal of another type, has no bounds")
    func otherOperands() {
        #expect(IntegerBounds(Comparison(fact: "a.b", operator: .equals, operand: .parameter("limit"))) == nil)
        #expect(IntegerBounds(Comparison(fact: "a.b", operator: .equals, operand: .literal(.string("1")))) == nil)
    }

    @Test("What was not seen, or is of another type, is unknown; what does not exist is absent")
    func readings() {
        let facts = Facts(["a.number": .integer(3), "a.text": .string("3")], unknowns: ["a.hidden": "probe.timeout"])
        for name in ["a.number", "a.text", "a.hidden", "a.missing"] as [FactName] {
            let truth = Comparison(fact: name, operator: .equals, operand: .literal(.integer(3)))
                .evaluate(facts, parameters: [:], at: Timestamp(milliseconds: 0))
            switch IntegerReading(facts, name) {
            case .integer(let value): #expect(value == 3 && truth == .holds)
            case .unknown(let code): #expect(truth == .unknown(code))
            case .absent: #expect(name == "a.missing" && truth == .fails)
            }
        }
    }
}
