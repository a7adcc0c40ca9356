import { ExactNumber, PosthornError } from '@posthorn/protocol';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Goals } from '../../goals/goals.ts';
import { readDate } from '../../goals/point-date.ts';
import { answerInCommit } from '../answer-in-commit.ts';
import { decodeCursor, DEFAULT_LIMIT, PAGE_QUERY, pageFrom, pageFromScan, pageOf, type PageQuery } from '../pagination.ts';
import { idBelow } from '../time-span.ts';
import { changeJson, goalChange, goalJson, pointJson, type GoalBody } from './goal-json.ts';
import { Goal, GoalChange, GoalHistoryEntry, GoalPoint, NewGoal } from './goal-schema.ts';

export interface GoalServices {
  readonly goals: Goals;
}

interface OneGoal {
  readonly goal: string;
}

const TAGS = ['Goals'];
const ALL = '/organizations/:org/goals';
const ONE = `${ALL}/:goal`;
const AFTER_ALL_DATES = 'infinity';
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Routes for goals, their points and history, in a scope of their own: thresholds may be numbers or strings. */
export async function goalRoutes(app: FastifyInstance, services: GoalServices): Promise<void> {
  await app.register(async (scope) => {
    readThresholdsAsText(scope);
    goalListRoutes(scope, services);
    oneGoalRoutes(scope, services);
    goalHistoryRoutes(scope, services);
  });
}

/** Converts thresholds that were sent as exact numbers to text. */
function readThresholdsAsText(app: FastifyInstance): void {
  app.addHook('preValidation', async ({ body }) => {
    if (typeof body !== 'object' || body === null) return;
    const fields = body as Record<string, unknown>;
    for (const name of ['goodThreshold', 'badThreshold']) {
      if (Object.hasOwn(fields, name) && fields[name] instanceof ExactNumber) fields[name] = String(fields[name]);
    }
  });
}

function goalListRoutes(app: FastifyInstance, { goals }: GoalServices): void {
  app.post<{ Body: GoalBody & { id?: string; name: string; direction: 'maximize' | 'minimize' } }>(
    ALL,
    { schema: { tags: TAGS, summary: 'Create a goal', body: NewGoal, response: { 201: Goal } } },
    async (request, reply) => {
      const { id, name, direction } = request.body;
      const { timeZone = null, goodThreshold = null, badThreshold = null } = goalChange(request.body);
      const row = await goals.create(
        request.tenant,
        { id, name, direction, timeZone, goodThreshold, badThreshold },
        answerInCommit(reply, 201, goalJson),
      );
      return reply.code(201).send(goalJson(row));
    },
  );

  app.get<{ Querystring: PageQuery }>(
    ALL,
    {
      schema: {
        tags: TAGS,
        summary: 'List goals',
        description: 'In the order of their ids.',
        querystring: Type.Object(PAGE_QUERY, { additionalProperties: false }),
        response: { 200: pageOf(Goal) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor } = request.query;
      const after = decodeCursor(cursor, (text) => /^[A-Za-z0-9._:-]{1,128}$/.test(text)) ?? '';
      const found = await goals.list(request.tenant, { after, limit: limit + 1 });
      return pageFromScan(found, limit, { item: goalJson, position: (row) => row.id });
    },
  );
}

function oneGoalRoutes(app: FastifyInstance, { goals }: GoalServices): void {
  app.get<{ Params: OneGoal }>(ONE, { schema: { tags: TAGS, summary: 'Read a goal', response: { 200: Goal } } }, async (request) =>
    goalJson(await goals.get(request.tenant, request.params.goal)),
  );

  app.patch<{ Params: OneGoal; Body: GoalBody }>(
    ONE,
    { schema: { tags: TAGS, summary: 'Update a goal', body: GoalChange, response: { 200: Goal } } },
    async (request) => goalJson(await goals.change(request.tenant, request.params.goal, goalChange(request.body))),
  );

  app.delete<{ Params: OneGoal }>(
    ONE,
    {
      schema: {
        tags: TAGS,
        summary: 'Delete a goal',
        description: 'Posts to its inbound hooks then return 410.',
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      await goals.delete(request.tenant, request.params.goal);
      return reply.code(204).send();
    },
  );
}

function goalHistoryRoutes(app: FastifyInstance, { goals }: GoalServices): void {
  const Day = Type.Optional(Type.String({ format: 'date' }));
  app.get<{ Params: OneGoal; Querystring: PageQuery & { from?: string; to?: string } }>(
    `${ONE}/points`,
    {
      schema: {
        tags: TAGS,
        summary: 'List the points of a goal',
        description: 'Latest date first.',
        querystring: Type.Object({ ...PAGE_QUERY, from: Day, to: Day }, { additionalProperties: false }),
        response: { 200: pageOf(GoalPoint) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor, from = '0001-01-01', to = '9999-12-31' } = request.query;
      const before = decodeCursor(cursor, isDay) ?? AFTER_ALL_DATES;
      checkDay(from, '/querystring/from');
      checkDay(to, '/querystring/to');
      const points = await goals.points(request.tenant, request.params.goal, { before, from, to, limit: limit + 1 });
      return pageFrom(points, limit, { item: pointJson, position: (point) => point.date });
    },
  );

  app.get<{ Params: OneGoal; Querystring: PageQuery }>(
    `${ONE}/changes`,
    {
      schema: {
        tags: TAGS,
        summary: 'List the changes of a goal',
        description: 'Changes of the goal and its points, newest first.',
        querystring: Type.Object(PAGE_QUERY, { additionalProperties: false }),
        response: { 200: pageOf(GoalHistoryEntry) },
      },
    },
    async (request) => {
      const { limit = DEFAULT_LIMIT, cursor } = request.query;
      const before = idBelow(cursor);
      const changes = await goals.changes(request.tenant, request.params.goal, { before, limit: limit + 1 });
      return pageFrom(changes, limit, { item: changeJson, position: (row) => row.id });
    },
  );
}

function isDay(text: string): boolean {
  return DATE.test(text) && readDate(text) !== null;
}

/** The format `date` accepts the year 0000, which does not exist. */
function checkDay(text: string, path: string): void {
  if (isDay(text)) return;
  const message = 'must be a date in the years 0001 to 9999, such as 2026-01-31';
  throw new PosthornError('invalid_request', `${path} ${message}.`, { errors: [{ path, rule: 'date', message }] });
}
