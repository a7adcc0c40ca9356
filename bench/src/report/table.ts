/** Columns side by side: the first to the left, numbers to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows
    .map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** 12345.6 → `12,346`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Microseconds as milliseconds. */
export function milliseconds(us: number): string {
  const ms = us / 1000;
  return ms >= 100 ? whole(ms) : ms.toFixed(ms >= 10 ? 1 : 2);
}

export function mebibytes(bytes: number): string {
  return whole(bytes / 1_048_576);
}
