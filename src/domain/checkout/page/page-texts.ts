/**
 * What the payment page says, in four languages. Plain language; every problem says what to do.
 *
 * The text of the button that orders is fixed: only it tells a consumer that he pays (Directive 2011/83/EU art. 8(2), CJEU
 * C-249/21), so no setting changes it.
 */
import type { DeclineReason } from '@kassaflow/plugin-sdk';

export const PAGE_LOCALES = ['nl', 'en', 'da', 'nb'] as const;
export type PageLocale = (typeof PAGE_LOCALES)[number];

/** Every text of the page. */
export interface PageTexts {
  readonly title: string;
  /** Before the name of who is paid. */
  readonly payee: string;
  readonly purpose: string;
  readonly toPay: string;
  readonly amount: string;
  readonly choose: string;
  readonly orderAndPay: string;
  readonly anyMethod: string;
  readonly phone: string;
  readonly phoneHint: string;
  /** Where the same way can also be paid without a phone number. */
  readonly phoneOptional: string;
  readonly phoneProblem: string;
  readonly cardFields: string;
  readonly fieldsFailed: string;
  readonly needsScript: string;
  readonly chooseProblem: string;
  readonly problem: string;
  readonly noMethods: string;
  readonly busy: string;
  readonly notNow: string;
  readonly notPaid: string;
  /** In plain words; empty where nobody can say more than that it did not work. */
  readonly reasons: Readonly<Record<DeclineReason, string>>;
  readonly waiting: string;
  readonly waitingLong: string;
  readonly onPhone: string;
  readonly onPhoneHelp: string;
  readonly asCode: string;
  readonly toScan: string;
  readonly toScanHelp: string;
  /** In place of the code, for those who do not see it. */
  readonly codeAlt: string;
  readonly openHere: string;
  readonly codeOver: string;
  readonly codeOverHelp: string;
  readonly atTerminal: string;
  readonly otherWay: string;
  readonly goOn: string;
  readonly checkAgain: string;
  readonly paid: string;
  readonly backToShop: string;
  readonly doNotPay: string;
  readonly expired: string;
  readonly cancelled: string;
  readonly askShop: string;
  /** Where a charge is approved, and what is paid with is charged from then on. */
  readonly keptForNext: string;
  readonly notFound: string;
  readonly test: string;
  /** `{time}` is replaced. */
  readonly closesIn: string;
  readonly moreTimeTitle: string;
  readonly moreTimeText: string;
  readonly moreTime: string;
  readonly noMoreTime: string;
  readonly close: string;
}

export const PAGE_TEXTS: Readonly<Record<PageLocale, PageTexts>> = {
  nl: {
    title: 'Betalen',
    payee: 'Aan',
    purpose: 'Voor',
    toPay: 'Te betalen',
    amount: 'Bedrag',
    choose: 'Hoe wilt u betalen?',
    orderAndPay: 'Bestellen en betalen',
    anyMethod: 'Online betalen',
    phone: 'Telefoonnummer',
    phoneHint: 'Met landnummer, bijvoorbeeld +31612345678. U krijgt de vraag op die telefoon.',
    phoneOptional: 'Laat dit leeg om op de volgende pagina te betalen.',
    phoneProblem: 'Vul uw telefoonnummer in met landnummer, bijvoorbeeld +31612345678.',
    cardFields: 'Kaartgegevens',
    fieldsFailed: 'De velden voor uw kaart zijn niet geladen. Controleer uw verbinding en probeer het opnieuw, of kies een andere manier.',
    needsScript: 'Hiervoor is JavaScript nodig. Zet het aan, of kies een andere manier.',
    chooseProblem: 'Kies hoe u wilt betalen.',
    problem: 'Er is een probleem',
    noMethods: 'Betalen kan nu even niet. Probeer het over een paar minuten opnieuw.',
    busy: 'Een eerdere betaling is nog bezig. Wacht even en controleer opnieuw.',
    notNow: 'Dat lukte niet. Er is niets betaald. Probeer het opnieuw of kies een andere manier.',
    notPaid: 'Niet betaald',
    reasons: {
      'insufficient-funds': 'Er staat niet genoeg geld op de rekening.',
      'card-expired': 'De kaart is verlopen.',
      'cancelled-by-customer': 'De betaling is afgebroken.',
      'authentication-failed': 'De bevestiging bij de bank is niet gelukt.',
      'card-declined': 'De bank keurt deze betaling niet goed.',
      fraud: 'De bank keurt deze betaling niet goed.',
      'mandate-revoked': 'De machtiging is ingetrokken.',
      'account-closed': 'De rekening is opgeheven.',
      limit: 'Het bedrag is hoger dan uw limiet.',
      technical: 'Er ging iets mis bij de bank of de betaaldienst.',
      other: '',
    },
    waiting: 'Wij wachten op uw bank …',
    waitingLong: 'Meestal duurt dit een paar seconden, bij een incasso tot 5 werkdagen. U mag deze pagina sluiten.',
    onPhone: 'Keur de betaling goed op uw telefoon.',
    onPhoneHelp: 'Ziet u geen melding? Open de app op uw telefoon.',
    asCode: 'Toon een code om met uw telefoon te scannen',
    toScan: 'Scan de code met uw telefoon.',
    toScanHelp:
      'Open de camera of de app van uw bank en richt die op de code. Keur de betaling goed op uw telefoon; deze pagina gaat vanzelf verder.',
    codeAlt: 'QR-code: scan deze met uw telefoon om te betalen.',
    openHere: 'Bent u op uw telefoon? Open de betaling hier',
    codeOver: 'De code is verlopen.',
    codeOverHelp: 'Controleer opnieuw. Is er nog niets betaald, dan kunt u daarna opnieuw kiezen hoe u wilt betalen.',
    atTerminal: 'Houd uw kaart of telefoon bij het betaalapparaat.',
    otherWay: 'Anders betalen',
    goOn: 'Verder met betalen',
    checkAgain: 'Opnieuw controleren',
    paid: 'Betaald',
    backToShop: 'Terug naar de winkel',
    doNotPay: 'Niet betalen en teruggaan',
    expired: 'Deze betaallink is verlopen. Er is niets betaald.',
    cancelled: 'Deze betaling is ingetrokken. Er is niets betaald.',
    askShop: 'Ga terug naar de winkel om opnieuw te beginnen.',
    keptForNext: 'Waarmee u nu betaalt, gebruiken we ook voor de volgende afschrijvingen waarmee u hebt ingestemd.',
    notFound: 'Deze betaalpagina bestaat niet. Controleer de link.',
    test: 'Test: er wordt geen echt geld betaald.',
    closesIn: 'Deze pagina sluit over {time}.',
    moreTimeTitle: 'Heeft u meer tijd nodig?',
    moreTimeText: 'Deze pagina sluit over 2 minuten. Wat u heeft ingevuld, gaat dan verloren.',
    moreTime: 'Meer tijd',
    noMoreTime: 'Deze pagina sluit over 2 minuten. Langer open blijven kan niet.',
    close: 'Sluiten',
  },
  en: {
    title: 'Payment',
    payee: 'To',
    purpose: 'For',
    toPay: 'To pay',
    amount: 'Amount',
    choose: 'How do you want to pay?',
    orderAndPay: 'Order and pay',
    anyMethod: 'Pay online',
    phone: 'Phone number',
    phoneHint: 'With the country code, for example +31612345678. We ask on that phone.',
    phoneOptional: 'Leave it empty to pay on the next page.',
    phoneProblem: 'Enter your phone number with the country code, for example +31612345678.',
    cardFields: 'Card details',
    fieldsFailed: 'The fields for your card did not load. Check your connection and try again, or choose another way.',
    needsScript: 'This needs JavaScript. Switch it on, or choose another way.',
    chooseProblem: 'Choose how you want to pay.',
    problem: 'There is a problem',
    noMethods: 'You cannot pay right now. Try again in a few minutes.',
    busy: 'An earlier payment is still under way. Wait a moment and check again.',
    notNow: 'That did not work. Nothing was paid. Try again or choose another way.',
    notPaid: 'Not paid',
    reasons: {
      'insufficient-funds': 'There is not enough money in the account.',
      'card-expired': 'The card has expired.',
      'cancelled-by-customer': 'The payment was cancelled.',
      'authentication-failed': 'The confirmation at the bank did not succeed.',
      'card-declined': 'The bank does not approve this payment.',
      fraud: 'The bank does not approve this payment.',
      'mandate-revoked': 'The mandate was revoked.',
      'account-closed': 'The account is closed.',
      limit: 'The amount is above your limit.',
      technical: 'Something went wrong at the bank or the payment service.',
      other: '',
    },
    waiting: 'We are waiting for your bank …',
    waitingLong: 'Usually this takes a few seconds, with a direct debit up to 5 working days. You can close this page.',
    onPhone: 'Approve the payment on your phone.',
    onPhoneHelp: 'No message? Open the app on your phone.',
    asCode: 'Show a code to scan with my phone',
    toScan: 'Scan the code with your phone.',
    toScanHelp:
      'Open the camera or your bank’s app and point it at the code. Approve the payment on your phone; this page goes on by itself.',
    codeAlt: 'QR code: scan it with your phone to pay.',
    openHere: 'On your phone? Open the payment here',
    codeOver: 'The code has expired.',
    codeOverHelp: 'Check again. If nothing was paid yet, you can then choose anew how you want to pay.',
    atTerminal: 'Hold your card or phone to the terminal.',
    otherWay: 'Pay another way',
    goOn: 'Go on with the payment',
    checkAgain: 'Check again',
    paid: 'Paid',
    backToShop: 'Back to the shop',
    doNotPay: 'Do not pay, go back',
    expired: 'This payment link has expired. Nothing was paid.',
    cancelled: 'This payment was withdrawn. Nothing was paid.',
    askShop: 'Go back to the shop to begin again.',
    keptForNext: 'What you pay with now is also used for the next payments that you have agreed to.',
    notFound: 'This payment page does not exist. Check the link.',
    test: 'Test: no real money is paid.',
    closesIn: 'This page closes in {time}.',
    moreTimeTitle: 'Do you need more time?',
    moreTimeText: 'This page closes in 2 minutes. What you have filled in is lost then.',
    moreTime: 'More time',
    noMoreTime: 'This page closes in 2 minutes. It cannot stay open any longer.',
    close: 'Close',
  },
  da: {
    title: 'Betaling',
    payee: 'Til',
    purpose: 'For',
    toPay: 'At betale',
    amount: 'Beløb',
    choose: 'Hvordan vil du betale?',
    orderAndPay: 'Bestil og betal',
    anyMethod: 'Betal online',
    phone: 'Telefonnummer',
    phoneHint: 'Med landekode, for eksempel +4520123456. Vi spørger på den telefon.',
    phoneOptional: 'Lad feltet være tomt for at betale på næste side.',
    phoneProblem: 'Skriv dit telefonnummer med landekode, for eksempel +4520123456.',
    cardFields: 'Kortoplysninger',
    fieldsFailed: 'Felterne til dit kort blev ikke indlæst. Tjek din forbindelse, og prøv igen, eller vælg en anden måde.',
    needsScript: 'Det kræver JavaScript. Slå det til, eller vælg en anden måde.',
    chooseProblem: 'Vælg, hvordan du vil betale.',
    problem: 'Der er et problem',
    noMethods: 'Du kan ikke betale lige nu. Prøv igen om nogle minutter.',
    busy: 'En tidligere betaling er stadig i gang. Vent lidt og tjek igen.',
    notNow: 'Det lykkedes ikke. Intet er betalt. Prøv igen, eller vælg en anden måde.',
    notPaid: 'Ikke betalt',
    reasons: {
      'insufficient-funds': 'Der er ikke penge nok på kontoen.',
      'card-expired': 'Kortet er udløbet.',
      'cancelled-by-customer': 'Betalingen blev afbrudt.',
      'authentication-failed': 'Godkendelsen hos banken lykkedes ikke.',
      'card-declined': 'Banken godkender ikke betalingen.',
      fraud: 'Banken godkender ikke betalingen.',
      'mandate-revoked': 'Aftalen er trukket tilbage.',
      'account-closed': 'Kontoen er lukket.',
      limit: 'Beløbet er højere end din grænse.',
      technical: 'Noget gik galt hos banken eller betalingstjenesten.',
      other: '',
    },
    waiting: 'Vi venter på din bank …',
    waitingLong: 'Det tager som regel nogle sekunder, ved direkte debitering op til 5 arbejdsdage. Du kan lukke siden.',
    onPhone: 'Godkend betalingen på din telefon.',
    onPhoneHelp: 'Ingen besked? Åbn appen på din telefon.',
    asCode: 'Vis en kode, som jeg kan scanne med min telefon',
    toScan: 'Scan koden med din telefon.',
    toScanHelp:
      'Åbn kameraet eller din betalingsapp, og ret den mod koden. Godkend betalingen på telefonen; siden her fortsætter af sig selv.',
    codeAlt: 'QR-kode: scan den med din telefon for at betale.',
    openHere: 'Er du på din telefon? Åbn betalingen her',
    codeOver: 'Koden er udløbet.',
    codeOverHelp: 'Tjek igen. Er der ikke betalt endnu, kan du derefter vælge på ny, hvordan du vil betale.',
    atTerminal: 'Hold dit kort eller din telefon mod terminalen.',
    otherWay: 'Betal på en anden måde',
    goOn: 'Fortsæt med betalingen',
    checkAgain: 'Tjek igen',
    paid: 'Betalt',
    backToShop: 'Tilbage til butikken',
    doNotPay: 'Betal ikke, gå tilbage',
    expired: 'Betalingslinket er udløbet. Intet er betalt.',
    cancelled: 'Betalingen er trukket tilbage. Intet er betalt.',
    askShop: 'Gå tilbage til butikken for at begynde forfra.',
    keptForNext: 'Det, du betaler med nu, bruges også til de næste betalinger, du har sagt ja til.',
    notFound: 'Betalingssiden findes ikke. Tjek linket.',
    test: 'Test: der betales ikke rigtige penge.',
    closesIn: 'Denne side lukker om {time}.',
    moreTimeTitle: 'Har du brug for mere tid?',
    moreTimeText: 'Denne side lukker om 2 minutter. Det, du har udfyldt, går tabt.',
    moreTime: 'Mere tid',
    noMoreTime: 'Denne side lukker om 2 minutter. Den kan ikke holdes åben længere.',
    close: 'Luk',
  },
  nb: {
    title: 'Betaling',
    payee: 'Til',
    purpose: 'For',
    toPay: 'Å betale',
    amount: 'Beløp',
    choose: 'Hvordan vil du betale?',
    orderAndPay: 'Bestill og betal',
    anyMethod: 'Betal på nett',
    phone: 'Telefonnummer',
    phoneHint: 'Med landkode, for eksempel +4791234567. Vi spør på den telefonen.',
    phoneOptional: 'La feltet stå tomt for å betale på neste side.',
    phoneProblem: 'Skriv telefonnummeret med landkode, for eksempel +4791234567.',
    cardFields: 'Kortopplysninger',
    fieldsFailed: 'Feltene for kortet ditt ble ikke lastet. Sjekk forbindelsen og prøv igjen, eller velg en annen måte.',
    needsScript: 'Dette krever JavaScript. Slå det på, eller velg en annen måte.',
    chooseProblem: 'Velg hvordan du vil betale.',
    problem: 'Det er et problem',
    noMethods: 'Du kan ikke betale akkurat nå. Prøv igjen om noen minutter.',
    busy: 'En tidligere betaling pågår fortsatt. Vent litt og sjekk igjen.',
    notNow: 'Det gikk ikke. Ingenting er betalt. Prøv igjen, eller velg en annen måte.',
    notPaid: 'Ikke betalt',
    reasons: {
      'insufficient-funds': 'Det er ikke nok penger på kontoen.',
      'card-expired': 'Kortet er utløpt.',
      'cancelled-by-customer': 'Betalingen ble avbrutt.',
      'authentication-failed': 'Godkjenningen i banken lyktes ikke.',
      'card-declined': 'Banken godkjenner ikke betalingen.',
      fraud: 'Banken godkjenner ikke betalingen.',
      'mandate-revoked': 'Avtalen er trukket tilbake.',
      'account-closed': 'Kontoen er stengt.',
      limit: 'Beløpet er høyere enn grensen din.',
      technical: 'Noe gikk galt i banken eller betalingstjenesten.',
      other: '',
    },
    waiting: 'Vi venter på banken din …',
    waitingLong: 'Det tar vanligvis noen sekunder, ved direkte debitering opptil 5 virkedager. Du kan lukke siden.',
    onPhone: 'Godkjenn betalingen på telefonen.',
    onPhoneHelp: 'Ingen melding? Åpne appen på telefonen.',
    asCode: 'Vis en kode jeg kan skanne med telefonen',
    toScan: 'Skann koden med telefonen.',
    toScanHelp:
      'Åpne kameraet eller betalingsappen og rett den mot koden. Godkjenn betalingen på telefonen; denne siden fortsetter av seg selv.',
    codeAlt: 'QR-kode: skann den med telefonen for å betale.',
    openHere: 'Er du på telefonen? Åpne betalingen her',
    codeOver: 'Koden er utløpt.',
    codeOverHelp: 'Sjekk igjen. Er det ikke betalt ennå, kan du deretter velge på nytt hvordan du vil betale.',
    atTerminal: 'Hold kortet eller telefonen mot terminalen.',
    otherWay: 'Betal på en annen måte',
    goOn: 'Fortsett med betalingen',
    checkAgain: 'Sjekk igjen',
    paid: 'Betalt',
    backToShop: 'Tilbake til butikken',
    doNotPay: 'Ikke betal, gå tilbake',
    expired: 'Betalingslenken er utløpt. Ingenting er betalt.',
    cancelled: 'Betalingen er trukket tilbake. Ingenting er betalt.',
    askShop: 'Gå tilbake til butikken for å begynne på nytt.',
    keptForNext: 'Det du betaler med nå, brukes også til de neste betalingene du har sagt ja til.',
    notFound: 'Betalingssiden finnes ikke. Sjekk lenken.',
    test: 'Test: det betales ikke ekte penger.',
    closesIn: 'Denne siden lukkes om {time}.',
    moreTimeTitle: 'Trenger du mer tid?',
    moreTimeText: 'Denne siden lukkes om 2 minutter. Det du har fylt ut, går tapt.',
    moreTime: 'Mer tid',
    noMoreTime: 'Denne siden lukkes om 2 minutter. Den kan ikke holdes åpen lenger.',
    close: 'Lukk',
  },
};

/** The session's language, else the first that the browser names and we speak, else English. */
export function localeOf(wanted: string, acceptLanguage: string | undefined): PageLocale {
  const named = [wanted, ...(acceptLanguage ?? '').slice(0, 500).split(',')].map((tag) => tag.trim().slice(0, 2).toLowerCase());
  for (const tag of named) {
    const known = PAGE_LOCALES.find((locale) => locale === (tag === 'no' ? 'nb' : tag));
    if (known) return known;
  }
  return 'en';
}
