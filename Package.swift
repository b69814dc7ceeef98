// swift-tools-version:6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// Modules in the order of docs/modules.txt: each may import only what stands above it.
let package = Package(
    name: "martlet",
    products: [
        .executable(name: "martlet", targets: ["martlet"]),
        .executable(name: "martlet-appliance", targets: ["martlet-appliance"]),
        .executable(name: "martlet-central", targets: ["martlet-central"]),
        .executable(name: "martlet-hands", targets: ["martlet-hands"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        // Exactly one trait: with two, SwiftPM rebuilds all of Hummingbird at every other planning.
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: ["FullFoundation"]),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
    ],
    targets: [
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),

        .target(name: "Model", swiftSettings: strict),
        .target(name: "Seal", dependencies: ["Model", .product(name: "Crypto", package: "swift-crypto")], swiftSettings: strict),
        .target(
            name: "Redaction", dependencies: ["Model", "Seal", .product(name: "Crypto", package: "swift-crypto")], swiftSettings: strict),
        .target(name: "Documents", dependencies: ["Model", .product(name: "Yams", package: "Yams")], swiftSettings: strict),
        .target(name: "Conditions", dependencies: ["Model", "Documents"], swiftSettings: strict),
        .target(name: "Catalog", dependencies: ["Model", "Seal", "Documents", "Conditions"], swiftSettings: strict),
        .target(
            name: "Evidence", dependencies: ["Model", "Seal", "Redaction", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(
            name: "TransparencyLog", dependencies: ["Model", "Seal", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(
            name: "Compliance", dependencies: ["Model", "Seal", "Evidence", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(
            name: "Database",
            dependencies: [
                "Model", .product(name: "GRDB", package: "GRDB.swift"), .product(name: "Crypto", package: "swift-crypto"),
            ], swiftSettings: strict),
        .target(name: "Witness", dependencies: ["Model", "Seal", "TransparencyLog", "Database"], swiftSettings: strict),
        // Apart from Database, so that the appliance does not load libpq and the twenty libraries behind it.
        .target(name: "Postgres", dependencies: ["Model", "Database", "CPostgres"], swiftSettings: strict),
        .target(
            name: "Objects",
            dependencies: [
                "Model", "Seal", "Documents",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
            ], swiftSettings: strict),
        .target(
            name: "Hosts", dependencies: ["Model", "Seal"], swiftSettings: strict),
        .target(name: "Detection", dependencies: ["Model", "Conditions", "Catalog", "Hosts"], swiftSettings: strict),
        .target(name: "Healing", dependencies: ["Model", "Seal", "Conditions", "Catalog", "Hosts"], swiftSettings: strict),
        // Not `Hands`: a type of Healing has that name.
        .target(
            name: "RootHands",
            dependencies: [
                "Model", "Seal", "Documents", "Catalog", "Hosts", "Detection", "Healing",
                .product(name: "Crypto", package: "swift-crypto"),
            ], swiftSettings: strict),
        .target(name: "Learning", dependencies: ["Model", "Seal", "Conditions", "Catalog"], swiftSettings: strict),
        .target(
            name: "Planner",
            dependencies: [
                "Model", "Seal", "Redaction", "Documents", "Conditions", "Catalog", "Evidence",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .target(
            name: "Laboratory", dependencies: ["Model", "Seal", "Catalog", "Detection", "Healing", "Learning"],
            swiftSettings: strict),
        .target(name: "Wire", dependencies: ["Model", "Seal", "Evidence"], swiftSettings: strict),
        .target(
            name: "Anchors",
            dependencies: [
                "Model", "Seal",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "_CryptoExtras", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),
        .target(
            name: "Appliance",
            dependencies: [
                "Model", "Seal", "Redaction", "Documents", "Catalog", "Evidence", "TransparencyLog", "Compliance", "Database", "Witness",
                "Hosts", "Detection", "Healing", "RootHands", "Planner", "Wire",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),
        .target(
            name: "Reports", dependencies: ["Model", "Seal", "Evidence", "TransparencyLog", "Compliance", "Wire"],
            resources: [.embedInCode("verify.html")], swiftSettings: strict),
        .target(
            name: "Central",
            dependencies: [
                "Model", "Seal", "Redaction", "Documents", "Catalog", "Evidence", "TransparencyLog", "Compliance", "Database", "Postgres",
                "Objects", "Witness", "Learning", "Planner", "Wire", "Anchors", "Reports", "CCurl",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),

        .executableTarget(
            name: "martlet",
            dependencies: [
                "Model", "Seal", "Redaction", "Documents", "Catalog", "Evidence", "Database", "Hosts", "Detection", "Healing", "Wire",
                "Laboratory", "Appliance", "Reports", "Learning", "Central", "TransparencyLog", "Witness", "Compliance", "Objects",
                "Anchors", "Planner", "PlannerDouble",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"), .product(name: "Crypto", package: "swift-crypto"),
            ], swiftSettings: strict),
        .executableTarget(
            name: "martlet-appliance",
            dependencies: [
                "Model", "Seal", "Documents", "Database", "Appliance", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict,
            // A static Swift runtime exports every symbol: 5 MB of names that nobody asks for, and about 1 ms of the start.
            linkerSettings: [.unsafeFlags(["-use-ld=lld", "-Xlinker", "--no-export-dynamic"], .when(configuration: .release))]),
        .executableTarget(name: "martlet-hands", dependencies: ["Model", "Documents", "RootHands"], swiftSettings: strict),
        .executableTarget(
            name: "martlet-central",
            dependencies: [
                "Model", "Central", .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),

        .executableTarget(
            name: "martlet-bench",
            dependencies: [
                "Model", "Seal", "Redaction", "Documents", "Conditions", "Catalog", "Evidence", "Database", "Hosts", "Detection", "Healing",
                "Learning", "Laboratory", "Wire", "Appliance", "Compliance", "TransparencyLog", "Reports", "Central", "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], path: "Benchmarks", swiftSettings: strict),

        .target(
            name: "PlannerDouble",
            dependencies: [
                "Seal", .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], swiftSettings: strict),
        .target(
            name: "TestSupport",
            dependencies: [
                "Model", "Seal", "Redaction", "Evidence", "TransparencyLog", "Database", "Postgres",
            ], path: "Tests/Support", swiftSettings: strict),
        .testTarget(name: "RepositoryTests", swiftSettings: strict),
        .testTarget(name: "ModelTests", dependencies: ["Model"], swiftSettings: strict),
        .testTarget(
            name: "SealTests", dependencies: ["Model", "Seal", "TestSupport", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .testTarget(name: "RedactionTests", dependencies: ["Model", "Seal", "Redaction", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "DocumentsTests", dependencies: ["Model", "Documents"], swiftSettings: strict),
        .testTarget(
            name: "ConditionsTests", dependencies: ["Model", "Documents", "Conditions"], exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "CatalogTests", dependencies: ["Model", "Seal", "Documents", "Conditions", "Catalog", "Hosts"], swiftSettings: strict),
        .testTarget(name: "EvidenceTests", dependencies: ["Model", "Seal", "Redaction", "Evidence", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "TransparencyLogTests",
            dependencies: ["Model", "Seal", "TransparencyLog", "TestSupport", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .testTarget(
            name: "ComplianceTests", dependencies: ["Model", "Seal", "Evidence", "Compliance", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "WitnessTests", dependencies: ["Model", "Seal", "TransparencyLog", "Database", "Witness", "TestSupport"],
            swiftSettings: strict),
        .testTarget(name: "DatabaseTests", dependencies: ["Model", "Database", "Postgres", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "ObjectsTests",
            dependencies: [
                "Model", "Seal", "Documents", "Objects", "TestSupport", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], swiftSettings: strict),
        .testTarget(name: "HostsTests", dependencies: ["Model", "Hosts", "TestSupport"], exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "DetectionTests",
            dependencies: [
                "Model", "Redaction", "Documents", "Conditions", "Catalog", "Evidence", "Hosts", "Detection", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "HealingTests",
            dependencies: ["Model", "Seal", "Documents", "Conditions", "Catalog", "Hosts", "Detection", "Healing", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "RootHandsTests",
            dependencies: [
                "Model", "Seal", "Documents", "Conditions", "Catalog", "Hosts", "Detection", "Healing", "RootHands", "TestSupport",
                "martlet-hands",
            ], swiftSettings: strict),
        .testTarget(
            name: "LearningTests", dependencies: ["Model", "Seal", "Conditions", "Catalog", "Learning"], swiftSettings: strict),
        .testTarget(
            name: "LaboratoryTests", dependencies: ["Model", "Seal", "Catalog", "Detection", "Healing", "Laboratory"],
            swiftSettings: strict),
        .testTarget(
            name: "PlannerTests",
            dependencies: [
                "Model", "Seal", "Redaction", "Documents", "Catalog", "Conditions", "Evidence", "Hosts", "Healing", "Planner",
                "PlannerDouble",
                "TestSupport",
            ],
            exclude: ["Injections.json", "Incidents.json"], swiftSettings: strict),
        .testTarget(name: "WireTests", dependencies: ["Model", "Seal", "Evidence", "Wire"], swiftSettings: strict),
        .testTarget(
            name: "AnchorsTests",
            dependencies: [
                "Model", "Seal", "Documents", "TransparencyLog", "Anchors", "Central", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: strict),
        .testTarget(
            name: "ApplianceTests",
            dependencies: [
                "Model", "Seal", "Redaction", "Documents", "Catalog", "Evidence", "Database", "Hosts", "Detection", "Healing", "Planner",
                "Wire", "Appliance", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "CentralTests",
            dependencies: [
                "Model", "Seal", "Documents", "Catalog", "Evidence", "TransparencyLog", "Compliance", "Database", "Witness", "Objects",
                "Anchors", "Healing", "Learning", "Planner", "PlannerDouble", "Wire", "Reports", "Central", "TestSupport",
                .product(name: "AsyncHTTPClient", package: "async-http-client"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"), .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"), .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"), .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),
        .testTarget(
            name: "ReportsTests",
            dependencies: ["Model", "Seal", "Evidence", "TransparencyLog", "Compliance", "Wire", "Reports", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "Scenarios",
            dependencies: [
                "Model", "Seal", "Redaction", "Documents", "Catalog", "Evidence", "TransparencyLog", "Compliance", "Database", "Hosts",
                "Detection", "Healing", "RootHands", "Learning", "Planner", "PlannerDouble", "Wire", "Witness", "Appliance", "Reports",
                "Central", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "X509", package: "swift-certificates"), .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ], swiftSettings: strict),
    ]
)
