import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinBytes } from './joined-bytes.ts';

test('each part is found at its place, texts as UTF-8', () => {
  const part = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array(), fc.constant(null));
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const { bytes, offsets, lengths } = joinBytes(parts);
      const cut = parts.map((_, index) => {
        const [offset, length] = [offsets[index] ?? null, lengths[index] ?? null];
        return offset === null || length === null ? null : bytes.subarray(offset - 1, offset - 1 + length);
      });
      expect(cut).toEqual(parts.map((one) => (one === null ? null : Buffer.from(one))));
      expect(bytes).toHaveLength(cut.reduce((sum, one) => sum + (one?.length ?? 0), 0));
    }),
  );
});
