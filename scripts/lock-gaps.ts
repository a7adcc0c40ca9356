/** The part of package-lock.json that is looked at. */
export interface Lock {
  readonly packages: Record<string, LockedPackage>;
}

export interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly license?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * Packages for other platforms that the lock leaves out. npm forgets those it cannot see while it writes the lock
 * (https://github.com/npm/cli/issues/4828), and `npm ci` then refuses the lock wherever it looks again.
 * Answers the missing entries by their place in the lock.
 */
export function lockGaps(lock: Lock): Record<string, LockedPackage> {
  const gaps: Record<string, LockedPackage> = {};
  for (const parent of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const place = `node_modules/${name}`;
      const isExact = /^\d/.test(version);
      if (isExact && !(place in lock.packages)) gaps[place] = entryFor(name, version, parent);
    }
  }
  return gaps;
}

/** Platform packages are named after their platform: `binding-linux-x64-gnu`. */
function entryFor(name: string, version: string, parent: LockedPackage): LockedPackage {
  const platform = /(android|darwin|freebsd|linux|openharmony|win32)-([a-z0-9]+)(?:-([a-z]+))?$/.exec(name);
  if (platform === null) throw new Error(`The platform of ${name} cannot be read from its name.`);
  const [, os = '', cpu = '', abi = ''] = platform;
  const libc = abi.startsWith('gnu') ? 'glibc' : abi.startsWith('musl') ? 'musl' : null;
  return {
    version,
    cpu: [cpu],
    ...(parent.dev ? { dev: true } : {}),
    ...(os === 'linux' && libc !== null ? { libc: [libc] } : {}),
    ...(parent.license === undefined ? {} : { license: parent.license }),
    optional: true,
    os: [os],
  };
}
