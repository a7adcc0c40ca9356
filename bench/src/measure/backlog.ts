/** Deliveries that were accepted and not received, over the time of a run. */
export interface BacklogPoint {
  readonly seconds: number;
  readonly backlog: number;
}

/** How fast the backlog grew, in deliveries a second: the slope of the least-squares line. */
export function growth(points: readonly BacklogPoint[]): number {
  if (points.length < 2) return 0;
  const meanSeconds = mean(points.map((point) => point.seconds));
  const meanBacklog = mean(points.map((point) => point.backlog));
  let covariance = 0;
  let variance = 0;
  for (const { seconds, backlog } of points) {
    covariance += (seconds - meanSeconds) * (backlog - meanBacklog);
    variance += (seconds - meanSeconds) ** 2;
  }
  return variance === 0 ? 0 : covariance / variance;
}

export function mean(values: readonly number[]): number {
  if (values.length === 0) return 0;
  return sum(values) / values.length;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
