import type { Artifact } from './artifact.schema.ts';
import type { Told } from './message.schema.ts';
import type { SaidEnd } from './session.schema.ts';

/** The files and the program of a conversation at one time. */
export interface Version {
  /** A `Tree`. */
  files: Artifact;
  /** A `Program`; null while there is none. */
  program: Artifact | null;
  /** The turn it is of; null where it is how the conversation began, or files were brought. */
  turn: number | null;
}

/** Something said that changes the workspace once it is done: a turn, or files that are brought. */
export interface Said {
  told: string;
  /** Numbered from 1; null for files that are brought. */
  turn: number | null;
  /** What was asked, in words; for files that are brought the `Tree` of them. */
  text: string;
  at: number;
  /** What it began from. */
  before: Version;
  /** Null where it has not ended. */
  end: SaidEnd | null;
}

/** How a conversation stands: it is what was said, and what each turn came to, and nothing else. */
export interface Conversation {
  /** What undo and redo go through, in order, and where that stands. */
  versions: readonly Version[];
  at: number;
  said: readonly Said[];
  /** What is to be done next; null where nothing is. What was said after it waits. */
  next: Said | null;
  /** Turns behind that one. */
  waiting: number;
  ended: boolean;
}

/** Returns how a conversation stands that began with the files `first`, by what was `told` and how that `ended`. */
export function sessionOf(first: Artifact, told: readonly Told[], ended: readonly SaidEnd[]): Conversation {
  const ends = new Map(ended.map((end) => [end.told, end]));
  const said: Said[] = [];
  let versions: Version[] = [{ files: first, program: null, turn: null }];
  let at = 0;
  let turns = 0;
  let over = false;
  for (const [index, { id, message, at: when }] of told.entries()) {
    if (message.kind === 'undo') at = Math.max(0, at - 1);
    if (message.kind === 'redo') at = Math.min(versions.length - 1, at + 1);
    if (message.kind === 'end') over = true;
    if (message.kind !== 'turn' && message.kind !== 'put') continue;
    const turn = message.kind === 'turn' ? ++turns : null;
    const before = versions[at];
    if (before === undefined) continue;
    const end = ends.get(id) ?? null;
    const text = message.kind === 'turn' ? message.text : message.files;
    const one: Said = { told: id, turn, text, at: when, before, end };
    if (end === null) {
      const waiting = told.slice(index + 1).filter((each) => each.message.kind === 'turn').length;
      return { versions, at, said, next: one, waiting, ended: over };
    }
    said.push(one);
    if (end.kind === 'failed') continue;
    versions = [...versions.slice(0, at + 1), { files: end.files, program: end.program, turn }];
    at = versions.length - 1;
  }
  return { versions, at, said, next: null, waiting: 0, ended: over };
}

/** Returns the files and the program as they are now. */
export function nowIn({ versions, at }: Pick<Conversation, 'versions' | 'at'>): Version {
  const now = versions[at];
  if (now === undefined)
    throw new Error(`expected a version ${at} of a conversation, found ${versions.length}`);
  return now;
}

/** Returns the name of a turn below its conversation. */
export const turnName = (turn: number): string => `turn-${turn}`;

/** Returns whether what a turn made is part of the files as they are now, and was not taken back. */
export const stillStands = ({ versions, at }: Conversation, { turn }: Said): boolean =>
  versions.slice(0, at + 1).some((version) => version.turn === turn);
