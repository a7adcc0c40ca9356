/** What the id of an event of the load says of it. */
export interface LoadEvent {
  readonly organization: string;
  readonly subject: string;
  /** From 1 on; the next one is sent when this one was accepted. */
  readonly sequence: number;
}

export function eventId({ organization, subject, sequence }: LoadEvent): string {
  return `${organization}:${subject}:${sequence}`;
}

/** Throws if no load made the id. */
export function eventOf(id: string): LoadEvent {
  const [organization, subject, sequence] = id.split(':');
  if (organization === undefined || subject === undefined || sequence === undefined)
    throw new Error(`The id ${id} is no event of the load.`);
  return { organization, subject, sequence: Number(sequence) };
}
