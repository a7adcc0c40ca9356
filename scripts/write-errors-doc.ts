import { writeFile } from 'node:fs/promises';
import { errorsDocument } from './errors-doc.ts';

await writeFile(new URL('../docs/errors.md', import.meta.url), errorsDocument());
