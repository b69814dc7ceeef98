/// Synthetic log lines from a seed: half of them with planted identifiers, half as machines write them.
///
/// It knows forms that people and programs use, and nothing of the scrubber: no word list or pattern is shared with it.
package struct RedactionCorpus {
    package struct Line {
        package let text: String
        /// What must not be left in the scrubbed line.
        package let planted: [String]
        /// What must stand in it as before: the line's technical facts. Of a line without anything planted, all.
        package let kept: [String]
        package let family: String
    }

    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func lines(_ count: Int) -> [Line] {
        (0..<count).map { $0 % 2 == 0 ? technical($0 / 2) : personal($0 / 2) }
    }

    /// Lines without anything planted, joined: what a machine writes all day.
    package mutating func log(bytes: Int) -> [UInt8] {
        var text: [UInt8] = []
        var index = 0
        while text.count < bytes {
            text += technical(index).text.utf8
            text.append(10)
            index += 1
        }
        return text
    }

    // MARK: - Chance

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(next() % UInt64(range.count)) }
    private mutating func pick(_ texts: [String]) -> String { texts[number(0...texts.count - 1)] }
    private mutating func digits(_ count: Int) -> String { (0..<count).map { _ in String(number(0...9)) }.joined() }
    private mutating func hexadecimal(_ count: Int) -> String {
        (0..<count).map { _ in pick("0123456789abcdef".map(String.init)) }.joined()
    }
    private mutating func letter() -> String { pick("ACDEFGHJKMNPQRTUVWXY".map(String.init)) }
    private func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

    // MARK: - Technical lines

    private mutating func ip() -> String { "\(number(1...223)).\(number(0...255)).\(number(0...255)).\(number(1...254))" }
    private mutating func mac() -> String { (0..<6).map { _ in hexadecimal(2) }.joined(separator: ":") }
    private mutating func uuid() -> String { [8, 4, 4, 4, 12].map { hexadecimal($0) }.joined(separator: "-") }
    private mutating func time() -> String { "\(two(number(0...23))):\(two(number(0...59))):\(two(number(0...59)))" }
    private mutating func day() -> String { "20\(number(19...26))-\(two(number(1...12)))-\(two(number(1...28)))" }
    private mutating func instant() -> String { "\(day())T\(time()).\(digits(3))Z" }
    private mutating func syslog() -> String {
        let day = number(1...28)
        return
            "\(pick(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"])) \(day < 10 ? " " : "")\(day) \(time()) \(host())"
    }
    private mutating func host() -> String {
        pick(["front-desk", "records", "web01", "dc1", "srv-pacs", "fw-edge", "nas2", "exam-room-3"])
    }
    private mutating func unit() -> String {
        pick([
            "nginx.service", "sshd.service", "postgresql@15-main.service", "getty@tty1.service", "user@1000.service", "cron.service",
            "patient-portal.service", "intake-forms.service", "systemd-resolved.service", "backup.timer", "chrony.service",
        ])
    }
    private mutating func user() -> String { pick(["root", "alice", "svc_backup", "www-data", "jsmith", "postgres", "DOMAIN\\svc-scan"]) }
    private mutating func port() -> Int { number(1024...65535) }

    private mutating func technical(_ index: Int) -> Line {
        let text: String
        switch index % 44 {
        case 0:
            text =
                "\(syslog()) sshd[\(number(300...99999))]: Accepted publickey for \(user()) from \(ip()) port \(port()) ssh2: ED25519 SHA256:\(hexadecimal(43))"
        case 1:
            text =
                "\(syslog()) sshd[\(number(300...99999))]: Failed password for invalid user \(pick(["admin", "oracle", "test"])) from \(ip()) port \(port()) ssh2"
        case 2:
            text =
                "\(syslog()) systemd[1]: Started \(unit()) - \(pick(["A high performance web server", "Daily backup of the records", "Patient Portal", "OpenBSD Secure Shell server"]))."
        case 3: text = "\(syslog()) systemd[1]: \(unit()): Main process exited, code=exited, status=\(number(1...255))/FAILURE"
        case 4:
            text =
                "\(syslog()) kernel: [\(digits(5)).\(digits(6))] nft drop: IN=eth0 OUT= MAC=\(mac()):\(mac()):08:00 SRC=\(ip()) DST=\(ip()) LEN=\(number(40...1500)) TOS=0x00 PREC=0x00 TTL=\(number(30...128)) ID=\(number(1...65535)) DF PROTO=TCP SPT=\(port()) DPT=\(number(1...1023)) WINDOW=\(number(1024...65535)) RES=0x00 SYN URGP=0"
        case 5:
            text =
                "\(day()) \(time()),\(digits(3)) INFO [http-nio-8080-exec-\(number(1...20))] c.e.portal.PatientController - GET /api/patients/search took \(number(1...900)) ms status=200"
        case 6:
            text =
                #"{"ts":"\#(instant())","level":"info","msg":"request","method":"GET","path":"/v1/hosts","status":200,"bytes":\#(number(1...9_999_999)),"remote":"\#(ip()):\#(port())","trace":"\#(hexadecimal(32))","duration_ms":\#(number(1...9000))}"#
        case 7:
            text =
                #"{"__REALTIME_TIMESTAMP":"17\#(digits(14))","__MONOTONIC_TIMESTAMP":"\#(number(1_000_000...999_999_999))","_PID":"\#(number(1...99999))","_UID":"0","_BOOT_ID":"\#(hexadecimal(32))","_MACHINE_ID":"\#(hexadecimal(32))","SYSLOG_IDENTIFIER":"sshd","MESSAGE":"Server listening on 0.0.0.0 port 22.","_HOSTNAME":"\#(host())"}"#
        case 8:
            text =
                "tcp   LISTEN 0      \(number(1...4096))        0.0.0.0:\(port())      0.0.0.0:*    users:((\"nginx\",pid=\(number(1...99999)),fd=\(number(3...99))))"
        case 9:
            text =
                "table inet filter { chain input { type filter hook input priority 0; policy drop; ip saddr \(ip())/24 tcp dport { 22, 443, \(port()) } accept comment \"rule \(number(1...999))\" } }"
        case 10:
            text =
                "An account was successfully logged on. Subject: Security ID: S-1-5-18 Account Name: \(pick(["SYSTEM", "FRONTDESK01$", "svc_scan"])) Account Domain: PRACTICE Logon ID: 0x3E7 Logon Type: \(number(2...11)) New Logon: Security ID: S-1-5-21-\(digits(10))-\(digits(10))-\(digits(10))-\(number(500...9999)) Workstation Name: FRONTDESK\(number(1...9)) Source Network Address: \(ip()) Source Port: \(port()) Logon Process Name: Advapi Authentication Package: Negotiate"
        case 11:
            text =
                "Event ID \(number(1000...9999)) Source: Service Control Manager Level: Error The Windows Update service terminated with the following error: %%\(digits(10))"
        case 12:
            text =
                "Installation Successful: Windows successfully installed the following update: 2024-\(two(number(1...12))) Cumulative Update for Windows 11 Version 23H2 for x64-based Systems (KB\(number(5_000_000...5_099_999)))"
        case 13:
            text =
                "OS Build \(number(17763...26100)).\(number(1...9999)) version 10.0.\(number(17763...26100)).\(number(1...5000)) installed \(day()) BIOS \(number(1...3)).\(number(10...40)).\(number(0...9))"
        case 14:
            text =
                "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System><Provider Name=\"Microsoft-Windows-Security-Auditing\" Guid=\"{\(uuid())}\"/><EventID>\(number(4600...4800))</EventID><Version>\(number(0...3))</Version><TimeCreated SystemTime=\"\(day())T\(time()).\(digits(9))Z\"/><EventRecordID>\(number(1000...999_999_999))</EventRecordID><Execution ProcessID=\"\(number(4...9999))\" ThreadID=\"\(number(4...9999))\"/><Computer>DC1.practice.lan</Computer></System></Event>"
        case 15:
            text =
                "\(ip()) - - [\(two(number(1...28)))/\(pick(["Jan", "Jun", "Nov"]))/2026:\(time()) +0000] \"GET /portal/login?next=%2Fhome HTTP/1.1\" 200 \(number(100...99999)) \"-\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/\(number(90...130)).0.\(number(4000...7000)).\(number(10...200)) Safari/537.36\""
        case 16:
            text =
                "ii  openssl  3.0.\(number(2...19))-1~deb12u\(number(1...9))  amd64  Secure Sockets Layer toolkit - cryptographic utility"
        case 17:
            text =
                "/dev/sda\(number(1...9)) ext4 \(number(1_000_000...99_999_999)) \(number(100_000...9_999_999)) \(number(100_000...9_999_999)) \(number(1...99))% /srv/records"
        case 18:
            text =
                "sha256:\(hexadecimal(64)) /var/backups/records-\(day()).tar.zst \(number(1_000_000_000...9_999_999_999)) bytes mtime=17\(digits(8))"
        case 19:
            text =
                "\(syslog()) postfix/smtpd[\(number(300...99999))]: disconnect from unknown[\(ip())] ehlo=1 auth=0/1 commands=1/2 queue \(hexadecimal(11).uppercased())"
        case 20:
            text =
                "\(syslog()) kernel: usb 1-\(number(1...9)): New USB device found, idVendor=\(hexadecimal(4)), idProduct=\(hexadecimal(4)), bcdDevice= \(number(1...9)).\(two(number(0...99)))"
        case 21:
            text =
                "\(syslog()) chronyd[\(number(300...9999))]: Selected source \(ip()) (2.debian.pool.ntp.org) offset \(number(0...9)).\(digits(9)) seconds"
        case 22: text = "\(syslog()) CRON[\(number(300...99999))]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"
        case 23:
            text =
                "debug1: kex: algorithm: curve25519-sha256@libssh.org cipher: chacha20-poly1305@openssh.com MAC: umac-128-etm@openssh.com compression: none"
        case 24:
            text =
                "\(instant()) martlet check=linux.ssh.hardening host=host_01m7\(hexadecimal(16)) verdict=drift code=ssh.root_login duration_ms=\(number(1...999)) sequence=\(number(0...99999))"
        case 25:
            text =
                "Filesystem UUID: \(uuid()) Serial: WD-\(letter())\(letter())\(digits(8)) Model: Samsung SSD 870 EVO 1TB Firmware: SVT0\(number(1...3))B6Q LBA \(number(1_000_000_000...1_999_999_999))"
        case 26:
            text =
                "traceroute to \(ip()) hop \(number(1...30)) \(number(0...99)).\(digits(3)) ms  \(number(0...99)).\(digits(3)) ms  \(number(0...99)).\(digits(3)) ms"
        case 27:
            text =
                "Name: Windows Defender Antivirus State: Running StartMode: Auto PathName: C:\\Program Files\\Windows Defender\\MsMpEng.exe ProcessId: \(number(500...9999))"
        case 28: text = "iface eth0 inet static address \(ip()) netmask 255.255.255.0 gateway \(ip()) hwaddress ether \(mac())"
        case 29:
            text = "bind() to 0.0.0.0:\(port()) failed (98: Address already in use) worker \(number(1...64)) pid \(number(1000...99999))"
        case 30:
            text =
                "smartctl: \(number(1...250)) Raw_Read_Error_Rate 0x000b   100   100   016    Pre-fail  Always       -       \(number(0...65536))"
        case 31:
            text =
                "audit: type=1400 audit(17\(digits(8)).\(digits(3)):\(number(1...99999))): apparmor=\"DENIED\" operation=\"open\" profile=\"/usr/sbin/cupsd\" name=\"/etc/passwd\" pid=\(number(1000...99999)) comm=\"cupsd\" requested_mask=\"r\" fsuid=0 ouid=0"
        case 32:
            text =
                "type=SYSCALL msg=audit(17\(digits(8)).\(digits(3)):\(number(1...99999))): arch=c000003e syscall=\(number(0...400)) success=yes exit=\(number(0...99)) a0=\(hexadecimal(12)) ppid=\(number(1...99999)) pid=\(number(1...99999)) auid=4294967295 uid=0 tty=(none) ses=4294967295"
        case 33:
            text =
                #"{"time":17\#(digits(8)),"time_ns":17\#(digits(17)),"counts":[\#(digits(3)),\#(number(1000...9999)),\#(number(1_000_000...9_999_999))],"id":"\#(uuid())","ok":true,"ratio":0.\#(digits(6)),"name":"eth\#(number(0...9))","account":null}"#
        case 34:
            text =
                "PS C:\\> Get-HotFix : KB\(number(4_000_000...5_099_999)) Security Update NT AUTHORITY\\SYSTEM \(number(1...12))/\(number(1...28))/2025 12:00:00 AM"
        case 35:
            text =
                "\(syslog()) dhclient[\(number(300...9999))]: DHCPACK of \(ip()) from \(ip()) (xid=0x\(hexadecimal(8))) lease \(number(600...86400)) seconds, next renewal \(day()) \(time())"
        case 36:
            text =
                "docker pull registry.example.com/app:v\(number(1...20)).\(number(0...40)).\(number(0...9)) digest: sha256:\(hexadecimal(64)) size: \(number(100...9999))"
        case 37:
            text =
                "rsync: sent \(number(1000...999_999)) bytes  received \(number(1000...999_999_999)) bytes  \(number(1000...999_999)).\(digits(2)) bytes/sec total size is \(number(1_000_000_000...9_999_999_999)) speedup is \(number(1...900)).\(digits(2))"
        case 38:
            text =
                "\(day())T\(time())+0\(number(0...5)):00 \(host()) dockerd[\(number(300...9999))]: time=\"\(instant())\" level=warning msg=\"grpc: addrConn.createTransport failed to connect to {unix:///run/containerd/containerd.sock 0 <nil>}\" module=grpc"
        case 39:
            text =
                "member=\(number(1...9)) raid=md0 state=active policy=default plan=\(number(1...99)) card=enp3s0 phone_home=false driver=nvme license=GPL dl=\(number(1...99)) call trace: [<ffffffff\(hexadecimal(8))>] do_syscall_64+0x\(hexadecimal(2))/0x\(hexadecimal(3))"
        case 40:
            text =
                "TLS certificate CN=records.practice.lan serial=\(hexadecimal(32)) notBefore=\(day())T00:00:00Z notAfter=\(day())T23:59:59Z issuer=\"C = US, O = Let's Encrypt, CN = R\(number(3...11))\""
        case 41:
            text =
                "SELECT name, setting FROM pg_settings WHERE name = 'max_connections' -- patient table vacuumed: \(number(1...99999)) pages, \(number(1000...999_999)) tuples, oldest xmin \(number(1_000_000...99_999_999))"
        case 42:
            text =
                "vmstat \(number(1...9))  0      0 \(number(100_000...999_999)) \(number(10_000...99_999)) \(number(1_000_000...9_999_999))    0    0  \(number(10...999))   \(number(10...999)) \(number(100...9999)) \(number(100...9999))  5  2 92  1  0"
        default:
            text =
                "HTTP/2 stream \(number(1...999)) closed: flow control window \(number(1...65535)), trace-id \(uuid()), parent \(hexadecimal(16)), sampled=01, x-request-id: \(uuid())"
        }
        return Line(text: text, planted: [], kept: [text], family: "technical \(index % 44)")
    }

    // MARK: - Planted values

    private static let given = [
        "Olivia", "Marcus", "Priya", "Wei", "Fatima", "Jörg", "Renée", "Siobhan", "Tyrone", "Guadalupe", "Hiroshi", "Zoë", "Ebony",
        "Dmitri",
        "Noelani", "Earl", "Bernadette", "Lars", "Xiomara", "Graham", "Ana", "Luis", "Ingrid", "Mohammed", "Chloé", "Winifred", "Santiago",
    ]
    private static let family = [
        "Abernathy", "Okafor", "Nguyen", "O'Donnell", "García", "Kowalczyk", "Fitzgerald", "Patel", "Müller", "Washington", "Yamamoto",
        "Smith-Jones", "Castellanos", "Lindqvist", "Rosenbaum", "Achterberg", "Delacroix", "Haddad", "Ferreira", "McAllister", "Tran",
    ]

    private mutating func givenName() -> String { pick(Self.given) }
    private mutating func familyName() -> String { pick(Self.family) }
    private mutating func ssn() -> String { "\(number(100...665))-\(two(number(1...99)))-\(number(1000...9999))" }
    private mutating func phone() -> String {
        let (area, exchange, line) = (number(201...989), number(200...999), digits(4))
        switch number(0...5) {
        case 0: return "(\(area)) \(exchange)-\(line)"
        case 1: return "\(area)-\(exchange)-\(line)"
        case 2: return "\(area).\(exchange).\(line)"
        case 3: return "+1 \(area) \(exchange) \(line)"
        case 4: return "+1-\(area)-\(exchange)-\(line)"
        default: return "+1\(area)\(exchange)\(line)"
        }
    }
    private mutating func email() -> String {
        let local = "\(pick(["olivia", "m.okafor", "priya_p", "wei.nguyen", "dmitri", "earl.w"]))\(number(1...9999))"
        return "\(local)@\(pick(["gmail.com", "mail.example.org", "clinic-north.example.net", "yahoo.co.uk", "proton.me"]))"
    }
    private mutating func card() -> String {
        let head = pick(["4\(digits(3))", "51\(digits(2))", "54\(digits(2))", "6011", "37"])
        let count = head == "37" ? 15 : 16
        var body = head + digits(count - 1 - head.count)
        // The last digit makes the sum right (Luhn).
        var sum = 0
        for (place, digit) in body.reversed().enumerated() {
            let value = digit.wholeNumberValue!
            sum += place % 2 == 0 ? (value * 2 > 9 ? value * 2 - 9 : value * 2) : value
        }
        body += String((10 - sum % 10) % 10)
        if count == 15 { return number(0...1) == 0 ? body : "\(body.prefix(4)) \(body.dropFirst(4).prefix(6)) \(body.suffix(5))" }
        let separator = pick(["", " ", "-"])
        let quarters = stride(from: 0, to: 16, by: 4).map { String(body.dropFirst($0).prefix(4)) }
        return quarters.joined(separator: separator)
    }
    private mutating func birthday() -> String {
        let (year, month, day) = (number(1930...2015), number(1...12), number(1...28))
        let months = [
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
        ]
        switch number(0...6) {
        case 0: return "\(year)-\(two(month))-\(two(day))"
        case 1: return "\(two(month))/\(two(day))/\(year)"
        case 2: return "\(month)/\(day)/\(two(year % 100))"
        case 3: return "\(months[month - 1].prefix(3)) \(day), \(year)"
        case 4: return "\(day) \(months[month - 1]) \(year)"
        case 5: return "\(two(day))-\(months[month - 1].prefix(3))-\(year)"
        default: return "\(two(day)).\(two(month)).\(year)"
        }
    }
    private mutating func medicare() -> String {
        let parts = [
            "\(number(1...9))\(letter())\(pick([letter(), digits(1)]))\(digits(1))",
            "\(letter())\(pick([letter(), digits(1)]))\(digits(1))",
            "\(letter())\(letter())\(digits(2))",
        ]
        return parts.joined(separator: pick(["", "-"]))
    }
    private mutating func street() -> String {
        let name = pick(["Maple", "Old Mill", "Martin Luther King", "5th", "St. Charles", "Cedar Ridge", "N Lincoln", "Calle Ocho"])
        let kind = pick(["Street", "St", "Ave", "Avenue", "Blvd", "Road", "Rd.", "Lane", "Dr", "Court", "Way", "Terrace", "Pkwy"])
        let tail = pick([
            "", "", " Apt \(number(1...40))", ", Suite \(number(100...900))", ", Springfield, IL \(digits(5))",
            ", Santa Fe, NM \(digits(5))-\(digits(4))",
        ])
        return "\(number(1...19999)) \(name) \(kind)\(tail)"
    }
    private mutating func record() -> String {
        pick(["\(digits(7))", "\(letter())\(digits(6))", "MR\(digits(6))", "\(digits(3))-\(digits(5))", "00\(digits(6))"])
    }
    private mutating func plan() -> String {
        pick([
            "\(letter())\(letter())\(letter())\(digits(9))", "W\(digits(8))", "\(digits(10))",
            "\(letter())\(digits(4))-\(digits(5))-\(two(number(1...12)))",
        ])
    }
    private mutating func licence() -> String {
        pick([
            "\(letter())\(digits(7))", "\(letter())\(digits(3))-\(digits(4))-\(digits(4))", "\(digits(8))",
            "\(letter())\(letter())\(digits(6))",
        ])
    }

    // MARK: - Lines with planted values

    private mutating func personal(_ index: Int) -> Line {
        let (first, last) = (givenName(), familyName())
        let (address, machinePort) = (ip(), port())
        var planted: [String] = []
        var kept: [String] = []
        func plant(_ value: String) -> String {
            planted.append(value)
            return value
        }
        func keep(_ value: String) -> String {
            kept.append(value)
            return value
        }
        let full = "\(first) \(last)"
        let head = syslog()
        let text: String
        switch index % 56 {
        case 0:
            text = "\(head) intake[\(number(1...9999))]: duplicate SSN \(plant(ssn())) from \(keep(address)) port \(keep("\(machinePort)"))"
        case 1: text = #"{"ts":"\#(keep(instant()))","ssn":"\#(plant(ssn()))","host":"\#(keep(address))","port":\#(machinePort)}"#
        case 2: text = "\(head) app: social security number: \(plant(ssn().filter { $0 != "-" })) rejected"
        case 3: text = "\(head) ocr: found \(plant(ssn())) on page \(number(1...9)) of /srv/scans/\(keep(uuid())).pdf"
        case 4: text = "\(head) hl7: MRN: \(plant(record())) not found on \(keep(address)):\(machinePort)"
        case 5: text = #"{"mrn":"\#(plant(record()))","build":"\#(keep("10.0.19045.\(number(1000...9999))"))"}"#
        case 6:
            text =
                #"{"level":"warn","mrn":\#(plant("\(number(1_000_000...9_999_999))")),"pid":\#(number(1000...9999)),"ip":"\#(keep(address))"}"#
        case 7: text = "\(head) ehr: medical record number \(plant(record())) locked by pid \(number(1...9999))"
        case 8: text = "\(head) ehr: mrn=\(plant(record())) op=read latency=\(keep("\(number(1...900))ms"))"
        case 9: text = "\(head) portal: patient id \(plant(digits(6))) session \(keep(uuid())) opened"
        case 10: text = #"{"patientId":"\#(plant("\(letter())\(digits(5))"))","trace":"\#(keep(hexadecimal(32)))"}"#
        case 11: text = "GET /api/visit?patient_id=\(plant(digits(7)))&page=2 HTTP/1.1 from \(keep(address))"
        case 12: text = "\(head) sms: send to \(plant(phone())) failed, gateway \(keep(address)) code \(number(400...599))"
        case 13: text = "\(head) pbx: Phone: \(plant(phone())) trunk \(keep(address)):5060"
        case 14: text = #"{"contact":{"mobile":"\#(plant(phone()))","fax":"\#(plant(phone()))"},"seq":\#(number(1...9999))}"#
        case 15: text = "\(head) pbx: call back \(plant("\(number(201...989)) \(number(200...999)) \(digits(4))")) queue=7"
        case 16: text = "\(head) intl: tel \(plant("+44 20 79\(digits(2)) \(digits(4))")) via \(keep(address))"
        case 17: text = "\(head) mail: bounce for \(plant(email())) from \(keep(address)) status=5.1.1"
        case 18: text = #"{"email":"\#(plant(email()))","unit":"\#(keep("getty@tty1.service"))"}"#
        case 19: text = "\(head) web: \"GET /reset?email=\(plant(email())) HTTP/1.1\" 302 \(keep(address))"
        case 20: text = "\(head) pay: card \(plant(card())) declined, terminal \(keep("\(number(10_000...99_999))"))"
        case 21: text = "\(head) pay: authorisation for \(plant(card())) amount=\(number(10...900)).00 trace=\(keep(hexadecimal(16)))"
        case 22: text = #"{"pan":"\#(plant(card()))","nonce":"\#(keep(hexadecimal(24)))"}"#
        case 23: text = "\(head) reg: DOB: \(plant(birthday())) clock \(keep(instant()))"
        case 24: text = #"{"dateOfBirth":"\#(plant(birthday()))","created":"\#(keep(instant()))"}"#
        case 25: text = "\(head) reg: date of birth \(plant(birthday())) does not match"
        case 26: text = "\(head) reg: born \(plant(birthday())), kernel 6.1.0-\(keep("\(number(10...40))-amd64"))"
        case 27: text = "\(head) ship: label for \(plant(street())) printed on \(keep("printer-\(number(1...9))"))"
        case 28: text = #"{"street_address":"\#(plant(street()))","gateway":"\#(keep(address))"}"#
        case 29: text = "\(head) ship: Home address: \(plant(street())); retries=\(number(1...9)) via \(keep(address))"
        case 30: text = "\(head) claim: member ID: \(plant(plan())) payer rejected code=\(number(10...99)) \(keep(address))"
        case 31: text = #"{"subscriberId":"\#(plant(plan()))","edi":"\#(keep("005010X222A1"))"}"#
        case 32: text = "\(head) claim: policy number \(plant(plan())) lapsed \(keep(instant()))"
        case 33: text = "\(head) claim: insurance_id=\(plant(plan())) port=\(keep("\(machinePort)"))"
        case 34: text = "\(head) bill: account number \(plant(digits(9))) past due, job \(keep(uuid()))"
        case 35: text = "\(head) bill: Acct #: \(plant(digits(8))) on host \(keep(address))"
        case 36: text = "\(head) cms: beneficiary \(plant(medicare())) eligible, reply in \(keep("\(number(10...999)) ms"))"
        case 37: text = "\(head) cms: Medicare ID: \(plant(medicare())) via \(keep(address))"
        case 38: text = "\(head) kiosk: driver's license \(plant(licence())) scanned at \(keep("kiosk-\(number(1...9))"))"
        case 39: text = "\(head) kiosk: DL# \(plant(licence())) unreadable, device \(keep(mac()))"
        case 40: text = #"{"drivers_license":"\#(plant(licence()))","device":"\#(keep(mac()))"}"#
        case 41: text = "\(head) ehr: patient \(plant(full)) opened by \(keep("svc_portal")) from \(keep(address))"
        case 42: text = "\(head) ehr: Patient: \(plant("\(last.uppercased()), \(first.uppercased())")) chart locked"
        case 43: text = #"{"patient_name":"\#(plant(full))","service":"\#(keep("postgresql@15-main.service"))"}"#
        case 44: text = #"{"firstName":"\#(plant(first))","lastName":"\#(plant(last))","seq":\#(number(1...999))}"#
        case 45: text = "\(head) ehr: patient name = \(plant(full)), room \(number(1...20)), bed status \(keep("0x\(hexadecimal(4))"))"
        case 46: text = "\(head) voice: message from Mrs. \(plant(full)) stored as /var/spool/\(keep(hexadecimal(12))).wav"
        case 47: text = "\(head) ehr: patient \(plant(full)) admitted \(plant(birthday())) by interface \(keep(address)):2575"
        case 48: text = "\(head) ehr: visit of \(plant(birthday())) for patient \(plant(full)) not closed"
        case 49: text = "\(head) reg: Name: \(plant(full)) DOB \(plant(birthday())) Phone \(plant(phone()))"
        case 50: text = #"{"log":"{\"patient\":\"\#(plant(full))\",\"ssn\":\"\#(plant(ssn()))\"}","stream":"stdout"}"#
        case 51:
            text =
                "<Patient><PatientName>\(plant(full))</PatientName><SSN>\(plant(ssn()))</SSN><Port>\(keep("\(machinePort)"))</Port></Patient>"
        case 52: text = "\(head) backup: skipped /srv/scans/scan_\(plant(ssn())).pdf (\(keep("\(number(1000...99999)) bytes")))"
        case 53:
            text =
                "\(head) mllp: MSH|^~\\&|LAB|HOSP|||2026||ADT^A01|\(digits(5))|P|2.5 PID|1||\(plant(digits(8)))^^^MRN||\(plant("\(last.uppercased())^\(first.uppercased())"))||\(plant("19\(digits(2))0\(number(1...9))1\(number(0...9))"))|F"
        case 54: text = "\(head) next of kin: \(plant(full)), zip \(plant(digits(5))), host \(keep(address))"
        default:
            text =
                "\(head) fax: guarantor name: \(plant(full)); email \(plant(email())); mrn \(plant(record())); rc=\(keep("\(number(1...99))"))"
        }
        if text.hasPrefix(head) { kept.append(head) }
        return Line(text: text, planted: planted, kept: kept, family: "personal \(index % 56)")
    }
}
