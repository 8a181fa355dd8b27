/**
 * The form: a second press of the button does nothing, and a provider's fields are shown under the way of paying that they belong to.
 * How fields are mounted comes from the plugin (`HostedFields` in the SDK) and stands in `kassaflowFields` before this runs. Where they
 * do not come, the form is sent as it is without a script, and leads to the provider's own page.
 */
export const CHOOSE_SCRIPT = `(() => {
const { path, failed } = document.currentScript.dataset;
const form = document.getElementById('pay');
const button = form.querySelector('button[type=submit]');
const problem = document.getElementById('fields-problem');
const busy = (is) => {
  if (is) form.dataset.busy = ''; else delete form.dataset.busy;
  button.setAttribute('aria-disabled', String(is));
};
const say = (text) => {
  problem.textContent = text;
  problem.hidden = text === '';
  if (text !== '') problem.focus();
};
const load = (address) => new Promise((done, fail) => {
  document.head.append(Object.assign(document.createElement('script'), { src: address, onload: done, onerror: () => fail(new Error(failed)) }));
});
const mount = async ({ dataset, lastElementChild }) => {
  for (const address of JSON.parse(dataset.scripts)) await load(address);
  const theme = matchMedia('(prefers-color-scheme:dark)').matches ? 'dark' : 'light';
  return kassaflowFields[dataset.mount]({ element: lastElementChild, values: JSON.parse(dataset.values), locale: document.documentElement.lang, theme });
};
const chosen = () => form.querySelector('[name=method]:checked');
const asCode = (radio) => radio.dataset.code !== undefined && form.querySelector('[name=flow]:checked') !== null;
const placeOf = (radio) => radio && !asCode(radio) && document.getElementById(radio.id + '-fields');
const show = () => {
  const place = placeOf(chosen());
  for (const other of form.querySelectorAll('.fields')) other.hidden = other !== place;
  say('');
  if (!place || place.mounted) return;
  place.mounted = mount(place);
  place.mounted.then(() => place.setAttribute('data-ready', ''), () => {
    if (place.dataset.otherwise === 'redirect') return place.remove();
    delete place.mounted;
    say(failed);
  });
};
const pay = async (radio, place) => {
  say('');
  const fields = await place.mounted;
  const { token } = await fields.submit();
  const body = new URLSearchParams({ method: radio.value, flow: 'hosted-fields', ...(token === undefined ? {} : { token }) });
  const answer = await fetch(path, { method: 'POST', headers: { accept: 'application/json' }, body }).then((sent) => sent.json()).catch(() => ({ problem: failed }));
  if (answer.problem !== undefined) throw new Error(answer.problem);
  if (answer.confirm) await fields.confirm(answer.confirm, answer.returnUrl);
  location.assign(answer.location);
};
form.addEventListener('change', show);
form.addEventListener('submit', (event) => {
  if (form.dataset.busy !== undefined) return event.preventDefault();
  busy(true);
  const radio = chosen();
  const place = placeOf(radio);
  if (!place) return;
  event.preventDefault();
  if (!place.mounted) show();
  pay(radio, place).catch((error) => {
    busy(false);
    if (document.contains(place)) say(error instanceof Error && error.message !== '' ? error.message : failed);
    else form.requestSubmit();
  });
});
addEventListener('pageshow', ({ persisted }) => { if (persisted) busy(false); });
show();
})();`;
