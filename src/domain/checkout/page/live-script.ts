/**
 * Follows the session and loads the page anew when it would look different. Events first; where they do not get through it asks after
 * 1, 2, 4 and then every 8 seconds. Tabs tell each other what they show. A page with a form goes by the session's status alone, so that
 * what was typed is not lost for a payment that nobody has begun; a page that waits goes by the payment too; one that shows the end
 * (no word) follows nothing more.
 */
export const LIVE_SCRIPT = `(() => {
const { path, word, status, state } = document.currentScript.dataset;
const shown = { status, state };
const tabs = 'BroadcastChannel' in window ? new BroadcastChannel(path) : undefined;
let leaving = false;
const see = (now) => {
  if (leaving || now[word] === shown[word] || document.getElementById('pay')?.dataset.busy !== undefined) return;
  leaving = true;
  location.replace(path);
};
if (tabs) {
  tabs.onmessage = ({ data }) => see(data);
  tabs.postMessage(shown);
}
if (word === '') return;
const ask = () => fetch(path + '/state', { cache: 'no-store' }).then((answer) => answer.ok ? answer.json() : shown).then(see).catch(() => undefined);
let pause = 1000;
const poll = () => setTimeout(() => { pause = Math.min(pause * 2, 8000); ask().then(poll); }, pause);
if ('EventSource' in window) {
  const source = new EventSource(path + '/events');
  source.onmessage = ({ data }) => see(JSON.parse(data));
  source.onerror = () => { source.close(); poll(); };
} else poll();
addEventListener('pageshow', ({ persisted }) => { if (persisted) ask(); });
})();`;
