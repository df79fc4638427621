import { z } from 'zod';
import { type AlibabaClient, createAlibabaClient } from '../cloud/alibaba.ts';
import { alibabaEndpoint, alibabaParameters } from '../cloud/alibaba-parameters.ts';
import { SourceError } from '../engine/errors.ts';
import { defineAttestations } from '../engine/kinds.ts';
import { quoted } from '../engine/reason.ts';
import type { AttestedImage } from '../engine/types.ts';
import { isJsonObject, JsonNumber, type JsonObject, type JsonValue } from '../lib/json.ts';
import { ApiError } from '../lib/json-api.ts';
import { createRecent, type Recent } from '../lib/recent.ts';
import type { Repository } from '../oci/reference.ts';
import { sourceFailure } from './api-failure.ts';
import { memberOf } from './members.ts';
import { readStatements, type Statements, unreadable } from './occurrence.ts';

const parameters = z.object({
  instances: z
    .array(
      z.object({
        host: z.string().min(1).max(255).describe('As references name it, such as a domain of your own.'),
        region: z.string().regex(/^[a-z0-9-]{1,32}$/),
        instanceId: z
          .string()
          .regex(/^[A-Za-z0-9-]{1,64}$/)
          .describe('Such as cri-xxxxxxxx.'),
      }),
    )
    .max(64)
    .default([])
    .describe('Registries whose instance is not told by the host, or need not be looked up.'),
  endpoint: alibabaEndpoint
    .optional()
    .describe('Where Container Registry answers. Default: cr.REGION.aliyuncs.com, cr-vpc.… for a host of the VPC.'),
  ...alibabaParameters,
});

type Parameters = z.infer<typeof parameters>;

const VERSION = '2018-12-01';
const PAGE_SIZE = 100;
const MAX_PAGES = 10;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_INSTANCES = 256;

/**
 * What Container Registry Enterprise Edition of Alibaba Cloud signed, by `ListInstance` and `ListMetadataOccurrences` of its API 2018-12-01:
 * the permissions that kritis-validation-hook asks for. An image of any other registry has nothing there.
 */
export const acr = defineAttestations({
  type: 'acr',
  parameters,
  create: ({ name, parameters: declared }) => {
    const client = createAlibabaClient(declared);
    // For as long as the settings stand: an instance keeps its id.
    const known = createRecent<Instance>(MAX_INSTANCES);
    return { name, list: (image, signal) => listStatements({ client, declared, known }, image, signal) };
  },
});

interface Instance {
  readonly id: string;
}

interface World {
  readonly client: AlibabaClient;
  readonly declared: Parameters;
  readonly known: Recent<Instance>;
}

async function* listStatements(world: World, image: AttestedImage, signal: AbortSignal): AsyncGenerator<Statements['attestations']> {
  const site = siteOf(image.repository, world.declared);
  if (site === undefined) return;
  const problems: string[] = [];
  try {
    const instanceId = site.instanceId ?? (await instanceIdOf(world, site, signal));
    for await (const occurrences of pagesOf(world, site, instanceId, image, signal)) {
      const found = readStatements(new Map([['occurrences', occurrences]]), `an occurrence of ${instanceId}`, image.digest);
      problems.push(...found.problems);
      if (found.attestations.length > 0) yield found.attestations;
    }
  } catch (error) {
    throw sourceFailure(error);
  }
  if (problems.length > 0) throw unreadable(image.repository.registry, problems);
}

/** Where an instance is asked for, and what is known of it. */
interface Site {
  readonly region: string;
  readonly endpoint: string;
  /** Whether that may lead to this machine. */
  readonly isOwn: boolean;
  /** The instance's public host: one image has one name there, by whichever way it is pulled. */
  readonly filedUnder: string;
  readonly instanceName: string;
  readonly instanceId: string | undefined;
}

/**
 * A region begins with two letters for its part of the world. Nothing else will do: the host comes out of a reference that anybody may write, and
 * `cr-vpc.oss-cn-hangzhou.aliyuncs.com` would be a bucket, which is whose it is.
 */
const HOST = /^([a-z0-9][a-z0-9-]{0,62})-registry(-vpc)?\.([a-z]{2}-[a-z0-9-]{1,29})\.cr\.aliyuncs\.com$/;

/** By `<instance>-registry[-vpc].<region>.cr.aliyuncs.com`, or by the settings; undefined for another registry. */
function siteOf({ registry }: Repository, { instances, endpoint: own }: Parameters): Site | undefined {
  const declared = instances.find(({ host }) => host === registry);
  const [, instanceName = '', vpc, regionOfHost] = HOST.exec(registry) ?? [];
  const region = declared?.region ?? regionOfHost;
  if (region === undefined) return undefined;
  const usual = `https://cr${vpc ?? ''}.${region}.aliyuncs.com`;
  const filedUnder = vpc === undefined ? registry : registry.replace('-registry-vpc.', '-registry.');
  return { region, endpoint: own ?? usual, isOwn: own !== undefined, filedUnder, instanceName, instanceId: declared?.instanceId };
}

function callOf({ endpoint: where, isOwn }: Site, action: string, given: Readonly<Record<string, string>>) {
  // The region stands in a reference that anybody may write; what its name leads to is nothing of this machine.
  const reach = isOwn ? {} : { reach: 'private' as const };
  return { endpoint: where, action, version: VERSION, parameters: given, maxBytes: MAX_BYTES, ...reach };
}

async function instanceIdOf({ client, known }: World, site: Site, signal: AbortSignal): Promise<string> {
  const { instanceName, region } = site;
  const key = `${instanceName} ${region}`;
  const remembered = known.get(key);
  if (remembered !== undefined) return remembered.id;
  const given = { InstanceName: instanceName, PageNo: '1', PageSize: String(PAGE_SIZE) };
  const answer = await client.call(callOf(site, 'ListInstance', given), signal);
  const instances = listOf(answer, 'instances', 'ListInstance');
  const named = instances.filter((one) => isJsonObject(one) && one.get('InstanceName') === instanceName);
  const [id, another] = named.map((one) => (isJsonObject(one) ? one.get('InstanceId') : undefined));
  if (typeof id !== 'string' || id === '' || another !== undefined) {
    const found = another === undefined ? 'no instance' : 'several instances';
    const message = `ListInstance shows ${found} ${quoted(instanceName)} in ${region}; see to the credentials, or name the instanceId`;
    throw new SourceError('ATTESTATIONS_DENIED', message);
  }
  known.set(key, { id });
  return id;
}

/**
 * The JSON of `ListMetadataOccurrences` is not public. Chosen: pages and success as all lists of this API have them (`PageNo`, `PageSize`,
 * `TotalCount`, `IsSuccess`, `Code`), and in `Occurrences` those of Grafeas, in any spelling of their names. Whatever is filtered there is
 * filtered here again, and an answer without that list is no answer.
 */
async function* pagesOf({ client }: World, site: Site, instanceId: string, image: AttestedImage, signal: AbortSignal) {
  const { repository, digest } = image;
  const [namespace = '', ...rest] = repository.path.split('/');
  const filter = `resource_url="https://${site.filedUnder}/${repository.path}@${digest}" AND kind="ATTESTATION"`;
  const common = { InstanceId: instanceId, RepoNamespaceName: namespace, RepoName: rest.join('/'), Filter: filter };
  let received = 0;
  for (let page = 1; page <= MAX_PAGES; page++) {
    const given = { ...common, PageNo: String(page), PageSize: String(PAGE_SIZE) };
    const answer = await client.call(callOf(site, 'ListMetadataOccurrences', given), signal);
    const occurrences = listOf(answer, 'occurrences', 'ListMetadataOccurrences');
    received += occurrences.length;
    yield occurrences;
    if (received >= totalOf(answer)) return;
    if (occurrences.length === 0) {
      throw new ApiError('INVALID', `ListMetadataOccurrences ended after ${received} of ${totalOf(answer)} occurrences`);
    }
  }
  throw new ApiError('INVALID', `ListMetadataOccurrences has more than ${MAX_PAGES} pages for ${quoted(digest)}`);
}

function listOf(answer: JsonObject, member: string, action: string): readonly JsonValue[] {
  if (answer.get('IsSuccess') === false) {
    throw new ApiError('INVALID', `${action} did not succeed: ${quoted(String(answer.get('Code') ?? 'without a code'))}`);
  }
  const list = memberOf(answer, member);
  if (!Array.isArray(list)) throw new ApiError('INVALID', `${action} answered without a list of ${member}`);
  return list;
}

function totalOf(answer: JsonObject): number {
  const total = answer.get('TotalCount');
  if (total instanceof JsonNumber && /^[0-9]{1,9}$/.test(total.text)) return Number(total.text);
  throw new ApiError('INVALID', 'ListMetadataOccurrences answered without TotalCount');
}
