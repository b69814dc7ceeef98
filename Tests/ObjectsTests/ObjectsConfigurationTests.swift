import Documents
import Foundation
import Model
import Objects
import Seal
import TestSupport
import Testing

@Suite struct ObjectsConfigurationTests {
    let schema = SettingsSchema(program: "test", "", ObjectsConfiguration.declarations)

    func read(_ variables: [String: String]) throws -> ObjectsConfiguration {
        try ObjectsConfiguration(Settings(schema, file: nil, environment: variables))
    }

    let s3 = [
        "MARTLET_OBJECTS_KIND": "s3", "MARTLET_OBJECTS_S3_ENDPOINT": "https://s3.example.com",
        "MARTLET_OBJECTS_S3_BUCKET": "martlet-{organization}", "MARTLET_OBJECTS_S3_CREDENTIALS": "/etc/martlet/s3.yaml",
    ]

    @Test func aDirectoryForSixYearsIsTheDefault() async throws {
        let configuration = try read([:])
        #expect(configuration.retentionDays == 2_190)
        guard case .directory(nil) = configuration.place else {
            Issue.record("not a directory")
            return
        }
        let data = try TemporaryDirectory()
        let store = try await configuration.openStore(of: nil, dataDirectory: data.path, clock: TestClock().clock)
        try await store.create(key("a"), bytes("x"), retention: .none)
        #expect(FileManager.default.fileExists(atPath: data.file("objects/central/objects/a")))
        await store.close()
    }

    @Test func s3IsReadWithItsDefaults() throws {
        guard case .s3(let found) = try read(s3).place else {
            Issue.record("not S3")
            return
        }
        #expect(found.endpoint.description == "https://s3.example.com")
        #expect(found.region == "us-east-1")
        #expect(found.style == .path)
        #expect(!found.makesBuckets)
        #expect(found.authorityPath == nil)
        #expect(found.buckets.bucket(for: nil) == "martlet-central")
        #expect(found.buckets.bucket(for: OrganizationID("orgn_0123456789abcdefghjkmnpqrs")!) == "martlet-orgn-0123456789abcdefghjkmnpqrs")
    }

    @Test("S3 without address, bucket or credentials is refused with all that is missing")
    func s3NeedsItsKeys() {
        #expect {
            try read(["MARTLET_OBJECTS_KIND": "s3"])
        } throws: {
            ($0 as? Diagnostics)?.all.map(\.code) == ["settings.missing", "settings.missing", "settings.missing"]
        }
    }

    @Test(arguments: [
        "http://s3.example.com", "ftp://s3.example.com", "https://", "https://s3.example.com/", "https://s3.example.com/path",
        "https://user@s3.example.com", "https://s3.example.com:0", "https://s3.example.com:65536", "https://s3.example.com:+1",
        "https://S3.example.com", "https://-a.b", "https://a..b", "s3.example.com",
    ])
    func anAddressThatIsNoneIsRefused(text: String) {
        #expect(S3Endpoint(text) == nil)
        #expect(throws: Diagnostics.self) { try read(s3.merging(["MARTLET_OBJECTS_S3_ENDPOINT": text]) { $1 }) }
    }

    @Test(arguments: [("https://a.b:443", "https://a.b"), ("http://localhost:80", "http://localhost"), ("http://127.0.0.1:7480", nil)])
    func theSchemesOwnPortIsLeftOut(text: String, expected: String?) {
        #expect(S3Endpoint(text)?.description == expected ?? text)
    }

    @Test(arguments: [
        "ab", "A-bucket", "with_underscore", "dotted.name", "-a-b", "{organization}{organization}", "{site}-x", "",
        String(repeating: "x", count: 64), String(repeating: "x", count: 33) + "{organization}",
    ])
    func aBucketThatIsNoneIsRefused(text: String) {
        #expect(BucketTemplate(text) == nil)
    }

    @Test func oneBucketForAllNamesNoOrganization() {
        #expect(BucketTemplate("all-evidence")?.bucket(for: OrganizationID("orgn_0123456789abcdefghjkmnpqrs")!) == "all-evidence")
        #expect(BucketTemplate(String(repeating: "x", count: 32) + "{organization}") != nil)
    }

    @Test func credentialsOthersCanReadAreRefused() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("s3.yaml")
        try "accessKey: AKIA\nsecretKey: very secret\n".write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o640)
        #expect { try S3Credentials(contentsOf: path) } throws: { ($0 as? PrivateFileError)?.code == "key.mode" }
        chmod(path, 0o600)
        let credentials = try S3Credentials(contentsOf: path)
        #expect(credentials.accessKey == "AKIA")
        #expect(credentials.secretKey.revealed() == "very secret")
        #expect(!"\(credentials)".contains("very secret"))
        try "accessKey: AKIA\n".write(toFile: path, atomically: true, encoding: .utf8)
        chmod(path, 0o600)
        #expect(throws: Diagnostics.self) { try S3Credentials(contentsOf: path) }
    }
}
