import { shortened } from './excerpt.ts';
import { type Html, html } from './html.ts';
import { viewPolicy, viewProgram } from './space/space.ts';
import { style } from './style.ts';

/** The browser is told to load nothing and to run nothing, whatever may stand in the page. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** Returns a whole page around `body`. One that has views may run their program, and no other. */
export const page = (title: string, body: Html, { views = false } = {}): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta http-equiv="Content-Security-Policy" content="${views ? `${policy}; ${viewPolicy}` : policy}" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<meta name="referrer" content="no-referrer" />
<title>${shortened(title, 120)}</title>
${style}
</head>
<body>
<main>
${body}
</main>
${views && viewProgram}
</body>
</html>
`;
