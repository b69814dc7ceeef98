import Glibc

/// The 4 or 16 bytes of an IPv4 or IPv6 address.
struct IPAddressBytes: Sendable {
    let bytes: [UInt8]

    /// nil for anything but an address.
    init?(_ text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.bytes = Array(bytes[..<4])
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            self.bytes = bytes
        } else {
            return nil
        }
    }
}
