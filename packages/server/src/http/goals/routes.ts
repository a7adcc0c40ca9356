import { ExactNumber, PosthornError } from '@posthorn/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Goals } from '../../goals/goals.ts';
import { readDate } from '../../goals/point-date.ts';
import type { Queryable } from '../../store/database.ts';
import { listGoalChanges, listGoalPoints, listGoals, type GoalRow } from '../../store/goals.ts';
import { isUuid, newId } from '../../ids/uuid-time.ts';
import { answerInCommit } from '../answer-in-commit.ts';
import { decodeCursor, DEFAULT_LIMIT, PAGE_QUERY, pageFrom, pageFromScan, pageOf, type PageQuery } from '../pagination.ts';
import { changeJson, goalChange, goalJson, pointJson, type GoalBody } from './goal-json.ts';
import { Goal, GoalChange, GoalHistoryEntry, GoalPoint, NewGoal } from './goal-schema.ts';

export interface GoalServices {
  /** For lists. */
  readonly reads: Queryable;
  readonly goals: Goals;
}

interface OneGoal {
  readonly goal: string;
}

const TAGS = ['Goals'];
const ALL = '/organizations/:org/goals';
const ONE = `${ALL}/:goal`;
const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
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

function goalListRoutes(app: FastifyInstance, { reads, goals }: GoalServices): void {
  app.post<{ Body: GoalBody & { id?: string; name: string; direction: 'maximize' | 'minimize' } }>(
    ALL,
    { schema: { tags: TAGS, summary: 'Create a goal', body: NewGoal, response: { 201: Goal } } },
    async (request, reply) => {
      const { id = newId(), name, direction } = request.body;
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
      const organizationKey = request.tenant.organization.key;
      const found = await listGoals(reads, { organizationKey, after, limit: limit + 1 });
      return pageFromScan(found, limit, { item: goalJson, position: (row) => row.id });
    },
  );
}

function oneGoalRoutes(app: FastifyInstance, services: GoalServices): void {
  const { goals } = services;
  app.get<{ Params: OneGoal }>(ONE, { schema: { tags: TAGS, summary: 'Get a goal', response: { 200: Goal } } }, async (request) =>
    goalJson(await theGoal(services, request)),
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

function goalHistoryRoutes(app: FastifyInstance, services: GoalServices): void {
  const { reads } = services;
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
      const goal = await theGoal(services, request);
      const before = decodeCursor(cursor, isDay) ?? AFTER_ALL_DATES;
      checkDay(from, '/querystring/from');
      checkDay(to, '/querystring/to');
      const rows = await listGoalPoints(reads, { goalKey: goal.key, before, from, to, limit: limit + 1 });
      return pageFrom(rows, limit, { item: (row) => pointJson(goal, row), position: (row) => row.date });
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
      const goal = await theGoal(services, request);
      const before = decodeCursor(cursor, isUuid) ?? HIGHEST_ID;
      const rows = await listGoalChanges(reads, { goalKey: goal.key, before, limit: limit + 1 });
      return pageFrom(rows, limit, { item: changeJson, position: (row) => row.id });
    },
  );
}

async function theGoal({ goals }: GoalServices, request: FastifyRequest<{ Params: OneGoal }>): Promise<GoalRow> {
  const row = await goals.find(request.tenant, request.params.goal);
  if (!row) throw new PosthornError('not_found', 'There is no such goal in this organization.');
  return row;
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
