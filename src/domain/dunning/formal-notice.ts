/**
 * The letter that Dutch law asks for before a consumer owes the costs of collecting (article 6:96 lid 6 BW, "veertiendagenbrief"): it names
 * the principal, gives fourteen full days that begin on the day after delivery, and says what it will cost then. A letter that says
 * fourteen days from its date, or no exact amount, voids the costs.
 */
import { decimal, money, type Money } from '../../kernel/money.ts';
import { collectionCosts } from './collection-costs.ts';

export interface FormalNotice {
  readonly costs: Money;
  /** Principal and costs. */
  readonly total: Money;
  readonly subject: string;
  readonly text: string;
}

/** What the letter is about. `debtor: business` owes € 40 at once and gets no term by law. */
export interface NoticeFacts {
  readonly customer: string;
  readonly invoice: string;
  readonly dueOn: string;
  readonly principal: Money;
  readonly debtor: 'consumer' | 'business';
  /** Where it can be paid; left out when empty. */
  readonly link: string;
  /** Dutch for `nl`, else English: the letter must be understood by whom it is for. */
  readonly locale: string;
}

/** @param principal in EUR */
export function formalNotice(facts: NoticeFacts): FormalNotice {
  const { principal, debtor } = facts;
  const costs = money(debtor === 'business' ? 4_000n : collectionCosts(principal.minor), 'EUR');
  const total = money(principal.minor + costs.minor, 'EUR');
  const letter = facts.locale.startsWith('nl') ? dutch(facts, costs, total) : english(facts, costs, total);
  return { costs, total, ...letter };
}

type Letter = Pick<FormalNotice, 'subject' | 'text'>;

function dutch({ customer, invoice, dueOn, principal, debtor, link }: NoticeFacts, costs: Money, total: Money): Letter {
  const term =
    debtor === 'consumer'
      ? `Wij geven u een laatste kans om zonder extra kosten te betalen. U hebt daarvoor veertien dagen, die beginnen op de dag nadat deze brief bij u is bezorgd: betaal dus binnen vijftien dagen nadat deze brief bij u is bezorgd. Hebben wij het hele bedrag dan niet ontvangen, dan brengen wij u incassokosten in rekening van € ${comma(costs)}, berekend over € ${comma(principal)} volgens het Besluit vergoeding voor buitengerechtelijke incassokosten. U moet dan in totaal € ${comma(total)} betalen.`
      : `Nu de betalingstermijn voorbij is, bent u ons naast dit bedrag € ${comma(costs)} aan kosten verschuldigd, in totaal € ${comma(total)}. Betaal dit binnen zeven dagen.`;
  return {
    subject: `Laatste herinnering voor factuur ${invoice}`,
    text: paragraphs([
      `Geachte ${customer},`,
      `Factuur ${invoice} had op ${dueOn} betaald moeten zijn. Tot vandaag hebben wij € ${comma(principal)} niet ontvangen.`,
      term,
      link === '' ? '' : `U kunt hier betalen: ${link}`,
      'Hebt u al betaald of bent u het niet eens met deze factuur? Laat het ons dan weten.',
    ]),
  };
}

function english({ customer, invoice, dueOn, principal, debtor, link }: NoticeFacts, costs: Money, total: Money): Letter {
  const term =
    debtor === 'consumer'
      ? `This is your last opportunity to pay without extra costs. You have fourteen days, beginning on the day after this letter was delivered to you: please pay within fifteen days after its delivery. If we have not received the whole amount by then, we will charge collection costs of EUR ${decimal(costs)}, computed over EUR ${decimal(principal)} under the Dutch Decree on extrajudicial collection costs. You will then owe EUR ${decimal(total)} in total.`
      : `As the term of payment is over, you owe us EUR ${decimal(costs)} of costs besides this amount, EUR ${decimal(total)} in total. Please pay within seven days.`;
  return {
    subject: `Last reminder of invoice ${invoice}`,
    text: paragraphs([
      `Dear ${customer},`,
      `Invoice ${invoice} was to be paid by ${dueOn}. To this day we have not received EUR ${decimal(principal)}.`,
      term,
      link === '' ? '' : `You can pay here: ${link}`,
      'Have you paid already, or do you disagree with this invoice? Please let us know.',
    ]),
  };
}

function comma(amount: Money): string {
  return decimal(amount).replace('.', ',');
}

function paragraphs(list: readonly string[]): string {
  return list.filter((one) => one !== '').join('\n\n');
}
