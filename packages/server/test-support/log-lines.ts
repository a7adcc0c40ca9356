import { Writable } from 'node:stream';

/** A line of the log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A stream for pino that keeps what is logged. */
export function logLines(): { readonly stream: Writable; readonly lines: () => readonly LogLine[] } {
  const lines: LogLine[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString().split('\n')) if (line !== '') lines.push(JSON.parse(line) as LogLine);
      done();
    },
  });
  return { stream, lines: () => lines };
}
