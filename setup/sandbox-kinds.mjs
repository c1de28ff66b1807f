import { engineSocket } from './engine.mjs';

/**
 * The sandboxes that set-up has to provide the parts of: the one that CRUCIBLE_SANDBOX names; without it Docker where an
 * engine answers, else bubblewrap; with `system` both.
 * @param {boolean} system
 * @returns {Promise<Set<string>>}
 */
export async function sandboxKinds(system) {
  const named = process.env.CRUCIBLE_SANDBOX || 'auto';
  if (named !== 'auto') return new Set([named]);
  if (system) return new Set(['docker', 'bubblewrap']);
  return new Set([(await engineSocket()) ? 'docker' : 'bubblewrap']);
}
