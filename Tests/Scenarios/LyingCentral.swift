import Central
import Crypto
import Foundation
import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Seal
import SwiftASN1
import Synchronization
import X509

/// A server on Central's port with a certificate of Central's authority, which says what a test puts into its mouth.
final class LyingCentral: Sendable {
    /// Bytes as they go out, head included, and what happens then.
    struct Answer: Sendable {
        enum End: Sendable {
            case close
            /// Says nothing more and stays.
            case silence
            /// This again and again, as fast as it is taken.
            case endless([UInt8])
            /// Byte by byte, one a second.
            case trickle([UInt8])
        }
        var bytes: [UInt8]
        var end = End.close

        static func raw(_ text: String) -> Answer { Answer(bytes: Array(text.utf8)) }

        static func http(_ body: [UInt8], status: String = "200 OK", type: String = "application/json", headers: String = "") -> Answer {
            Answer(
                bytes: Array(
                    "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\(headers)\r\n"
                        .utf8)
                    + body)
        }

        static func http(_ body: String, status: String = "200 OK", type: String = "application/json", headers: String = "") -> Answer {
            http(Array(body.utf8), status: status, type: type, headers: headers)
        }
    }

    private let channel: any Channel

    /// - Parameters:
    ///   - central: the data directory of the Central whose authority issues the certificate.
    ///   - port: 0 takes a free one.
    ///   - heard: is given each request's body, before it is answered.
    init(
        _ central: String, port: Int = 0, answer: @escaping @Sendable (_ path: String) -> Answer,
        heard: @escaping @Sendable (_ path: String, _ body: [UInt8]) -> Void = { _, _ in }
    ) async throws {
        let tls = try NIOSSLContext(configuration: Self.certificate(central))
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: tls))
                    try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
                    try pipeline.addHandler(Liar(answer, heard))
                }
            }.bind(host: "127.0.0.1", port: port).get()
    }

    var url: String { "https://127.0.0.1:\(channel.localAddress!.port!)" }

    func stop() async throws { try await channel.close() }

    private static func certificate(_ directory: String) throws -> TLSConfiguration {
        let authority = try P256.Signing.PrivateKey(rawRepresentation: Data(contentsOf: URL(filePath: "\(directory)/ca.key")))
        let issuer = try Certificate(pemEncoded: String(contentsOfFile: "\(directory)/ca.pem", encoding: .utf8))
        let key = P256.Signing.PrivateKey()
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date() - 3_600,
            notValidAfter: Date() + 86_400, issuer: issuer.subject, subject: try DistinguishedName { CommonName("not Central") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                SubjectAlternativeNames([
                    .dnsName("localhost"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
                ])
            }, issuerPrivateKey: .init(authority))
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return .makeServerConfiguration(
            certificateChain: [.certificate(try NIOSSLCertificate(bytes: serializer.serializedBytes, format: .der))],
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der)))
    }
}

private final class Liar: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private let answer: @Sendable (String) -> LyingCentral.Answer
    private let heard: @Sendable (String, [UInt8]) -> Void
    private var path = ""
    private var body: [UInt8] = []
    private var isOver = false

    init(_ answer: @escaping @Sendable (String) -> LyingCentral.Answer, _ heard: @escaping @Sendable (String, [UInt8]) -> Void) {
        self.answer = answer
        self.heard = heard
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (path, body) = (head.uri, [])
        case .body(let part): body += Array(part.readableBytesView)
        case .end:
            heard(path, body)
            let answer = answer(path)
            if !answer.bytes.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer.bytes)), promise: nil) }
            switch answer.end {
            case .close: context.close(promise: nil)
            case .silence: break
            case .endless(let bytes): pour(bytes, context)
            case .trickle(let bytes): drip(bytes[...], context)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) { isOver = true }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func pour(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        let loop = context.eventLoop
        let this = NIOLoopBound((self, context), eventLoop: loop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes))).whenSuccess {
            // As an event of its own: a write that is done at once would call itself until the stack is full.
            loop.execute {
                let (liar, context) = this.value
                if !liar.isOver { liar.pour(bytes, context) }
            }
        }
    }

    private func drip(_ bytes: ArraySlice<UInt8>, _ context: ChannelHandlerContext) {
        guard !isOver, let byte = bytes.first else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [byte])), promise: nil)
        let this = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .seconds(1)) { this.value.0.drip(bytes.dropFirst(), this.value.1) }
    }
}
