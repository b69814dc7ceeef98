package import Documents
package import Model

/// The settings of `martlet-hands`, and their manual.
package enum HandsSettings {
    package static let user = Setting<String>.text(
        "user", .default("martlet"), bytesMax: 64,
        manual: "The user that `martlet-appliance` runs as: besides root, the only one that is answered.")
    package static let host = Setting<HostID>.parsed(
        "host", .default("appliance"), accepts: "name of letters, digits, dot, dash and underscore",
        manual: "This machine's id among the appliance's `hosts`; plans for any other are refused.")
    package static let baseline = Setting<String>.text(
        "baseline", .optional, bytesMax: 100,
        manual: "The only baseline of the catalog that is taken here; without it, any of the catalog's.")
    package static let clinical = Setting<Bool>.boolean(
        "clinical", .default(false), manual: "A clinical device: looked at and never changed, whatever the appliance says.")
    package static let catalogKey = Setting<String>.path(
        "catalogKey", .default("/etc/martlet/catalog.pem"),
        manual: "Public keys (PEM, at most 8) of which one must have signed the catalog. Root's file, writable by nobody else.")
    package static let socket = Setting<String>.path(
        "socket", .default("/run/martlet-hands.sock"), manual: "Where to listen when systemd does not hand a socket over.")
    package static let stateDirectory = Setting<String>.path(
        "stateDirectory", .default("/var/lib/martlet-hands"),
        manual: "Root's own directory: the catalog that was verified last, and the key that closes what is captured.")
    package static let pauseFiles = Setting<[String]>.texts(
        "pauseFiles", .default(["/etc/martlet/pause", "/var/lib/martlet-appliance/pause"]), countMax: 10,
        manual: "While one of these files exists nothing is changed; what was begun is put back.")

    package static let schema = SettingsSchema(
        program: "martlet-hands",
        "Read from `/etc/martlet/hands.yaml`, or the file that `--config` names: root's file, writable by nobody else.",
        [
            user.declaration, host.declaration, baseline.declaration, clinical.declaration, catalogKey.declaration, socket.declaration,
            stateDirectory.declaration, pauseFiles.declaration,
        ])
}
