import { MARKER, SEQUENCE_WIDTH, TIME_OFFSET, TIME_WIDTH, sampleData } from '../wire/marker.ts';
import { writeDigits } from '../wire/framing.ts';

/** What every request of a run looks like. */
export interface RequestShape {
  readonly rootKey: string;
  /** What is sent: events, or states of objects, each another one than the last time. */
  readonly target: 'events' | 'objects' | 'goals';
  /** Of `goals`: the inbound URLs' paths, all of one length, to go around. */
  readonly paths?: readonly string[] | undefined;
  /** Events or states a request; 1: the address for a single one. */
  readonly batch: number;
  readonly dataBytes: number;
  /** Events go around these many organizations, `bench-00000` and on… */
  readonly organizations: number;
  /** …and, within an organization, around these many types, `bench-00` and on. */
  readonly types: number;
}

export const ORGANIZATION_WIDTH = 5;
export const TYPE_WIDTH = 2;

const OBJECT_WIDTH = 8;
/** Objects of a run: each is pushed again every so many states. */
const OBJECTS = 10_000;
const OBJECT = 'obj-';
const GOAL_VALUE = '"value":"';
const VALUE_WIDTH = 10;
const PATH_AT = 'POST '.length;

/** The id of the n-th organization of a run. */
export function organizationId(index: number): string {
  return `bench-${String(index).padStart(ORGANIZATION_WIDTH, '0')}`;
}

/** The n-th event type of a run. */
export function eventType(index: number): string {
  return `bench-${String(index).padStart(TYPE_WIDTH, '0')}`;
}

/** The bytes of one request, made once; each use only writes its digits over. */
export class RequestTemplate {
  readonly bytes: Buffer;
  readonly #shape: RequestShape;
  readonly #organizationAt: number;
  readonly #typesAt: readonly number[];
  readonly #markersAt: readonly number[];
  readonly #objectsAt: readonly number[];
  readonly #valuesAt: readonly number[];

  constructor(shape: RequestShape) {
    this.#shape = shape;
    const { call, body } = REQUESTS[shape.target](shape);
    const head = [
      `${call} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: Bearer ${shape.rootKey}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    this.bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
    this.#valuesAt = shape.target === 'goals' ? placesOf(this.bytes, GOAL_VALUE) : [];
    this.#organizationAt = this.bytes.indexOf('/bench-') + '/bench-'.length;
    this.#typesAt = placesOf(this.bytes, '"type":"bench-');
    this.#markersAt = placesOf(this.bytes, MARKER);
    this.#objectsAt = shape.target === 'objects' ? placesOf(this.bytes, OBJECT) : [];
  }

  /** Another goal each time, and another value than the last time. */
  #stampGoal(sequence: number): void {
    const { paths = [] } = this.#shape;
    this.bytes.write(paths[sequence % paths.length] ?? '', PATH_AT, 'latin1');
    for (const at of this.#valuesAt) writeDigits(this.bytes, at, { value: sequence, width: VALUE_WIDTH });
  }

  /** Makes it the request for the events from `sequence` on. */
  stamp(sequence: number, timeUs: number): void {
    if (this.#shape.target === 'goals') {
      this.#stampGoal(sequence);
      return;
    }
    const { batch, organizations, types, target } = this.#shape;
    const round = Math.floor(sequence / batch);
    if (organizations > 1) writeDigits(this.bytes, this.#organizationAt, { value: round % organizations, width: ORGANIZATION_WIDTH });
    for (let index = 0; index < batch; index++) {
      const at = this.#markersAt[index] ?? 0;
      writeDigits(this.bytes, at, { value: sequence + index, width: SEQUENCE_WIDTH });
      writeDigits(this.bytes, at + TIME_OFFSET, { value: timeUs, width: TIME_WIDTH });
      const objectAt = this.#objectsAt[index];
      if (objectAt !== undefined) writeDigits(this.bytes, objectAt, { value: (sequence + index) % OBJECTS, width: OBJECT_WIDTH });
      if (types === 1 || target === 'objects') continue;
      const type = (Math.floor(round / organizations) + index) % types;
      writeDigits(this.bytes, this.#typesAt[index] ?? 0, { value: type, width: TYPE_WIDTH });
    }
  }
}

const REQUESTS = { events: eventRequest, objects: objectRequest, goals: goalRequest };

function eventRequest({ batch, dataBytes }: RequestShape): { call: string; body: string } {
  const event = `{"type":"${eventType(0)}","data":${sampleData(dataBytes)}}`;
  const address = `POST /v1/organizations/${organizationId(0)}/events`;
  return batch === 1 ? { call: address, body: event } : { call: `${address}/batch`, body: `{"events":[${repeated(event, batch)}]}` };
}

function objectRequest({ batch, dataBytes }: RequestShape): { call: string; body: string } {
  const id = `${OBJECT}${'0'.repeat(OBJECT_WIDTH)}`;
  const state = sampleData(dataBytes);
  const address = `/v1/organizations/${organizationId(0)}/objects`;
  if (batch === 1) return { call: `PUT ${address}/order/${id}`, body: `{"state":${state}}` };
  const entry = `{"kind":"order","id":"${id}","state":${state}}`;
  return { call: `POST ${address}/batch`, body: `{"objects":[${repeated(entry, batch)}]}` };
}

function goalRequest({ paths = [] }: RequestShape): { call: string; body: string } {
  return { call: `POST ${paths[0] ?? ''}`, body: `{"date":"2026-01-15",${GOAL_VALUE}${'0'.repeat(VALUE_WIDTH)}"}` };
}

function repeated(entry: string, count: number): string {
  return Array<string>(count).fill(entry).join(',');
}

/** Where the bytes after each occurrence start. */
function placesOf(buffer: Buffer, needle: string | Buffer): number[] {
  const places: number[] = [];
  for (let at = buffer.indexOf(needle); at !== -1; at = buffer.indexOf(needle, at + 1)) places.push(at + needle.length);
  return places;
}
