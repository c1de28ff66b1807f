import { createLayers } from '../../sandbox/layers.ts';
import { learnLock } from '../../sandbox/packages.ts';
import { cache } from '../../setup/places.mjs';
import { pythonTests } from './python-tests.ts';

const { folder } = await createLayers({ cache }).layer(await learnLock(), AbortSignal.timeout(600_000));

await pythonTests('test_learn_guards', { layer: folder });
await pythonTests('test_learn_look', { layer: folder });
await pythonTests('test_learn_models', { layer: folder });
