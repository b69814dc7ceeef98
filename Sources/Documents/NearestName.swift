/// The known name that a mistyped one most likely meant; nil when none is near.
///
/// Near is at most a third of the letters changed, added, left out or swapped with their neighbour.
package func nearestName(to name: String, in known: some Sequence<String>) -> String? {
    let typed = Array(name.utf8.prefix(100))
    var best: (name: String, distance: Int)?
    for candidate in known {
        let letters = Array(candidate.utf8)
        let limit = max(typed.count, letters.count) / 3
        guard limit > 0, abs(typed.count - letters.count) <= limit else { continue }
        let distance = editDistance(typed, letters)
        guard distance <= limit else { continue }
        // The smaller name among equals, so that the answer does not depend on the order of a dictionary.
        if let best, (best.distance, best.name) <= (distance, candidate) { continue }
        best = (candidate, distance)
    }
    return best?.name
}

/// ", did you mean …?" or nothing.
package func suggestion(for name: String, in known: some Sequence<String>) -> String {
    nearestName(to: name, in: known).map { "; did you mean \"\($0)\"?" } ?? ""
}

/// What `suggestion` says, and where no name is near all of them: for a fixed set that one cannot look up in the folder.
package func suggestion(for name: String, amongAll known: some Sequence<String>) -> String {
    let near = suggestion(for: name, in: known)
    return near.isEmpty ? "; there are \(known.sorted().joined(separator: ", "))" : near
}

/// Optimal string alignment distance.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for i in 0..<left.count {
        var row = [i + 1]
        for j in 0..<right.count {
            var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (left[i] == right[j] ? 0 : 1))
            if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { cost = min(cost, beforeLast[j - 1] + 1) }
            row.append(cost)
        }
        beforeLast = last
        last = row
    }
    return last[right.count]
}
