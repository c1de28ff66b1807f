import { createLayers } from '../../sandbox/layers.ts';
import { namedLayers } from '../../sandbox/packages.ts';
import { cache } from '../../setup/places.mjs';
import { pythonTests } from './python-tests.ts';

const lock = await namedLayers.voxel.lock();
const { folder } = await createLayers({ cache }).layer(lock, AbortSignal.timeout(600_000));

await pythonTests('test_voxel_pictures', { layer: folder });
