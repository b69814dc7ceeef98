package import Model
import Redaction
import Seal

/// Asks a language model which catalogued runbook fits an incident that no rule could repair, within limits.
///
/// It proposes and does nothing else: a choice becomes a `Plan`, which goes through the same gate as a rule's. Whoever wires it (Central by
/// default, an appliance with a model of its own) keeps every `PlannerExchange` as evidence before acting on it.
package actor L2Planner {
    private let configuration: ProviderConfiguration?
    private let transport: ModelTransport?
    private let settings: PlannerSettings
    private let clock: WallClock
    private let isOff: @Sendable (SiteID) async -> Bool
    private var budgets: [SiteID: CallBudget] = [:]
    private var inFlight = 0
    private var cache: AnswerCache
    package private(set) var breaker: CircuitBreaker

    /// - Parameters:
    ///   - configuration: nil proposes nothing (`planner.no_provider`).
    ///   - budgets: of sites that have called before, so that a restart does not give them anew.
    ///   - isOff: the kill switch of a site, asked before a question is sent and again before its answer counts.
    package init(
        configuration: ProviderConfiguration?, settings: PlannerSettings = PlannerSettings(), clock: WallClock,
        budgets: [SiteID: CallBudget] = [:], isOff: @escaping @Sendable (SiteID) async -> Bool
    ) throws(ProviderConfigurationError) {
        self.configuration = configuration
        transport = configuration == nil ? nil : try ModelTransport(authorities: configuration?.authorities)
        self.settings = settings
        self.clock = clock
        self.budgets = budgets
        self.isOff = isOff
        cache = AnswerCache(entriesMax: settings.cacheEntriesMax, ageMax: settings.cacheAgeMax)
        breaker = settings.breaker
    }

    package func close() async { await transport?.close() }

    package func budget(of site: SiteID) -> CallBudget? { budgets[site] }

    /// The plan made from an answer did not heal: the same answer is not given again.
    package func forget(_ exchange: PlannerExchange, site: SiteID) {
        if let pattern = exchange.pattern { cache.forget(AnswerCache.Key(site: site, pattern: pattern)) }
    }

    /// Never throws: every way in which nothing is proposed is an outcome with its code, and a record.
    ///
    /// - Parameter reserve: makes durable, before anything is sent, that a question is asked: what it is given says that it was
    ///   interrupted, at the most that it can cost, which stands until the whole exchange takes its place. Where it throws nothing is sent.
    package func plan(
        _ request: PlannerRequest, for site: SiteID, reserve: @Sendable (PlannerExchange) async throws -> Void = { _ in }
    ) async -> PlannerExchange {
        var exchange = PlannerExchange(incident: request.incident.id, started: clock.now())
        do throws(PlannerRefusal) {
            exchange.outcome = .choice(try await choice(request, site, &exchange, reserve))
        } catch {
            exchange.outcome = .refused(error)
        }
        exchange.latency = max(clock.now() - exchange.started, .zero)
        return exchange
    }

    private func choice(
        _ request: PlannerRequest, _ site: SiteID, _ exchange: inout PlannerExchange,
        _ reserve: @Sendable (PlannerExchange) async throws -> Void
    ) async throws(PlannerRefusal) -> PlanChoice {
        if await isOff(site) { throw .off }
        guard let configuration, let transport else { throw .noProvider }
        exchange.provider = configuration.kind.rawValue
        exchange.model = configuration.model
        let prompt = try Prompt(request)
        exchange.prompt = prompt.bytes
        exchange.pattern = prompt.pattern
        let key = AnswerCache.Key(site: site, pattern: prompt.pattern)
        if let call = cache.call(key, at: clock.now()) {
            exchange.isFromCache = true
            return try judge(call, prompt, request, &exchange)
        }

        // No `await` until the call is counted everywhere: two questions cannot both take the last place.
        let now = clock.now()
        guard inFlight < settings.inFlightMax else { throw .busy }
        let question = configuration.dialect.question(prompt, configuration: configuration, answerTokensMax: settings.answerTokensMax)
        let bytes = (try? question.body.canonicalBytes().count) ?? Prompt.bytesMax
        // A token is at least one byte; providers add some hundreds of their own for tools.
        let most = configuration.price.microdollars(input: Int64(bytes) + 1_000, output: settings.answerTokensMax)
        var budget =
            budgets[site] ?? CallBudget(callsPerHourMax: settings.callsPerHourMax, costPerDayMax: settings.costPerDayMax)
        let number = try budget.reserve(most, at: now)
        try breaker.begin(at: now)
        budgets[site] = budget
        inFlight += 1
        exchange.cost = most
        defer { inFlight -= 1 }
        exchange.outcome = .refused(.interrupted)
        do { try await reserve(exchange) } catch {
            exchange.cost = 0
            budgets[site]?.cancel(number)
            breaker.abandoned(at: clock.now())
            throw .unrecorded
        }

        let call: ModelCall
        do throws(PlannerRefusal) {
            let reply = try await transport.ask(question, deadline: settings.deadline, clock: clock)
            call = try read(reply, configuration, request, &exchange)
        } catch {
            switch error {
            // No model has worked.
            case .unreachable, .status: exchange.cost = 0
            default: break
            }
            settle(site, number, exchange.cost, error)
            throw error
        }
        settle(site, number, exchange.cost, nil)
        if await isOff(site) { throw .off }
        do throws(PlannerRefusal) {
            let choice = try judge(call, prompt, request, &exchange)
            cache.keep(call, key, at: clock.now())
            return choice
        } catch {
            // Not to be sure is an answer too, and costs as much to hear again.
            if error == .escalated || error == .lowConfidence { cache.keep(call, key, at: clock.now()) }
            throw error
        }
    }

    private func settle(_ site: SiteID, _ number: Int, _ cost: Int64, _ refusal: PlannerRefusal?) {
        budgets[site]?.settle(number, cost: cost)
        switch refusal {
        case .cancelled?: breaker.abandoned(at: clock.now())
        case let refusal? where refusal.isProviderFailure: breaker.failed(at: clock.now())
        default: breaker.succeeded()
        }
    }

    private func read(
        _ reply: ModelTransport.Reply, _ configuration: ProviderConfiguration, _ request: PlannerRequest,
        _ exchange: inout PlannerExchange
    ) throws(PlannerRefusal) -> ModelCall {
        exchange.answerDigest = Digest(of: reply.body)
        exchange.answer = request.scrubber.scrub(String(decoding: reply.body.prefix(PlannerExchange.answerBytesMax), as: UTF8.self))
        let body: JSONValue?
        var fault: Code = "json.syntax"
        do throws(JSONError) {
            body = try JSONValue(parsing: reply.body, limits: ModelTransport.limits)
        } catch {
            body = nil
            fault = Code(error.code) ?? fault
        }
        if let body, let usage = configuration.dialect.usage(body) {
            exchange.inputTokens = usage.input
            exchange.outputTokens = usage.output
            exchange.cost = configuration.price.microdollars(input: usage.input, output: usage.output)
        }
        guard reply.status == 200 else { throw .status(reply.status) }
        guard let body else { throw .malformed(fault) }
        let answer = try configuration.dialect.answer(body)
        exchange.answeredModel = request.scrubber.scrub(answer.model)
        guard let call = answer.calls.first else { throw .noChoice }
        guard answer.calls.count == 1 else { throw .severalChoices }
        return call
    }

    private func judge(
        _ call: ModelCall, _ prompt: Prompt, _ request: PlannerRequest, _ exchange: inout PlannerExchange
    ) throws(PlannerRefusal) -> PlanChoice {
        let choice = try AnswerReader.choice(call, prompt: prompt, request: request)
        guard choice.confidence >= settings.confidenceMin else {
            exchange.unsure = choice
            throw .lowConfidence
        }
        return choice
    }
}
