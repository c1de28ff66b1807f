import { html } from './html.ts';

/** How pages look: one accent colour, the system's fonts, light and dark by the reader's setting, light on paper. */
export const style = html`<style>
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #23211e; --quiet: #6f6a62; --line: #e4e0d9; --faint: #f2efea;
  --accent: #b4470f; --accent-faint: #fbeee4; --bad: #5c5750;
  --plus: #e3f3e3; --plus-ink: #14532d; --minus: #fbe4e2; --minus-ink: #7f1d1d;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171614; --card: #1f1d1b; --ink: #e9e5df; --quiet: #9d968c; --line: #36332f; --faint: #282522;
    --accent: #f08a4b; --accent-faint: #38271c; --bad: #b5aea4;
    --plus: #1b3324; --plus-ink: #b7e4c3; --minus: #401f1e; --minus-ink: #f3bdb7;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums;
}
main { max-width: 1060px; margin: 0 auto; padding: 48px 32px 96px; }
main > section { margin-top: 64px; }
h1 { font-size: 34px; line-height: 1.15; margin: 4px 0 8px; letter-spacing: -0.015em; font-weight: 650; }
h2 { font-size: 24px; line-height: 1.25; margin: 0 0 16px; letter-spacing: -0.01em; font-weight: 650; }
h3 { font-size: 17px; margin: 36px 0 10px; font-weight: 650; }
h4 { font-size: 15px; margin: 0 0 8px; font-weight: 650; }
p { margin: 0 0 12px; max-width: 74ch; }
code, pre { font-family: var(--mono); font-size: 0.86em; }
pre { margin: 0; padding: 12px 14px; background: var(--faint); border-radius: 6px; overflow: auto; max-height: 520px; line-height: 1.5; white-space: pre; overflow-wrap: normal; tab-size: 4; }
.quiet { color: var(--quiet); font-weight: 400; }
.number { text-align: right; font-weight: 600; white-space: nowrap; }
.kind { color: var(--accent); font-size: 13px; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase; margin: 0; }
.task { color: var(--quiet); font-size: 17px; }

.hero { display: grid; gap: 40px; padding: 32px; border: 1px solid var(--line); border-radius: 12px; background: var(--card); }
main > .hero { margin-top: 28px; }
.hero.pictured { grid-template-columns: minmax(0, 1fr) minmax(0, 340px); align-items: center; }
.large { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px; margin: 0 0 10px; }
.large strong { font-size: 72px; line-height: 1; letter-spacing: -0.035em; font-weight: 700; color: var(--accent); }
.large span { font-size: 19px; color: var(--quiet); }
.sentence { font-size: 17px; }
.before-after { margin: 22px 0 4px; max-width: 640px; }
.before-after div { display: grid; grid-template-columns: 60px 1fr 84px; gap: 12px; align-items: center; font-size: 14px; color: var(--quiet); margin: 6px 0; }
.before-after svg { width: 100%; height: 12px; border-radius: 2px; display: block; }
.before-after rect { fill: var(--line); }
.before-after .before rect { fill: var(--quiet); opacity: 0.55; }
.before-after .now rect { fill: var(--accent); }
.before-after .now .number { color: var(--ink); }
.tally { list-style: none; margin: 20px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 4px 22px; color: var(--quiet); font-size: 14px; }

.picture { margin: 0; }
.picture img { display: block; width: 100%; height: auto; border-radius: 8px; border: 1px solid var(--line); background: var(--faint); }
.picture img.pixels { image-rendering: pixelated; }
figcaption { color: var(--quiet); font-size: 13px; margin-top: 8px; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 20px; }

.space { margin: 0 0 32px; }
.space > img { display: block; width: 100%; max-width: 640px; height: auto; }
.stage3d { position: relative; border: 1px solid var(--line); border-radius: 10px; background: var(--card); overflow: hidden; }
.stage3d canvas { display: block; width: 100%; height: min(64vh, 520px); touch-action: none; cursor: grab; }
.stage3d canvas:active { cursor: grabbing; }
.stage3d canvas:focus-visible { outline: 2px solid var(--accent); outline-offset: -3px; }
.axis-name { position: absolute; transform: translate(-50%, -50%); font-size: 12.5px; color: var(--quiet); pointer-events: none; white-space: nowrap; }
.controls3d { display: flex; flex-wrap: wrap; gap: 8px 22px; align-items: center; margin-top: 10px; font-size: 14px; }
.controls3d label { display: inline-flex; align-items: center; gap: 8px; }
.controls3d label[hidden] { display: none; }
.controls3d input { accent-color: var(--accent); width: 150px; min-height: 28px; }
.controls3d output { min-width: 4em; color: var(--quiet); }
.controls3d select, .controls3d button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 4px 10px; min-height: 32px; }
figure { margin: 0; }
.plot { display: block; width: 100%; height: auto; }
.plot.narrow { display: none; }
.plot text { font-size: 12px; fill: var(--quiet); }
.plot text.axis { font-size: 11.5px; }
.plot text.name { fill: var(--ink); font-weight: 600; }
.grid { stroke: var(--line); stroke-width: 1; }
.tick { stroke: var(--quiet); stroke-width: 1; opacity: 0.6; }
.baseline { stroke: var(--quiet); stroke-width: 1.2; stroke-dasharray: 4 4; }
.best { fill: none; stroke: var(--accent); stroke-width: 2; opacity: 0.55; stroke-linejoin: round; }
.whisker { fill: none; stroke: var(--ink); stroke-width: 1.6; }
.dot { fill: var(--ink); stroke: var(--card); stroke-width: 1; }
.dot.hollow { fill: var(--paper); stroke: var(--quiet); stroke-width: 1.6; }
.dot.verified, .verified .bar .dot { fill: var(--accent); }
.verified .whisker { stroke: var(--accent); }
.cross { stroke: var(--bad); stroke-width: 2; stroke-linecap: round; }
.reach { stroke: var(--line); stroke-width: 5; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 20px; margin-top: 10px; }
.legend span { display: inline-flex; align-items: center; gap: 6px; }

.candidates { border: 1px solid var(--line); border-radius: 10px; overflow: hidden; background: var(--card); }
.row { display: grid; grid-template-columns: 128px minmax(0, 1fr) 84px 140px; gap: 16px; align-items: center; padding: 11px 16px; }
.row.head { font-size: 12.5px; color: var(--quiet); padding-block: 8px; background: var(--faint); }
.row.head .number { font-weight: 400; }
.row .from { color: var(--quiet); font-weight: 400; font-size: 12.5px; }
.axis { display: block; overflow: visible; }
.axis text { font-size: 10.5px; fill: var(--quiet); }
.candidate { border-top: 1px solid var(--line); }
summary { cursor: pointer; }
summary.row { list-style: none; }
summary.row::-webkit-details-marker { display: none; }
summary.row:hover { background: var(--faint); }
summary:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
.candidate.top > summary { box-shadow: inset 4px 0 0 var(--accent); }
.badge { display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 12.5px; line-height: 1.6; border: 1px solid var(--line); color: var(--quiet); white-space: nowrap; }
.verified .badge { background: var(--accent-faint); border-color: transparent; color: var(--accent); font-weight: 600; }
.better .badge, .passed .badge { color: var(--ink); border-color: var(--quiet); }
.refused .badge { background: var(--bad); border-color: transparent; color: var(--card); }
.failed .badge { border-style: dashed; border-color: var(--quiet); }
.what { min-width: 0; }
.title b { font-weight: 600; color: var(--quiet); margin-right: 4px; }
.why { display: block; color: var(--quiet); font-size: 13.5px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.none { color: var(--quiet); font-weight: 400; }
.bar svg { display: block; }
.inside { padding: 6px 16px 22px; display: grid; grid-template-columns: minmax(0, 1fr); gap: 14px; }
.inside p { margin: 0; }
.source { border: 1px solid var(--line); border-radius: 8px; background: var(--card); margin: 10px 0; }
.source > summary { padding: 9px 16px; }
.source > .inside { padding-top: 10px; border-top: 1px solid var(--line); }
.try { border-top: 1px solid var(--line); padding-top: 14px; }
.try details { margin-top: 8px; }
.try details > summary { color: var(--quiet); font-size: 14px; }
.try details > pre, .try details > dl { margin-top: 8px; }
.file figcaption { margin: 0 0 6px; }
.file figcaption code { color: var(--ink); }
.diff span { display: block; margin: 0 -14px; padding: 0 14px; width: max-content; min-width: calc(100% + 28px); }
.diff .plus { background: var(--plus); color: var(--plus-ink); }
.diff .minus { background: var(--minus); color: var(--minus-ink); }
.diff .hunk { color: var(--quiet); }
.reason { white-space: pre-wrap; overflow-wrap: anywhere; margin-bottom: 12px; }

dl { margin: 0; font-size: 14.5px; }
dl > div { display: grid; grid-template-columns: 190px minmax(0, 1fr); gap: 4px 16px; padding: 3px 0; }
dt { color: var(--quiet); }
dd { margin: 0; }
.hashes { font-size: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; }
th { font-weight: 400; color: var(--quiet); }
th, td { text-align: right; padding: 7px 0 7px 16px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: normal; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 16px 24px; margin: 12px 0 20px; }
.plots figcaption { overflow-wrap: anywhere; }
svg.learnt { display: block; width: 100%; max-width: 480px; height: auto; }
.words th:nth-child(2), .words td:nth-child(2) { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.words th:first-child, .words td:first-child { min-width: 8em; overflow-wrap: anywhere; }
.learnt th:first-child, .learnt td:first-child { min-width: 9em; overflow-wrap: anywhere; }
.importance td:first-child { overflow-wrap: anywhere; }
.importance svg.share { display: block; width: 100%; min-width: 40px; height: 12px; }
.importance td:nth-child(2) { width: 40%; }
.arms th:first-child, .arms td:first-child { white-space: nowrap; }

.stages { list-style: none; padding: 0; margin: 0; border: 1px solid var(--line); border-radius: 10px; background: var(--card); counter-reset: stage; }
.stages li { position: relative; padding: 12px 16px 12px 54px; counter-increment: stage; }
.stages li + li { border-top: 1px solid var(--line); }
.stages li::before { content: counter(stage); position: absolute; left: 16px; top: 14px; width: 24px; height: 24px; border-radius: 50%; background: var(--faint); color: var(--quiet); font-size: 13px; line-height: 24px; text-align: center; }
.stages li.finished::before { background: var(--accent-faint); color: var(--accent); font-weight: 600; }
.stages .number { float: right; }
.stage { margin-top: 56px; padding-top: 32px; border-top: 1px solid var(--line); }
.judged { padding-left: 22px; margin: 0; }
.judged li { max-width: 76ch; margin-bottom: 10px; padding-left: 4px; }
.judged li::marker { color: var(--accent); font-weight: 600; }
.log { list-style: none; margin: 0; padding: 0; font-size: 14px; }
.log li { display: grid; grid-template-columns: 96px minmax(0, 1fr); gap: 12px; padding: 2px 0; }
.log time { color: var(--quiet); text-align: right; }

@media (max-width: 760px) {
  main { padding: 28px 18px 64px; }
  main > section { margin-top: 44px; }
  h1 { font-size: 27px; }
  .hero { padding: 22px 20px; gap: 24px; }
  .hero.pictured { grid-template-columns: minmax(0, 1fr); }
  .large strong { font-size: 56px; }
  .plot.wide { display: none; }
  .plot.narrow { display: block; }
  .row.head { display: none; }
  .row { grid-template-columns: minmax(0, 1fr) auto; gap: 6px 12px; }
  .row .what { grid-column: 1 / -1; grid-row: 2; }
  .row .number { grid-row: 1; grid-column: 2; }
  .row .bar { grid-column: 1 / -1; }
  .row .bar:empty { display: none; }
  .why { white-space: normal; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
  dl > div { grid-template-columns: minmax(0, 1fr); gap: 0; padding: 5px 0; }
  .log li { grid-template-columns: 72px minmax(0, 1fr); }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --card: #fff; --ink: #000; --quiet: #555; --line: #ccc; --faint: #f4f4f4; --accent: #9a3b0b; --accent-faint: #fff; --bad: #444;
    --plus: #e8f4e8; --plus-ink: #14532d; --minus: #fbe9e7; --minus-ink: #7f1d1d;
  }
  main { max-width: none; padding: 0; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  pre { max-height: none; white-space: pre-wrap; overflow-wrap: anywhere; }
  .hero, .row, .stages li, .plot { break-inside: avoid; }
  h2, h3, h4 { break-after: avoid; }
}
</style>`;
