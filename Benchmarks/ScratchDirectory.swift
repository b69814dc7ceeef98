import Glibc

/// A directory of this run, beside where it was started: the file system of the current directory is what is measured.
struct ScratchDirectory {
    let path: String

    init() throws {
        var template = Array("./bench.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil, let whole = realpath(template, nil) else { throw BenchmarkFault("cannot make a directory here") }
        path = String(cString: whole)
        free(whole)
    }

    func remove() { Self.remove(path) }

    private static func remove(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { remove("\(path)/\(name)") }
            }
            closedir(directory)
        }
        Glibc.remove(path)
    }
}

struct BenchmarkFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
