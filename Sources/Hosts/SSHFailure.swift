import Model

/// Reads what the OpenSSH client says when a session did not even begin (its messages are never translated).
enum SSHFailure {
    static func error(status: Int, words: String) -> HostError {
        if status != 255 { return beforeShell(status: status, words: words) }
        for (phrase, failure) in phrases where words.contains(phrase) { return failure }
        return .connectionLost
    }

    /// Order matters: a changed key also ends in "Host key verification failed".
    private static let phrases: [(String, HostError)] = [
        ("REMOTE HOST IDENTIFICATION HAS CHANGED", .hostKeyChanged),
        // The host has no key of the pinned type any more.
        ("no matching host key type found", .hostKeyChanged),
        ("host key is known for", .hostKeyUnknown),
        ("Host key verification failed", .hostKeyUnknown),
        ("Permission denied (", .authenticationFailed),
        ("Too many authentication failures", .authenticationFailed),
        ("during banner exchange", .timedOut),
        ("Connection refused", .unreachable("connection refused")),
        ("No route to host", .unreachable("no route")),
        ("Network is unreachable", .unreachable("network unreachable")),
        ("Could not resolve hostname", .unreachable("name not found")),
        ("Connection timed out", .unreachable("no answer")),
        ("Operation timed out", .unreachable("no answer")),
    ]

    /// sshd accepted us, and our line did not run.
    private static func beforeShell(status: Int, words: String) -> HostError {
        if words.contains("sudo: ") { return .notPermitted("sudo") }
        if status == 127 { return .commandMissing(words.contains("sudo") ? "sudo" : "/usr/bin/env") }
        // A forced command, a nologin shell, an expired account: whatever it was, it was not what we asked for.
        return .notPermitted("the log-in shell")
    }
}
