import { ExactNumber, readJson } from '@posthorn/protocol';
import type { CaughtRequest, Inbox } from './inbox-store.ts';

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 2rem 1.25rem; max-width: 60rem; color: #1c2733; background: #f6f7f9 }
  h1 { font-size: 1.35rem; margin: 0 0 .25rem } p { color: #5a6b7c; margin: 0 0 1.5rem }
  article { background: #fff; border: 1px solid #dde3ea; border-radius: 8px; margin-bottom: 1rem; padding: .9rem 1.1rem }
  header { display: flex; flex-wrap: wrap; gap: .75rem; align-items: baseline } time { color: #5a6b7c; margin-left: auto }
  code, pre { font: 13px/1.45 ui-monospace, monospace } pre { background: #f6f7f9; padding: .75rem; border-radius: 6px; overflow: auto; margin: .6rem 0 0 }
  .valid { color: #0b7a3b } .invalid { color: #b3261e } .absent, .unchecked { color: #8a6100 }
  table { border-collapse: collapse; font-size: 13px; margin-top: .6rem; color: #5a6b7c } td { padding: .1rem .8rem .1rem 0; vertical-align: top } td + td { word-break: break-all }`;

const SIGNATURE: Record<CaughtRequest['signature'], string> = {
  valid: 'signature valid',
  invalid: 'signature invalid',
  absent: 'not signed',
  unchecked: 'signature not checked: the inbox has no secret',
};

/** Renders an inbox's requests as a page without scripts. All content comes from outside and is escaped. */
export function inboxPage(name: string, { requests }: Inbox): string {
  const list = requests.map(requestHtml).join('\n');
  const empty = '<p>Nothing has arrived yet. This page reloads every three seconds.</p>';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="3">
<title>Inbox ${escapeHtml(name)}</title><style>${STYLE}</style></head>
<body><h1>Inbox ${escapeHtml(name)}</h1><p>The last 100 requests to <code>/inbox/${escapeHtml(name)}</code>, newest first.</p>
${list === '' ? empty : list}
</body></html>`;
}

function requestHtml(request: CaughtRequest): string {
  const headers = request.headers
    .map(([header, value]) => `<tr><td><code>${escapeHtml(header)}</code></td><td>${escapeHtml(value)}</td></tr>`)
    .join('');
  const problem = request.signatureProblem === null ? '' : `: ${escapeHtml(request.signatureProblem)}`;
  const body = request.body === '' ? '' : `<pre>${escapeHtml(pretty(request.body))}${request.truncated ? '\n…' : ''}</pre>`;
  return `<article><header><strong>${escapeHtml(request.method)}</strong> <code>${escapeHtml(request.url)}</code>
<span class="${request.signature}">${SIGNATURE[request.signature]}${problem}</span><time>${escapeHtml(request.at)}</time></header>
${body}<table>${headers}</table></article>`;
}

const MAX_DEPTH = 50;

/** Indents JSON and returns anything else unchanged. Numbers keep all digits, even those that a double would lose. */
function pretty(body: string): string {
  // Indenting thousands of levels would take gigabytes.
  if (nesting(body) > MAX_DEPTH) return body;
  try {
    JSON.parse(body);
    return JSON.stringify(readJson(body, { number: (source) => new ExactNumber(source) }), null, 2);
  } catch {
    return body;
  }
}

/** Returns an upper bound of the depth: brackets in strings count too. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
