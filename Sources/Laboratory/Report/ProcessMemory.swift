import Glibc

/// What this process holds of memory now.
package enum ProcessMemory {
    /// Bytes; nil where the kernel does not say.
    package static var resident: Int? {
        guard let file = fopen("/proc/self/statm", "r") else { return nil }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 256)
        guard fgets(&text, Int32(text.count), file) != nil else { return nil }
        // Pages: all that is mapped, then what is in memory.
        let words = text.prefix { $0 != 0 }.split(separator: 32)
        guard words.count > 1, let pages = Int(String(decoding: words[1].map(UInt8.init(bitPattern:)), as: UTF8.self)) else { return nil }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }
}
