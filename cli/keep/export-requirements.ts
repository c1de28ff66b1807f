import { importsIn, statementsOf } from '../start/python-source.ts';

/** The first parts of the modules that Python sources may import. */
export const importsOf = (sources: readonly string[]): Set<string> =>
  new Set(
    sources
      .flatMap((source) => importsIn(statementsOf(source)))
      .flatMap(({ module, level }) => (level === 0 ? [module.split('.')[0] ?? ''] : [])),
  );
