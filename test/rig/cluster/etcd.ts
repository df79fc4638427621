import { join } from 'node:path';
import { type Restartable, restartable, startDaemon } from '../daemon.ts';
import { onFreePorts } from '../free-port.ts';

export interface Etcd extends Restartable {
  readonly url: string;
}

/** etcd with one member; its data is under `folder` and is not worth an fsync. */
export function startEtcd({ bin, folder, log }: { bin: string; folder: string; log: string }): Promise<Etcd> {
  return onFreePorts(async (next) => {
    const url = `http://127.0.0.1:${await next()}`;
    const peer = `http://127.0.0.1:${await next()}`;
    const daemon = await restartable(() =>
      startDaemon({
        name: 'etcd',
        bin,
        log,
        args: [
          ...['--name=rig', `--data-dir=${join(folder, 'etcd')}`, '--unsafe-no-fsync', '--log-level=warn'],
          ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
          ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`, `--initial-cluster=rig=${peer}`],
        ],
        ready: async () => (await fetch(`${url}/health`)).ok,
      }),
    );
    return { url, ...daemon };
  });
}
