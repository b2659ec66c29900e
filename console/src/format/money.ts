// Amounts are decimal texts and stay so: they are compared and added as whole numbers of
// billionths of a unit (nanos), and formatted from the text. A float never holds money.

const NANOS = 1_000_000_000n;

/** A decimal text as a number of billionths. */
export function toNanos(amount: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,9})\d*)?$/.exec(amount.trim());
  if (!match) throw new RangeError(`not an amount: ${amount}`);
  const [, sign, whole, fraction = ""] = match;
  const nanos = BigInt(whole!) * NANOS + BigInt(fraction.padEnd(9, "0"));
  return sign ? -nanos : nanos;
}

/** Billionths as a decimal text, without zeros at its end. */
export function fromNanos(nanos: bigint): string {
  const digits = (nanos < 0n ? -nanos : nanos).toString().padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return `${nanos < 0n ? "-" : ""}${digits.slice(0, -9)}${fraction && "."}${fraction}`;
}

/** Whether a text is a positive amount that the platform would take. */
export function isAmount(text: string): boolean {
  return /^\d{1,12}(\.\d{1,9})?$/.test(text.trim()) && toNanos(text) > 0n;
}

/** Hundredths, in which thresholds are counted, as a decimal text. */
export function fromHundredths(hundredths: number): string {
  return fromNanos(BigInt(hundredths) * (NANOS / 100n));
}

/** A decimal text as a whole number of hundredths; nothing where it has finer digits. */
export function toHundredths(amount: string): number | undefined {
  if (!isAmount(amount)) return undefined;
  const nanos = toNanos(amount);
  return nanos % (NANOS / 100n) === 0n ? Number(nanos / (NANOS / 100n)) : undefined;
}

/** How high a bar of an amount is: for drawing alone. */
export function toHeight(nanos: bigint): number {
  return Number(nanos) / Number(NANOS);
}

/** An amount as the locale writes it, with all the digits it has. */
export function formatMoney(amount: string, currency: string, locale: string): string {
  try {
    const format = new Intl.NumberFormat(locale, {
      style: "currency",
      currency: currency.toUpperCase(),
      currencyDisplay: "narrowSymbol",
      maximumFractionDigits: 9,
    });
    // A text, not a number: all digits are kept.
    return format.format(amount as `${number}`);
  } catch {
    return `${amount} ${currency}`;
  }
}
