import Glibc

/// Who started whom, as `/proc` shows it at one moment.
struct ProcessTree {
    struct Entry: Hashable {
        let pid: pid_t
        let parent: pid_t
        let group: pid_t
        /// In ticks since boot: tells a process from a later one of the same number.
        let started: UInt64

        /// Its number may be another's by now.
        var lives: Bool { Entry(pid: pid)?.started == started }

        func send(_ signal: Int32) {
            if lives { kill(pid, signal) }
        }
    }

    let entries: [Entry]

    static func now() -> ProcessTree {
        var entries: [Entry] = []
        guard let directory = opendir("/proc") else { return ProcessTree(entries: []) }
        defer { closedir(directory) }
        while let item = readdir(directory) {
            let name = withUnsafePointer(to: &item.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let pid = pid_t(name), let entry = Entry(pid: pid) { entries.append(entry) }
        }
        return ProcessTree(entries: entries)
    }

    /// Everything that `root` started, and what that started, outside its process group.
    func strays(below root: pid_t) -> [Entry] {
        var family: Set<pid_t> = [root]
        var found: [Entry] = []
        var hasGrown = true
        while hasGrown {
            hasGrown = false
            for entry in entries where family.contains(entry.parent) && family.insert(entry.pid).inserted {
                hasGrown = true
                if entry.group != root { found.append(entry) }
            }
        }
        return found
    }
}

extension ProcessTree.Entry {
    /// nil where there is no such process.
    init?(pid: pid_t) {
        let descriptor = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 1_024) { $1 = max(0, read(descriptor, $0.baseAddress, 1_024)) }
        // `pid (name) state parent group …`: the name may hold anything, also parentheses.
        guard let end = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let words = String(decoding: bytes[(end + 1)...], as: UTF8.self).split(separator: " ")
        guard words.count > 19, let parent = pid_t(words[1]), let group = pid_t(words[2]), let started = UInt64(words[19]) else {
            return nil
        }
        self.init(pid: pid, parent: parent, group: group, started: started)
    }
}
