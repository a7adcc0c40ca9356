import { ERRORS } from '@posthorn/protocol';

/** The text of docs/errors.md, from the catalogue. */
export function errorsDocument(): string {
  const sections = Object.entries(ERRORS).map(
    ([code, { status, title, help }]) => `## \`${code}\`\n\n**${status}** · ${title}.\n\n${help}\n`,
  );
  return `# Errors

Everything that goes wrong is answered as \`application/problem+json\` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)):

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

\`code\` is stable and is what a program should look at; \`detail\` is for people and may change. \`errors\` names each failing
field as a JSON Pointer with the rule it breaks. \`requestId\` finds the request in the server's log. A request that is answered
with an error has stored nothing.

Codes, statuses and texts stand in \`packages/protocol/src/errors.ts\`; \`npm run docs:errors\` writes this page from them.

${sections.join('\n')}`;
}
