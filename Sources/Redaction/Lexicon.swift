/// What a word announces when it stands as a label.
enum Role: UInt8 {
    case mrn = 1, medical, chart, patient, name, strictName, person, title, birth, born, care, ssn, social, phone, card, account
    case plan, insured, medicare, driver, licence, zip, postal, address, street, box, email, segment, part
}

/// The words that the scrubber knows, and tables that find where one of them may begin without reading it.
final class Lexicon: Sendable {
    let roles: WordTable
    /// `id`, `number`: what turns a word into the label of an identifier.
    let identifiers: WordTable
    /// Before `name`, they make it a person's.
    let persons: WordTable
    /// Never part of a person's name: what machines, and forms about patients, say in its place.
    let notNames: WordTable
    /// Inside a name, in lower case.
    let particles: WordTable
    let months: WordTable
    let links: WordTable
    /// Things that are called drives and are not streets.
    let drives: WordTable
    let units: WordTable
    /// Words in the names of products and parts.
    let machines: WordTable

    /// Four rows of 256: a word of `roles` begins where the rows' entries for four successive bytes have a bit in common.
    let prefixes: [UInt64]
    /// Bit of `prefixes` for a Medicare beneficiary identifier from its second character on.
    static let medicareBit: UInt64 = 1 << 63

    static let standard = Lexicon()

    private init() {
        var words: [(String, UInt8)] = []
        func add(_ role: Role, _ text: String) { words += text.split(separator: " ").map { (String($0), role.rawValue) } }
        add(.mrn, "mrn medrec")
        add(.medical, "medical med")
        add(.chart, "chart")
        add(.patient, "patient patients pt resident")
        add(.name, "name names")
        add(.strictName, "firstname lastname fullname surname fname lname givenname familyname middlename patientname ptname")
        add(.person, "guarantor guardian spouse kin caregiver mother father")
        add(.part, "family given")
        add(.title, "mr mrs ms miss dr")
        add(.birth, "dob birth birthdate birthday dateofbirth bday")
        add(.born, "born")
        add(.care, "admitted discharged admission discharge deceased died")
        add(.ssn, "ssn ssns itin")
        add(.social, "social")
        add(.phone, "phone telephone tel mobile cell cellphone fax call called pager callback contact homephone")
        add(.card, "card creditcard cardnumber visa mastercard amex")
        add(.account, "account acct accountnumber acctno")
        add(.plan, "policy insurance medicaid hicn payer healthplan plan group")
        add(.insured, "member subscriber beneficiary insured memberid subscriberid")
        add(.medicare, "medicare mbi")
        add(.driver, "driver drivers")
        add(.licence, "dl dln")
        add(.zip, "zip zipcode postcode")
        add(.postal, "postal")
        add(.address, "address addr")
        add(
            .street,
            "st street ave avenue road rd blvd boulevard lane ln drive court ct way place pl terrace ter circle cir highway hwy parkway "
                + "pkwy square trail trl crescent")
        add(.box, "box")
        add(.email, "email mail emailaddress")
        add(.segment, "pid nk gt")
        roles = WordTable(words)
        identifiers = WordTable("id ids number numbers no num nbr nr identifier code ident")
        persons = WordTable(
            "first last full middle given family maiden legal preferred patient pt member subscriber insured guarantor beneficiary "
                + "guardian spouse mother mothers father caller client resident kin contact holder cardholder")
        notNames = WordTable(Self.notNamesText)
        particles = WordTable("de la van von der den del dos da di du le el al bin ibn ter ten st san y")
        let names = [
            "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
        ]
        months = WordTable(
            names.enumerated().flatMap { [($1, UInt8($0 + 1)), (String($1.prefix(3)), UInt8($0 + 1))] } + [("sept", 9)])
        links = WordTable("is was are on as at of for the value field date number")
        drives = WordTable(
            "disk hard tape flash optical virtual cd dvd usb network system solid state data logical physical boot floppy google shared cloud "
                + "mapped local external encrypted removable c d e f g h")
        machines = WordTable(
            "linux gnu unix windows microsoft enterprise server service services driver drivers controller adapter device system systems "
                + "manager agent engine network networks audio video realtek intel amd nvidia samsung google chrome adobe oracle vmware docker "
                + "ubuntu debian fedora centos rocky suse nixos hat update updates security antivirus defender runtime framework tools tool "
                + "client host kernel virtual ethernet gigabit bluetooth usb wireless core edition professional standard datacenter module "
                + "library package plugin extension printer print queue spooler remote desktop event log task scheduler group policy "
                + "certificate root ca authority signing firewall filter rule table chain bridge switch router gateway proxy database backup "
                + "storage volume disk drive bus port hub display monitor keyboard mouse camera processor memory graphics power battery "
                + "management interface portal application app web api cloud platform studio visual basic explorer edge office teams "
                + "outlook word excel acrobat reader java python node ruby")
        units = WordTable("apt apartment suite ste unit floor fl rm room bldg building")

        var prefixes = [UInt64](repeating: 0, count: 4 * 256)
        let heads = Set(words.map { $0.0.prefix(4) }).sorted()
        for (index, head) in heads.enumerated() {
            let bit: UInt64 = 1 << UInt64(index * 63 / heads.count)
            let letters = Array(head.utf8)
            for place in 0..<4 {
                for byte in 0..<256 {
                    let value = UInt8(byte)
                    let fits =
                        if place < letters.count { value | 0x20 == letters[place] && value.isLetter }
                        // After the end of a short word: nothing that continues it, or the capital of a next one.
                        else if place == letters.count { !value.isLower && value < 0x80 } else { true }
                    if fits { prefixes[place * 256 + byte] |= bit }
                }
            }
        }
        for byte in UInt8.min...UInt8.max {
            if Self.isMedicareLetter(byte) { prefixes[Int(byte)] |= Self.medicareBit }
            if Self.isMedicareLetter(byte) || byte.isDigit { prefixes[256 + Int(byte)] |= Self.medicareBit }
            if byte.isDigit { prefixes[512 + Int(byte)] |= Self.medicareBit }
            if Self.isMedicareLetter(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: " ") {
                prefixes[768 + Int(byte)] |= Self.medicareBit
            }
        }
        self.prefixes = prefixes
    }

    /// The identifier has no S, L, O, I, B, Z, so that they are not read as digits.
    static func isMedicareLetter(_ byte: UInt8) -> Bool { byte.isUpper && !"SLOIBZ".utf8.contains(byte) }

    private static let notNamesText =
        "portal record records access care data database service services id ids number registration index management manager system systems "
        + "server export import file files folder list search lookup api app application intake backup monitor safety privacy rights name "
        + "names admission discharge discharged admitted scheduler scheduling billing chart charts dob mrn ssn phone email date birth zip "
        + "was is are has had have be been not no none null nil unknown true false undefined na empty missing required optional failed "
        + "failure error errors warning info debug start started starting stop stopped stopping and or the this that from with for in on "
        + "at by to of as if then when while status state update updated updates new old info information summary history table column row "
        + "schema view views query report reports notes note document documents visit visits queue worker job jobs task tasks process "
        + "module client account accounts user users group groups policy member insurance plan address contact form forms field fields "
        + "type value values key keys count total size identity identifier identifiers mapping merge sync engine interface session "
        + "sessions login logon logoff request response message messages event events log logs audit security windows microsoft network "
        + "device devices driver drivers disk printer print image images imaging room ward bed unit location department facility flow "
        + "volume consent demographics eligibility matching transfer transport tracker tracking outcome outcomes education engagement "
        + "feedback experience survey panel dashboard home page web site host hostname domain workstation provider instance cluster node "
        + "cache miss misses rate ratio hit hits entry entries found created deleted saved loaded opened closed deny denied allowed "
        + "seen called arrived left died deceased born released signed scanned received sent processed checked removed added changed "
        + "redacted withheld hidden masked test default local remote public private internal external master main general standard office "
        + "center centre hospital clinic health healthcare medical practice pharmacy laboratory lab radiology nurse doctor physician "
        + "street avenue road apt suite now today yesterday tomorrow after before during until since under over about into without because "
        + "but also will can cannot could should would may must shall please see reset change mode advisory directory memory cpu "
        + "foreign domestic invalid valid active inactive enabled disabled pending running complete completed successful success "
        + "succeeded exited timeout socket port channel stream buffer block blocks sector thread threads kernel firmware version build "
        + "release package packages bundle certificate certificates token tokens secret password"
}
