import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';

/** The repository's root. */
export const ROOT = join(import.meta.dirname, '..');

const TOOLS = join(ROOT, 'node_modules', '.bin');

export interface ToolResult {
  /** null: killed by a signal, or it could not be started. */
  readonly exitCode: number | null;
  /** What it wrote on both streams; empty where it wrote to this process's. */
  readonly output: string;
}

export interface ToolOptions {
  /** Where it runs; default: the repository's root. */
  readonly cwd?: string;
  /** `'capture'` collects what it writes, `'show'` lets it write to the terminal. */
  readonly output: 'capture' | 'show';
}

/** Runs an installed tool with the Node.js that the project pins, however this process was started. */
export function runTool(name: string, args: readonly string[], options: ToolOptions): Promise<ToolResult> {
  return new Promise((resolve) => {
    const child = spawn(join(TOOLS, name), args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, PATH: `${TOOLS}${delimiter}${process.env['PATH'] ?? ''}` },
      stdio: options.output === 'show' ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    const output: string[] = [];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => output.push(text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => output.push(text));
    child.once('error', (error) => {
      resolve({ exitCode: null, output: error.message });
    });
    child.once('close', (exitCode) => {
      resolve({ exitCode, output: output.join('') });
    });
  });
}
