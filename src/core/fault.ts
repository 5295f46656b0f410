/**
 * Named places where the product may be killed on purpose. In production `reach` is one comparison; the kill
 * harness arms a point through `HERMES_FAULT` (read by `config`), and the process ends there as by `kill -9`.
 */

export const faultPoints = [
  'intake:before-commit',
  'intake:after-commit',
  'turn:claimed',
  'turn:before-commit',
  'turn:after-commit',
  'step:recorded',
  'tool:finished',
  'outbox:before-attempt',
  'outbox:attempting',
  'outbox:delivered',
  'outbox:recorded',
] as const;

export type FaultPoint = (typeof faultPoints)[number];

let armed: { readonly point: FaultPoint; left: number } | undefined;

/** `spec` is `point` or `point@n`: the process dies when the point is reached for the n-th time. */
export function armFault(spec: string): void {
  const [point, count] = spec.split('@');
  const known = faultPoints.find((name) => name === point);
  if (known === undefined) throw new Error(`unknown fault point ${point}; known: ${faultPoints.join(', ')}`);
  armed = { point: known, left: Math.max(1, Number(count ?? 1)) };
}

export function reach(point: FaultPoint): void {
  if (armed === undefined || armed.point !== point) return;
  armed.left -= 1;
  if (armed.left <= 0) process.kill(process.pid, 'SIGKILL');
}
