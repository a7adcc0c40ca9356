import type { DataSchema, FieldError, JsonObject, JsonSchema } from '@posthorn/protocol';

/** A loaded event type. */
export interface EventType {
  readonly name: string;
  readonly group: string | null;
  readonly description: string;
  readonly aliases: readonly string[];
  /** null: any JSON object is accepted, or the schema cannot be shown as JSON Schema. */
  readonly jsonSchema: JsonSchema | null;
  /** The schema of the definition, not compiled. */
  readonly schema: DataSchema | undefined;
  readonly sample: JsonObject;
  /** Returns the data's errors. Paths are JSON Pointers into the data. The data is not changed. */
  check(data: JsonObject): readonly FieldError[] | Promise<readonly FieldError[]>;
}
