import { pythonTests } from './python-tests.ts';

await pythonTests('test_observe');
