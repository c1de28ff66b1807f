import { pythonTests } from './python-tests.ts';

await pythonTests('test_wrong_on_some');
