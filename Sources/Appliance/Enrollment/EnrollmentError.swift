import Model
package import Seal
package import Wire

/// Why this appliance was not enrolled. It can be run again with the same code unless the code itself is refused.
package enum EnrollmentError: Error, Sendable {
    case alreadyEnrolled(String)
    /// Not a claim code at all.
    case claim(ClaimCodeError)
    /// The CA that answered is not the one whose fingerprint the code holds: somebody else answers at that address.
    case wrongAuthority
    case central(CentralLinkError)
    case key(PrivateFileError)
    /// What was granted does not fit what was asked.
    case badGrant(String)

    package var code: String {
        switch self {
        case .alreadyEnrolled: "enroll.already"
        case .claim(let error): error.code.description
        case .wrongAuthority: "enroll.wrong_authority"
        case .central(let error): error.code.description
        case .key(let error): error.code
        case .badGrant: "enroll.bad_grant"
        }
    }

    package var message: String {
        switch self {
        case .alreadyEnrolled(let appliance):
            "This machine is already enrolled as \(appliance); nothing was changed. To enrol anew, stop it and move its state directory away."
        case .claim(let error): error.message
        case .wrongAuthority:
            "The server at that address is not the Central that made this code, or the code was mistyped; nothing was sent to it. "
                + "Check the code, the address and the network."
        // Here nobody tries again by himself, as the running appliance would.
        case .central(.unreachable(let reason)):
            "Central could not be reached (\(reason)); this machine is not enrolled. Check --central and the network, then run it again."
        case .central(.timedOut):
            "Central did not answer in time; this machine is not enrolled. Check --central and the network, then run it again."
        case .central(.untrusted(let reason)):
            "The connection to Central was refused (\(reason)); this machine is not enrolled. Check --central."
        case .central(.refused(let status, let code)):
            Self.refusal(status, code)
        case .central(let error): "\(error.message) This machine is not enrolled."
        case .key(let error): error.message
        case .badGrant(let reason):
            "Central's grant was refused (\(reason)); this machine is not enrolled. Report it to Central's operator."
        }
    }

    private static func refusal(_ status: Int, _ code: String?) -> String {
        let next =
            switch code {
            case "claim.unknown": "Check the code for a slip, or ask for a new one"
            case "claim.used": "Ask for a new code, and find out who used this one"
            case "claim.expired": "Ask for a new code"
            case "claim.locked": "There were too many wrong codes; wait 15 minutes, then run it again"
            default: "Central's log and `martlet central refusals` say why"
            }
        return "Central refused with \(status)\(code.map { " (\($0))" } ?? ""); this machine is not enrolled. \(next)."
    }
}
