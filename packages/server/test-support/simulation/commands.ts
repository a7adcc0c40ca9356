import { cancelDelivery, redeliverDelivery, setWebhookStatus } from './callers.ts';
import type { DeliveryHistory } from './history.ts';
import type { Machine, World } from './world.ts';

/** A command that is run at a random time. Long ones are not awaited. */
export type Command = (world: World) => void;

const HOUR_MS = 3_600_000;
/** Time until a listener is connected again and has read what it missed. */
const LISTENER_MS = 1_500;
/** Time until leases have moved and been read: until then a disruption may cause repeats. */
const AFTERMATH_MS = 2_000;

function someMachine(world: World): Machine | undefined {
  const up = world.machines.filter(({ node }) => node !== null);
  return up.length > 0 ? world.random.pick(up) : undefined;
}

function disrupted(world: World, kind: string, lastsMs: number): void {
  world.history.disruptions.push({ kind, from: world.time.now, to: world.time.now + lastsMs + AFTERMATH_MS });
  world.trace(`${kind} for ${Math.round(lastsMs)} ms`);
}

function someDelivery(world: World): DeliveryHistory | undefined {
  // A stable choice among the webhooks that no command has changed yet.
  const stored = [...world.server.tables.events.values()].slice(-30);
  const all = stored.flatMap((event) => event.webhook_ids.map((webhookId) => world.history.delivery(event.id, webhookId)));
  const untouched = all.filter(({ cancelAskedAt, redeliveredAt }) => cancelAskedAt === null && redeliveredAt === null);
  return untouched.length > 0 ? world.random.pick(untouched) : undefined;
}

function cancelOne(world: World): void {
  const [machine, delivery] = [someMachine(world), someDelivery(world)];
  if (machine?.node && delivery) void cancelDelivery(world, machine.node, delivery);
}

function redeliverOne(world: World): void {
  const machine = someMachine(world);
  const cancelled = [...world.history.deliveries.values()].filter(({ cancelledAt }) => cancelledAt !== null);
  const delivery = cancelled.length > 0 && world.random.chance(0.5) ? world.random.pick(cancelled) : someDelivery(world);
  if (machine?.node && delivery) void redeliverDelivery(world, machine.node, delivery);
}

/** Pauses a webhook, and enables it a little later. */
function pause(world: World): void {
  const machine = someMachine(world);
  if (!machine?.node) return;
  const webhook = world.random.pick(world.webhooks);
  void setWebhookStatus(world, machine.node, { webhook, status: 'paused' });
  world.time.after(world.random.between(50, 4_000), null, () => {
    const other = someMachine(world);
    if (other?.node) void setWebhookStatus(world, other.node, { webhook, status: 'active' });
  });
}

function endpointFails(world: World): void {
  const { random, time } = world;
  const { id } = random.pick(world.webhooks);
  const kind = random.pick(['failing', 'overloaded', 'silent', 'failing'] as const);
  world.endpoints.set(id, { kind, maxMs: 300 });
  world.trace(`the endpoint of ${id} is ${kind}`);
  time.after(random.between(200, 8_000), null, () => {
    world.endpoints.delete(id);
    world.trace(`the endpoint of ${id} is well`);
  });
}

function endpointSlow(world: World): void {
  const { id } = world.random.pick(world.webhooks);
  world.endpoints.set(id, { kind: 'well', maxMs: 4_000 });
  world.time.after(world.random.between(1_000, 5_000), null, () => world.endpoints.delete(id));
}

/** SIGTERM, and a restart some time later. */
function restart(world: World): void {
  const machine = someMachine(world);
  if (!machine) return;
  // Exchanges take less time.
  void world.stop(machine, 20_000).then(() => world.time.after(world.random.between(10, 3_000), null, () => void world.start(machine)));
}

function kill(world: World): void {
  const machine = someMachine(world);
  if (!machine) return;
  // The node's leases end in 6 s; then its unrecorded deliveries are found.
  disrupted(world, `kill ${machine.name}`, 12_000);
  world.kill(machine);
  world.time.after(world.random.between(10, 10_000), null, () => void world.start(machine));
}

/** SIGSTOP and SIGCONT. */
function freeze(world: World): void {
  const machine = someMachine(world);
  if (!machine?.process) return;
  const lastsMs = world.random.between(100, 15_000);
  disrupted(world, `freeze ${machine.name}`, lastsMs + 6_000);
  machine.process.frozenUntil = world.time.now + lastsMs;
}

function breakConnections(world: World): void {
  const machine = someMachine(world);
  if (!machine?.node) return;
  const outageMs = world.random.chance(0.5) ? 0 : world.random.between(0, 9_000);
  if (outageMs > 2_500) disrupted(world, `database out of reach for ${machine.name}`, outageMs + 6_000);
  else {
    const { now } = world.time;
    world.history.silences.push({ kind: 'connections break', from: now, to: now + outageMs + LISTENER_MS });
    world.trace(`connections of ${machine.name} break for ${Math.round(outageMs)} ms`);
  }
  machine.node.link.break(outageMs);
}

/** A node runs without its database for longer than its leases, so other nodes take over its shards. */
function loseShards(world: World): void {
  const machine = someMachine(world);
  if (!machine?.node) return;
  const outageMs = world.random.between(6_000, 12_000);
  disrupted(world, `${machine.name} loses its shards`, outageMs + 6_000);
  machine.node.link.break(outageMs);
}

function crashDatabase(world: World): void {
  const downMs = world.random.between(50, 4_000);
  disrupted(world, 'the database crashes', downMs + 8_000);
  world.server.crash({ downMs });
}

function burnXids(world: World): void {
  if (world.server.isUp) world.server.burnXids(world.random.integer(1, 500));
}

function slowDatabase(world: World): void {
  const lastsMs = world.random.between(500, 8_000);
  disrupted(world, 'slow database', lastsMs + 6_000);
  const slowness = world.random.between(20, 400);
  const links = world.machines.flatMap(({ link }) => link ?? []);
  for (const link of links) link.slowness = slowness;
  world.time.after(lastsMs, null, () => {
    for (const link of links) link.slowness = 1;
  });
}

function silentDatabase(world: World): void {
  const machine = someMachine(world);
  if (!machine?.node) return;
  const { link } = machine.node;
  const lastsMs = world.random.between(500, 4_000);
  disrupted(world, `silent database for ${machine.name}`, 40_000);
  link.isSilent = true;
  world.time.after(lastsMs, null, () => {
    link.isSilent = false;
  });
}

function jumpClock(world: World): void {
  const machine = someMachine(world);
  if (!machine?.process) return;
  const jump = world.random.pick([-25, -1, 1, 25]) * HOUR_MS * (world.random.chance(0.2) ? 0.0005 : 1);
  machine.clockOffset += jump;
  machine.process.clockOffset = machine.clockOffset;
  world.trace(`the clock of ${machine.name} jumps to ${machine.clockOffset / HOUR_MS} h`);
}

/** Commands of every run. None of them may repeat or lose anything. */
export const USUAL: Readonly<Record<string, Command>> = { cancelOne, redeliverOne, pause, endpointFails, endpointSlow };

/** Faults, of which each run has some. */
export const FAULTS: Readonly<Record<string, Command>> = {
  restart,
  kill,
  freeze,
  breakConnections,
  loseShards,
  crashDatabase,
  burnXids,
  slowDatabase,
  silentDatabase,
  jumpClock,
};
