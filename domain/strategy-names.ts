/**
 * What a job can name in `strategies`, and its default. It stands apart from the schema, so that the command
 * line's help need not load that.
 */
export const strategyNames = [
  'rewrite_numpy',
  'vectorize_loops',
  'outline_loops',
  'use_cpp_extension',
  'use_pythran',
  'use_cython',
  'parallelize',
  'reduce_precision',
  'fastmath',
] as const;
