import Objects
import Testing

@Suite struct StrictXMLTests {
    func parse(_ text: String, limits: StrictXML.Limits = StrictXML.Limits()) throws -> StrictXML.Element {
        try StrictXML.parse(Array(text.utf8), limits: limits)
    }

    @Test func readsWhatServersSend() throws {
        let root = try parse(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <s3:List xmlns:s3="http://example.com/doc/" other='a "b" > c'><Key>a&amp;b&#34;&#x1F600;&lt;&gt;&quot;&apos;</Key>
            <Empty/><Empty a="b" /><Deep><Er>text</Er></Deep></s3:List>

            """)
        #expect(root.name == "List")
        #expect(root["Key"]?.text == "a&b\"😀<>\"'")
        #expect(root.all("Empty").count == 2)
        #expect(root["Deep"]?["Er"]?.text == "text")
        #expect(root["Er"] == nil)
    }

    @Test(arguments: [
        "", " ", "text", "<a>", "<a></b>", "</a>", "<a", "<a/><b/>", "<a/>x", "x<a/>", "<a>&b;</a>", "<a>&amp</a>", "<a>&#xD800;</a>",
        "<a>&#0;</a>", "<a>&#;</a>", "<a>&#12345678;</a>", "<a>&#x;</a>", "<!DOCTYPE a><a/>", "<a><!-- x --></a>", "<a><![CDATA[x]]></a>",
        "<a><?x?></a>", "<a b></a>", "<a b=c></a>", "<a b=\"c></a>", "<a b=\"<\"></a>", "<a\u{0}/>", "<a>\u{1}</a>", "<a b='1'c='2'/>",
        "<1/>",
        "<?xml <a/>", "<?xml", "<a></a ",
    ])
    func refusesEverythingElse(text: String) {
        #expect(throws: StrictXML.Fault.self) { try parse(text) }
    }

    @Test func limitsDepthAndNumber() throws {
        func nested(_ depth: Int) -> String { String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth) }
        #expect(try parse(nested(16)).name == "a")
        #expect(throws: StrictXML.Fault.self) { try parse(nested(17)) }
        let limits = StrictXML.Limits(elementsMax: 3)
        #expect(try parse("<a><b/><b/></a>", limits: limits).children.count == 2)
        #expect(throws: StrictXML.Fault.self) { try parse("<a><b/><b/><b/></a>", limits: limits) }
        #expect(throws: StrictXML.Fault.self) { try StrictXML.parse([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e]) }
    }

    @Test("No document that lacks a byte is taken, and none of one flipped bit ends the process")
    func everyPrefixIsRefused() {
        let whole = Array("<?xml version='1.0'?><a b='c'><d>&amp;e</d><f/></a>".utf8)
        for count in 0..<whole.count { #expect(throws: StrictXML.Fault.self) { try StrictXML.parse(Array(whole[..<count])) } }
        var refused = 0
        for index in whole.indices {
            for bit in 0..<8 {
                var changed = whole
                changed[index] ^= 1 << UInt8(bit)
                do { _ = try StrictXML.parse(changed) } catch { refused += 1 }
            }
        }
        #expect(refused > 100)
    }
}
