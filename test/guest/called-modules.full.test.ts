import { pythonTests } from './python-tests.ts';

await pythonTests('test_called_modules', { modules: ['pytest'] });
