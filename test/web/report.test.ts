import { expect, test } from 'vitest';
import type { CandidateFacts, JobFacts } from '../../web/facts.ts';
import { pictureOf } from '../../web/picture.ts';
import { renderReport } from '../../web/report.ts';
import {
  ballPicture,
  candidate,
  hash,
  interval,
  optimizeJob,
  pipelineJob,
  png,
  reportOf,
  solveJob,
  tried,
} from './example-facts.ts';
import { type Element, readStrictly, textOf } from './well-formed.ts';

const read = (job: JobFacts): { text: string; elements: Element[]; page: string } => {
  const page = renderReport(reportOf(job));
  return { page, text: textOf(page), elements: readStrictly(page) };
};

const hostile = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'-->]]></style></svg><svg onload=alert(1)>",
  'javascript:alert(1)',
  '\u001b[2J\u001b[31mall tests passed\u001b[0m',
  '\u202edetpecca\u202c',
  '&lt;already&gt; &amp; escaped',
  '=HYPERLINK("https://example.org")',
].join(' ');

/** Every text in `value` replaced by `text`, except where facts can only be one of a few words. */
function poisoned<T>(value: T, text: string, key = ''): T {
  const fixed = ['status', 'kind', 'operator', 'purpose', 'change', 'mime', 'base64'];
  if (typeof value === 'string') return (fixed.includes(key) ? value : text) as T;
  if (Array.isArray(value)) return value.map((each) => poisoned(each, text, key)) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      ['timings', 'artifacts', 'logs'].includes(key) ? `${text} ${name}` : name,
      poisoned(each, text, name),
    ]),
  ) as T;
}

const harmless = new Set(
  'html head meta title style body main header section figure figcaption div p h1 h2 h3 h4 ul ol li dl dt dd span b strong br code pre details summary table thead tbody tr th td time img svg g path line circle rect text'.split(
    ' ',
  ),
);

test.each([
  ['an optimize job', optimizeJob],
  ['a pipeline', pipelineJob],
])('hostile text in every field of %s is shown, and makes no element, attribute or link', (_, job) => {
  const page = renderReport(poisoned(reportOf(job), hostile));
  const elements = readStrictly(page);
  expect(elements.filter(({ name }) => !harmless.has(name))).toEqual([]);
  const attributes = elements.flatMap((each) => Object.keys(each.attributes));
  expect(attributes.filter((name) => /^on|^href$|^action$|^style$|^srcdoc$/.test(name))).toEqual([]);
  const sources = elements.flatMap(({ attributes: { src } }) =>
    src === undefined ? [] : [src.slice(0, 22)],
  );
  expect(sources.every((src) => src === 'data:image/png;base64,')).toBe(true);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(page).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  expect(textOf(page)).toContain('<script>alert(1)</script>');
  expect(textOf(page)).toContain('␛[31mall tests passed');
});

test('why strategies were not used is told, also where nothing was tried', () => {
  for (const candidates of [optimizeJob.candidates, []]) {
    const text = textOf(renderReport(reportOf({ ...optimizeJob, candidates })));
    expect(text).toContain('Strategies not used');
    expect(text).toContain('use_cpp_extension, use_pythran: backproject.py:12: slices are not translated');
  }
});

test('programs that were written for a task are told apart: each by its name and how it ended', () => {
  const diagnosis = {
    kind: 'badNumber',
    ...{ evidence: 'ValueError', fix: null, suggestion: 'The text is no number.' },
    place: { path: 'main.py', line: 3, within: null },
  } as const;
  const failed = candidate('c-1', 'a list', [tried(1, { kind: 'crashed', reason: 'ValueError', diagnosis })]);
  const passed = candidate('c-2', 'a Counter', [tried(2, { kind: 'passed', verdict: hash('passed') })]);
  const { elements, text } = read({ ...solveJob, candidates: [failed, passed] });
  expect(elements.filter(({ name }) => name === 'summary').length).toBeGreaterThanOrEqual(2);
  expect(text).toContain('c-1 a list: crashed');
  expect(text).toContain('badNumber: text that is no number, at main.py:3');
  expect(text).toContain('The text is no number.');
  expect(text).toContain('c-2 a Counter: passed');
  expect(read(solveJob).text).toContain('the program and how it ran');
});

test('the page asks for nothing and runs nothing', () => {
  for (const job of [optimizeJob, pipelineJob, solveJob]) {
    const { elements, page } = read(job);
    const policy = elements.find(({ attributes }) => attributes['http-equiv'] === 'Content-Security-Policy');
    expect(policy?.attributes.content).toContain('default-src &#39;none&#39;');
    expect(elements.filter(({ name }) => ['script', 'link', 'iframe', 'a'].includes(name))).toEqual([]);
    expect(page).not.toMatch(/url\(|@import|https?:/);
  }
});

test('the first screen says what was asked, what came out and how sure that is', () => {
  const { text } = read(optimizeJob);
  expect(text).toContain(optimizeJob.task);
  expect(text).toContain('143× faster; with 95 % confidence 138× to 148×');
  expect(text).toContain('A call takes 2.88 ms instead of 412 ms.');
  expect(text).toContain('5 right');
  expect(text).toContain('1 refused');
  expect(text).toContain('3 did not build or finish');
});

test('every candidate is there with its verdict, its reason, its diff, its seed and its hashes', () => {
  const { text, elements } = read(optimizeJob);
  for (const words of [
    'best, verified',
    'no sure gain',
    'wrong answer',
    'crashed',
    'did not build',
    'timed out',
  ])
    expect(text).toContain(words);
  expect(text).toContain('expected 4.50000001, got 4.49999976');
  expect(text).toContain('+@numba.njit(cache=False, fastmath=False)');
  expect(text).toContain('‘omp_get_thread_num’ was not declared in this scope');
  for (const each of optimizeJob.candidates) {
    for (const { seeds, artifacts } of each.tries) {
      expect(text).toContain(seeds[0]);
      expect(text).toContain(artifacts.program);
    }
  }
  const rows = elements.filter(({ attributes }) => attributes.class?.startsWith('candidate '));
  expect(rows).toHaveLength(optimizeJob.candidates.length);
  expect(elements.some(({ attributes }) => attributes.class === 'plus')).toBe(true);
});

test('a pipeline shows its stages, where one was taken over from, and its picture on the first screen', () => {
  const { text, page } = read(pipelineJob);
  expect(text).toContain('taken over from pipeline/voxels/0b71d2aa90.1/phantom');
  expect(text).toContain('in the stage speed-up');
  expect(page.split(ballPicture.base64)).toHaveLength(2);
  expect(page.indexOf(ballPicture.base64)).toBeLessThan(page.indexOf('<h2>Stages</h2>'));
});

test('a pipeline that failed names the stages that were never begun', () => {
  const [phantom, speedUp, render] = pipelineJob.stages;
  if (phantom === undefined || speedUp?.job == null || render === undefined) throw new Error('three stages');
  const { text } = read({
    ...pipelineJob,
    status: 'failed',
    best: null,
    summary: 'stage speed-up failed: backproject.py does not run',
    stages: [
      phantom,
      { ...speedUp, job: { ...speedUp.job, status: 'failed', best: null, candidates: [], baseline: null } },
      { ...render, state: { kind: 'waiting' }, job: null },
    ],
  });
  expect(text).toContain('stage speed-up failed: backproject.py does not run');
  expect(text).toContain('not begun');
  expect(text).toContain('never measured');
});

const withoutTrials: JobFacts = {
  ...optimizeJob,
  baseline: null,
  candidates: [],
  best: null,
  spend: [],
  log: [],
};

test.each<[string, Partial<JobFacts>, string]>([
  [
    'failed',
    { status: 'failed', summary: 'cases.py: make_case takes no seed' },
    'cases.py: make_case takes no seed',
  ],
  ['was cancelled', { status: 'cancelled', summary: 'cancelled' }, 'cancelled before it found anything'],
  ['still runs', { status: 'running', summary: null, endedAt: null }, 'has found nothing so far'],
])('a job without trials that %s says so', (_, more, expected) => {
  const { text } = read({ ...withoutTrials, ...more });
  expect(text).toContain(expected);
  expect(text).not.toMatch(/NaN|undefined|Infinity|\bnull\b/);
});

test('a cancelled job keeps what it had verified', () => {
  const { text } = read({ ...optimizeJob, status: 'cancelled', summary: 'cancelled' });
  expect(text).toContain('143× faster');
  expect(text).toContain('cancelled after that');
});

test('a job that found nothing faster does not claim a speed-up', () => {
  const { text } = read({
    ...optimizeJob,
    best: null,
    summary: 'nothing faster that is right was found; 1 tried, 1 right',
    candidates: [candidate('c-1', 'a', [tried(1, { value: 1.3, low: 0.9, high: 1.7 })])],
  });
  expect(text).toContain('Not faster');
  expect(text).not.toContain('faster; with 95 %');
  expect(text).toContain('no sure gain');
});

test('a candidate that did not hold when it was tried again is not called faster', () => {
  const { text } = read({
    ...optimizeJob,
    best: null,
    candidates: [
      candidate('c-1', 'remembers the answers', [
        tried(1, interval(900)),
        tried(2, { kind: 'wrong', reason: 'case 1: off', verdict: hash('x') }, 'verification'),
      ]),
    ],
  });
  expect(text).toContain('did not hold when tried again: case 1: off');
  expect(text).toContain('1 refused');
});

test('money that nobody reported is unknown, not nothing', () => {
  const { text } = read(optimizeJob);
  expect(text).toContain('anthropic/claude31018,204 + 1 unknown6,120 + 1 unknownunknown');
  expect(text).toContain('openai/gpt20112,0104,402$0.048');
  expect(text).toContain('may have been paid for');
  expect(read({ ...optimizeJob, spend: [] }).text).toContain('No model was asked');
});

const huge = 'x\u001b<'.repeat(300_000);
const big = (id: number): CandidateFacts =>
  candidate(
    `c-${id}`,
    huge,
    [{ ...tried(id / 100, { kind: 'crashed', reason: huge }), logs: { 'build log': huge, stderr: huge } }],
    { note: huge, changes: [{ path: 'a.py', change: 'changed', patch: huge, note: null }] },
  );

test('one candidate with huge texts makes a small page that says what was left out', () => {
  const { page, text } = read({
    ...optimizeJob,
    task: huge,
    yaml: huge,
    summary: huge,
    candidates: [big(1)],
  });
  expect(page.length).toBeLessThan(2_000_000);
  expect(text).toMatch(/8\d\d,\d\d\d characters left out/);
});

test('two thousand candidates with huge texts still make a page that opens', () => {
  const log = Array.from({ length: 5_000 }, (_, at) => ({ at: optimizeJob.startedAt + at, text: huge }));
  const { page, text } = read({
    ...optimizeJob,
    log,
    candidates: Array.from({ length: 2_000 }, (_, index) => big(index + 1)),
  });
  expect(page.length).toBeLessThan(30_000_000);
  expect(text).toContain('4,000 lines in the middle left out');
});

test('the same facts give the same bytes', () => {
  expect(renderReport(reportOf(pipelineJob))).toBe(renderReport(reportOf(structuredClone(pipelineJob))));
});

test('a picture is known by its header, never by its name', () => {
  expect(pictureOf(png(7, () => [1, 2, 3]))).toEqual({ mime: 'image/png', width: 7, height: 7 });
  expect(pictureOf(Buffer.from('GIF89a\x05\x00\x04\x00 and so on', 'latin1'))).toEqual({
    mime: 'image/gif',
    width: 5,
    height: 4,
  });
  const jpeg = 'ffd8ffe000104a46494600010100000100010000ffc0001108002000100301220002110103110100';
  expect(pictureOf(Buffer.from(jpeg, 'hex'))).toEqual({ mime: 'image/jpeg', width: 16, height: 32 });
  expect(pictureOf(Buffer.from('<svg onload="alert(1)">'))).toBeNull();
  expect(pictureOf(Buffer.alloc(0))).toBeNull();
});

test('a small file that unpacks to a huge picture is not shown', () => {
  const bomb = png(2, () => [0, 0, 0]);
  bomb.writeUInt32BE(60_000, 16);
  bomb.writeUInt32BE(60_000, 20);
  expect(pictureOf(bomb)).toBeNull();
});

test('the check for well-formedness finds what is wrong', () => {
  for (const broken of [
    '<p>a < b</p>',
    '<p><b></p></b>',
    '<p class=x>a</p>',
    '<p>a & b</p>',
    '<p>',
    '<p a="1" a="2"></p>',
  ])
    expect(() => readStrictly(broken)).toThrow();
});

test('answers that a check of the user judged are not said to have been compared', () => {
  const compared = /answers were compared with those of the program as it was, within the tolerance/;
  expect(read(optimizeJob).text).toMatch(compared);
  const checked = read({ ...optimizeJob, check: 'accepts in check.py' }).text;
  expect(checked).toMatch(/answers were judged by a check of the job's own, .*: accepts in check\.py\./);
  expect(checked).not.toMatch(compared);
});

test('what the best gains over the program, over what strategies made and over plain NumPy stands in a table, with errors beside speed', () => {
  const text = textOf(renderReport(reportOf(optimizeJob))).replace(/\s+/g, ' ');
  expect(text).toMatch(/the program as it is ?1× ?143× \(/);
  expect(text).toMatch(/the best that strategies made, without a model ?c-5 [^,]*, 143× ?it is the best/);
  expect(text).toMatch(/the best in plain NumPy ?no candidate that imports NumPy alone was right/);
  const byHand = optimizeJob.candidates.map((each) =>
    each.id === 'c-5' ? { ...each, operator: 'human' as const } : each,
  );
  const others = textOf(renderReport(reportOf({ ...optimizeJob, candidates: byHand }))).replace(/\s+/g, ' ');
  const mechanical =
    /the best that strategies made, without a model ?(c-\d) [^,]*, ([\d.]+)× ?([\d.]+)×/.exec(others);
  expect(mechanical?.[1]).not.toBe('c-5');
  expect(Number(mechanical?.[2]) * Number(mechanical?.[3])).toBeCloseTo(143, -1);
  expect(text).toMatch(/Error against speed .* c-5 vectorize_loops \+ parallelize ?143× ?3\.0e-10 ?30 %/);
  expect(text).toMatch(/Where the time of the best goes .*fast\.py:3 ?return compiled\(image\) ?99 %/);
});

test('where the time went is shown by line, with what doing away with it would bring at most', () => {
  const text = textOf(renderReport(reportOf(optimizeJob))).replace(/\s+/g, ' ');
  expect(text).toContain('Called with image: float64[64,64].');
  expect(text).toMatch(/slow\.py:7 ?total \+= image\[y, x\] ?90 % ?at most 10×/);
  expect(text).toMatch(/slow\.py:2 ?out = prepared\(image\) ?100 % ?no bound/);
  expect(textOf(renderReport(reportOf({ ...optimizeJob, profile: null })))).not.toContain('Called with');
});
