package import Model

/// Why Central could not be asked, or its answer not be used. All are tried again later; none loses anything.
package enum CentralLinkError: Error, Hashable, Sendable {
    case unreachable(String)
    case timedOut
    /// Its certificate is not from the pinned authority, or ours is not accepted.
    case untrusted(String)
    /// An answer of this status, with the problem's code where it had one.
    case refused(status: Int, code: String?)
    /// Our certificate was not renewed because our clock, or Central's, is wrong.
    case clocksDiffer(central: Timestamp)
    /// No valid certificate, and no address at which another could be asked for.
    case noEnrollmentURL
    case oversize(limit: Int)
    /// Not the JSON that was promised.
    case malformed(String)
    /// Signed by a key that is not pinned, or about something else than was sent.
    case receipt(String)
    /// The places in the log that a receipt names contradict one another, or those of an earlier receipt.
    case logPlaces(String)
    /// Central's answer says that it holds something else than what we sent.
    case contradiction(String)

    /// Whether the same request would be refused again: not for want of rights, time or rate.
    var isFinal: Bool {
        guard case .refused(let status, _) = self else { return false }
        return (400..<500).contains(status) && ![401, 403, 408, 429].contains(status)
    }

    /// Whether it may be our certificate that is not taken: its time is over, or Central does not know it.
    package var mayBeOurCertificate: Bool {
        switch self {
        // With TLS 1.3 the refusal of a certificate comes after the handshake, as an alert at the first read.
        case .untrusted: true
        case .refused(let status, let code): status == 401 && (code == "certificate.expired" || code == "certificate.unknown")
        default: false
        }
    }

    package var code: Code {
        switch self {
        case .unreachable: "central.unreachable"
        case .timedOut: "central.timed_out"
        case .untrusted: "central.untrusted"
        case .refused: "central.refused"
        case .clocksDiffer: "central.clocks_differ"
        case .noEnrollmentURL: "central.no_enrollment_url"
        case .oversize: "central.oversize"
        case .malformed: "central.malformed"
        case .receipt: "central.receipt_invalid"
        case .logPlaces: "central.log_places"
        case .contradiction: "central.contradiction"
        }
    }

    package var message: String {
        switch self {
        case .unreachable(let reason): "Central could not be reached (\(reason)); everything is kept and tried again."
        case .timedOut: "Central did not answer in time; everything is kept and tried again."
        case .untrusted(let reason):
            "The connection to Central was refused (\(reason)); nothing was sent. Check the pinned authority and our certificate."
        case .refused(let status, let code): "Central answered \(status)\(code.map { " (\($0))" } ?? ""); what was sent is kept."
        case .clocksDiffer(let central):
            "Central's time was \(central) when it refused to renew our certificate; everything is kept. Set the clock that is wrong."
        case .noEnrollmentURL:
            "Our certificate is past its time and nobody told us where another is asked for; everything is kept. Set central.enrollmentUrl."
        case .oversize(let limit): "Central's answer was longer than \(limit) bytes and was not read; everything is kept."
        case .malformed(let reason): "Central's answer could not be read (\(reason)); nothing of it was used and everything is kept."
        case .receipt(let reason): "Central's receipt is not valid (\(reason)); what it covers stays in the queue."
        case .logPlaces(let reason):
            "Central's receipt contradicts its own log (\(reason)); what it covers stays in the queue. Have Central's log examined."
        case .contradiction(let reason):
            "Central and this appliance disagree about its chain (\(reason)); nothing was deleted. Have both examined."
        }
    }
}
