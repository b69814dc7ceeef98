import Model
import Seal

/// The same as in `Seal`. Generic code is specialized only where its module can see the types it is for, and a bundle has dozens of
/// these: here they cost a third.
extension ObjectReader {
    func parsed<Value: LosslessStringConvertible>(_ key: String, as type: Value.Type = Value.self) throws(FieldError) -> Value {
        guard let value = Value(try string(key, bytesMax: 200)) else { throw malformed(key, type) }
        return value
    }

    func optionalParsed<Value: LosslessStringConvertible>(
        _ key: String, as type: Value.Type = Value.self
    ) throws(FieldError) -> Value? {
        guard let text = try optionalString(key, bytesMax: 200) else { return nil }
        guard let value = Value(text) else { throw malformed(key, type) }
        return value
    }

    func word<Value: RawRepresentable<String>>(_ key: String, as type: Value.Type = Value.self) throws(FieldError) -> Value {
        guard let value = Value(rawValue: try string(key, bytesMax: 100)) else { throw strange(key, type) }
        return value
    }

    func optionalWord<Value: RawRepresentable<String>>(_ key: String, as type: Value.Type = Value.self) throws(FieldError) -> Value? {
        guard let text = try optionalString(key, bytesMax: 100) else { return nil }
        guard let value = Value(rawValue: text) else { throw strange(key, type) }
        return value
    }
}
