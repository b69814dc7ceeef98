/// The platforms that catalog files may name, and which of them are kinds of another.
package enum PlatformFamily {
    /// Name to the family it belongs to; a host of a platform is also one of its family.
    private static let families: [String: String?] = [
        "linux": nil, "debian": "linux", "ubuntu": "linux", "nixos": "linux", "rhel": "linux", "fedora": "linux", "alpine": "linux",
        "appliance": "linux", "windows": nil,
    ]

    package static var known: [String] { families.keys.sorted() }

    package static func isKnown(_ name: String) -> Bool { families[name] != nil }

    /// Whether every host of `platform` is one of `wide`: itself, or its family.
    package static func covers(_ wide: [String], _ platform: String) -> Bool {
        if wide.contains(platform) { return true }
        guard let entry = families[platform], let family = entry else { return false }
        return wide.contains(family)
    }
}
