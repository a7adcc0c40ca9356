export interface JsonReaderOptions {
  /** Converts the source text of a number to its value. */
  readonly number: (source: string) => unknown;
  /** Called with each key before it is added. `repeated`: the object has the key already. */
  readonly onKey?: (key: string, repeated: boolean) => void;
}

type Container = unknown[] | Record<string, unknown>;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses a text that `JSON.parse` accepts, in one pass and without a limit on depth. The last value of a repeated key
 * counts, as in `JSON.parse`.
 */
export function readJson(text: string, options: JsonReaderOptions): unknown {
  return new JsonReader(text, options).read();
}

/** The text is known to be valid JSON, so commas and colons can be skipped. */
class JsonReader {
  readonly #text: string;
  readonly #options: JsonReaderOptions;
  readonly #open: (Container | null)[] = [];
  #at = 0;
  #container: Container | null = null;
  #key: string | null = null;
  #whole: unknown;

  constructor(text: string, options: JsonReaderOptions) {
    this.#text = text;
    this.#options = options;
  }

  read(): unknown {
    const text = this.#text;
    while (this.#at < text.length) this.#token(text.charCodeAt(this.#at));
    return this.#whole;
  }

  #token(code: number): void {
    switch (code) {
      case QUOTE:
        return this.#string();
      case 0x7b:
        return this.#enter({});
      case 0x5b:
        return this.#enter([]);
      case 0x7d:
      case 0x5d:
        this.#container = this.#open.pop() ?? null;
        this.#at++;
        return;
      case 0x74:
        return this.#literal(true, 4);
      case 0x66:
        return this.#literal(false, 5);
      case 0x6e:
        return this.#literal(null, 4);
      default:
        if (isNumberPart(code)) this.#number();
        // White space, commas, colons.
        else this.#at++;
    }
  }

  #enter(container: Container): void {
    this.#add(container);
    this.#open.push(this.#container);
    this.#container = container;
    this.#at++;
  }

  #literal(value: boolean | null, length: number): void {
    this.#add(value);
    this.#at += length;
  }

  #number(): void {
    const start = this.#at;
    while (isNumberPart(this.#text.charCodeAt(this.#at))) this.#at++;
    this.#add(this.#options.number(this.#text.slice(start, this.#at)));
  }

  #string(): void {
    const start = this.#at;
    const end = endOfString(this.#text, start);
    this.#at = end;
    const inner = this.#text.slice(start + 1, end - 1);
    const value = inner.includes('\\') ? (JSON.parse(`"${inner}"`) as string) : inner;
    if (this.#key === null && this.#container !== null && !Array.isArray(this.#container)) this.#expectValueOf(value, this.#container);
    else this.#add(value);
  }

  #expectValueOf(key: string, object: Record<string, unknown>): void {
    this.#options.onKey?.(key, Object.hasOwn(object, key));
    this.#key = key;
  }

  #add(value: unknown): void {
    const container = this.#container;
    if (container === null) this.#whole = value;
    else if (Array.isArray(container)) container.push(value);
    else {
      setOwn(container, this.#key ?? '', value);
      this.#key = null;
    }
  }
}

/** Sets an own property. A plain assignment to `__proto__` would change the prototype. */
function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

/** Whether a character can be part of a number: a digit, a point, a sign, an `e`. */
export function isNumberPart(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x2d || code === 0x2b || code === 0x65 || code === 0x45;
}

/** Returns the position after the string that starts at `at`; 0 if the text is not JSON and the string does not end. */
export function endOfString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}
