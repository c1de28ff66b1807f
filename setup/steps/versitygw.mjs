import { goProgram } from '../go.mjs';

/** A server that speaks S3's protocol, for tests; Crucible itself is told of one. */
export const { path: versitygwPath, step: versitygw } = goProgram({
  name: 'versitygw',
  version: '1.8.0',
  module: 'github.com/versity/versitygw/cmd/versitygw',
  what: 'an S3 server',
  how: 'install Go 1.24, or versitygw (https://github.com/versity/versitygw/releases)',
});
