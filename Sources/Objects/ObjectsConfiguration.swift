package import Documents
package import Model
import Seal

/// Where objects are kept, typed. The declarations are the manual.
package struct ObjectsConfiguration: Sendable {
    package enum Kind: String, CaseIterable, Sendable { case directory, s3 }

    package enum Place: Sendable {
        /// nil: `objects` in the data directory of the program.
        case directory(path: String?)
        case s3(S3)
    }

    package struct S3: Sendable {
        package let endpoint: S3Endpoint
        package let region: String
        package let buckets: BucketTemplate
        package let style: S3Location.Style
        package let credentialsPath: String
        /// PEM; nil: the system's authorities.
        package let authorityPath: String?
        package let makesBuckets: Bool

        package init(
            endpoint: S3Endpoint, region: String, buckets: BucketTemplate, style: S3Location.Style = .path, credentialsPath: String,
            authorityPath: String? = nil, makesBuckets: Bool = false
        ) {
            self.endpoint = endpoint
            self.region = region
            self.buckets = buckets
            self.style = style
            self.credentialsPath = credentialsPath
            self.authorityPath = authorityPath
            self.makesBuckets = makesBuckets
        }
    }

    package let place: Place
    package let retentionDays: Int

    /// `objects` in the data directory, for six years.
    package static let standard = ObjectsConfiguration(place: .directory(path: nil), retentionDays: Retention.daysDefault)

    package init(place: Place, retentionDays: Int) {
        self.place = place
        self.retentionDays = retentionDays
    }

    package static let kind = Setting<Kind>.choice(
        "objects.kind", .default(.directory),
        manual:
            "Where tiles of the log and other lasting objects are kept: a directory of this machine, whose retention only Central itself "
            + "enforces, or an S3 server with Object Lock, where nobody can erase what must be kept.")
    package static let path = Setting<String>.path(
        "objects.path", .optional, manual: "The directory, for objects.kind directory. Without it: objects in the data directory.")
    package static let retentionDays = Setting<Int64>.integer(
        "objects.retentionDays", .default(Int64(Retention.daysDefault)), in: 1...36_500,
        manual: "How long an object is kept: six years, as 45 CFR 164.316(b)(2)(i) says, is 2190. An object's term is never made shorter.")
    package static let endpoint = Setting<S3Endpoint>.parsed(
        "objects.s3.endpoint", .optional, accepts: "https://host[:port]; http:// only for localhost and 127.0.0.1",
        manual: "Address of the S3 server. Required for objects.kind s3.")
    package static let region = Setting<String>.text(
        "objects.s3.region", .default("us-east-1"), bytesMax: 63, manual: "Region that requests are signed for; Ceph's is default.")
    package static let bucket = Setting<BucketTemplate>.parsed(
        "objects.s3.bucket", .optional,
        accepts: "3 to 63 lower-case letters, digits and hyphens; {organization} at most once",
        manual: "Name of the bucket; with {organization}, one for each organization, and one named central for what belongs to none. "
            + "A bucket without Object Lock is refused. Required for objects.kind s3.")
    package static let makesBuckets = Setting<Bool>.boolean(
        "objects.s3.makeBuckets", .default(false), manual: "Make buckets that are missing, with Object Lock. Needs that permission.")
    package static let style = Setting<S3Location.Style>.choice(
        "objects.s3.addressing", .default(.path),
        manual: "Bucket in the path (https://host/bucket) or in the host's name (https://bucket.host).")
    package static let credentials = Setting<String>.path(
        "objects.s3.credentials", .optional,
        manual: "File of mode 0600 with accessKey and secretKey (and sessionToken) in YAML. Required for objects.kind s3.")
    package static let authority = Setting<String>.path(
        "objects.s3.ca", .optional, manual: "PEM file of the authorities to trust for the S3 server instead of the system's.")

    /// For the schema of the program that keeps objects.
    package static let declarations = [
        kind.declaration, path.declaration, retentionDays.declaration, endpoint.declaration, region.declaration, bucket.declaration,
        makesBuckets.declaration, style.declaration, credentials.declaration, authority.declaration,
    ]

    /// - Throws: `Diagnostics` with `settings.missing` for each key that the kind needs and that is not given.
    package init(_ settings: Settings) throws(Diagnostics) {
        retentionDays = Int(settings[Self.retentionDays])
        switch settings[Self.kind] {
        case .directory:
            place = .directory(path: settings.optional(Self.path))
        case .s3:
            let log = DiagnosticLog()
            func required<Value>(_ setting: Setting<Value>) -> Value? {
                if let value = settings.optional(setting) { return value }
                log.error(
                    at: settings.origin(Self.kind), code: "settings.missing",
                    "\(setting.declaration.name) or \(setting.declaration.variable) must be given (\(setting.declaration.accepts)) "
                        + "for objects.kind s3; the program does not start without it")
                return nil
            }
            let (endpoint, bucket) = (required(Self.endpoint), required(Self.bucket))
            let credentials = required(Self.credentials)
            try log.throwIfErrors()
            guard let endpoint, let bucket, let credentials else { preconditionFailure("a missing setting is an error") }
            place = .s3(
                S3(
                    endpoint: endpoint, region: settings[Self.region], buckets: bucket, style: settings[Self.style],
                    credentialsPath: credentials, authorityPath: settings.optional(Self.authority),
                    makesBuckets: settings[Self.makesBuckets]))
        }
    }

    package var enforcement: RetentionEnforcement {
        switch place {
        case .directory: .program
        case .s3: .server
        }
    }

    /// Equal for organizations that share a store.
    package func storeName(of organization: OrganizationID?) -> String {
        switch place {
        case .directory: organization?.description ?? "central"
        case .s3(let s3): s3.buckets.bucket(for: organization)
        }
    }

    /// Opens the store of one organization; nil: of what belongs to none, such as the log.
    ///
    /// - Parameter dataDirectory: of the program; it exists.
    /// - Throws: `Diagnostic`, `PrivateFileError` for the files that the settings name; `ObjectError` from the store.
    package func openStore(of organization: OrganizationID?, dataDirectory: String, clock: WallClock) async throws -> any ObjectStore {
        switch place {
        case .directory(let path):
            // Every organization has its own directory under one root.
            let root = path ?? "\(dataDirectory)/objects"
            try StoreFiles(root: root).prepare([])
            return try DirectoryObjectStore(path: "\(root)/\(organization?.description ?? "central")", clock: clock)
        case .s3(let s3):
            let location = S3Location(
                endpoint: s3.endpoint, region: s3.region, bucket: s3.buckets.bucket(for: organization), style: s3.style)
            return try await S3ObjectStore.open(
                location, try S3Credentials(contentsOf: s3.credentialsPath),
                authority: try s3.authorityPath.map { try YAMLReader.contents(path: $0, bytesMax: 1 << 20) },
                makesBucket: s3.makesBuckets, clock: clock)
        }
    }
}

extension S3Credentials {
    private static let accessKeySetting = Setting<String>.text("accessKey", bytesMax: 200, manual: "Name of the key.")
    private static let secretKeySetting = Setting<Secret>.secret("secretKey", manual: "The key itself.")
    private static let sessionTokenSetting = Setting<Secret>.secret("sessionToken", .optional, manual: "Of temporary credentials.")
    private static let schema = SettingsSchema(
        program: "credentials", "", [accessKeySetting.declaration, secretKeySetting.declaration, sessionTokenSetting.declaration])

    /// Reads a YAML file that only this process's user can read.
    /// - Throws: `PrivateFileError` for its mode and owner; `Diagnostic`, `Diagnostics` for what is in it.
    package init(contentsOf path: String) throws {
        let bytes = try PrivateFile.read(path, size: 1...16_384)
        let settings = try Settings(Self.schema, file: YAMLReader.read(bytes, file: path), environment: [:])
        self.init(
            accessKey: settings[Self.accessKeySetting], secretKey: settings[Self.secretKeySetting],
            sessionToken: settings.optional(Self.sessionTokenSetting))
    }
}
