import Model

extension Scenario {
    /// Accounts and passwords.
    static let accounts: [Scenario] = [
        Scenario(
            "account.no_password", .account, "An account without a password, beside one that was accepted",
            check: "linux.accounts.integrity", code: "accounts.empty_password", .healed,
            facts: ["accounts.empty_passwords": .value(.strings(["frontdesk", acceptedAccount]))],
            rehearsal: Rehearsal(
                "passwd -q -d frontdesk; passwd -q -d \(acceptedAccount)", undo: "passwd -q -l \(acceptedAccount)",
                touches: ["shadow frontdesk", "shadow \(acceptedAccount)"])),
        Scenario(
            "account.accepted", .account, "An account without a password that a person accepted", check: "linux.accounts.integrity",
            code: nil, .accepted, facts: ["accounts.empty_passwords": .value(.strings([acceptedAccount]))], course: Course(perHostYear: 1),
            rehearsal: Rehearsal(
                "passwd -q -d \(acceptedAccount)", state: "getent shadow \(acceptedAccount)", undo: "passwd -q -l \(acceptedAccount)")),
        Scenario(
            "account.shared_id", .account, "Two accounts are one", check: "linux.accounts.integrity", code: "accounts.shared_id",
            .handedOver("rule.escalates"), facts: ["accounts.duplicate_uids": .value(.strings(["1000"]))],
            course: Course(perHostYear: 0.5),
            rehearsal: Rehearsal(
                "useradd -M -o -u \"$(id -u frontdesk)\" temporary", state: "getent passwd temporary frontdesk",
                undo: "sed -i /^temporary:/d /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid /etc/subgid")),
        Scenario(
            "account.second_root", .account, "A second root", check: "linux.accounts.privileged", code: "accounts.second_root",
            .handedOver("rule.escalates"), facts: ["accounts.uid0": .value(.strings(["root", "toor"]))], course: Course(perHostYear: 0.5),
            rehearsal: Rehearsal(
                "echo 'toor:x:0:0::/root:/bin/sh' >>/etc/passwd", state: "getent passwd toor", undo: "sed -i /^toor:/d /etc/passwd")),
        Scenario(
            "account.administrator", .account, "An administrator whom nobody approved", check: "linux.accounts.privileged",
            code: "accounts.unapproved_administrator", .handedOver("rule.escalates"),
            facts: ["accounts.privileged": .value(.strings(["root", "drcox"]))], course: Course(perHostYear: 1),
            rehearsal: Rehearsal("gpasswd -a drcox sudo >/dev/null", state: "id -nG drcox", undo: "gpasswd -d drcox sudo >/dev/null")),
        Scenario(
            "password.short", .password, "Short passwords are accepted", check: "linux.accounts.password_policy",
            code: "passwords.too_short", .healed, facts: ["password.min_length": .value(.integer(8))], course: Course(isLeftToL2: true),
            rehearsal: Rehearsal("rm -rf /etc/security/pwquality.conf.d", touches: ["file /etc/security/pwquality.conf.d/"])),
        Scenario(
            "password.lockout", .password, "Fifty tries before an account is locked", check: "linux.accounts.password_policy",
            code: "passwords.too_many_tries", .healed, facts: ["lockout.tries": .value(.integer(50))],
            rehearsal: Rehearsal(
                "printf 'deny = 50\\nunlock_time = 900\\n' >/etc/security/faillock.conf", touches: ["file /etc/security/faillock.conf"])),
        Scenario(
            "password.ageing", .password, "A password that never ends", check: "linux.accounts.password_policy", code: "passwords.too_old",
            .handedOver("gate.approval"),
            facts: [
                "password.without_ageing": .value(.strings(["drcox"])), "password.first_without_ageing": .value(.string("drcox")),
            ], course: Course(perHostYear: 1),
            rehearsal: Rehearsal("chage -M 99999 drcox", state: "chage -l drcox | grep Maximum", undo: "chage -M 90 drcox")),
    ]

    /// Without a password by the site's word: `SiteValues`.
    static let acceptedAccount = "kiosk"
}
