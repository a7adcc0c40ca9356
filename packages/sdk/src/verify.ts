/**
 * For receivers of webhooks. An entry of its own, because it needs `node:crypto` and the rest of the package runs in
 * browsers too: `import { verify } from '@posthorn/sdk/verify'`.
 */
export {
  verify,
  verifyHmac,
  verifyQuery,
  WebhookVerificationError,
  type HmacScheme,
  type ReceivedBody,
  type ReceivedHeaders,
  type ReceivedQuery,
  type ReceivedWebhook,
  type VerificationCode,
  type VerifiedWebhook,
  type VerifyOptions,
} from '@posthorn/protocol/verify';
