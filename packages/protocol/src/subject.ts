/** The object that an event is about: its kind and id. */
export interface Subject {
  readonly kind: string;
  readonly id: string;
}
