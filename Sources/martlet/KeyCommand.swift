import ArgumentParser
import Model
import Seal

/// Keys of people and of whoever signs catalogs: made where they are used, and nowhere else.
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Make an Ed25519 key of your own, or show its public half.",
        subcommands: [Create.self, Show.self], defaultSubcommand: Show.self)

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a key; prints its public half. Never overwrites a file.")
        @Argument(help: "The file to write: 32 raw bytes, readable by you alone (0600).") var file: String

        func run() throws {
            do throws(PrivateFileError) { print(try SigningKey.create(at: file).verifyingKey.bytes.base64) } catch {
                throw KeyRefused(description: error.message)
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print a key's public half, base 64, as other commands take it.")
        @Argument(help: "The private key's file.") var file: String
        @Flag(help: "Print its short id (key_…) instead.") var id = false

        func run() throws {
            do throws(PrivateFileError) {
                let key = try SigningKey(contentsOf: file).verifyingKey
                print(id ? key.id.description : key.bytes.base64)
            } catch {
                throw KeyRefused(description: error.message)
            }
        }
    }
}

/// Exit status 1 and one sentence on standard error.
struct KeyRefused: Error, CustomStringConvertible { let description: String }
