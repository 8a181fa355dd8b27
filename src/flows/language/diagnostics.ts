/**
 * Every problem that the checker can find, by its stable code: the sentence, what usually helps, and the explanation that
 * `kassaflow explain` prints. Words in braces are filled in.
 */
export interface DiagnosticSpec {
  readonly sentence: string;
  readonly help: string;
  readonly explanation: string;
  /** Default `error`: the flow cannot be published. */
  readonly severity?: 'warning';
}

function spec(sentence: string, help: string, explanation: string, severity?: 'warning'): DiagnosticSpec {
  return severity ? { sentence, help, explanation, severity } : { sentence, help, explanation };
}

// prettier-ignore
export const DIAGNOSTICS = {
  // The text as YAML
  'flow.empty': spec('The file is empty.', 'begin with  kassaflow: 1', 'A flow file holds one flow: its name, what starts it, and its steps.'),
  'flow.too-large': spec('The file is larger than 256 KiB.', 'split it into flows that call each other with  run:', 'The limit keeps checking fast and a hostile file harmless. The largest real flows have a few thousand characters.'),
  'flow.too-deep': spec('The text is nested more than 64 levels deep.', 'close brackets, or move inner steps into a flow of their own', 'The limit protects the reader of the file from running out of memory.'),
  'flow.tab': spec('A tab is used for indentation.', 'use spaces: two for each level', 'YAML does not allow tabs before a key, because editors disagree on how wide they are.'),
  'flow.indent': spec('This space is not an ordinary space ({found}).', 'replace it with an ordinary space', 'Text copied from a web page or a mail often has no-break spaces. They look the same, and YAML reads them as letters.'),
  'flow.duplicate-key': spec('"{name}" is here twice; the first is on line {line}.', 'remove one of them', 'When a key is written twice only one of them counts, and readers disagree which.'),
  'flow.alias': spec('Anchors (&name) and aliases (*name) are not used in flows.', 'write the value again, or put quotes around a text that begins with & or *', 'They hide what a step does, make edits by the builder impossible, and can be used to make a small file enormous.'),
  'flow.tag': spec('A tag ({found}) is not used in flows.', 'remove it, or put quotes around a text that begins with !', 'Tags change how a value is read. In flows the kind of a value follows from where it stands.'),
  'flow.merge-key': spec('"<<" does not merge anything in a flow.', 'write the keys where they are needed', 'Merge keys are not part of YAML 1.2 and hide where a value comes from.'),
  'flow.several-documents': spec('The file holds more than one document.', 'put each flow in a file of its own', 'One file, one flow: the file is named after the flow.'),
  'flow.yaml-version': spec('Flows are YAML 1.2; a %YAML line is not used.', 'remove this line', 'In YAML 1.1 words such as no and on mean false and true, so a country NO would be lost.'),
  'flow.forbidden-key': spec('"{name}" cannot be used as a name.', 'choose another name', 'The name has a meaning in JavaScript and is refused everywhere.'),
  'flow.colon': spec('A text with ": " in it needs quotes.', 'put the text in quotes', 'A colon and a space begin a new key in YAML, so the line would mean something else.'),
  'flow.condition-quotes': spec('This condition needs quotes around the whole of it.', 'put the whole condition in double quotes', 'Quotes at its beginning, or ": " in it, end the text for YAML before the condition ends.'),
  'flow.exclamation': spec('A condition cannot start with "!".', 'use unless: in place of if:, or put quotes around it', 'YAML reads a word that begins with ! as a tag and drops it, so the condition would be empty.'),
  'flow.braces': spec('A text that starts with {{ needs quotes.', 'put the text in double quotes', 'A brace begins a map in YAML, so the text would silently become something else.'),
  'flow.reserved-start': spec('A text cannot start with "{found}".', 'put the text in quotes', 'These characters have a meaning at the beginning of a value in YAML.'),
  'flow.text-after-quotes': spec('There is text after the closing quote.', 'put the whole text in quotes', 'A text in quotes ends at the closing quote.'),
  'flow.comment-in-text': spec('" #" starts a comment: the rest of this text is lost.', 'put quotes around the text, or a space after # when it is a comment', 'Everything after a space and # is a comment in YAML.'),
  'flow.dash': spec('A space is missing after the dash.', 'write a dash, a space, and then the key', 'Without the space the dash is part of the name.'),
  'flow.smart-quotes': spec('These quotes are typographic; only straight quotes hold a text together.', 'write " or \'', 'Word processors replace straight quotes. YAML takes the replacement for part of the text.'),
  'flow.open': spec('What {found} opens is never closed.', 'close it', 'Everything after it would belong to the same value.'),
  'flow.bracket': spec('{found} does not close the {open} before it.', 'close the inner bracket first', 'Brackets are closed in the reverse order in which they were opened.'),
  'flow.yaml': spec('{problem}', 'compare the indentation and quotes with the lines around it', 'The text is not YAML at this place.'),
  // Structure
  'flow.unknown-key': spec('{owner} has no "{name}".', 'it has: {names}', 'Only keys of the format are accepted, so that a typing mistake never silently does nothing.'),
  'flow.missing-key': spec('{owner} needs "{name}".', 'add  {name}: …', 'The key is required.'),
  'flow.version': spec('This is not format 1 of flows.', 'write  kassaflow: 1', 'The number is the version of the format. A newer format needs a newer Kassaflow.'),
  'flow.name': spec('A flow name has small letters, digits and dashes, begins with a letter, and has 2 to 63 characters.', 'write  flow: {suggestion}', 'The name is part of addresses and of the file name.'),
  'flow.kind': spec('{owner} must be {expected}.', 'write {example}', 'The value has another kind than this key takes.'),
  'flow.value': spec('{owner} cannot be "{found}".', 'use one of: {names}', 'Only the listed values have a meaning here.'),
  'flow.range': spec('{owner} must be from {least} to {most}.', 'write a number from {least} to {most}', 'The limits keep a flow from running away.'),
  'flow.duration': spec('"{found}" is not a duration.', 'write 30s, 5min, 12h, 3d, 2w or 2 working-days', 'A duration is a whole number and a unit. Days, weeks and working days follow the calendar; hours, minutes and seconds are exact. The longest is ten years.'),
  'flow.clock-time': spec('"{found}" is not a time of day.', 'write hours and minutes, for example 09:30', 'Times of day are written on 24 hours.'),
  'flow.step-id': spec('A step id has letters, digits and _ only, and begins with a small letter.', 'write  id: {suggestion}', 'Ids are used in expressions; a dash would be read as minus.'),
  'flow.reserved-id': spec('"{name}" is a name of the language and cannot be an id.', 'write  id: {suggestion}', 'Names such as event, payment and steps have a meaning in expressions.'),
  'flow.duplicate-id': spec('Two steps have the id "{name}"; the first is on line {line}.', 'give one of them another id', 'A later step could not tell whose result it reads.'),
  'flow.two-verbs': spec('One step does one thing; this one has "{first}" and "{second}".', 'start a new step:  - {second}: …', 'Each entry of steps: has exactly one verb.'),
  'flow.no-verb': spec('This step does nothing.', 'add one of: do, wait, wait-for, then, choose, repeat, for-each, parallel, set, emit, run, ask, stop, fail', 'Each entry of steps: has exactly one verb.'),
  'flow.condition-needed': spec('"then" needs a condition.', 'add  if: …  or  unless: …', 'Without a condition there is nothing to decide.'),
  'flow.file-name': spec('The file must be called {expected}.', 'rename the file, or change  flow:', 'A flow is found by its name; the file has the same one.'),
  'flow.duplicate-flow': spec('Two files hold a flow called "{name}": {first} and {second}.', 'give one of them another name', 'Neither is published until it is clear which one is meant.'),
  'flow.test': spec('The test "{name}" cannot be run: {problem}', 'docs/flow-tests.md shows how tests are written', 'A flow is published when its tests pass, and one with a mistake cannot.'),
  // What it speaks of
  'flow.unknown-event': spec('There is no event "{name}".', 'events of your own begin with custom.', 'Events are past tense: payment.completed, invoice.overdue. The list is at /v1/event-types.'),
  'flow.unknown-trigger': spec('There is no trigger "{name}".', 'use an event, a schedule, or a trigger of an installed plugin', 'Triggers other than events come from plugins.'),
  'flow.unknown-action': spec('There is no action "{name}".', 'see the list of actions: kassaflow schema', 'Actions come from Kassaflow and from the installed plugins.'),
  'flow.unknown-input': spec('{action} has no "{name}".', 'it has: {names}', 'An action, or a flow that is run, takes only the values it describes.'),
  'flow.missing-input': spec('{action} also needs: {names}.', 'add  with: { {names}: … }', 'The action, or the flow that is run, cannot begin without these values.'),
  'flow.input-kind': spec('{owner} must be {expected}.', 'write {example}', 'The action refuses a value of another kind; better now than when a customer waits.'),
  'flow.number-unsafe': spec('This number is too large to be kept exactly.', 'put it in quotes: "{found}"', 'Numbers above 9,007,199,254,740,991 lose their last digits.'),
  'flow.leading-zero': spec('This number loses its first character when it is read as a number.', 'put it in quotes: "{found}"', 'A phone number or an account code is a text, not a number.'),
  'flow.money': spec('This is not an amount of money.', 'write an amount and a currency in quotes, for example "12.50 EUR"', 'Amounts are exact decimals with the digits of their currency, always with the currency.'),
  'flow.unknown-connection': spec('There is no connection "{name}".', 'make it first: kassaflow connection add', 'via: names a connection of this tenant.'),
  'flow.connection-plugin': spec('The connection "{name}" is of {plugin}, which cannot do {action}.', 'name a connection of {expected}, or leave out via:', 'A connection can do what its plugin can.'),
  'flow.unknown-flow': spec('There is no flow "{name}".', 'use the name of another flow', 'run: starts another flow of this tenant.'),
  'flow.not-callable': spec('The flow "{name}" takes no start by hand, and so by no other flow.', 'add  on: { manual: {} }  to it, or start it with an event:  emit: custom.…', 'run: starts a flow as a person would: by its manual trigger, with the inputs that it declares.'),
  // Expressions
  'flow.unknown-name': spec('There is nothing called "{name}".', 'if it is a text, put quotes around it: "{name}"', 'Expressions speak of event, the subjects (payment, customer, …), steps, vars, inputs, item, error, attempt and run.'),
  'flow.unknown-field': spec('{owner} has no field "{name}".', '{owner} has: {names}', 'The fields follow from the events that start the flow and from the actions of earlier steps.'),
  'flow.unknown-step': spec('There is no step called "{name}".', 'give the step an id, and use it as steps.<id>', 'Only steps with an id have a result that can be read.'),
  'flow.later-step': spec('The step "{name}" comes later, or in a branch that this step cannot see.', 'move this step after it', 'A result can be read once the step is done.'),
  'flow.unknown-function': spec('There is no function "{name}".', 'there are: money sum size now days workday lower like matches startsWith endsWith contains has all exists map filter', 'Expressions have a small set of functions; everything else is a step.'),
  'flow.comparison': spec('To compare, use == (two equal signs).', 'write  {suggestion}', 'One equal sign does not compare.'),
  'flow.word-operator': spec('"{found}" is not an operator.', 'write  {suggestion}', 'Conditions are CEL: && for and, || for or, ! for not.'),
  'flow.expression': spec('This is not an expression.', 'an expression looks like  payment.status == "completed"', 'Conditions and values after = are CEL, the Common Expression Language.'),
  'flow.expression-limit': spec('This expression is too long or nested too deep.', 'compute parts of it with  set:  and use them as vars.<name>', 'Limits: 2,048 characters, 500 parts, depth 40, three loops inside each other.'),
  'flow.types': spec('These do not go together: {problem}.', 'compare a text with a text and a number with a number', 'The kinds of values follow from the events and actions, so a mix is found before it fails.'),
  'flow.money-number': spec('An amount of money cannot be compared with a plain number.', 'write  {suggestion}', 'An amount has a currency: 500 of what?'),
  'flow.currency-mix': spec('Amounts in {left} and {right} cannot be combined.', 'use one currency', 'There is no exchange rate in an expression.'),
  'flow.float': spec('Numbers with decimals cannot be compared for equality.', 'for amounts write money("0.30 EUR"); else compare with < and >', '0.1 + 0.2 is not 0.3 in binary arithmetic.'),
  'flow.zero-division': spec('A number cannot be divided by zero.', 'divide by another number', 'The step would always fail.'),
  'flow.not-boolean': spec('A condition must be true or false; this one is {found}.', 'compare it with something:  {suggestion}', 'if, unless, when, where and until decide between two ways.'),
  'flow.impossible-value': spec('{owner} is never "{found}".', '{owner} is one of: {names}', 'The comparison would never hold.'),
  'flow.regex': spec('This pattern is not supported.', 'patterns follow RE2: no look-around, no back references', 'RE2 is used because its time is bounded, whatever the text.'),
  'flow.equals-mark': spec('A condition is written without "=" at its beginning.', 'write  {suggestion}', 'A leading = marks a computed value among texts. Conditions are always computed.'),
  'flow.braces-in-expression': spec('{{ }} belongs in texts, not in expressions.', 'write the name without braces: {suggestion}', 'if, when and values after = are CEL; {{ }} fills in texts.'),
  // Texts
  'flow.template': spec('The text has a mistake in its {{ }}.', 'each {{ needs a }}, and each {{#if …}} a {{/if}}', 'Texts are Handlebars with a small set of helpers.'),
  'flow.template-helper': spec('There is no helper "{name}" for texts.', 'there are: money date time number join upper lower default plural link, and if unless each with', 'A name with a value after it is a helper.'),
  'flow.template-object': spec('{found} is not a single value.', 'write  {accepted}', 'A text can hold single values only; an amount needs the money helper to show its currency.'),
  'flow.template-not-allowed': spec('{problem}', 'write plain fields and helpers: {{ customer.name }}, {{ money invoice.open }}', 'Parts of Handlebars that could include files, run code or skip escaping are switched off.'),
  'flow.secret': spec('This looks like a secret key. Secrets are never written in a flow.', 'make a connection (kassaflow connection add) and refer to it:  via: <name>', 'Flows are shown to many people and kept for ever. A connection keeps its secrets sealed.'),
  // Sense
  'flow.unreachable': spec('This step is never reached: the step before it always ends the flow.', 'remove it, or give the step before it a condition', 'stop: and fail: end the run.', 'warning'),
  'flow.cycle': spec('Flows that start each other would never end: {path}.', 'remove one of the calls', 'A flow that runs itself, directly or through others, has no end.'),
  'flow.self-trigger': spec('This flow emits {name}, which starts it again.', 'emit another event, or add a condition with  when:', 'Each run would start the next one.'),
  'flow.money-loop': spec('{action} in a loop that may repeat more than 10 times, without a wait, could charge many times.', 'repeat at most 10 times, and  wait:  between the rounds', 'A mistake in the condition would charge a customer once per round.'),
  'flow.refund-one-per': spec('A flow that refunds needs one-per, so that one case is refunded once.', 'add  one-per: payment.id  or  one-per: refund.id', 'The same event may arrive twice; one-per makes the second one stand back.'),
  'flow.no-on-failure': spec('This flow moves money and says nothing about failure.', 'add  on-failure:  with a step that tells somebody, for example staff.task', 'A charge that failed for good needs a person.', 'warning'),
  'flow.message-before-credit': spec('The message is sent before {action}, which can fail.', 'send the message after it', 'A customer who is told about credits expects to have them.', 'warning'),
  'flow.on-unknown': spec('{action} moves money: an unknown outcome is never simply sent again.', 'leave on-unknown out, or write  on-unknown: ask', 'When nobody knows whether a call arrived, a repeat could pay twice. A person decides.'),
  'flow.schedule': spec('"{found}" is not a schedule.', 'write for example  every day at 02:30,  every weekday at 09:00,  every month on day 1 at 06:00,  every 15min', 'Schedules are words; cron: takes the five fields of cron.'),
  'flow.cron': spec('"{found}" is not a cron schedule: {problem}.', 'write five fields: minute hour day month weekday, for example  30 2 * * *', 'The fields must describe a moment that exists.'),
  'flow.time-zone': spec('There is no time zone "{found}".', 'write a name such as Europe/Amsterdam', 'Time zones have IANA names: they know when clocks change.'),
  'flow.correlation': spec('This does not say which "{name}" is meant.', 'add  where: …  or  same: …, or give the flow  one-per:', 'Without it the event of any other customer would end the wait.'),
  'flow.no-subject': spec('"{name}" does not have {what}, so it could never be the one that is meant.', 'add  where: …  with a field that the event has', 'A wait is matched by a value that the run and the arriving event share.'),
  'flow.where-event': spec('This condition does not look at the event that arrives.', 'compare a field of it, for example  event.payment.id == steps.<id>.payment', 'Every event of this type, of whatever customer, would be the one that is meant.', 'warning'),
  'flow.repeat-end': spec('This loop has no end.', 'write a number after repeat:, or add  until: …', 'Without either it would go round for ever.'),
  'flow.otherwise': spec('"otherwise" never runs: {problem}.', 'write  repeat: 3  and  until: … , or remove it', 'Its steps run when the condition of "until" did not hold after the last round.'),
  'flow.on-timeout': spec('"on-timeout" never runs: the {verb} has no time-out.', 'add  timeout: 3d', 'Without a time-out the step goes on for as long as it takes.'),
  'flow.choices': spec('"{name}" is here twice.', 'give each choice a name of its own', 'Nobody could tell which of the two was chosen.'),
  'flow.branch-after-else': spec('This branch is never reached: "else" before it always holds.', 'make "else" the last one', 'The first branch whose condition holds is taken.'),
  'flow.nothing-to-undo': spec('{what} leaves nothing that could be taken back.', 'remove  undo: , or put it at the step that changes something', 'undo: runs when a later step fails, for what the step did outside.', 'warning'),
  'flow.loop-name': spec('"{name}" is already the element of the loop around this one.', 'give this one another name:  as: …', 'The inner element would hide the outer one.'),
  'flow.run-depth': spec('Flows would run inside each other more than {most} deep: {path}.', 'start the inner one with an event:  emit: custom.…', 'The engine refuses deeper calls; a chain of events has no such limit.'),
  'flow.retry-mix': spec('"every" means equal pauses; first, factor and longest mean growing ones.', 'keep one of the two', 'The pause between two attempts cannot be both.'),
  'flow.retry-bound': spec('{found} is shorter than the first pause of {pause}.', 'write a longer one', 'No second attempt would be made, or every pause would be cut.'),
  'flow.one-per': spec('This is the same for every event, so there would be one run in all.', 'name what a case is, for example  one-per: payment.id', 'one-per is computed from the event that starts the run.'),
  'flow.caused-trigger': spec('{action} causes {name}, which starts this flow again.', 'add a condition with  when:  that the new event does not fulfil', 'Each run would start the next one.', 'warning'),
} as const satisfies Record<string, DiagnosticSpec>;

export type DiagnosticCode = keyof typeof DIAGNOSTICS;

/** The explanation of a code, for `kassaflow explain`. */
export function explainDiagnostic(
  code: string,
): { readonly sentence: string; readonly help: string; readonly explanation: string } | undefined {
  return Object.hasOwn(DIAGNOSTICS, code) ? DIAGNOSTICS[code as DiagnosticCode] : undefined;
}
