import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { eventually } from '../../packages/server/test-support/eventually.ts';

/** A mail server on 127.0.0.1 that keeps what it is given. */
export interface Mailbox extends AsyncDisposable {
  /** With the name and password that it asks for. */
  readonly url: string;
  /** Mails as they were sent, header and body. */
  readonly mails: readonly { readonly to: readonly string[]; readonly text: string }[];
  /** From now on it refuses everything, or takes it again. */
  refuse(refuses: boolean): void;
  waitFor(count: number): Promise<void>;
}

export const MAIL_PASSWORD = 'mail-password-of-the-test';

export async function startMailbox(): Promise<Mailbox> {
  const mails: { to: string[]; text: string }[] = [];
  let refuses = false;
  const server = new SMTPServer({
    hideSTARTTLS: true,
    allowInsecureAuth: true,
    onAuth({ username, password }, _session, done) {
      if (refuses || username !== 'posthorn' || password !== MAIL_PASSWORD) done(new Error(`No entry for ${password}.`));
      else done(null, { user: username });
    },
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push({ to: envelope.rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString() });
        done();
      });
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://posthorn:${MAIL_PASSWORD}@127.0.0.1:${port}`,
    mails,
    refuse(on) {
      refuses = on;
    },
    async waitFor(count) {
      await eventually(async () => {
        if (mails.length < count) throw new Error(`${mails.length} of ${count} mails have come.`);
      });
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
