/**
 * The only script of the payment page: while a payment is with a bank it follows the state and loads the page anew when that
 * changes. Events first; where they do not get through it asks after 1, 2, 4 and then every 8 seconds. Tabs tell each other.
 */
export const LIVE_SCRIPT = `(() => {
const path = document.currentScript.dataset.path;
const tabs = 'BroadcastChannel' in window ? new BroadcastChannel(path) : undefined;
let shown;
let pause = 1000;
const reload = () => location.replace(path + '/return');
const see = (state) => {
  if (shown !== undefined && state !== shown) { tabs?.postMessage(state); reload(); }
  shown = state;
};
if (tabs) tabs.onmessage = reload;
const poll = () => fetch(path + '/state', { cache: 'no-store' }).then((answer) => answer.json()).then(({ state }) => see(state)).catch(() => undefined)
  .then(() => { pause = Math.min(pause * 2, 8000); setTimeout(poll, pause); });
if ('EventSource' in window) {
  const source = new EventSource(path + '/events');
  source.onmessage = ({ data }) => see(JSON.parse(data).state);
  source.onerror = () => { source.close(); setTimeout(poll, pause); };
} else setTimeout(poll, pause);
})();`;
