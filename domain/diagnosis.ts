import { type Diagnosis, diagnosisKinds, type Fix, rewritings } from './diagnosis.schema.ts';

/**
 * Returns what a diagnosis says in a few lines: what it is and where. Then come the line that shows it, and
 * what to do.
 */
export function diagnosisLines({ kind, evidence, place, suggestion, fix }: Diagnosis): string[] {
  return [
    `${kind}: ${diagnosisKinds[kind]}${place === null ? '' : `, at ${placeText(place)}`}`,
    evidence,
    suggestion,
    ...(fix === null ? [] : [`Without a model: ${fixText(fix)}.`]),
  ];
}

/** Returns a place as people read it: `main.py:4 in draw`. */
export const placeText = ({ path, line, within }: NonNullable<Diagnosis['place']>): string =>
  `${path}${line === null ? '' : `:${line}`}${within === null ? '' : ` in ${within}`}`;

/** Returns what a fix does, in a few words. */
export const fixText = (fix: Fix): string =>
  fix.kind === 'install' ? `${fix.package} installed` : rewritings[fix.rewriting];
