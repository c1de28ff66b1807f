// node docker/e2b/build.mjs [NAME]: builds the template of sandboxes at E2B, by default `crucible`, for the account of E2B_API_KEY.
import { fileURLToPath } from 'node:url';
import { defaultBuildLogger, Template } from 'e2b';

const fileContextPath = fileURLToPath(new URL('../..', import.meta.url));
const dockerfile = fileURLToPath(new URL('Dockerfile', import.meta.url));
const [name = 'crucible'] = process.argv.slice(2);

const template = Template({ fileContextPath }).fromDockerfile(dockerfile);
const { templateId } = await Template.build(template, name, {
  cpuCount: 2,
  // Runs may have up to 192 MB less: the default limit of a job is 2,048.
  memoryMB: 4096,
  onBuildLogs: defaultBuildLogger(),
});
console.log(`built ${name} (${templateId}). Set E2B_TEMPLATE=${name}`);
