import Model

extension Scenario {
    /// Permissions and the files of packages.
    static let files: [Scenario] = [
        Scenario(
            "permission.modes", .permission, "Everybody may read the password hashes", check: "linux.files.permissions",
            code: "files.wrong_permissions", .healed,
            facts: ["files.wrong": .value(.strings(["/etc/shadow"])), "files.first_wrong_path": .value(.string("/etc/shadow"))],
            rehearsal: Rehearsal("chmod 0644 /etc/shadow; chmod 0755 /etc/crontab")),
        Scenario(
            "permission.owner", .permission, "The account list belongs to somebody", check: "linux.files.permissions",
            code: "files.wrong_permissions", .healed,
            facts: ["files.wrong": .value(.strings(["/etc/passwd"])), "files.first_wrong_path": .value(.string("/etc/passwd"))],
            rehearsal: Rehearsal("chown martlet /etc/passwd")),
        Scenario(
            "permission.world_writable", .permission, "Everybody may write a file, and another that was accepted",
            check: "linux.files.permissions", code: "files.world_writable", .healed,
            facts: ["files.world_writable": .value(.strings(["/etc/practice.conf", acceptedFile]))],
            rehearsal: Rehearsal(
                "touch /etc/practice.conf \(acceptedFile); chmod 0666 /etc/practice.conf \(acceptedFile)",
                touches: ["file /etc/practice.conf", "file \(acceptedFile)"])),
        Scenario(
            "permission.accepted", .permission, "A file that a person accepted as it is", check: "linux.files.permissions", code: nil,
            .accepted, facts: ["files.world_writable": .value(.strings([acceptedFile]))], course: Course(perHostYear: 1),
            rehearsal: Rehearsal(
                "touch \(acceptedFile); chmod 0666 \(acceptedFile)", state: "stat -c '%a %U %G' \(acceptedFile)",
                undo: "rm -f \(acceptedFile)")),
        Scenario(
            "permission.set_id", .permission, "A program that runs as root", check: "linux.files.permissions",
            code: "files.unapproved_set_id", .handedOver("rule.escalates"),
            facts: ["files.set_id": .value(.strings(["/usr/local/bin/vendor-tool"]))], course: Course(perHostYear: 1),
            rehearsal: Rehearsal(
                "cp /bin/true /usr/local/bin/vendor-tool; chmod 4755 /usr/local/bin/vendor-tool",
                state: "stat -c '%a %U' /usr/local/bin/vendor-tool", undo: "rm -f /usr/local/bin/vendor-tool")),
        Scenario(
            "integrity.changed", .integrity, "A packaged program is another one", check: "linux.integrity.files",
            code: "integrity.changed", .handedOver("rule.escalates"),
            facts: ["integrity.changed": .value(.strings(["/usr/bin/last"])), "integrity.changed_count": .value(.integer(1))],
            course: Course(perHostYear: 0.5),
            rehearsal: Rehearsal(
                "cp -p /usr/bin/last /var/tmp/last.kept; echo >>/usr/bin/last", state: "sha256sum /usr/bin/last",
                undo: "mv -f /var/tmp/last.kept /usr/bin/last")),
        Scenario(
            "encryption.off", .encryption, "A data volume is not encrypted", check: "linux.encryption.at_rest", code: "encryption.off",
            .handedOver("rule.escalates"),
            facts: ["encryption.is_container": .value(.boolean(false)), "encryption.clear_mounts": .value(.strings(["/srv"]))],
            course: Course(perHostYear: 0.5)),
    ]

    /// World-writable by the site's word: `SiteValues`.
    static let acceptedFile = "/etc/shared-forms"
}
