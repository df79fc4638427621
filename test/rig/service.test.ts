// @rig none
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Endpoint, type Service, startService } from './service.ts';
import { eventually } from './wait.ts';

const LAG_MS = 200;

/** Answers each line with its name. */
class Pod implements Endpoint {
  ready = true;
  readonly #server: Server;
  readonly #name: string;
  address = '';

  constructor(name: string) {
    this.#name = name;
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined).on('data', () => socket.write(this.#name));
    });
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.address = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async isReady(): Promise<boolean> {
    return this.ready;
  }

  close(): void {
    this.#server.close();
  }
}

describe('a Service', () => {
  let service: Service;
  let pods: readonly [Pod, Pod];

  beforeEach(async () => {
    service = await startService({ lagMs: LAG_MS });
    pods = [await new Pod('a').listen(), await new Pod('b').listen()];
  });

  afterEach(async () => {
    await service.stop();
    for (const pod of pods) pod.close();
  });

  const open = (): Socket => {
    const [host = '', port = ''] = service.address.split(':');
    return connect({ host, port: Number(port) }).on('error', () => undefined);
  };
  const ask = (socket: Socket): Promise<string> =>
    new Promise((resolve) => {
      socket.once('data', (data) => resolve(String(data))).once('close', () => resolve('closed'));
      socket.write('who');
    });
  const who = async (): Promise<string> => {
    const socket = open();
    const answer = await ask(socket);
    socket.destroy();
    return answer;
  };

  it('leads to nobody where nobody is ready', async () => {
    expect(await who()).toBe('closed');
    pods[0].ready = false;
    service.add(pods[0]);
    expect(await who()).toBe('closed');
  });

  it('leads to those that are ready, in turn', async () => {
    for (const pod of pods) {
      service.add(pod);
      await service.leadsTo(pod);
    }
    expect([await who(), await who()].sort()).toEqual(['a', 'b']);
  });

  it.each<[what: string, change: (pod: Pod) => void]>([
    ['is not ready any more', (pod) => Object.assign(pod, { ready: false })],
    ['is removed', (pod) => service.remove(pod)],
  ])('goes on leading to one that %s for a while, and keeps its connections after', async (_, change) => {
    service.add(pods[0]);
    await service.leadsTo(pods[0]);
    const kept = open();
    expect(await ask(kept)).toBe('a');
    change(pods[0]);
    expect(await who()).toBe('a');
    await eventually('led to nobody', async () => ((await who()) === 'closed' ? true : undefined));
    expect(await ask(kept)).toBe('a');
    kept.destroy();
  });
});
