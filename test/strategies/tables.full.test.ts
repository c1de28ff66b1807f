import { createLayers } from '../../sandbox/layers.ts';
import { learnLock } from '../../sandbox/packages.ts';
import { cache } from '../../setup/places.mjs';
import { pythonTests } from '../guest/python-tests.ts';

// Of which pandas is one.
const { folder } = await createLayers({ cache }).layer(await learnLock(), AbortSignal.timeout(600_000));

await pythonTests('test_by_columns', { layer: folder });
