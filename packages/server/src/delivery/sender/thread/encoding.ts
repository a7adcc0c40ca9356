import type { Failure, FailureCode, HeaderList } from '@posthorn/protocol';
import type { Exchange, OutgoingRequest, ReceivedResponse } from '../exchange.ts';
import type { PacketReader, PacketWriter } from './packet.ts';

/** Identifies an exchange on both sides while it is under way. */
export type Slot = number;

/** Which parts of an exchange are present. */
const FAILURE = 1;
const RESPONSE = 2;
/** No part: the request was not sent. */
const UNSENT = 4;

export function writeRequest(to: PacketWriter, slot: Slot, request: OutgoingRequest): void {
  const { url, method, headers, body, timeoutMs, organizationKey, webhookId } = request;
  to.number(slot);
  to.text(url);
  to.text(method);
  to.number(timeoutMs);
  to.number(organizationKey);
  to.text(webhookId);
  writeHeaders(to, headers);
  to.number(body === null ? 0 : 1);
  if (body !== null) to.bytes(body);
}

export function readRequest(from: PacketReader): { slot: Slot; request: OutgoingRequest } {
  const slot = from.number();
  const url = from.text();
  const method = from.text() === 'GET' ? 'GET' : 'POST';
  const timeoutMs = from.number();
  const organizationKey = from.number();
  const webhookId = from.text();
  const headers = readHeaders(from);
  const body = from.number() === 0 ? null : from.bytes();
  return { slot, request: { url, method, headers, body, timeoutMs, organizationKey, webhookId } };
}

export function writeExchange(to: PacketWriter, slot: Slot, exchange: Exchange | null): void {
  to.number(slot);
  if (exchange === null) return to.number(UNSENT);
  const { durationMs, response, failure } = exchange;
  to.number((failure === null ? 0 : FAILURE) | (response === null ? 0 : RESPONSE));
  to.number(durationMs);
  if (failure !== null) {
    to.text(failure.code);
    to.text(failure.message);
  }
  if (response === null) return;
  to.number(response.status);
  writeHeaders(to, response.headers);
  to.bytes(response.body);
  to.number(response.truncated ? 1 : 0);
}

export function readExchange(from: PacketReader): { slot: Slot; exchange: Exchange | null } {
  const slot = from.number();
  const parts = from.number();
  if (parts === UNSENT) return { slot, exchange: null };
  const durationMs = from.number();
  const failure = (parts & FAILURE) === 0 ? null : readFailure(from);
  const response = (parts & RESPONSE) === 0 ? null : readResponse(from);
  return { slot, exchange: { durationMs, response, failure } };
}

function readFailure(from: PacketReader): Failure {
  return { code: from.text() as FailureCode, message: from.text() };
}

function readResponse(from: PacketReader): ReceivedResponse {
  return { status: from.number(), headers: readHeaders(from), body: from.bytes(), truncated: from.number() === 1 };
}

function writeHeaders(to: PacketWriter, headers: HeaderList): void {
  to.number(headers.length);
  for (const [name, value] of headers) {
    to.text(name);
    to.text(value);
  }
}

function readHeaders(from: PacketReader): HeaderList {
  const headers: [string, string][] = [];
  for (let left = from.number(); left > 0; left--) headers.push([from.text(), from.text()]);
  return headers;
}
