import { secretProblem, type FieldError, type RetryPlan, type SuccessRule } from '@posthorn/protocol';
import { retryProblems } from '../catalog/definition-schema.ts';
import { patternMatchesProduct } from '../catalog/load-product.ts';
import type { Product } from '../catalog/product.ts';
import { checkCustomHeaders } from '../network/custom-headers.ts';
import type { AllowedTargets } from '../network/target-address.ts';
import { checkTargetUrl } from '../network/target-url.ts';

/** A webhook's settings from the caller. Absent or null: the default of the product's policy. */
export interface WebhookInput {
  readonly url: string;
  readonly description?: string | null | undefined;
  readonly events: readonly string[];
  readonly scope?: string | null | undefined;
  readonly method?: string | null | undefined;
  readonly contentType?: string | null | undefined;
  readonly headers?: Readonly<Record<string, string>> | null | undefined;
  readonly retry?: RetryPlan | null | undefined;
  readonly success?: SuccessRule | null | undefined;
  readonly timeoutMs?: number | null | undefined;
  readonly rateLimit?: number | null | undefined;
  readonly ordered?: boolean | null | undefined;
}

/** A setting that works but is not recommended. */
export interface Warning {
  readonly code: 'insecure_url' | 'ping_not_sent';
  readonly message: string;
}

export interface CheckedInput {
  readonly errors: readonly FieldError[];
  readonly warnings: readonly Warning[];
  /** Whether the URL points to an address that webhooks may not reach. */
  readonly blocked: boolean;
}

const INSECURE: Warning = {
  code: 'insecure_url',
  message: 'The URL uses plain http, so requests can be read and changed in transit. Use https.',
};

/** Checks a webhook's settings against its product's policy and returns all errors. */
export function checkWebhookInput(input: WebhookInput, product: Product, allowed: AllowedTargets): CheckedInput {
  const errors: FieldError[] = [];
  const url = checkTargetUrl(input.url, product.policy, allowed);
  if (!url.ok) errors.push({ path: '/url', rule: url.rule, message: url.message });
  input.events.forEach((pattern, index) => {
    if (!patternMatchesProduct(product, pattern))
      errors.push({ path: `/events/${index}`, rule: 'known', message: unknownPattern(product, pattern) });
  });
  errors.push(...checkChoice('/method', input.method, product.policy.methods));
  errors.push(...checkChoice('/contentType', input.contentType, product.policy.contentTypes));
  errors.push(...checkCustomHeaders(input.headers ?? {}, signatureHeaders(product)));
  if (input.retry) errors.push(...retryProblems(input.retry).map((problem) => ({ ...problem, path: `/retry${problem.path}` })));
  return {
    errors,
    warnings: url.ok && url.warnings.includes('insecure_url') ? [INSECURE] : [],
    blocked: !url.ok && url.rule === 'blocked_url',
  };
}

/** Returns the errors of a secret that the caller chose. */
export function checkSecret(secret: string): FieldError[] {
  const problem = secretProblem(secret);
  return problem === null ? [] : [{ path: '/secret', rule: 'secret', message: problem }];
}

function unknownPattern(product: Product, pattern: string): string {
  const known = [...product.eventTypes.keys()];
  return `"${pattern.slice(0, 100)}" matches no event of ${product.title}. The events are ${known.slice(0, 50).join(', ')}`;
}

function checkChoice(path: string, value: string | null | undefined, choices: readonly string[]): FieldError[] {
  if (value === null || value === undefined || choices.includes(value)) return [];
  return [{ path, rule: 'enum', message: `must be one of ${choices.join(', ')}` }];
}

function signatureHeaders(product: Product): string[] {
  return product.policy.signatures.flatMap((scheme) => (scheme.kind === 'hmac' ? [scheme.header] : []));
}
