import Appliance
import Glibc
import Model

/// `martlet-appliance [run|status|enroll --central URL --code CODE] [--config PATH]`
@main struct Main {
    static func main() async {
        ResidentMemory.useOneHeap()
        do {
            let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
            exit(try await arguments.perform())
        } catch {
            Output.error(ErrorSentence(error).text)
            exit(error is UsageError ? 64 : 1)
        }
    }
}
