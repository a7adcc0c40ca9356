import { pino, type Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The server's log: JSON lines on standard output. */
export function createLog(level: LogLevel): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    // A safety net: no code logs these on purpose.
    redact: ['*.authorization', '*.secret', '*.secrets', '*.key', '*.password', 'req.headers'],
  });
}
