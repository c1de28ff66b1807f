import { pythonTests } from './python-tests.ts';

await pythonTests('test_kinds', { modules: ['jsonschema', 'av', 'trimesh', 'arro3.io'] });
