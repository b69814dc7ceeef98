import Glibc
import Redaction
import Seal
import TestSupport
import Testing

@Suite struct ScrubberTests {
    private let scrubber = Scrubber(key: PseudonymKey(secret: [UInt8](repeating: 1, count: 32))!)

    /// The text with each tag as `<kind>`.
    private func scrub(_ text: String) -> String {
        var shown = ""
        var rest = scrubber.scrub(text).description[...]
        while let open = rest.firstIndex(of: "[") {
            shown += rest[..<open]
            rest = rest[open...]
            let kind = EntityKind.allCases.first { rest.hasPrefix("[\($0.rawValue):") }
            if let kind, let close = rest.firstIndex(of: "]") {
                shown += "<\(kind.rawValue)>"
                rest = rest[rest.index(after: close)...]
            } else {
                shown += "["
                rest = rest.dropFirst()
            }
        }
        return shown + rest
    }

    @Test(
        "What says who a patient is goes",
        arguments: [
            ("ssn is 123-45-6789", "ssn is <ssn>"), ("123-45-6789", "<ssn>"), ("found 123 45 6789.", "found <ssn>."),
            ("SSN:123456789", "SSN:<ssn>"), ("ssn 123\u{2011}45\u{2011}6789", "ssn <ssn>"), ("scan_987-65-4321.pdf", "scan_<ssn>.pdf"),
            ("MRN# A-123456", "MRN# <mrn>"), ("medical record no. 0012345", "medical record no. <mrn>"),
            ("patient 12345 not found", "patient <patient> not found"), ("?patientId=77121&x=1", "?patientId=<patient>&x=1"),
            ("(415) 555-2671", "<phone>"), ("call 415 555 2671", "call <phone>"), ("+44 20 7946 0958", "<phone>"),
            ("tel:+4930123456", "tel:<phone>"), ("contact: 555-1234", "contact: <phone>"),
            ("jane.doe+x@mail.example.org,", "<email>,"), ("?email=jane%40example.org", "?email=<email>"),
            ("4111 1111 1111 1111", "<card>"), ("3782-822463-10005", "<card>"), ("x=4111111111111111;", "x=<card>;"),
            ("card number 4111111111111112", "card number <card>"),
            ("DOB 3/4/80", "DOB <dob>"), ("date of birth: Feb. 3rd, 1980", "date of birth: <dob>"), ("born 3 February 1980", "born <dob>"),
            ("birthDate=1980-02-03T00:00:00Z next", "birthDate=<dob> next"), ("dob 01\\/02\\/1980", "dob <dob>"),
            ("1600 Pennsylvania Avenue NW, Washington, DC 20500", "<address>"),
            ("at 12 Elm St., Apt 4, Portland, OR 97201.", "at <address>."),
            ("P.O. Box 1234, Springfield, IL 62704", "<address>"), ("Address: 12 Elm Grove", "Address: <address>"),
            ("zip code 62704-1234", "zip code <zip>"), ("member ID: W123456789", "member ID: <plan>"),
            ("policy number ABC-123456", "policy number <plan>"),
            ("account number 123456789", "account number <account>"), ("Acct #: 12345678", "Acct #: <account>"),
            ("1EG4-TE5-MK73", "<mbi>"), ("1EG4TE5MK73", "<mbi>"), ("mbi 1eg4te5mk73", "mbi <mbi>"),
            ("driver's license D123-4567-8901", "driver's license <licence>"), ("DL# D1234567", "DL# <licence>"),
            ("patient John Smith admitted", "patient <name> admitted"), ("Patient: SMITH, JOHN Q", "Patient: <name>"),
            ("Name: Ren\u{e9}e O'Donnell", "Name: <name>"), ("full name: John Q. Public", "full name: <name>"),
            ("Mrs. Jane Doe", "Mrs. <name>"),
            ("first_name=ana&x=1", "first_name=<name>&x=1"), ("patient-John-Smith.service", "patient-<name>.service"),
            ("emergency contact: Mary Jones", "emergency contact: <name>"), ("Patient: SMITH MRN 12345", "Patient: <name> MRN <mrn>"),
            ("Pt. Jane Doe, DOB 3/4/80, seen 2024-03-04", "Pt. <name>, DOB <dob>, seen <date>"),
            ("visit of 3/4/24 for patient Jane Doe", "visit of <date> for patient <name>"),
            ("discharged on 03/04/2024", "discharged on <date>"),
            ("PID|1||12345^^^MRN||DOE^JOHN||19800101|F", "PID|<patient>"),
        ])
    func takes(text: String, expected: String) {
        #expect(scrub(text) == expected)
    }

    @Test(
        "What says how a machine is stays",
        arguments: [
            "10.0.0.1:8443 192.168.100.200 fe80::1234:5678:9abc:def0 aa:bb:cc:dd:ee:ff", "10.0.19045.4412 6.1.0-32-amd64 1.2.3-4567",
            "KB5034441 event 4624 pid 12345 port 51234",
            "2024-03-04T10:00:00.123456789Z 1700000000123 1700000000123456789 133484567890123456",
            "550e8400-e29b-41d4-a716-446655440000 12345678-1234-1234-1234-123456789012", "sha256:0123456789abcdef0123456789abcdef",
            "S-1-5-21-1234567890-1234567890-1234567890-1001",
            "getty@tty1.service chacha20-poly1305@openssh.com git@github.com root@web01.lan",
            "Patient Portal started; patient record service failed; patient: not found",
            "Account Name: SYSTEM policy id 12 member 5 driver nvme",
            "hostname=web01 name=eth0 name: Windows Update", "2 Hard Drive errors, 4 Tape Drive",
            "address 0x7fff5fbff8c0 address=10.0.0.1 Address already in use",
            "4111111111111112 is no card", "license key: ABCD-1234-EFGH-5678", "columns 123 45 6789 12", "100.64.1234 123.45.6789",
            "+0100 1234 5678",
            "{\"mrn\":null,\"patient_name\":\"\",\"dob\":null}", "{\"table\":{\"family\":\"inet\",\"name\":\"filter\"}}",
            "queue 9E37F67CD04", "",
        ])
    func keeps(text: String) {
        #expect(scrubber.scrub(text).description == text)
    }

    @Test("A number of JSON stays a number, a string a string")
    func keepsTypes() {
        #expect(
            scrub("{\"mrn\":12345678,\"cards\":[4111111111111111, 1],\"n\":-4111111111111111}") == "{\"mrn\":0,\"cards\":[0, 1],\"n\":-0}")
        #expect(scrub("{\"ssn\":\"123-45-6789\"}") == "{\"ssn\":\"<ssn>\"}")
        #expect(scrub("{\n  \"mrn\": 12345678\n}") == "{\n  \"mrn\": 0\n}")
        #expect(scrub("{\"patients\":[\"Ann Lee\",\"Bo Ek\"]}") == "{\"patients\":[\"<name>\",\"<name>\"]}")
    }

    @Test("Escapes of JSON hide nothing, and stay whole")
    func seesThroughEscapes() {
        #expect(scrub(#"{"ssn":"\u0031\u0032\u0033\u002d45-6789","x":1}"#) == #"{"ssn":"<ssn>","x":1}"#)
        #expect(scrub(#"{"name":"J\u00f6rg M\u00fcller","ip":"10.0.0.1"}"#) == #"{"name":"<name>","ip":"10.0.0.1"}"#)
        #expect(scrub(#"{"m":"a\nmrn: 1234567\njohn@x.org\t123-45-6789"}"#) == #"{"m":"a\nmrn: <mrn>\n<email>\t<ssn>"}"#)
        #expect(
            scrub(#"{"log":"{\"patient\":\"Ann Lee\",\"mail\":\"a\u0040b.org\"}"}"#)
                == #"{"log":"{\"patient\":\"<name>\",\"mail\":\"<email>\"}"}"#)
    }

    @Test("A value has one tag at a site, however it is written, and another at the next site")
    func namesAreStable() {
        let other = Scrubber(key: PseudonymKey(secret: [UInt8](repeating: 2, count: 32))!)
        let tag = scrubber.scrub("123-45-6789").description
        #expect(tag == scrubber.scrub("123 45 6789").description)
        #expect(tag != other.scrub("123-45-6789").description)
        #expect(scrubber.scrub("(415) 555-2671").description == scrubber.scrub("+1 415 555 2671").description)
        #expect(scrubber.scrub("A.Lee@x.org").description == scrubber.scrub("a.lee@X.org").description)
        #expect(tag != scrubber.scrub("123-45-6780").description)
    }

    @Test(
        "What was scrubbed is not scrubbed again",
        arguments: ["mrn: 1234567", "patient Ann Lee 415-555-2671 a@b.org 123-45-6789", "{\"mrn\":123456}"])
    func isIdempotent(text: String) {
        let once = scrubber.scrub(text).description
        #expect(once != text)
        #expect(scrubber.scrub(once).description == once)
    }

    @Test("A site's key is printed nowhere, and is made once")
    func keepsTheKey() throws {
        #expect("\(PseudonymKey())" == "<redacted>")
        #expect(PseudonymKey(secret: [1, 2, 3]) == nil)
        let directory = try TemporaryDirectory()
        let path = directory.path + "/pseudonym.key"
        let tag = Scrubber(key: try PseudonymKey.load(orCreateAt: path)).scrub("123-45-6789")
        #expect(Scrubber(key: try PseudonymKey.load(orCreateAt: path)).scrub("123-45-6789") == tag)
        #expect(try PrivateFile.read(path, size: 32...32).count == 32)
        #expect(chmod(path, 0o644) == 0)
        #expect(throws: PrivateFileError.mode(path, found: 0o644)) { try PseudonymKey.load(orCreateAt: path) }
    }
}
