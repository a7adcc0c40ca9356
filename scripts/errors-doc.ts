import { ERRORS } from '@posthorn/protocol';

/** Returns the text of docs/errors.md, made from the catalogue. */
export function errorsDocument(): string {
  const sections = Object.entries(ERRORS).map(
    ([code, { status, title, help }]) => `## \`${code}\`\n\n**${status}** · ${title}.\n\n${help}\n`,
  );
  return `# Errors

Every error response is \`application/problem+json\` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)):

\`\`\`json
{
  "type": "https://posthorn.dev/errors#invalid_request",
  "title": "The request does not have the expected shape",
  "status": 422,
  "detail": "/foo is not a known field.",
  "code": "invalid_request",
  "errors": [{ "path": "/foo", "rule": "unknown_field", "message": "is not a known field" }],
  "requestId": "3dfbf446-b8ad-45d6-b055-cc15adcc18f5"
}
\`\`\`

- \`code\` is stable. Programs should use it.
- \`detail\` is for people and may change.
- \`errors\` lists each field that fails, as a JSON Pointer, with the rule it breaks.
- \`requestId\` identifies the request in the server's log.

A request that returns a 4xx status has stored nothing.

\`npm run docs:errors\` writes this page from \`packages/protocol/src/errors.ts\`.

${sections.join('\n')}`;
}
