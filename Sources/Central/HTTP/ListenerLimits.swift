package import NIOCore

/// How a listener treats those who connect. Whoever is over a limit is cut off; nobody else notices.
package struct ListenerLimits: Sendable {
    /// From the connection until its first request's head is whole, the TLS handshake included.
    package var head: TimeAmount = .seconds(10)
    /// From a request's head until its body has come and its answer has gone. An appliance gives up after 30 seconds.
    package var request: TimeAmount = .seconds(60)
    /// From one answer until the next request's head is whole. Appliances let go of a connection after 20 seconds.
    package var idle: TimeAmount = .seconds(30)
    package var headerBytesMax = 16_384
    package var connectionsMax = 4_000
    package var connectionsPerAddressMax = 200

    package init() {}
}
