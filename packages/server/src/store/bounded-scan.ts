/**
 * The most rows that a list reads for one page. A filter without an index may match nothing in years of history: at 2
 * million rows such a list took 2 to 5 s. Reading 10,000 rows takes 20 to 50 ms; then the page ends with a cursor.
 */
export const SCAN_ROWS = 10_000;

export interface BoundedScan {
  readonly columns: string;
  /** Further columns of `page`, computed only for the rows of the page. */
  readonly lookedUp?: string;
  /** From FROM on: the rows in the order of an index, by conditions that the index serves. */
  readonly rows: string;
  readonly order: string;
  /** Conditions that no index serves. */
  readonly filter: string;
  /** The parameters of the page size and of SCAN_ROWS. */
  readonly limit: string;
  readonly scanRows: string;
}

/**
 * Returns a statement that stops after SCAN_ROWS rows. It returns the last row that it read even if it doesn't match.
 */
export function boundedScan({ columns, lookedUp, rows, order, filter, limit, scanRows }: BoundedScan): string {
  return `SELECT page.*${lookedUp === undefined ? '' : `, ${lookedUp}`} FROM (
     SELECT ${columns}, (${filter}) IS TRUE AS wanted, row_number() OVER (ORDER BY ${order})::int AS scanned
     ${rows} ORDER BY ${order} LIMIT ${scanRows}
   ) AS page WHERE wanted OR scanned = ${scanRows} ORDER BY ${order} LIMIT ${limit}`;
}

export interface ScanMarks {
  readonly wanted: boolean;
  readonly scanned: number;
}

/** A page that may have fewer rows than its limit although there are more. */
export interface Scanned<Row> {
  readonly rows: Row[];
  /** The last row that was read, matching or not; null: all rows were read, or the page is full. */
  readonly stoppedAt: Row | null;
}

export function scannedRows<Row extends ScanMarks>(found: readonly Row[]): Scanned<Row> {
  const last = found.at(-1);
  return { rows: found.filter(({ wanted }) => wanted), stoppedAt: last?.scanned === SCAN_ROWS ? last : null };
}
