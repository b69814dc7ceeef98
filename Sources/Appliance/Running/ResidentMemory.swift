import Glibc

/// Keeps small what a resting appliance holds: most of what it touched was for a scan, a poll or the start, and none of it is
/// needed again before the next.
///
/// Measured at rest with 20 hosts, in turn on one machine: 26.0 MB without, 16.0 MB with both; anonymous 11.4 MB, 9.2 MB with one
/// heap; of files 14.6 MB, 6.9 MB after `release`. `martlet-bench start` measures it again.
package enum ResidentMemory {
    /// One heap for all threads instead of one for each (glibc makes up to eight for each core): freed memory is then used again
    /// by whoever asks next. To be called before the first thread is started.
    ///
    /// Nothing here allocates so much at a time on several threads that one lock would be felt.
    package static func useOneHeap() { _ = mallopt(arenaMax, 1) }

    /// Gives freed memory and the program's own pages back: about a tenth of a millisecond, and half a microsecond for each
    /// sixteen pages of the program that are used again. May be called at any time, from any thread.
    ///
    /// The program is one file of many megabytes. Each page of it that is touched brings fifteen neighbours along (the
    /// kernel's fault-around), and they stay until memory is short, so that most of what a resting appliance would hold is text
    /// that will not run again for a long time.
    package static func release() {
        _ = trimHeap(0)
        for pages in readOnlyPages {
            // A refusal (locked memory) leaves everything as it was, which is right as well.
            _ = madvise(UnsafeMutableRawPointer(bitPattern: pages.lowerBound), pages.count, MADV_DONTNEED)
        }
    }

    private static let readOnlyPages = segmentsOfThisProgram() + textOfLibraries()

    /// The main program's segments without write permission.
    ///
    /// Safe because such a segment is a private mapping of the file that nothing can have written to (the program is position
    /// independent, without text relocations): the next access reads the very same bytes again, from the page cache.
    /// Segments that may be written are left alone, with all that lies in them: relocations, which `RELRO` makes read-only
    /// after the start, exist nowhere but in memory.
    ///
    /// Whole pages inside the segments only: the last page of one may be the first of a writable one. Empty where the kernel
    /// does not say where the program lies.
    private static func segmentsOfThisProgram() -> [Range<UInt>] {
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
    }

    /// What the C library and its like have mapped to be run: never written to either.
    private static func textOfLibraries() -> [Range<UInt>] {
        guard let maps = fopen("/proc/self/maps", "re") else { return [] }
        defer { fclose(maps) }
        var found: [Range<UInt>] = []
        var line: UnsafeMutablePointer<CChar>?
        var size = 0
        defer { free(line) }
        while getline(&line, &size, maps) > 0 {
            // `7f1c00000000-7f1c00022000 r-xp 00000000 fe:00 1234   /lib/…/libc.so.6`
            let words = String(cString: line!).split { $0 == " " || $0 == "\n" }
            guard words.count >= 6, words[1] == "r-xp", words[5].hasSuffix(".so") || words[5].contains(".so.") else { continue }
            let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            if ends.count == 2, ends[0] < ends[1] { found.append(ends[0]..<ends[1]) }
        }
        return found
    }
}

// malloc.h, which Swift's Glibc module leaves out. Integers pass alike in Swift's and C's calling conventions.
@_silgen_name("mallopt") private func mallopt(_ parameter: Int32, _ value: Int32) -> Int32
@_silgen_name("malloc_trim") private func trimHeap(_ pad: Int) -> Int32
/// `M_ARENA_MAX`
private let arenaMax: Int32 = -8

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
