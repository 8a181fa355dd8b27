/** The one stylesheet. Colours are pairs of `light-dark()`; text reaches a contrast of 4.5:1 or more in both. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#f6f5f2, #14161a);
  --card: light-dark(#ffffff, #1d2026);
  --ink: light-dark(#1b1d22, #eceef2);
  --soft: light-dark(#5a5f6b, #a3a9b6);
  --line: light-dark(#e2e0da, #31353e);
  --accent: light-dark(#1f5f4a, #7fd6b4);
  --on-accent: light-dark(#ffffff, #10231c);
  --tint: light-dark(#e6f1ec, #20352d);
  --bad: light-dark(#9d2b22, #f2a097);
  --bad-tint: light-dark(#f9e8e6, #3b2422);
  --wait: light-dark(#785100, #e8c171);
  --wait-tint: light-dark(#f8efd9, #362d1a);
  --radius: 14px;
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: flex; flex-direction: column;
  background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 .35rem; }
h2 { font-size: 1.05rem; margin: 0; }
p { margin: 0; }
a { color: var(--accent); text-underline-offset: 3px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
.bar {
  display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.5rem;
  padding: .7rem max(1.25rem, calc(50vw - 30rem)); background: var(--card); border-bottom: 1px solid var(--line);
}
.brand { display: flex; align-items: center; gap: .55rem; font-weight: 650; color: var(--ink); text-decoration: none; padding: .4rem 0; }
.mark { width: 1.1rem; height: 1.1rem; border-radius: 5px; background: linear-gradient(135deg, var(--accent) 50%, var(--tint) 50%); }
nav { display: flex; flex-wrap: wrap; gap: .15rem; margin-left: -.7rem; }
nav a { color: var(--soft); text-decoration: none; padding: .4rem .7rem; border-radius: 8px; }
nav a:hover { color: var(--ink); background: var(--paper); }
nav a[aria-current] { color: var(--accent); background: var(--tint); font-weight: 600; }
main { flex: 1; width: 100%; max-width: 62.5rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
footer { color: var(--soft); font-size: .875rem; text-align: center; padding: 0 1.25rem 1.75rem; }
.lead { color: var(--soft); max-width: 42rem; margin-bottom: 1.5rem; }
.below { margin-top: 1.25rem; }
.empty { border: 1px dashed var(--line); border-radius: var(--radius); padding: 2.5rem 1.25rem; text-align: center; color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); }
.list { display: grid; gap: .75rem; margin: 0; padding: 0; list-style: none; }
.tiles { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); margin: 0; padding: 0; list-style: none; }
.tiles a { display: block; height: 100%; padding: 1.1rem 1.25rem; color: inherit; text-decoration: none; }
.tiles a:hover { border-color: var(--accent); }
.tiles strong { display: block; font-size: 1.9rem; line-height: 1.15; font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.soft { color: var(--soft); font-size: .875rem; overflow-wrap: anywhere; }
.amount { font-variant-numeric: tabular-nums; font-weight: 650; white-space: nowrap; }
.payment { display: grid; grid-template-columns: 1fr auto; gap: .3rem 1rem; padding: 1rem 1.25rem; align-items: start; }
.payment .amount { font-size: 1.1rem; text-align: right; }
.payment .facts { display: flex; flex-wrap: wrap; gap: .35rem .6rem; align-items: center; }
.payment .acts { display: flex; flex-wrap: wrap; gap: .5rem; justify-content: flex-end; align-self: center; }
.state { font-size: .8125rem; font-weight: 600; padding: .1rem .6rem; border-radius: 99px; background: var(--wait-tint); color: var(--wait); }
.state.good { background: var(--tint); color: var(--accent); }
.state.bad { background: var(--bad-tint); color: var(--bad); }
form { margin: 0; }
button, .button {
  display: inline-block; font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer;
  border: 1px solid var(--line); border-radius: 10px; padding: .5rem .95rem; min-height: 2.75rem; background: var(--card); color: var(--ink);
}
button:hover, .button:hover { border-color: var(--accent); }
button.go { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.go:hover { filter: brightness(1.08); }
button.quiet { border-color: transparent; background: none; color: var(--soft); text-decoration: underline; text-underline-offset: 3px; }
button.bad { color: var(--bad); }
.customer { display: grid; place-content: center; grid-template-columns: minmax(0, 26rem); gap: 1rem; padding: 1.5rem 1.25rem; }
.customer .card { padding: 1.75rem; display: grid; gap: 1.25rem; box-shadow: 0 12px 40px light-dark(#0000000f, #00000050); }
.customer .sum { font-size: 2.5rem; line-height: 1.1; letter-spacing: -.03em; font-weight: 680; font-variant-numeric: tabular-nums; margin: .2rem 0 0; overflow-wrap: anywhere; }
.customer form { display: grid; gap: .6rem; }
.customer .soft { text-align: center; }
fieldset { border: 0; margin: 0 0 .65rem; padding: 0; display: grid; gap: .5rem; }
legend { padding: 0; margin-bottom: .5rem; font-weight: 600; }
.choice { display: flex; align-items: center; gap: .75rem; min-height: 3.25rem; padding: .6rem .9rem; border: 1px solid var(--line); border-radius: 10px; cursor: pointer; }
.choice:has(:checked) { border-color: var(--accent); background: var(--tint); }
.choice input { accent-color: var(--accent); width: 1.15rem; height: 1.15rem; margin: 0; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; }
.phone { max-width: 26rem; margin: 0 auto; padding: 1.1rem 1rem 1.5rem; border-radius: 34px; border: 8px solid light-dark(#d9d7d0, #2b2f37); background: var(--card); }
.phone ol { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem; }
.phone .to { text-align: center; color: var(--soft); font-size: .8125rem; margin-bottom: .3rem; }
.bubble { width: fit-content; max-width: 88%; margin-left: auto; padding: .6rem .9rem; border-radius: 18px 18px 4px 18px; background: var(--tint); white-space: pre-wrap; overflow-wrap: anywhere; }
.phone .soft { text-align: right; margin-top: .2rem; }
.mail { padding: 1.1rem 1.25rem; }
.mail pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: .8rem 0 0; padding-top: .8rem; border-top: 1px solid var(--line); }
.entry { padding: 1.1rem 1.25rem; }
.entry header { display: flex; flex-wrap: wrap; gap: .1rem 1rem; justify-content: space-between; align-items: baseline; }
.scroll { overflow-x: auto; margin-top: .7rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: .8125rem; font-weight: 600; color: var(--soft); }
th, td { padding: .4rem 1rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
.number { text-align: right; padding-right: 0; white-space: nowrap; min-width: 6.5rem; }
code { font: .875em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
@media (max-width: 34rem) {
  main { padding-top: 1.5rem; }
  .bar { padding-bottom: .4rem; }
  .payment .acts { grid-column: 1 / -1; justify-content: flex-start; margin-top: .4rem; }
  .number { min-width: 5rem; }
}
@media (prefers-reduced-motion: no-preference) { button, .tiles a, nav a { transition: border-color .12s, background-color .12s, filter .12s; } }
`;
