/**
 * For receivers of webhooks: `import { verify } from '@posthorn/sdk/verify'`. A separate entry point, because it needs
 * `node:crypto` and the rest of the package also runs in browsers.
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
