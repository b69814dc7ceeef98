import Catalog
import Documents
import Model
import Seal
import Testing

@Suite struct CatalogPackTests {
    private func catalog() throws -> CompiledCatalog { try #require(try CatalogFolder().lint().catalog) }

    @Test func whatIsReadBackIsWhatWasWrittenByteForByte() throws {
        let catalog = try catalog()
        let pack = try CatalogPack.encode(catalog, schema: CatalogFolder.schema)
        for schema in [CatalogFolder.schema, nil] {
            let read = try CatalogPack.decode(pack, schema: schema)
            #expect(read.digest == catalog.digest)
            #expect(read.checks == catalog.checks)
            #expect(read.rules == catalog.rules)
            #expect(read.runbooks == catalog.runbooks)
            #expect(read.runbookDigests == catalog.runbookDigests)
            #expect(read.baselines == catalog.baselines)
            #expect(try CatalogPack.encode(read, schema: CatalogFolder.schema) == pack)
        }
        #expect(catalog.digest == Digest(of: pack))
    }

    @Test func onlyASignatureByAnEnrolledKeyOpensIt() throws {
        let (key, stranger) = (SigningKey(), SigningKey())
        let pack = try CatalogPack.encode(try catalog(), schema: CatalogFolder.schema)
        let signed = CatalogPack.sign(pack, with: key)
        let keys = [key.verifyingKey]
        #expect(try CatalogPack.open(signed, keys: keys, newerThan: 6, schema: CatalogFolder.schema).version == 7)
        func refusal(_ signed: [UInt8], newerThan version: Int64? = nil, schema: CatalogSchema? = CatalogFolder.schema) -> String? {
            do throws(CatalogPackError) {
                _ = try CatalogPack.open(signed, keys: keys, newerThan: version, schema: schema)
                return nil
            } catch { return error.code }
        }
        #expect(refusal(CatalogPack.sign(pack, with: stranger)) == "envelope.unknown_key")
        #expect(refusal(signed, newerThan: 7) == "catalog.not_newer")
        #expect(refusal(Array(signed.dropLast())) == "json.syntax")
        #expect(refusal(CatalogPack.sign(pack + [0x0a], with: key)) == "envelope.not_canonical")
        var changed = pack
        changed[changed.count / 2] ^= 1
        let forged = SignedEnvelope(keyID: key.id, payload: changed, signature: key.sign(pack))
        #expect(refusal(Array(forged.text.utf8)) == "envelope.bad_signature")
        let poorer = CatalogSchema(probes: CatalogFolder.schema.probes, verbs: [:])
        #expect(refusal(signed, schema: poorer) == "catalog.refused")
    }

    @Test(
        "A member that is missing, of another type or unknown is refused and nothing is taken",
        arguments: [
            "version", "checks", "runbooks", "rules", "baselines", "schema",
        ])
    func refusesDamage(member: String) throws {
        let pack = try CatalogPack.encode(try catalog(), schema: CatalogFolder.schema)
        guard case .object(let members) = try JSONValue(parsing: pack, limits: CatalogPack.limits) else {
            return #expect(Bool(false), "no object")
        }
        for value in [
            nil, JSONValue.integer(-1), "x", [:], [1], members["rules"].map { JSONValue.array(($0.array ?? []) + ($0.array ?? [])) },
        ] {
            if member == "baselines", value == nil { continue }
            var changed = members
            changed[member] = value
            let bytes = try JSONValue.object(changed).canonicalBytes()
            #expect(throws: CatalogPackError.self, "\(member)") { try CatalogPack.decode(bytes, schema: nil) }
        }
        var extra = members
        extra["extra"] = 1
        let bytes = try JSONValue.object(extra).canonicalBytes()
        #expect(throws: CatalogPackError.self) { try CatalogPack.decode(bytes, schema: nil) }
    }

    @Test func tenThousandRulesSurviveTheTrip() throws {
        let catalog = try catalog()
        let rules = (0..<10_000).map { number in
            let rule = catalog.rules[0]
            return RuleDefinition(
                id: RuleID("L1-GEN-\(number)")!, title: rule.title, priority: number, check: rule.check, codes: rule.codes, platforms: [],
                condition: rule.condition, runbook: rule.runbook, parameters: rule.parameters, cooldown: rule.cooldown, attemptsMax: 2)
        }
        let large = CompiledCatalog(
            version: 1, digest: .genesis, checks: catalog.checks, rules: rules, runbooks: catalog.runbooks,
            runbookDigests: catalog.runbookDigests, baselines: catalog.baselines)
        let pack = try CatalogPack.encode(large, schema: CatalogFolder.schema)
        #expect(try CatalogPack.decode(pack, schema: CatalogFolder.schema).rules == rules)
    }
}
