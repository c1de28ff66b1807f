import { expect, test } from 'vitest';
import { Limits, limitsOf } from '../../domain/limits.schema.ts';

test('a program may use its wall time on each of its cores, or what is said of its processor time', () => {
  const cpuMs = (limits: Partial<Limits>) => limitsOf({ limits: Limits.parse(limits), cores: 3 }).cpuMs;
  expect(cpuMs({ wallMs: 1_000 })).toBe(3_000);
  expect(cpuMs({ wallMs: 1_000, cpuMs: 500 })).toBe(500);
});
