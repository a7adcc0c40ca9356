import type { ExactNumber } from './exact-number.ts';

/** A JSON value in events, states and bodies. A number that a double cannot hold is an ExactNumber. */
export type Json = string | number | ExactNumber | boolean | null | Json[] | { [key: string]: Json };

/** A JSON object. */
export type JsonObject = { [key: string]: Json };
