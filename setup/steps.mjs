import { bubblewrap } from './steps/bubblewrap.mjs';
import { image } from './steps/image.mjs';
import { npm } from './steps/npm.mjs';
import { python } from './steps/python.mjs';
import { supervisor } from './steps/supervisor.mjs';
import { system } from './steps/system.mjs';
import { temporal } from './steps/temporal.mjs';

/** Every step, each after those it needs, and the longest first. */
export const allSteps = [temporal, npm, system, image, supervisor, bubblewrap, python];
