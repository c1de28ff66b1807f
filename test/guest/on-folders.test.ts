import { pythonTests } from './python-tests.ts';

await pythonTests('test_on_folders', { modules: ['pytest'] });
