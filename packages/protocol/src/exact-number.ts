import { decimalOf, sameDecimal } from './decimal.ts';

/**
 * A JSON number that a double cannot hold, such as `12345678901234567890.12` or `1e400`, with all its digits.
 * `JSON.stringify` and `String(number)` write it unchanged. In arithmetic it is the nearest double.
 *
 * @example
 * await organization.emit('order-paid', { total: new ExactNumber('12345678901234567890.12') });
 */
export class ExactNumber {
  /** A JSON number (RFC 8259, section 6). */
  readonly source: string;

  /** Throws RangeError if the text is not a JSON number. */
  constructor(source: string) {
    if (!JSON_NUMBER.test(source)) throw new RangeError(`${JSON.stringify(source.slice(0, 100))} is not a JSON number.`);
    this.source = source;
  }

  /** Throws TypeError in an engine without `JSON.rawJSON` (Node.js before 22), which would round the number. */
  toJSON(): unknown {
    if (!rawJSON)
      throw new TypeError(
        'This JavaScript engine has no JSON.rawJSON, which an ExactNumber needs to be written as JSON. Use Node.js 22 or later.',
      );
    return rawJSON(this.source);
  }

  toString(): string {
    return this.source;
  }

  valueOf(): number {
    return Number(this.source);
  }

  /** Like `Number.prototype.toFixed`, for the nearest double. Functions written for plain numbers keep working. */
  toFixed(digits?: number): string {
    return Number(this.source).toFixed(digits);
  }

  toPrecision(precision?: number): string {
    return Number(this.source).toPrecision(precision);
  }

  toLocaleString(locales?: Intl.LocalesArgument, options?: Intl.NumberFormatOptions): string {
    return Number(this.source).toLocaleString(locales, options);
  }
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** https://github.com/tc39/proposal-json-parse-with-source */
const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown };

/** Whether two numbers have the same value, however they are written. */
export function sameNumber(one: ExactNumber, other: ExactNumber): boolean {
  return one.source === other.source || sameDecimal(decimalOf(one.source), decimalOf(other.source));
}
