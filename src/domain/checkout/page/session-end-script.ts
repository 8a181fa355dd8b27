/**
 * Warns two minutes before the session ends, and holds it open at one key (WCAG 2.2, 2.2.1): the button of the warning has the focus.
 * What was typed stays. How much time is left comes from the server, so a wrong clock at the payer's does not matter; it is asked again when the page is looked at
 * again, because a machine that slept has not counted.
 */
export const SESSION_END_SCRIPT = `(() => {
const { path, left, closes } = document.currentScript.dataset;
const dialog = document.getElementById('more-time');
const line = document.getElementById('time-left');
const HOUR = 3600000;
let end = performance.now() + Number(left);
let timers = [];
const tell = () => {
  const minutes = Math.max(1, Math.ceil((end - performance.now()) / 60000));
  const time = new Intl.NumberFormat(document.documentElement.lang, { style: 'unit', unit: 'minute', unitDisplay: 'long' }).format(minutes);
  line.textContent = end - performance.now() > HOUR ? '' : closes.replace('{time}', time);
};
const plan = () => {
  timers.forEach(clearTimeout);
  const warn = end - performance.now() - 120000;
  timers = [
    setTimeout(() => { tell(); if (!dialog.open) dialog.showModal(); }, Math.max(0, warn)),
    setTimeout(() => location.replace(path), end - performance.now() + 1000),
  ];
  tell();
};
const form = dialog.querySelector('form[method=post]');
form?.addEventListener('submit', (event) => {
  event.preventDefault();
  fetch(form.action, { method: 'POST', headers: { accept: 'application/json' } })
    .then((answer) => answer.json())
    .then(({ leftMs }) => {
      if (leftMs === undefined) return location.replace(path);
      end = performance.now() + leftMs;
      dialog.close();
      plan();
    })
    .catch(() => form.submit());
});
// Timers hold 24 days at most, and a page is not open for that long.
if (Number(left) < 24 * HOUR) plan();
setInterval(tell, 60000);
addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'visible') return;
  fetch(path + '/state', { cache: 'no-store' }).then((answer) => answer.json()).then(({ leftMs }) => {
    if (leftMs === undefined || leftMs >= 24 * HOUR) return;
    end = performance.now() + leftMs;
    plan();
  }).catch(() => undefined);
});
})();`;
