import { z } from 'zod';
import { armFailpoint, failpoints } from '../../store/failpoint.ts';
import { openStore } from '../../store/store.ts';
import { askBatched } from './batched-question.ts';

/** Asks as `askBatched` does, at a time, and is killed at a failpoint. */
const { home, at, failpoint, now } = z
  .object({
    home: z.string(),
    at: z.object({
      protocol: z.enum(['responses', 'anthropic', 'google']),
      baseUrl: z.string(),
      key: z.string(),
    }),
    failpoint: z.enum(failpoints),
    now: z.number(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));
const ahead = now - Date.now();
const read = Date.now.bind(Date);
Date.now = () => read() + ahead;
armFailpoint(failpoint, 1);
await askBatched(await openStore(home), at, 'a', 1);
