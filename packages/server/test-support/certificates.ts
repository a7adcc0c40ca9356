import { generate } from 'selfsigned';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export interface Certificates {
  /** The authority that all but `selfSigned` come from. */
  readonly ca: string;
  readonly valid: Certificate;
  readonly expired: Certificate;
  readonly wrongHost: Certificate;
  readonly selfSigned: Certificate;
}

const DAY_MS = 86_400_000;

/** Makes certificates for a host name, good ones and bad ones. */
export async function makeCertificates(hostname: string): Promise<Certificates> {
  const authority = await generate([{ name: 'commonName', value: 'Posthorn Test Authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const issue = async (name: string, options: { age?: number; issued?: boolean } = {}): Promise<Certificate> => {
    const notBeforeDate = new Date(Date.now() - (options.age ?? 1) * DAY_MS);
    const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
      keyType: 'ec',
      algorithm: 'sha256',
      notBeforeDate,
      notAfterDate: new Date(notBeforeDate.getTime() + 30 * DAY_MS),
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
      ],
      ...(options.issued === false ? {} : { ca: { key: authority.private, cert: authority.cert } }),
    });
    return { key, cert };
  };
  return {
    ca: authority.cert,
    valid: await issue(hostname),
    expired: await issue(hostname, { age: 60 }),
    wrongHost: await issue('another.test'),
    selfSigned: await issue(hostname, { issued: false }),
  };
}
