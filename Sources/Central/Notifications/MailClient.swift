import CCurl
import Documents
import Model
import NIOPosix
import Seal

/// Gives mail to the configured server by libcurl, over TLS always.
struct MailClient: Sendable {
    private static let deadline: CLong = 30
    private let server: NotificationsConfiguration.MailServer

    init(_ server: NotificationsConfiguration.MailServer) { self.server = server }

    /// - Throws: `NotificationFailure` unless the server has taken it for every recipient.
    func send(_ message: TicketMessage, to recipients: [String], at now: Timestamp) async throws {
        let text = MailMessage.text(message, from: server.from, to: recipients, at: now)
        // libcurl waits: on a thread that may.
        try await NIOThreadPool.singleton.runIfActive { try give(text, to: recipients) }
    }

    /// What libcurl reads from.
    private final class Source {
        let bytes: [UInt8]
        var position = 0
        init(_ text: String) { bytes = Array(text.utf8) }
    }

    private func give(_ text: String, to recipients: [String]) throws {
        guard let handle = curl_easy_init() else { throw NotificationFailure(description: "libcurl cannot start") }
        defer { curl_easy_cleanup(handle) }
        var list: UnsafeMutablePointer<curl_slist>?
        for recipient in recipients { list = curl_slist_append(list, recipient) }
        defer { curl_slist_free_all(list) }
        let source = Source(text)
        var codes = [
            curl_set_text(handle, CURLOPT_URL, server.url),
            // smtp:// without STARTTLS is refused: nothing goes in the open, the password least of all.
            curl_set_number(handle, CURLOPT_USE_SSL, CLong(CURLUSESSL_ALL.rawValue)),
            curl_set_number(handle, CURLOPT_SSLVERSION, CLong(CURL_SSLVERSION_TLSv1_2)),
            curl_set_text(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps"),
            curl_set_text(handle, CURLOPT_MAIL_FROM, server.from),
            curl_set_list(handle, CURLOPT_MAIL_RCPT, list),
            curl_set_number(handle, CURLOPT_UPLOAD, 1),
            curl_set_number(handle, CURLOPT_TIMEOUT, Self.deadline),
            curl_set_number(handle, CURLOPT_NOSIGNAL, 1),
        ]
        if let authority = server.authorityPath { codes.append(curl_set_text(handle, CURLOPT_CAINFO, authority)) }
        if let login = server.login { codes.append(curl_set_text(handle, CURLOPT_USERPWD, login.revealed())) }
        let read: @convention(c) (UnsafeMutablePointer<CChar>?, Int, Int, UnsafeMutableRawPointer?) -> Int = {
            buffer, size, count, context in
            guard let buffer, let context else { return 0 }
            let source = Unmanaged<Source>.fromOpaque(context).takeUnretainedValue()
            let length = min(size * count, source.bytes.count - source.position)
            source.bytes.withUnsafeBytes { bytes in
                UnsafeMutableRawPointer(buffer).copyMemory(from: bytes.baseAddress! + source.position, byteCount: length)
            }
            source.position += length
            return length
        }
        codes.append(curl_set_source(handle, read, Unmanaged.passUnretained(source).toOpaque()))
        guard codes.allSatisfy({ $0 == CURLE_OK }) else { throw NotificationFailure(description: "libcurl lacks SMTP or an option") }
        let code = withExtendedLifetime(source) { curl_easy_perform(handle) }
        guard code == CURLE_OK else {
            var answer: CLong = 0
            _ = curl_get_number(handle, CURLINFO_RESPONSE_CODE, &answer)
            let reason = String(cString: curl_easy_strerror(code))
            throw NotificationFailure(description: answer == 0 ? reason : "\(reason) (the server said \(answer))")
        }
    }
}
