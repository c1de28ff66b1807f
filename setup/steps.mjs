import { bubblewrap } from './steps/bubblewrap.mjs';
import { chromium } from './steps/chromium.mjs';
import { helm } from './steps/helm.mjs';
import { image } from './steps/image.mjs';
import { npm } from './steps/npm.mjs';
import { postgres } from './steps/postgres.mjs';
import { python } from './steps/python.mjs';
import { supervisor } from './steps/supervisor.mjs';
import { system } from './steps/system.mjs';
import { temporal } from './steps/temporal.mjs';
import { versitygw } from './steps/versitygw.mjs';

/** Every step, each after those it needs, and the longest first. */
export const usualSteps = [temporal, npm, system, image, supervisor, bubblewrap, python];

/** What only some of the tests need: done where it is named. */
export const moreSteps = [versitygw, postgres, chromium, helm];
