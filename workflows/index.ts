/** The workflows a worker offers; the bundler starts here. */
export { chat } from './chat.ts';
export { experiment } from './experiment.ts';
export { fit } from './fit.ts';
export { optimize } from './optimize.ts';
export { pipeline } from './pipeline.ts';
export { solve } from './solve.ts';
export { verify } from './verify.ts';
