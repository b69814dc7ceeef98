package import Model
import Seal

/// Which mounted block devices and swap areas do not sit on an open dm-crypt mapping.
package struct EncryptionProbe: Probe {
    package let id: ProbeID = "encryption"
    package let facts: [FactName: ValueType] = [
        "encryption.is_container": .boolean, "encryption.clear_mounts": .strings, "encryption.encrypted_mounts": .strings,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [ContainerAnswer.command, HostCommand(["lsblk", "-J", "-o", "NAME,TYPE,FSTYPE,MOUNTPOINT"])]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        let isContainer = try ContainerAnswer.read(outputs, 0)
        var facts = Facts(["encryption.is_container": .boolean(isContainer)])
        guard !isContainer else { return facts }
        facts.read("encryption.clear_mounts", "encryption.encrypted_mounts") { () throws(ProbeError) in
            guard let devices = try outputs.json(1)["blockdevices"]?.array else {
                throw ProbeError("probe.unparseable", "no block devices")
            }
            var clear: Set<String> = []
            var encrypted: Set<String> = []
            func visit(_ device: JSONValue, isInside: Bool) {
                let isCrypt = isInside || device["type"]?.string == "crypt"
                // A read-only image holds what was published, not what was written here.
                if let mount = device["mountpoint"]?.string, device["fstype"]?.string != "squashfs", device["fstype"]?.string != "iso9660" {
                    if isCrypt { encrypted.insert(mount) } else { clear.insert(mount) }
                }
                for child in device["children"]?.array ?? [] { visit(child, isInside: isCrypt) }
            }
            for device in devices { visit(device, isInside: false) }
            // A machine runs from somewhere: with nothing mounted we have not seen its disks (btrfs and ZFS pools, network roots).
            guard clear.contains("/") || encrypted.contains("/") else { throw ProbeError("encryption.root_not_seen", "no device of /") }
            return ["encryption.clear_mounts": .strings(clear.sorted()), "encryption.encrypted_mounts": .strings(encrypted.sorted())]
        }
        return facts
    }
}
