/** The look of the payment page: system fonts, text contrast of at least 4.5:1 in light and dark, targets of 44 px. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--text:#1a1a1a;--surface:#fff;--quiet:#5a5a5a;--line:#767676;--brand:#0b5cad;--on-brand:#fff;--good:#146c2e;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--text:#eee;--surface:#161616;--quiet:#bbb;--line:#8c8c8c;--brand:#8ec2ff;--on-brand:#0a1d33;--good:#7fd99a;--bad:#ffb4ab}}
*{box-sizing:border-box}
body{margin:0;background:var(--surface);color:var(--text);font:1.0625rem/1.5 system-ui,sans-serif}
main{max-width:32rem;margin:0 auto;padding:1.5rem 1rem}
h1{font-size:1.5rem;margin:0 0 1rem}
.bill{margin:0 0 1rem;padding:1rem;border:1px solid var(--line);border-radius:.5rem;overflow-wrap:anywhere}
.bill dd{margin:.25rem 0 0}
.test{color:var(--quiet)}
fieldset{border:0;margin:0 0 1rem;padding:0}
legend{font-weight:600;padding:0;margin-bottom:.5rem}
.choice{display:flex;align-items:center;gap:.75rem;min-height:2.75rem;padding:.5rem .75rem;margin-bottom:.5rem;border:1px solid var(--line);border-radius:.5rem}
input[type=radio]{width:1.5rem;height:1.5rem;flex:none}
input[type=tel]{width:100%;min-height:2.75rem;font:inherit;padding:.5rem;margin-bottom:1rem;border:1px solid var(--line);border-radius:.5rem}
#phone-hint{margin:.25rem 0;color:var(--quiet)}
button,.button{display:inline-block;min-height:2.75rem;padding:.6rem 1.25rem;border:2px solid var(--brand);border-radius:.5rem;background:var(--brand);color:var(--on-brand);font:inherit;font-weight:600;text-decoration:none;cursor:pointer}
button{width:100%}
.quiet{background:transparent;color:var(--brand)}
a{color:var(--brand)}
.button:not(.quiet){color:var(--on-brand)}
.good{color:var(--good);font-weight:600}
.bad{color:var(--bad)}
:focus-visible{outline:3px solid var(--brand);outline-offset:2px}
`;
