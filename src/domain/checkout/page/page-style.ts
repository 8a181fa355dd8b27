/** The look of the payment page: system fonts, text contrast of at least 4.5:1 and borders of 3:1 in light and dark, targets of 44 px. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--text:#1a1a1a;--surface:#fff;--ground:#f4f5f7;--quiet:#565b63;--line:#767b85;--brand:#0b5cad;--on-brand:#fff;--chosen:#eaf2fb;--good:#146c2e;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--text:#eee;--surface:#1d1f23;--ground:#121316;--quiet:#b9bec7;--line:#888e99;--brand:#8ec2ff;--on-brand:#0a1d33;--chosen:#1b2a3d;--good:#7fd99a;--bad:#ffb4ab}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--ground);color:var(--text);font:1.0625rem/1.5 system-ui,sans-serif}
main{max-width:32rem;min-height:100vh;margin:0 auto;padding:1.5rem 1.25rem 2rem;background:var(--surface)}
@media(min-width:40rem){main{min-height:0;margin:3rem auto;padding:2rem;border-radius:.75rem;border:1px solid transparent}}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}
h2{font-size:1.25rem;margin:0 0 .5rem}
p{margin:0 0 1rem}
.bill{margin:0 0 1.25rem;overflow-wrap:anywhere}
.bill div{display:flex;flex-wrap:wrap;align-items:baseline;justify-content:space-between;gap:0 1rem;padding:.5rem 0;border-bottom:1px solid var(--line)}
.bill dt{color:var(--quiet)}
.bill dd{margin:0}
.bill .sum dd{font-size:1.25rem;font-weight:700}
.test,.quiet-text{color:var(--quiet)}
.test{padding:.5rem .75rem;border:1px dashed var(--line);border-radius:.5rem}
table{width:100%;border-collapse:collapse;margin:0 0 1.25rem}
th,td{padding:.4rem 0;text-align:left;font-weight:400;vertical-align:baseline;overflow-wrap:anywhere}
td,th:last-child{text-align:right;padding-left:1rem;white-space:nowrap}
thead th{color:var(--quiet);border-bottom:1px solid var(--line)}
tfoot{border-top:1px solid var(--line)}
.sum th,.sum td{font-size:1.25rem;font-weight:700}
fieldset{border:0;margin:0 0 1rem;padding:0;min-width:0}
legend,label[for=phone]{font-weight:600;padding:0;margin-bottom:.5rem}
.way{margin-bottom:.5rem;border:1px solid var(--line);border-radius:.5rem}
.way:has(:checked){border-color:var(--brand);box-shadow:inset 0 0 0 1px var(--brand);background:var(--chosen)}
.choice{display:flex;align-items:center;gap:.75rem;min-height:3rem;padding:.5rem .75rem;cursor:pointer}
.choice span{flex:1;overflow-wrap:anywhere}
.choice img{height:1.5rem;width:auto;max-width:4rem}
.fields{padding:.25rem .75rem 1rem}
.fields:not([data-ready]){min-height:6rem}
input[type=radio],input[type=checkbox]{width:1.5rem;height:1.5rem;flex:none;margin:0;accent-color:var(--brand)}
input[type=tel]{width:100%;min-height:2.75rem;font:inherit;color:inherit;background:var(--surface);padding:.5rem .75rem;margin-bottom:1rem;border:1px solid var(--line);border-radius:.5rem}
input[aria-invalid]{border:2px solid var(--bad)}
#phone-hint{margin:0 0 .5rem}
form:not(:has([data-phone]:checked)) .phone,form:has([data-code]:checked):has([name=flow]:checked) .phone,form:not(:has([data-code]:checked)) .as-code{display:none}
@media(pointer:coarse) and (max-width:40rem){.as-code{display:none}}
.as-code{margin-bottom:1rem}
.code{display:block;max-width:100%;height:auto;margin:0 auto 1rem;border:1px solid var(--line);border-radius:.5rem;forced-color-adjust:none}
button,.button{display:inline-block;min-height:2.75rem;padding:.6rem 1.25rem;border:2px solid var(--brand);border-radius:.5rem;background:var(--brand);color:var(--on-brand);font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}
form button,.button{width:100%}
[aria-disabled=true]{opacity:.6;cursor:progress}
.quiet{background:transparent;color:var(--brand)}
a{color:var(--brand)}
p>a:only-child{display:inline-block;padding:.6rem 0;min-height:2.75rem}
.button,p>.button:only-child{padding:.6rem 1.25rem}
.button:not(.quiet){color:var(--on-brand)}
.good{font-size:1.25rem;color:var(--good);font-weight:600}
.waiting{font-size:1.25rem;font-weight:600}
.bad{color:var(--bad)}
.bad a{color:inherit}
.problem{margin:0 0 1rem;padding:.75rem 1rem;border:2px solid var(--bad);border-radius:.5rem}
.problem p{margin:.25rem 0 0}
#time-left{margin:1rem 0 0}
#time-left:empty{display:none}
dialog{max-width:26rem;width:calc(100% - 2rem);padding:1.5rem;border:1px solid var(--line);border-radius:.75rem;background:var(--surface);color:inherit}
dialog::backdrop{background:rgb(0 0 0/.5)}
:focus-visible{outline:3px solid var(--brand);outline-offset:2px}
`;
