import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Catalogue } from '../../llm/catalogue/catalogue.schema.ts';
import { readCatalogue } from '../../llm/catalogue/catalogue.ts';
import { type ModelConfig, readModelConfig } from '../../llm/catalogue/routes.ts';

/** The catalogue as it ships. */
export const catalogue = (): Catalogue => readCatalogue(join(tmpdir(), 'no-such-home'));

/** What `environment` configures, with the catalogue as it ships. */
export const modelConfig = (environment: Record<string, string> = {}): ModelConfig =>
  readModelConfig(environment, catalogue());
