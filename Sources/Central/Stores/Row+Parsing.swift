import Database
import Model

extension Row {
    /// An identifier that this program wrote; anything else means that somebody changed the table.
    func parsed<Value: LosslessStringConvertible>(_ column: Int) throws -> Value {
        guard let value = Value(try text(column)) else { throw DatabaseError.corrupt("column \(column) is no \(Value.self)") }
        return value
    }

    func instant(_ column: Int) throws -> Timestamp { Timestamp(milliseconds: try integer(column)) }
    func optionalInstant(_ column: Int) throws -> Timestamp? { try optionalInteger(column).map(Timestamp.init(milliseconds:)) }

    func digest(_ column: Int) throws -> Digest {
        guard let digest = Digest(bytes: try blob(column)) else { throw DatabaseError.corrupt("column \(column) is no digest") }
        return digest
    }
}
