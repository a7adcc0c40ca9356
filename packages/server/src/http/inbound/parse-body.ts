import { PosthornError } from '@posthorn/protocol';
import type { TargetKind } from '../../inbound/target-kind.ts';
import { parseJsonBody } from '../json-text.ts';

const FORM = 'application/x-www-form-urlencoded';
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Parses a body: as a form, or as JSON for any other content type. Returns `inbound_data` if it cannot be read. */
export function parseBody(bytes: Buffer, contentType: string | null, kind: TargetKind): { readonly value: unknown } | PosthornError {
  // curl labels every body a form by default. No field name of a form starts with a bracket.
  const isForm = mediaType(contentType) === FORM && !/^\s*[[{]/.test(bytes.toString('latin1', 0, 100));
  try {
    if (bytes.length === 0) return unreadable('required', 'The body is empty. Send JSON or a form.');
    if (!isForm) return { value: parseJsonBody(bytes) };
    if (!kind.forms)
      return unreadable('content_type', `A target of the kind ${kind.kind} accepts JSON only. Send Content-Type: application/json.`);
    return parseForm(bytes);
  } catch (error) {
    if (!(error instanceof PosthornError)) throw error;
    if (error.errors.length > 0) return new PosthornError('inbound_data', error.message, { errors: error.errors, cause: error });
    return unreadable(isForm ? 'form' : 'json', error.message);
  }
}

/** Empty fields count as missing. */
function parseForm(bytes: Buffer): { readonly value: unknown } | PosthornError {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return unreadable('form', 'The body is not valid UTF-8. Encode it as UTF-8.');
  }
  const fields = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (fields.has(name)) return unreadable('form', `The form has the field ${JSON.stringify(name.slice(0, 100))} twice. Send it once.`);
    fields.set(name, value);
  }
  return { value: Object.fromEntries([...fields].filter(([, value]) => value.trim() !== '')) };
}

function unreadable(rule: string, message: string): PosthornError {
  return new PosthornError('inbound_data', message, { errors: [{ path: '', rule, message }] });
}

function mediaType(contentType: string | null): string {
  return (contentType?.split(';', 1)[0] ?? '').trim().toLowerCase();
}
