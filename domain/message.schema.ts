import { z } from 'zod';
import { Artifact } from './artifact.schema.ts';
import { Candidate } from './candidate.schema.ts';
import { Budget } from './job-fields.schema.ts';

/** What a budget is raised to, in its own units; what is missing stays as it is. */
export const Extension = z.strictObject({
  trials: Budget.shape.trials.unwrap().optional(),
  wallMs: Budget.shape.wallMs.unwrap().optional(),
  usd: Budget.shape.usd,
  tokens: Budget.shape.tokens,
});
export type Extension = z.infer<typeof Extension>;

/** Why a job stands still by itself, and until when: nothing can be asked before. `until` in milliseconds since 1970. */
export const Rest = z.strictObject({ until: z.number(), why: z.string().max(1_000) });
export type Rest = z.infer<typeof Rest>;

/** What people tell a job. The kind is also the name of the update that its workflow hears it by. */
export const Message = z.discriminatedUnion('kind', [
  /** Nothing new is begun; what is under way is finished. With a `rest` the job told itself, and goes on by itself. */
  z.strictObject({ kind: z.literal('pause'), rest: Rest.optional() }),
  z.strictObject({ kind: z.literal('resume') }),
  /** Models read it with every question from then on. */
  z.strictObject({ kind: z.literal('hint'), text: z.string().trim().min(1).max(2_000) }),
  /**
   * A file that takes the place of the program's, or a unified diff `of` a candidate's program. It is tried
   * next and judged like any other candidate.
   */
  z.strictObject({
    kind: z.literal('tryProgram'),
    name: z
      .string()
      .regex(/^[\w.-]{1,60}\.(py|patch|diff)$/, 'expected the name of a Python file or a patch'),
    file: Artifact,
    of: Candidate.shape.id.optional(),
  }),
  z.strictObject({ kind: z.literal('extend'), budget: Extension }),
  /** What is said in a conversation, at most 10,000 characters: a task for its next turn. */
  z.strictObject({ kind: z.literal('turn'), text: z.string().trim().min(1).max(10_000) }),
  /**
   * The files and the program are again as they were before the last turn. As they were before that was taken
   * back.
   */
  z.strictObject({ kind: z.literal('undo') }),
  z.strictObject({ kind: z.literal('redo') }),
  /** Files for the workspace of a conversation: a `Tree`. */
  z.strictObject({ kind: z.literal('put'), files: Artifact }),
  /** The turn under way is given up. */
  z.strictObject({ kind: z.literal('stop') }),
  /** The conversation is over. */
  z.strictObject({ kind: z.literal('end') }),
  /** A candidate whose program is what the job gives in place of its best; null: its best again. */
  z.strictObject({ kind: z.literal('choose'), candidate: Candidate.shape.id.nullable() }),
  /** The job's own: it waits for a person, and why. It stands among what people say, so that it is clear what came first. */
  z.strictObject({
    kind: z.literal('wait'),
    why: z.string(),
    /** Candidates tried by then. */
    tried: z.number(),
  }),
]);
export type Message = z.infer<typeof Message>;
export type MessageKind = Message['kind'];
/** That a job waits for a person. */
export type Waiting = Extract<Message, { kind: 'wait' }>;

/** What is heard in a conversation alone. */
export type TalkKind = 'turn' | 'undo' | 'redo' | 'put' | 'stop' | 'end';

/** A message as it came: who sends it again, sends it under the same ID. */
export interface Told {
  id: string;
  message: Message;
  /** Milliseconds since 1970. */
  at: number;
}
