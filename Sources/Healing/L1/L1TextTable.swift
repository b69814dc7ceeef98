import Model
import Seal

/// Which rules are for a check and code that stand in bytes: a table of open addressing, so that looking up makes no `String`.
struct L1TextTable: Sendable {
    private struct Slot {
        var key: UInt64 = 0
        /// Number in `texts`; -1: empty.
        var text: Int32 = -1
        var range: Range<Int32> = 0..<0
    }

    private var slots = [Slot](repeating: Slot(), count: 16)
    private var texts: [(check: [UInt8], code: [UInt8])] = []

    /// Each check and code once.
    mutating func add(check: CheckID, code: Code, _ range: Range<Int32>) {
        if (texts.count + 1) * 2 > slots.count { grow() }
        let text = (check: Array(check.description.utf8), code: Array(code.description.utf8))
        let slot = Slot(key: IncidentText.key(check: text.check, code: text.code), text: Int32(texts.count), range: range)
        texts.append(text)
        put(slot)
    }

    func range(of text: IncidentText) -> Range<Int32>? {
        var place = Int(truncatingIfNeeded: text.key) & (slots.count - 1)
        while slots[place].text >= 0 {
            let slot = slots[place]
            if slot.key == text.key {
                let known = texts[Int(slot.text)]
                if text.isAbout(check: known.check, code: known.code) { return slot.range }
            }
            place = (place + 1) & (slots.count - 1)
        }
        return nil
    }

    private mutating func grow() {
        let before = slots
        slots = [Slot](repeating: Slot(), count: before.count * 2)
        for slot in before where slot.text >= 0 { put(slot) }
    }

    private mutating func put(_ slot: Slot) {
        var place = Int(truncatingIfNeeded: slot.key) & (slots.count - 1)
        while slots[place].text >= 0 { place = (place + 1) & (slots.count - 1) }
        slots[place] = slot
    }
}
