import { describe, expect, test } from 'vitest';
import { frameAt } from '../wire/framing.ts';
import { RequestTemplate } from './request-template.ts';

const SHAPE = { rootKey: 'key', target: 'events' as const, batch: 1, dataBytes: 1024, organizations: 1, types: 1 };

function read(template: RequestTemplate): { path: string; body: unknown } {
  const { bytes } = template;
  const frame = frameAt(bytes, 0);
  expect(frame?.end).toBe(bytes.length);
  return { path: bytes.toString('latin1').split(' ')[1] ?? '', body: JSON.parse(bytes.toString('utf8', frame?.bodyStart)) };
}

describe('a request', () => {
  test('carries an event with data of the asked size, its sequence and its time', () => {
    const template = new RequestTemplate(SHAPE);
    template.stamp(42, 1_234_567);
    const { path, body } = read(template);
    expect(path).toBe('/v1/organizations/bench-00000/events');
    expect(body).toMatchObject({ type: 'bench-00', data: { bench: '0000000042:0000000001234567' } });
    expect(Buffer.byteLength(JSON.stringify(body))).toBe(1024 + '{"type":"bench-00","data":}'.length);
  });

  test('carries an object’s state, each object in its turn', () => {
    const one = new RequestTemplate({ ...SHAPE, target: 'objects' });
    one.stamp(10_002, 7);
    expect(read(one)).toMatchObject({
      path: '/v1/organizations/bench-00000/objects/order/obj-00000002',
      body: { state: { bench: '0000010002:0000000000000007' } },
    });
    const bulk = new RequestTemplate({ ...SHAPE, target: 'objects', batch: 2 });
    bulk.stamp(4, 7);
    const { path, body } = read(bulk);
    expect(path).toBe('/v1/organizations/bench-00000/objects/batch');
    expect(body).toMatchObject({
      objects: [{ id: 'obj-00000004' }, { id: 'obj-00000005', state: { bench: '0000000005:0000000000000007' } }],
    });
  });

  test('of a batch numbers its events on', () => {
    const template = new RequestTemplate({ ...SHAPE, batch: 3 });
    template.stamp(6, 1);
    const { path, body } = read(template);
    expect(path).toBe('/v1/organizations/bench-00000/events/batch');
    expect(body).toMatchObject({ events: [6, 7, 8].map((sequence) => ({ data: { bench: `000000000${sequence}:0000000000000001` } })) });
  });

  test('goes around organizations, and around types within them', () => {
    const template = new RequestTemplate({ ...SHAPE, organizations: 3, types: 2 });
    const seen = [0, 1, 2, 3, 6].map((sequence) => {
      template.stamp(sequence, 1);
      const { path, body } = read(template);
      return [path.split('/')[3], (body as { type: string }).type];
    });
    expect(seen).toEqual([
      ['bench-00000', 'bench-00'],
      ['bench-00001', 'bench-00'],
      ['bench-00002', 'bench-00'],
      ['bench-00000', 'bench-01'],
      ['bench-00000', 'bench-00'],
    ]);
  });
});
