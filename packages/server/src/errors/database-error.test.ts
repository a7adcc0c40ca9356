import { expect, test } from 'vitest';
import { isPassing, isRolledBack } from './database-error.ts';

test.each([
  { code: '22P02', rolledBack: true },
  { code: '23514', rolledBack: true },
  { code: '40001', rolledBack: true },
  { code: 'P0001', rolledBack: true },
  { code: '08006', rolledBack: false },
  { code: '57P01', rolledBack: false },
  { code: 'XX000', rolledBack: false },
  { code: 'EPIPE', rolledBack: false },
  { code: 'ECONNRESET', rolledBack: false },
  { code: undefined, rolledBack: false },
])('after $code it is certain that nothing was stored: $rolledBack', ({ code, rolledBack }) => {
  expect(isRolledBack(Object.assign(new Error('failed'), { code }))).toBe(rolledBack);
});

test.each([
  { code: '08006', message: '', passing: true },
  { code: '40P01', message: '', passing: true },
  { code: '53300', message: '', passing: true },
  { code: '57P03', message: 'the database system is shutting down', passing: true },
  { code: 'ECONNREFUSED', message: '', passing: true },
  { code: 'ENOTFOUND', message: '', passing: true },
  { code: 'EAI_AGAIN', message: '', passing: true },
  { code: 'EMFILE', message: '', passing: true },
  { code: undefined, message: 'Connection terminated unexpectedly', passing: true },
  { code: undefined, message: 'timeout expired', passing: true },
  { code: undefined, message: 'timeout exceeded when trying to connect', passing: true },
  { code: undefined, message: 'The database server stopped responding.', passing: true },
  { code: '23505', message: '', passing: false },
  { code: 'XX000', message: '', passing: false },
  { code: 'ERR_INVALID_ARG_TYPE', message: '', passing: false },
  { code: 'FST_ERR_CTP_BODY_TOO_LARGE', message: '', passing: false },
  { code: undefined, message: 'Cannot read properties of undefined (reading "connection")', passing: false },
])('another try may succeed after $code $message: $passing', ({ code, message, passing }) => {
  expect(isPassing(Object.assign(new Error(message), { code }))).toBe(passing);
});
