import { afterAll, beforeAll, expect, it } from 'vitest';
import { Blend, Judged } from '../../domain/table.schema.ts';
import { learntIn } from '../../record/learnt.ts';
import { readJson } from '../../store/documents.ts';
import { startCrucible, type TestCrucible } from '../support/crucible.ts';
import { type ModelServer, startModelServer } from '../support/model-servers.ts';
import { endOf, flats, patienceMs, started } from './fit-jobs.ts';

let crucible: TestCrucible;
let server: ModelServer;
let models: Record<string, string>;

beforeAll(async () => {
  server = await startModelServer('chat');
  models = { OPENAI_BASE_URL: server.baseUrl, OPENAI_API_KEY: server.key };
  crucible = await startCrucible(models);
  await crucible.startWorker();
}, patienceMs);
afterAll(async () => {
  await crucible?.stop();
  await server?.close();
});

/** A plan of these models, which is one by its schema. */
const plan = (...families: string[]): string =>
  JSON.stringify({
    summary: 'Linear first.',
    evaluation: { metric: 'roc-auc', split: 'stratified', splitColumn: null, folds: 5, reason: 'Few rows.' },
    preprocessing: [{ step: 'encode', columns: [], method: 'one-hot', reason: 'Four districts.' }],
    models: families.map((model) => ({ model, share: 1 / families.length, reason: 'It adds up.' })),
    ...{ exploration: 0.3, ensemble: true, risks: [] },
  });

/** What a model is asked for first in its request: a plan, or words about the results. */
const asksForWords = (request: unknown): boolean =>
  JSON.stringify(request).includes('results of a search for a model mean');

async function learnt(name: string, replies: string[], explain: string[] = []) {
  server.answers = [...replies, ...explain].map((text) => ({ kind: 'text', text }));
  const before = server.requests.length;
  const asked = {
    budget: { wallMs: 45_000 },
    experience: false,
    models: { plan: ['openai/gpt-4o'], explain: ['openai/gpt-4o'], cache: false, tries: 1 },
  };
  const id = await started(crucible, name, flats(700, { seed: 5 }), asked, models);
  const { record, trials, summary } = await endOf(crucible, id);
  expect(record.status, summary).toBe('finished');
  const artifacts = trials.at(-1)?.artifacts ?? {};
  return {
    trials,
    learntFacts: await learntIn(crucible.store.blobs, trials),
    requests: server.requests.slice(before).filter(({ body }) => !asksForWords(body)),
    judged: await readJson(crucible.store.blobs, artifacts.judged ?? '', Judged),
    blend: await readJson(crucible.store.blobs, artifacts.blend ?? '', Blend),
  };
}

it(
  "a model's plan is a second set of candidates beside the planner's, from analysis to interpretation",
  async () => {
    const words = {
      summary: 'It is better than guessing, which scores 0.5.',
      ...{ findings: [], features: [{ feature: 'rooms', meaning: 'Large flats are sold.' }] },
      ...{ recommendations: [], deployment: [], cautions: [] },
    };
    const invented = { ...words, summary: 'An auc of 0.987654 on 12,345 rows.' };
    const { trials, judged, requests, learntFacts } = await learnt(
      'planned',
      [plan('lda', 'logistic-regression')],
      [invented, words].map((each) => JSON.stringify(each)),
    );
    // A number that was not measured is sent back; what is told then stands in the report.
    const repair = JSON.stringify(server.requests.at(-1)?.body);
    expect(repair).toContain('found 0.987654, 12,345');
    expect(learntFacts?.words).toEqual(words);
    const titles = trials.map(({ candidate }) => candidate.title);
    expect(titles).toContain('plan-lda');
    expect(titles).toContain('plan-logistic');
    expect(titles.some((title) => /^(?:lightgbm|catboost|logistic)-\d/.test(title))).toBe(true);
    expect(trials.find(({ candidate }) => candidate.title === 'plan-lda')?.candidate.note).toBe(
      'a model planned it',
    );
    expect(judged.learnt).toBe(true);
    // Names and figures are sent, and no row.
    expect(JSON.stringify(requests.at(-1)?.body)).toContain('district');
    expect(JSON.stringify(server.requests.map(({ body }) => body))).not.toMatch(/\d+\.\d,(?:north|south)/);
  },
  patienceMs,
);

it(
  'a plan that is nonsense costs the requests for it, and the planner goes on alone',
  async () => {
    const nonsense = await learnt('nonsense', ['Use the force.', '{"models": [{"model": "oracle"}]}', '[]']);
    expect(nonsense.requests).toHaveLength(3);
    expect(nonsense.learntFacts?.words).toBeNull();
    expect(nonsense.trials.some(({ candidate }) => candidate.title.startsWith('plan-'))).toBe(false);
    expect(nonsense.judged.learnt).toBe(true);
    // By the folds, which are the same: no worse than with the other plan beyond what the folds themselves leave open.
    const planned = await learnt('planned-again', [plan('naive-bayes')]);
    const [low = 0] = planned.blend.interval ?? [];
    expect(nonsense.blend.score).toBeGreaterThan(low);
    const [other = 0] = nonsense.blend.interval ?? [];
    expect(planned.blend.score).toBeGreaterThan(other);
  },
  patienceMs,
);
