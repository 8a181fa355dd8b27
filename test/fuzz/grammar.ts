/** Texts for fuzzing, made from a seed: expressions by the grammar of CEL with damage, files by mutation of real flows. */

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

// prettier-ignore
const ATOMS = ['1', '0', '-7', '9223372036854775807', '0.1', '1e400', '"a"', "'b'", '"10"', 'true', 'false', 'null', 'b"x"', 'payment', 'payment.id', 'payment.amount', 'payment.status', 'event.payment.id', 'event["payment"]', 'customer.name', 'steps.charge.status', 'steps.none', 'vars.limit', 'inputs.x', 'item', 'order.credits', 'now()', 'money("1 EUR")', 'money("x")', 'money("1.005 NOK")', 'has(order.id)', 'has(x)', '[1, 2, 3]', '["a", 1]', '{"a": 1}', '[]', '{}', 'days(3)', 'timestamp("2026-01-01T00:00:00Z")', 'run.event.time', '_tick', '__proto__', 'constructor', '"\\u{110000}"', '"(a+)+$"', 'r"\\d"'];
// prettier-ignore
const BINARY = ['==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', '&&', '||', ' in ', '=', '===', ' and ', '.', '?.', '|'];
// prettier-ignore
const METHODS = ['.matches', '.like', '.startsWith', '.contains', '.size', '.lower', '.constructor', '.getHours', '.split', '.join', '.trim', '.nothing'];
const LOOPS = ['.all', '.exists', '.map', '.filter', '.exists_one'];
// prettier-ignore
const NOISE = ['(', ')', '[', ']', '{', '}', '"', "'", ',', ':', '?', '!', '-', '//', '{{', '}}', '=', '\\', '\u0000', '\u202e', '\ud800', '😀', '\n', '\t', ' ', '`', '$', '@', '#', ';', '..', '0x', '1e'];

/** One expression: most are nearly right, some are noise. */
export function expression(random: () => number): string {
  const whole = part(random, 1 + Math.floor(random() * 5));
  return random() < 0.5 ? whole : damaged(whole, random, NOISE);
}

function part(random: () => number, depth: number): string {
  const inner = () => part(random, depth - 1);
  if (depth <= 0 || random() < 0.2) return pick(ATOMS, random);
  switch (Math.floor(random() * 9)) {
    case 0:
    case 1:
    case 2:
      return `${inner()} ${pick(BINARY, random)} ${inner()}`;
    case 3:
      return `(${inner()})`;
    case 4:
      return `${inner()} ? ${inner()} : ${inner()}`;
    case 5:
      return `${inner()}${pick(METHODS, random)}(${random() < 0.7 ? inner() : ''})`;
    case 6:
      return `${inner()}${pick(LOOPS, random)}(${random() < 0.9 ? 'x' : inner()}, ${inner()})`;
    case 7:
      return `${pick(['sum', 'size', 'money', 'lower', 'workday', 'string', 'int', 'matches', 'like', '_tick', 'eval'], random)}(${inner()})`;
    default:
      return `${pick(['!', '-', '!!', ''], random)}${inner()}[${inner()}]`;
  }
}

// prettier-ignore
const PIECES = ['steps:\n', '  - ', '    ', '\n', '\t', '\r', 'do: sms.send\n', 'wait-for: invoice.paid\n', 'repeat:\n', 'for-each: =[1]\n', 'same: invoice\n', 'with: ', '{ a: b', '}', '[', ']', '"', "'", ': ', ':', '{{', '}}', '{{#if ', '{{{', '=', '!x', '&a', '*a', '|\n', '>-\n', '# ', '---\n', '...\n', '%YAML 1.1\n', 'if: ', 'on: ', '- - - ', '? ', '<<: ', '\u00a0', '\ufeff', '\u2028', '\u0000', '\ud800', '__proto__: 1\n', '!!binary ', '-wait: 3d\n', '0x10', '1e9', 'one-per: ', 'where: ', '"'.repeat(9), '['.repeat(70), ' '.repeat(200), 'a: '.repeat(20)];

/** A real flow with some damage. */
export function file(flows: readonly string[], random: () => number): string {
  let text = pick(flows, random);
  const wounds = 1 + Math.floor(random() * 6);
  for (let wound = 0; wound < wounds; wound += 1) text = random() < 0.7 ? damaged(text, random, PIECES) : rearranged(text, flows, random);
  return text;
}

// prettier-ignore
const SMALL = ['{\n', '\n  }', ',\n', ',\n  ]', '[\n  a,', ' ', '  ', '\n', '\n\n', '# c\n', '  # c\n', '    # c\n', '      # deep\n', ' # x', '#', ': ', ':', '- ', '-', '|', '|-', '|\n', '"', "'", "''", '\\n', '\\"', '{', '}', '[', ']', ', ', ',', '{ a: b }', '[a, b]', '{}', '[]', `{ a: [b, "c"], d: 'e' }`, 'a:\n', 'b: c\n', '- - x\n', '>', '&', '*', '!', '~', 'http://x', 'é', '\u00a0', 'a: b', '"x": ', '=a.b', '.', '-5', '? ', '\u2028', '\u0085', '\r'];

/** Some lines of a real flow with up to three small changes: most of it is still good YAML. */
export function excerpt(flows: readonly string[], random: () => number): string {
  const lines = pick(flows, random).split('\n');
  const from = Math.floor(random() * lines.length);
  const some = lines.slice(from, from + 3 + Math.floor(random() * 12));
  const margin = /^ */.exec(some[0] ?? '')?.[0].length ?? 0;
  let text = some.map((line) => line.replace(new RegExp(`^ {0,${margin}}`), '')).join('\n') + (random() < 0.3 ? '\n' : '');
  for (let wounds = Math.floor(random() * 4); wounds > 0; wounds -= 1) text = damaged(text, random, SMALL);
  return text;
}

/** A piece is inserted, or put in the place of up to 20 characters. */
function damaged(text: string, random: () => number, pieces: readonly string[]): string {
  const at = Math.floor(random() * (text.length + 1));
  const gone = random() < 0.5 ? 0 : Math.floor(random() * 20);
  return text.slice(0, at) + (random() < 0.8 ? pick(pieces, random) : '') + text.slice(at + gone);
}

/** Lines change places, are indented otherwise, double, or come from another flow. */
function rearranged(text: string, flows: readonly string[], random: () => number): string {
  const lines = text.split('\n');
  const [from, to] = [Math.floor(random() * lines.length), Math.floor(random() * lines.length)];
  const [line = ''] =
    random() < 0.5 ? lines.splice(from, 1) : [random() < 0.5 ? lines[from] : pick(pick(flows, random).split('\n'), random)];
  lines.splice(to, 0, random() < 0.5 ? line : random() < 0.5 ? `  ${line}` : line.replace(/^ {2}/, ''));
  return lines.join('\n');
}

function pick<T>(list: readonly [T, ...T[]] | readonly T[], random: () => number): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}
