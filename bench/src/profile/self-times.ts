/** What is read of a `.cpuprofile` (the Profile of the Chrome DevTools protocol). */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  /** µs of the machine's monotonic clock. */
  readonly startTime: number;
  /** Node ids… */
  readonly samples: readonly number[];
  /** …and the µs since the sample before. */
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  readonly name: string;
  readonly place: string;
  readonly us: number;
}

const IDLE = '(idle)';

/** Time in each function itself, most first, within a stretch of time; idle time is left out. */
export function selfTimes(profile: CpuProfile, window: { fromUs: number; toUs: number } | null): SelfTime[] {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const sums = new Map<string, { name: string; place: string; us: number }>();
  let time = profile.startTime;
  profile.samples.forEach((id, index) => {
    const delta = profile.timeDeltas[index] ?? 0;
    time += delta;
    const frame = frames.get(id);
    if (!frame || frame.functionName === IDLE || delta <= 0) return;
    if (window && (time < window.fromUs || time > window.toUs)) return;
    const place = frame.url === '' ? '' : `${shortUrl(frame.url)}:${frame.lineNumber + 1}`;
    const key = `${frame.functionName} ${place}`;
    const sum = sums.get(key) ?? { name: frame.functionName || '(anonymous)', place, us: 0 };
    sum.us += delta;
    sums.set(key, sum);
  });
  return [...sums.values()].sort((a, b) => b.us - a.us);
}

function shortUrl(url: string): string {
  const inPackage = url.lastIndexOf('node_modules/');
  if (inPackage !== -1) return url.slice(inPackage + 'node_modules/'.length);
  const inWorkspace = /\/((?:packages|products|bench)\/.*)$/.exec(url);
  return inWorkspace?.[1] ?? url.replace('file://', '');
}
