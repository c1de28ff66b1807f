import { goProgram } from '../go.mjs';

/** What renders a chart, for the test of ours alone. */
export const { path: helmPath, step: helm } = goProgram({
  name: 'helm',
  version: '3.22.0',
  module: 'helm.sh/helm/v3/cmd/helm',
  what: 'Helm',
  how: 'install Go 1.26, or Helm (https://helm.sh/docs/intro/install)',
});
