/** The longest wait that an endpoint can ask for: 24 hours. */
export const MAX_RETRY_AFTER_MS = 86_400_000;

const SECONDS = /^\d{1,15}$/;
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)';
const TIME = '\\d{2}:\\d{2}:\\d{2}';
// Date.parse accepts almost any text ("soon 5" is a day in May 2001), so the form is checked first.
const IMF_DATE = new RegExp(`^[A-Z][a-z]{2}, \\d{2} ${MONTH} \\d{4} ${TIME} GMT$`);
const RFC850_DATE = new RegExp(`^[A-Z][a-z]{5,8}, \\d{2}-${MONTH}-\\d{2} ${TIME} GMT$`);
const ASCTIME_DATE = new RegExp(`^[A-Z][a-z]{2} ${MONTH} [ \\d]\\d ${TIME} \\d{4}$`);

/**
 * Returns how long a `Retry-After` header asks to wait, in milliseconds: seconds or an HTTP date (RFC 9110, 10.2.3 and
 * 5.6.7), at most 24 hours. A past date is 0; anything else is ignored: null.
 */
export function retryAfterMs(value: string | null | undefined, now: number): number | null {
  // Longer than any valid form.
  if (value === null || value === undefined || value.length > 64) return null;
  const text = value.trim();
  if (SECONDS.test(text)) return Math.min(MAX_RETRY_AFTER_MS, Number(text) * 1000);
  const date = httpDate(text);
  return date === null ? null : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, date - now));
}

function httpDate(text: string): number | null {
  let date = Number.NaN;
  if (IMF_DATE.test(text) || RFC850_DATE.test(text)) date = Date.parse(text);
  // Without a zone, Date.parse would read it as local time.
  else if (ASCTIME_DATE.test(text)) date = Date.parse(`${text} GMT`);
  return Number.isNaN(date) ? null : date;
}
