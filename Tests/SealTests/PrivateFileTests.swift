import Glibc
import Seal
import Testing

@Suite struct PrivateFileTests: ~Copyable {
    let directory: String

    init() throws {
        var template = Array("/tmp/private-file-test.XXXXXX".utf8CString)
        directory = String(cString: try #require(mkdtemp(&template)))
    }

    deinit {
        for name in ["key", "link", "fifo"] { unlink("\(directory)/\(name)") }
        rmdir(directory)
    }

    var path: String { "\(directory)/key" }

    func refusal(_ path: String, size: ClosedRange<Int> = 32...32) -> String? {
        do throws(PrivateFileError) {
            _ = try PrivateFile.read(path, size: size)
            return nil
        } catch {
            return error.code
        }
    }

    @Test("A new key file is 0600, complete, alone in its directory, and reads back as the same key")
    func createsKeys() throws {
        let key = try SigningKey.create(at: path)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o600)
        #expect(status.st_nlink == 1)
        #expect(try SigningKey(contentsOf: path).id == key.id)
    }

    @Test("A key that exists is never overwritten; replacing is another word")
    func keepsKeys() throws {
        let key = try SigningKey.create(at: path)
        #expect(throws: PrivateFileError.exists(path)) { try SigningKey.create(at: path) }
        #expect(try SigningKey(contentsOf: path).id == key.id)
        try PrivateFile.replace(path, [1, 2, 3])
        #expect(try PrivateFile.read(path, size: 0...10) == [1, 2, 3])
    }

    @Test(
        "Any access for group or others, and any special bit, is refused",
        arguments: [0o640, 0o604, 0o660, 0o644, 0o601, 0o700, 0o4600, 0o1600] as [UInt32])
    func refusesModes(mode: UInt32) throws {
        _ = try SigningKey.create(at: path)
        chmod(path, mode)
        #expect(refusal(path) == "key.mode")
        chmod(path, 0o400)
        #expect(refusal(path) == nil)
    }

    @Test("Another owner's file is refused", .enabled(if: geteuid() == 0, "only root can give files away"))
    func refusesOwners() throws {
        _ = try SigningKey.create(at: path)
        chown(path, 12_345, 12_345)
        #expect(refusal(path) == "key.owner")
    }

    @Test("Another size, a link, a directory, a FIFO and nothing are refused")
    func refusesOtherThings() throws {
        #expect(refusal(path) == "key.missing")
        try PrivateFile.create(path, [UInt8](repeating: 7, count: 33))
        #expect(refusal(path) == "key.size")
        symlink(path, "\(directory)/link")
        #expect(refusal("\(directory)/link", size: 0...100) == "key.not_regular")
        mkfifo("\(directory)/fifo", 0o600)
        #expect(refusal("\(directory)/fifo") == "key.not_regular")
        #expect(refusal(directory) == "key.not_regular")
    }
}
