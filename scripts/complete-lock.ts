/** Adds to package-lock.json what npm forgot of other platforms. To be run after `npm install`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lockGaps, type Lock } from './lock-gaps.ts';
import { ROOT } from './run-tool.ts';

const path = join(ROOT, 'package-lock.json');
const lock = JSON.parse(await readFile(path, 'utf8')) as Lock;
const gaps = lockGaps(lock);
const packages = Object.fromEntries(
  Object.entries({ ...lock.packages, ...gaps }).toSorted(([one], [other]) => one.localeCompare(other, 'en')),
);
await writeFile(path, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
console.log(`${Object.keys(gaps).length} packages added to package-lock.json`);
