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
            "The server at that address is not the Central that made this code; nothing was sent to it. Check the address and the network."
        case .central(let error): error.message
        case .key(let error): error.message
        case .badGrant(let reason):
            "Central's grant was refused (\(reason)); this machine is not enrolled. Report it to Central's operator."
        }
    }
}
