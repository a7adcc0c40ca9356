/** Words and phrases that we avoid: they are old, vague or personify code. See "Writing style" in CONTRIBUTING.md. */
const AVOIDED: readonly string[] = [
  'anew',
  'are told',
  'come what may',
  'forthwith',
  'gives up on',
  'go on',
  'goes on',
  'hear of',
  'hears of',
  'is heard of',
  'is told',
  'looked at',
  'nothing but',
  'of its own accord',
  'so many',
  'stands',
  'tells of',
  'told of',
  'turnstile',
  'whoever',
];

const AVOIDED_PATTERN = new RegExp(`\\b(?:${AVOIDED.join('|')})\\b`, 'gi');
const MARKERS = /^\s*(?:[-*]|\d+\.|#+|>)\s+/;
const SENTENCE_END = /(?<=[.!?]["')*`’”]*)\s+(?=[\p{Lu}\d`"'*([“‘])/u;
/** A text after a key, in a new error, or in a log call. */
const TEXT =
  /(?:\b(?:summary|description|title|help|message|detail):\s*|new \w*Error\(\s*(?:'\w+',\s*)?|\blog\.\w+\(\s*(?:\{[^}]*\},\s*)?)(?:'([^'\n]*)'|`([^`]*)`)/g;

/** Returns the avoided words that a text contains. Quoted code, and the name of a test after its file, are not checked. */
export function avoidedWords(text: string): string[] {
  return text.replaceAll(/`[^`\n]*`(?: "[^"\n]*")?/g, 'code').match(AVOIDED_PATTERN) ?? [];
}

/** Returns the sentences of a Markdown page that have more words than the limit. Code blocks and tables are skipped. */
export function longSentences(markdown: string, limit: number): string[] {
  return paragraphs(markdown)
    .flatMap((paragraph) => paragraph.split(SENTENCE_END))
    .filter((sentence) => wordCount(sentence) > limit);
}

/** Returns the page without its code blocks. */
export function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^```[^]*?^```$/gm, '');
}

/** Returns the texts of error messages, OpenAPI entries and log lines in a TypeScript source. */
export function messageTexts(source: string): string[] {
  return [...source.matchAll(TEXT)].map(([, quoted, template]) => quoted ?? template ?? '');
}

/** Each list item and heading is a paragraph of its own. */
function paragraphs(markdown: string): string[] {
  const found: string[] = [];
  let isOpen = false;
  for (const line of withoutCode(markdown).split('\n')) {
    const isText = line.trim() !== '' && !line.startsWith('|');
    if (isText && isOpen && !MARKERS.test(line)) found[found.length - 1] += ` ${line.trim()}`;
    else if (isText) found.push(line.replace(MARKERS, '').trim());
    isOpen = isText;
  }
  return found;
}

/** Quoted code and the address of a link count as one word. */
function wordCount(sentence: string): number {
  const words = sentence.replaceAll(/`[^`]*`/g, 'code').replaceAll(/\]\([^)]*\)/g, ']');
  return words.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}
