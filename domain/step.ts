/**
 * Where an activity stands. Its result is stored under this place, so a retry or a resume finds what was done.
 * `step` is the path inside the job: `c-3/measure`, `c-3/verify/grade`.
 */
export interface Place {
  storeId: string;
  jobId: string;
  step: string;
}

/** What a step whose result is kept does. */
export type StepKind =
  | 'environment'
  | 'pack'
  | 'files'
  | 'strategies'
  | 'recipe'
  | 'propose'
  | 'cases'
  | 'build'
  | 'sanitize'
  | 'run'
  | 'grade'
  | 'check'
  | 'measure'
  | 'table'
  | 'decide'
  | 'fit'
  | 'blend'
  | 'test'
  | 'explain'
  | 'deliver'
  | 'turn'
  | 'report';

/** Builds the key under which a step is kept, or what is said of it: `JOB#c-3/measure`. */
export const stepKey = ({ jobId, step }: Pick<Place, 'jobId' | 'step'>): string => `${jobId}#${step}`;

/** Takes a key apart; null for a text that is no step's key. */
export function placeOfKey(key: string): Pick<Place, 'jobId' | 'step'> | null {
  const at = key.indexOf('#');
  return at === -1 ? null : { jobId: key.slice(0, at), step: key.slice(at + 1) };
}

/** Returns the job that a step's key belongs to; empty for another text. */
export const jobOfStep = (key: string): string => placeOfKey(key)?.jobId ?? '';

/** Builds the path that the steps of a trial stand below: `c-3`, or `c-3/verify` where it is tried again. */
export const trialStep = (candidateId: string, purpose: string): string =>
  purpose === 'verification' ? `${candidateId}/verify` : candidateId;

/** Builds the path that requests for a candidate's program begin with. */
export const proposeStep = (candidateId: string): string => `${candidateId}/propose`;

/** Builds the path of a request to the route `index`: `c-3/propose-1`, or `c-3/propose-1/repair-2` for a repair of its reply. */
export const requestStep = (question: string, index: number, repair = 0): string =>
  `${question}-${index}${repair === 0 ? '' : `/repair-${repair}`}`;

/** Builds the path of what was proposed for a candidate. All routes and repairs share it, so its number stands for one program. */
export const proposedStep = (candidateId: string): string => `${candidateId}/proposed`;

/** Builds the path under which a stage's files are put together. */
export const filesStep = (stage: string): string => `${stage}/files`;

/**
 * Builds the path under which is kept what a turn of a conversation came to. Files that were brought to it are
 * kept so, too, by the ID of the message.
 */
export const saidStep = (told: string): string => `said/${told}`;

/** Builds the key under which a job's log says, once for each `reason`, why a step is tried again. */
export const againKey = (key: string, reason: string): string => `${key}/again-${reason}`;

/** A step's path, taken apart. */
export interface Step {
  /** The candidate it is about, `c-3`; null for a step of the job itself. */
  candidate: string | null;
  /** Whether the candidate is tried again, to verify it. */
  verifies: boolean;
  /** The stage whose files it puts together; null for any other step. */
  stage: string | null;
  /**
   * What it asks for, `c-3/propose`, of which route, and for which repair of its reply. Null where it asks no
   * model.
   */
  request: { question: string; index: number; repair: number } | null;
  /** What is left of the path: `measure`, `grade-timed`, `propose-0/repair-1`, `close-2`. */
  name: string;
}

/** Takes a step's path apart. */
export function parseStep(step: string): Step {
  // A stage may be called as a candidate is; of the two only a stage has files.
  const stage = /^([^/]+)\/files$/.exec(step)?.[1] ?? null;
  if (stage !== null) return { candidate: null, verifies: false, stage, request: null, name: step };
  const [, candidate = null, verify, name = step] = /^(?:(c-\d+)\/)?(verify\/)?(.+)$/.exec(step) ?? [];
  const [, question = '', index, repair = '0'] = /^(.*\/propose)-(\d+)(?:\/repair-(\d+))?$/.exec(step) ?? [];
  return {
    candidate,
    verifies: verify !== undefined,
    stage,
    request: index === undefined ? null : { question, index: Number(index), repair: Number(repair) },
    name,
  };
}

/** Returns the request whose reply a repair mends; a request that repairs nothing is its own. */
export function unrepaired(step: string): string {
  const { request } = parseStep(step);
  return request === null ? step : requestStep(request.question, request.index);
}

/** Takes the step of a key apart. */
export const stepOfKey = (key: string): Step => parseStep(placeOfKey(key)?.step ?? key);

/** Returns what the step of a key is about: its candidate, or else the step itself. */
export const subjectOf = (key: string): string => stepOfKey(key).candidate ?? placeOfKey(key)?.step ?? key;
