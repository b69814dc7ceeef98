import Appliance
import Documents
import Glibc
import Logging
import Model
import Seal

/// The environment is read here and nowhere else.
enum Environment {
    static func all() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return variables
    }

    static func hostname() -> String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "unknown" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

enum Output {
    static func line(_ text: String) { self.text(text + "\n") }
    static func text(_ text: String) { write(Array(text.utf8), to: STDOUT_FILENO) }
    static func error(_ text: String) { write(Array((text + "\n").utf8), to: STDERR_FILENO) }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// What an operator is told: code and sentence of the errors that a start can end with.
struct ErrorSentence {
    let text: String

    init(_ error: any Error) {
        let (code, sentence): (String, String) =
            switch error {
            case let error as StartError: (error.code, error.message)
            case let error as StateDirectoryError: (error.code, error.message)
            case let error as PrivateFileError: (error.code, error.message)
            case let error as JournalError: (error.code.description, error.message)
            case let error as EnrollmentError: (error.code, error.message)
            case let error as Diagnostics: ("configuration", "The configuration was refused and nothing was started:\n\(error)")
            case let error as Diagnostic: ("configuration", "The configuration was refused and nothing was started:\n\(error)")
            case let error as UsageError: ("usage", error.description)
            default: ("failed", "\(error)")
            }
        text = "martlet-appliance: \(sentence) [\(code)]"
    }
}

extension Logger.Level {
    init(_ level: ApplianceSettings.LogLevel) {
        self =
            switch level {
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            }
    }
}
