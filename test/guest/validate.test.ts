import { pythonTests } from './python-tests.ts';

await pythonTests('test_validate', { modules: ['jsonschema'] });
