import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuditRecord } from '../../src/engine/types.ts';
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts';
import { createEventWriter, type EventAbout, type EventWriter } from '../../src/kube/events.ts';
import { parseReference } from '../../src/oci/reference.ts';
import { FakeApiServer, refuse } from '../fakes/api-server.ts';
import { recordedLog, until } from './world.ts';

const EVENTS = '/api/v1/events';
const PATH = '/api/v1/namespaces/kube-system/events';
const FAILED: AuditRecord = {
  event: 'FailedKritisAdmission',
  object: 'GenericAttestationPolicy',
  message: 'NOT_ATTESTED: registry.test/app is not attested by demo-aa',
};
const about = (image = 'registry.test/app:1', namespace = 'default'): EventAbout => ({
  reference: parseReference(image),
  namespace,
});

let server: FakeApiServer;
let client: KubeClient;
let clock: { at: number };
let lines: Record<string, unknown>[];
let writer: EventWriter;

/** Written when the test says so, by `close`, unless `everyMs` is given. */
function start(everyMs = 100_000): void {
  const recorded = recordedLog();
  lines = recorded.lines;
  const now = () => clock.at;
  writer = createEventWriter({ client, instance: 'countersign-0', log: recorded.log, clock: { now, monotonic: now }, everyMs });
}

const written = () => server.seen.filter(({ method }) => method === 'POST').map(({ body }) => body as Record<string, unknown>);
const patches = () => server.seen.filter(({ method }) => method === 'PATCH').map(({ body }) => body as Record<string, unknown>);

beforeEach(async () => {
  server = await FakeApiServer.start();
  client = createKubeClient({ env: { KUBECONFIG: server.kubeconfig } });
  clock = { at: Date.parse('2026-05-01T12:00:00Z') };
});

afterEach(async () => {
  await writer.close();
  await client.close();
  await server.dispose();
});

describe('events about admissions', () => {
  it('A0.11 are written to kube-system, with the namespace that was asked from and the image', async () => {
    start();
    writer.tell(FAILED, about());
    writer.tell({ ...FAILED, event: 'DryRunKritisAdmission' }, about('registry.test/other:2', 'prod'));
    await writer.close();
    expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([`POST ${PATH}`, `POST ${PATH}`]);
    expect(written()).toMatchObject([
      {
        kind: 'Event',
        metadata: { namespace: 'kube-system' },
        involvedObject: { kind: 'Namespace', name: 'default', namespace: 'kube-system' },
        reason: 'FailedKritisAdmission',
        type: 'Warning',
        message: 'registry.test/app:1: GenericAttestationPolicy: NOT_ATTESTED: registry.test/app is not attested by demo-aa',
        source: { component: 'countersign' },
        count: 1,
        firstTimestamp: '2026-05-01T12:00:00.000Z',
      },
      { reason: 'DryRunKritisAdmission', involvedObject: { name: 'prod' } },
    ]);
  });

  it('are one object with a count for the same thing', async () => {
    start(5);
    writer.tell(FAILED, about());
    await until('the event', () => written().length === 1);
    clock.at += 2000;
    writer.tell(FAILED, about());
    writer.tell(FAILED, about());
    await until('its count', () => patches().length > 0);
    await writer.close();
    expect(written()).toHaveLength(1);
    expect(patches().at(-1)).toEqual({ count: 3, lastTimestamp: '2026-05-01T12:00:02.000Z' });
    const [name = ''] = written().map(({ metadata }) => String((metadata as { name: string }).name));
    expect(server.get(EVENTS, name, 'kube-system')).toMatchObject({ count: 3 });
  });

  it.each<[string, AuditRecord, EventAbout]>([
    ['another image', FAILED, about('registry.test/app:2')],
    ['another namespace', FAILED, about('registry.test/app:1', 'prod')],
    ['no namespace', FAILED, { ...about(), namespace: undefined }],
    ['another reason', { ...FAILED, message: 'SIGNATURE_INVALID: no' }, about()],
    ['another event', { ...FAILED, event: 'BreakGlass' }, about()],
  ])('are two for %s', async (_, record, other) => {
    start();
    writer.tell(FAILED, about());
    writer.tell(record, other);
    await writer.close();
    expect(new Set(written().map(({ metadata }) => (metadata as { name: string }).name)).size).toBe(2);
  });

  it('are not made of records that kritis has no event for', async () => {
    start();
    writer.tell({ ...FAILED, event: 'ExceptionUsed' }, about());
    writer.tell({ ...FAILED, event: 'constructor' }, about());
    await writer.close();
    expect(server.seen).toEqual([]);
  });

  it('are 500 at one time at most, and 20 are written at a time', async () => {
    start();
    for (let index = 0; index < 700; index += 1) writer.tell(FAILED, about(`registry.test/app:${index}`));
    await writer.close();
    expect(written()).toHaveLength(20);
    expect(lines).toEqual([expect.objectContaining({ lost: 200 })]);
  });

  it('are not tried for a minute after the cluster refused them, and cost the caller nothing', async () => {
    start(5);
    server.faults.push((seen, res) => {
      if (seen.method !== 'POST') return false;
      refuse(res, 403, 'Forbidden');
      return true;
    });
    writer.tell(FAILED, about());
    await until('the refusal', () => lines.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(written()).toHaveLength(1);
    expect(lines).toEqual([expect.objectContaining({ code: 'CLUSTER_DENIED' })]);
    server.faults.length = 0;
    clock.at += 61_000;
    await until('the event', () => written().length === 2);
  });

  it('come again as new ones when the cluster has dropped them', async () => {
    start(5);
    writer.tell(FAILED, about());
    await until('the event', () => written().length === 1);
    const [{ metadata } = {}] = written();
    server.delete(EVENTS, (metadata as { name: string }).name, 'kube-system');
    writer.tell(FAILED, about());
    await until('the event again', () => written().length === 2);
    expect(written().at(-1)).toMatchObject({ count: 2 });
  });

  it('that the API server does not take keep no others back', async () => {
    start();
    server.faults.push((seen, res) => {
      if (!JSON.stringify(seen.body ?? '').includes('registry.test/poison')) return false;
      refuse(res, 422, 'Invalid');
      return true;
    });
    writer.tell(FAILED, about('registry.test/poison:1'));
    writer.tell(FAILED, about());
    await writer.close();
    expect(written()).toHaveLength(2);
    expect(lines).toEqual([expect.objectContaining({ code: 'CLUSTER_REFUSED' })]);
  });

  it('end within a second of closing, whether they could be written or not', async () => {
    start();
    server.faults.push((seen) => seen.method === 'POST');
    writer.tell(FAILED, about());
    const startedAt = performance.now();
    await writer.close();
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});
