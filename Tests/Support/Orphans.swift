package import Foundation
import Synchronization

/// Ends what a test run that was killed leaves behind. A real appliance goes on scanning its host for as long as it lives, and a
/// few of them make every later run slow.
package enum Orphans {
    private static let list = Mutex<FileHandle?>(nil)

    /// From now on `process` ends at the latest when this test run has.
    package static func adopt(_ process: Process) {
        list.withLock { file in
            if file == nil { file = try? watch() }
            // Without the watcher the test is as good as with it.
            try? file?.write(contentsOf: Data("\(process.processIdentifier)\n".utf8))
        }
    }

    /// A shell that outlives this process by a second, with the list of whom it has to end.
    private static func watch() throws -> FileHandle {
        let path = NSTemporaryDirectory() + "/martlet-orphans-\(getpid())"
        FileManager.default.createFile(atPath: path, contents: nil)
        let watcher = Process()
        watcher.executableURL = URL(fileURLWithPath: "/bin/sh")
        watcher.arguments = [
            "-c",
            """
            while kill -0 $0; do sleep 1; done
            for pid in $(cat $1); do readlink /proc/$pid/exe | grep -q martlet && kill -9 $pid; done
            rm $1
            """,
            "\(getpid())", path,
        ]
        (watcher.standardInput, watcher.standardOutput, watcher.standardError) = (
            FileHandle.nullDevice, FileHandle.nullDevice, FileHandle.nullDevice
        )
        try watcher.run()
        return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    }
}
