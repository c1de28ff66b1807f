import { defineSearchAttributeKey } from '@temporalio/common';

/** The search attributes that the Temporal UI lists Crucible's jobs by. */
export const kindAttribute = defineSearchAttributeKey('CrucibleKind', 'KEYWORD');
export const statusAttribute = defineSearchAttributeKey('CrucibleStatus', 'KEYWORD');
export const bestAttribute = defineSearchAttributeKey('CrucibleBest', 'DOUBLE');
/** US dollars that models have cost. */
export const spendAttribute = defineSearchAttributeKey('CrucibleSpend', 'DOUBLE');
