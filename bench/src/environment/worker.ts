import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

interface Request {
  readonly id: number;
  readonly command: string;
  readonly input: unknown;
}

type Reply = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string };

/** What a process of the bench understands: commands by name. */
export type Commands = Readonly<Record<string, (input: never) => unknown>>;

type Input<Command> = Command extends (input: infer Given) => unknown ? Given : never;
type Answer<Command> = Command extends (input: never) => infer Given ? Awaited<Given> : never;

/** A process of the bench's own that takes commands. */
export interface Worker<Known extends Commands> extends AsyncDisposable {
  readonly pid: number;
  call<Name extends keyof Known & string>(command: Name, input: Input<Known[Name]>): Promise<Answer<Known[Name]>>;
}

/** Starts a module in a process of its own. It must call `serve`. */
export async function startWorker<Known extends Commands>(module: URL): Promise<Worker<Known>> {
  const child = fork(module, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await once(child, 'spawn');
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  child.on('message', (message) => {
    const reply = message as Reply;
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) caller?.reject(new Error(reply.error));
    else caller?.resolve(reply.result);
  });
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`${module.pathname} ended with ${signal ?? code}.`));
    waiting.clear();
  });
  return {
    pid: child.pid ?? 0,
    call: (command, input) =>
      new Promise((resolve, reject) => {
        const id = ++lastId;
        waiting.set(id, { resolve: (value) => resolve(value as Answer<Known[typeof command]>), reject });
        child.send({ id, command, input } satisfies Request);
      }),
    [Symbol.asyncDispose]: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.disconnect();
  await exit;
}

/** Answers the commands of the parent process until it lets go. */
export function serve(commands: Commands): void {
  process.on('message', (message) => {
    const { id, command, input } = message as Request;
    void answer(commands, command, input).then(
      (result) => process.send?.({ id, result } satisfies Reply),
      (error: unknown) =>
        process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) } satisfies Reply),
    );
  });
  process.on('disconnect', () => process.exit(0));
}

async function answer(commands: Commands, command: string, input: unknown): Promise<unknown> {
  const run = commands[command];
  if (!run) throw new Error(`No command ${command}.`);
  return run(input as never);
}
