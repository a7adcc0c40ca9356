/** The server can't start. The message says what is wrong and what to do; it is printed without a stack trace. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
