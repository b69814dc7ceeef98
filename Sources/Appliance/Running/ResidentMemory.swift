import Glibc

/// Gives back the pages of our own program that only the start, or a scan, needed.
///
/// What it saves has not been measured: what the next poll or push touches is mapped again, in steps of sixteen pages, so that
/// at the end of a quiet minute little may be left of the gain.
///
/// The program is one static file of many megabytes. Each page of it that is touched brings fifteen neighbours along (the
/// kernel's fault-around), and they stay until memory is short, so that most of what a resting appliance holds is text
/// that will not run again for a long time.
package enum ResidentMemory {
    /// Tells the kernel that the pages of the main program's segments without write permission may go.
    ///
    /// Safe because such a segment is a private mapping of the file that nothing can have written to (the program is position
    /// independent, without text relocations): the next access reads the very same bytes again, from the page cache.
    /// Segments that may be written are left alone, with all that lies in them: relocations, which `RELRO` makes read-only
    /// after the start, exist nowhere but in memory.
    ///
    /// Costs a minor fault, about half a microsecond, for each sixteen pages that are used again.
    package static func release() {
        for segment in readOnlySegments {
            // A refusal (locked memory) leaves everything as it was, which is right as well.
            _ = madvise(UnsafeMutableRawPointer(bitPattern: segment.lowerBound), segment.count, MADV_DONTNEED)
        }
    }

    /// Whole pages inside the segments only: the last page of one may be the first of a writable one. Empty where the kernel
    /// does not say where the program lies.
    private static let readOnlySegments: [Range<UInt>] = {
        guard let headers = ProgramHeader.ofThisProgram(), let own = headers.first(where: { $0.type == .headers }) else { return [] }
        let base = own.location &- own.address
        let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
        return headers.compactMap { header in
            guard header.type == .load, !header.isWritable else { return nil }
            let start = base &+ header.address
            let first = (start + page - 1) / page * page
            let end = (start + header.fileBytes) / page * page
            return first < end ? first..<end : nil
        }
    }()
}

/// One entry of the program header table in memory (elf(5), 64 bits).
private struct ProgramHeader {
    enum Kind: UInt32 {
        case load = 1
        /// The table itself, as a segment: tells how far the program was moved.
        case headers = 6
    }

    let type: Kind?
    let isWritable: Bool
    /// As the linker wrote it, before the program was moved to where it is.
    let address: UInt
    let fileBytes: UInt
    /// Where the table really begins.
    let location: UInt

    /// The main program's, found as the dynamic linker finds it: by the auxiliary vector, getauxval(3).
    static func ofThisProgram() -> [ProgramHeader]? {
        guard let vector = auxiliaryVector(), let location = vector[3], vector[4] == 56, let count = vector[5],
            let table = UnsafeRawPointer(bitPattern: location)
        else { return nil }
        return (0..<Int(count)).map { index in
            let entry = table + index * 56
            return ProgramHeader(
                type: Kind(rawValue: entry.load(as: UInt32.self)), isWritable: entry.load(fromByteOffset: 4, as: UInt32.self) & 2 != 0,
                address: entry.load(fromByteOffset: 16, as: UInt.self), fileBytes: entry.load(fromByteOffset: 32, as: UInt.self),
                location: location)
        }
    }

    /// `AT_PHDR` 3, `AT_PHENT` 4, `AT_PHNUM` 5, and others.
    private static func auxiliaryVector() -> [UInt: UInt]? {
        let descriptor = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var words = [UInt](repeating: 0, count: 128)
        let count = read(descriptor, &words, words.count * MemoryLayout<UInt>.size) / MemoryLayout<UInt>.size
        guard count > 0 else { return nil }
        let pairs = stride(from: 0, to: count / 2 * 2, by: 2).map { (words[$0], words[$0 + 1]) }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }
}
