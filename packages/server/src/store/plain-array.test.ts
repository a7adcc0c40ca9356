import { expect, test } from 'vitest';
import { describeOnBothDatabases } from '../../test-support/database.ts';
import { statement } from './database.ts';
import { nameArray, plainArray, textArray } from './plain-array.ts';

const ECHO = statement('echo_arrays', 'SELECT $1::int[] AS numbers, $2::uuid[] AS ids, $3::bool[] AS flags, $4::text[] AS names');
const ID = '01994b5e-7c1a-7000-8000-000000000000';

describeOnBothDatabases('plainArray', (open) => {
  test('is read as the array that was encoded', async () => {
    await using database = await open();
    const values = { numbers: [1, -2, null], ids: [ID, null], flags: [true, false], names: ['order-paid', 'a.b:c/d_e', 'NULL', null] };
    const sent = [plainArray(values.numbers), plainArray(values.ids), plainArray(values.flags), nameArray(values.names)];
    expect(await database.query(ECHO, sent)).toEqual([values]);
    expect(await database.query(ECHO, ['{}', '{}', '{}', '{}'])).toEqual([{ numbers: [], ids: [], flags: [], names: [] }]);
  });

  test.each([{ texts: [null, null] }, { texts: ['a "b" \\ {c}', null, 'NULL', ''] }, { texts: [] }])(
    'encodes any text: $texts',
    async ({ texts }) => {
      await using database = await open();
      expect(await database.query(ECHO, ['{}', '{}', '{}', textArray(texts)])).toMatchObject([{ names: texts }]);
    },
  );
});
