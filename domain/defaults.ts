/** Every default, in one place. What a job can set is said in `job.schema.ts`, what `models.yaml` can in `llm/catalogue/catalogue.schema.ts`. */
export const defaults = {
  trials: 5,
  wallMs: 4 * 60 * 60 * 1000,
  cores: 2,
  seed: 0,
  /** Days after which `gc` forgets a job that has ended. */
  keepDays: 30,
  /** Cells of an experiment at once. */
  window: 4,
  limits: {
    wallMs: 300_000,
    memoryMb: 2048,
    processes: 128,
    outputMb: 16,
    diskMb: 1024,
  },
  model: {
    temperature: 0.1,
    programTokens: 16_000,
    tries: 3,
    retryDelaysMs: [1_000, 2_000],
    /** After a 429 that names no wait. */
    rateLimitDelayMs: 5_000,
    /** The longest waits that a provider's own word is taken for, after a failure and after a 429. */
    longestRetryMs: 60_000,
    longestRateLimitMs: 15 * 60_000,
    /** The longest time that a provider's word is taken for when a quota opens again: a week's, and a day. */
    longestWindowMs: 8 * 24 * 60 * 60_000,
    /**
     * So long is waited where a quota was said to be open again and is not. It is twice as long each time
     * after.
     */
    closedAgainMs: 60_000,
    longestClosedAgainMs: 60 * 60_000,
    /** Shares of a budget that are warned of. */
    warnAt: [0.8, 0.5],
    /**
     * What a request for a program takes, about, where no call on its route is on record. So many calls say it
     * better.
     */
    usualTokens: { input: 6_000, output: 4_000 },
    usualCalls: 3,
    /** A request that has not ended by then is lost; no whole reply takes as long. A batch says another time. */
    longestRequestMs: 40 * 60_000,
    /**
     * Requests of one call whose end was never seen, before its route is given up. A call that kills worker
     * after worker is to blame.
     */
    mostLost: 10,
    /** Requests that are sent together, at half the price and within a day. */
    batch: {
      gatherMs: 20_000,
      lookMs: 60_000,
      longestLookMs: 15 * 60_000,
      most: 1_000,
      /** What the least of the providers takes in one request. */
      mostBytes: 15_000_000,
      priceShare: 0.5,
      /** One worker submits a batch, or looks at it, within this. */
      holdMs: 5 * 60_000,
      /** A batch that has no end by then has none. */
      longestMs: 26 * 60 * 60_000,
    },
    /** Between two looks whether calls under way have left some of the budget. */
    heldDelayMs: 2_000,
    /** Replies that a process holds in memory, in front of the ledger. */
    cachedReplies: 128,
    /** Requests at once that a provider is sent. */
    inFlight: 8,
    /** So many failures in a row close a route for a while, which doubles with each that follows. */
    breaker: { failures: 5, openMs: 30_000, longestMs: 10 * 60_000 },
    /** What E2B's sandboxes are made from. */
    e2bTemplate: 'base',
    /** Rounds in which a reply that cannot be used is sent back with what is wrong. */
    repairs: 2,
    /** Decisions in a row that no route made into a program, before models are given up. */
    fruitlessProposals: 3,
    /** A warning is given where a call costs this many times the median of its route, or this share of its requests fails … */
    unusualFactor: 10,
    unusualFailures: 0.5,
    /** … once it had this many. */
    unusualCalls: 10,
  },
  /** Learning from a table. */
  fit: { trials: 10_000, wallMs: 10 * 60_000, cores: 1, memoryMb: 4096, folds: 5, testShare: 0.2 },
  /** Two outputs agree where |got - expected| <= absolute + relative * |expected|; without `absolute` it follows the scale of the output. */
  tolerance: { relative: 1e-6 },
  answers: 'exact',
  /**
   * Native code is worthwhile above these. A program needs so many times the bytes of a grid that it works on.
   */
  estimates: { gridAbove: 64, repeatsAbove: 10, overhead: 1.5 },
  /** Fixes of one failure that a model is asked for at once. */
  fixes: 3,
  /** Candidates of a script that is mended: what needs no model may take several, one after the other. */
  fixTrials: 10,
  /** Cases that must be right before a candidate is measured. */
  checkCases: 3,
  /** Seconds in which the original answers more of them: a program may be wrong on few inputs only. */
  moreCasesSeconds: 0.5,
  /** Untimed inputs before the timed ones of a measurement: one for all players, one more for the candidate. */
  warmUps: 2,
  /** Interleaved pairs of one measurement: as few as an interval needs that leaves out the worst pair at either end. */
  pairs: 9,
  /**
   * The same for a script, each run of which is a new sandbox. They are as few as an interval needs at all.
   */
  scriptPairs: 6,
  /** Runs of a program, each with another seed, whose scores say how far chance moves them. */
  scoreRepeats: 5,
  /** Two processes of one program differ by so much, as a share, by where things happen to lie in memory. */
  betweenRuns: 0.02,
  /** Who stood in line for a processor longer than this share of the time was measured on a busy machine. */
  busyShare: 0.02,
  confidence: 0.95,
} as const;
