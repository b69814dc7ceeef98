package import Anchors
package import Documents
package import Model

/// Who vouches for the age of the log's checkpoints, typed. The declarations are the manual.
package struct AnchorsConfiguration: Sendable {
    package struct Authority: Sendable {
        package let url: String
        /// PEM file of the authorities in which its certificate chain must end.
        package let rootsPath: String

        package init(url: String, rootsPath: String) {
            self.url = url
            self.rootsPath = rootsPath
        }
    }

    package struct Node: Sendable {
        package let url: String
        package let login: Secret?

        package init(url: String, login: Secret?) {
            self.url = url
            self.login = login
        }
    }

    package var interval: Duration = .seconds(6 * 3_600)
    /// nil: OpenTimestamps is off.
    package var calendars: CalendarPolicy?
    package var node: Node?
    /// Asked in this order until one has stamped; empty: RFC 3161 is off.
    package var authorities: [Authority] = []

    package init() {}

    /// What is configured.
    package var kinds: [AnchorKind] {
        (calendars == nil ? [] : [.openTimestamps]) + (authorities.isEmpty ? [] : [.timestampAuthority])
    }

    package static let interval = Setting<Duration>.duration(
        "anchors.interval", .default(.seconds(6 * 3_600)), in: .seconds(600)...(.seconds(7 * 86_400)),
        manual: "How often the log's newest checkpoint is anchored, if the log has grown.")
    package static let calendars = Setting<[String]>.texts(
        "anchors.calendars", .default([]), countMax: CalendarPolicy.calendarsMax,
        manual: "Addresses of OpenTimestamps calendars. Without any there are no Bitcoin anchors.")
    package static let calendarsNeeded = Setting<Int64>.integer(
        "anchors.calendarsNeeded", .default(1), in: 1...Int64(CalendarPolicy.calendarsMax),
        manual: "How many calendars must take a checkpoint before it counts as submitted; at most as many as there are.")
    package static let redeemers = Setting<[String]>.texts(
        "anchors.redeemers", .default([]), countMax: CalendarPolicy.calendarsMax,
        manual: "Further addresses at which promises of these calendars may be redeemed; the host's first label may be *.")
    package static let nodeURL = Setting<String>.text(
        "anchors.bitcoin.url", .optional, bytesMax: 300,
        manual: "JSON-RPC of your own Bitcoin node, by which blocks are checked. Without it anchors end as attested, not checked.")
    package static let nodeLogin = Setting<Secret>.secret(
        "anchors.bitcoin.login", .optional, manual: "user:password of that node's RPC.")
    package static let authorityURL = Setting<String>.text("url", bytesMax: 300, manual: "Address of the authority, http:// or https://.")
    package static let authorityRoots = Setting<String>.path("ca", manual: "PEM file of the roots in which its certificates end.")
    package static let authorities = Setting<[Settings]>.list(
        "anchors.authorities", of: [authorityURL.declaration, authorityRoots.declaration], countMax: 8,
        manual: "RFC 3161 time-stamping authorities, asked in this order until one stamps.")

    /// For Central's schema.
    package static let declarations = [
        interval.declaration, calendars.declaration, calendarsNeeded.declaration, redeemers.declaration, nodeURL.declaration,
        nodeLogin.declaration, authorities.declaration,
    ]

    /// - Throws: `Diagnostics` where addresses are malformed or more calendars are needed than there are.
    package init(_ settings: Settings) throws(Diagnostics) {
        interval = settings[Self.interval]
        let addresses = settings[Self.calendars]
        if !addresses.isEmpty {
            calendars = CalendarPolicy(
                calendars: addresses, needed: Int(settings[Self.calendarsNeeded]), redeemers: settings[Self.redeemers])
            if calendars == nil {
                let log = DiagnosticLog()
                log.error(
                    at: settings.origin(Self.calendars), code: "value.form",
                    "anchors.calendars takes different addresses https://host[:port][/path], at least anchors.calendarsNeeded of them; "
                        + "anchors.redeemers the same")
                try log.throwIfErrors()
            }
        }
        node = settings.optional(Self.nodeURL).map { Node(url: $0, login: settings.optional(Self.nodeLogin)) }
        authorities = settings[Self.authorities].map { Authority(url: $0[Self.authorityURL], rootsPath: $0[Self.authorityRoots]) }
    }
}
