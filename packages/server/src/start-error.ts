/** The server can't start as things are. The message says what is wrong and what to do; it is printed without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
