/**
 * Whose hosts belong together, so that a registry's credentials may go to its token server.
 *
 * There is no public-suffix list here, and what is not known counts as apart: an address is a site of its own; so is every host under a
 * domain whose subdomains are let to strangers (the table below); else a site is the last two labels, or three below
 * a country's second level (`co.uk`; any of up to three letters under a country code). The settings' `tokenServers` names what this
 * leaves apart.
 */
import { isIP } from 'node:net';

/** Anybody may have a host under these. */
const LET_TO_STRANGERS: ReadonlySet<string> = new Set([
  'aliyuncs.com',
  'amazonaws.com',
  'amazonaws.com.cn',
  'appspot.com',
  'azurecr.cn',
  'azurecr.io',
  'azurecr.us',
  'azurewebsites.net',
  'blogspot.com',
  'cloudapp.azure.com',
  'cloudapp.net',
  'cloudfront.net',
  'cluster.local',
  'digitaloceanspaces.com',
  'duckdns.org',
  'firebaseapp.com',
  'fly.dev',
  'github.io',
  'githubusercontent.com',
  'gitlab.io',
  'googleapis.com',
  'herokuapp.com',
  'jfrog.io',
  'myhuaweicloud.com',
  'myqcloud.com',
  'netlify.app',
  'ngrok-free.app',
  'ngrok.app',
  'ngrok.io',
  'nip.io',
  'ocir.io',
  'on.aws',
  'onrender.com',
  'oraclecloud.com',
  'pages.dev',
  'pkg.dev',
  'readthedocs.io',
  'run.app',
  'scw.cloud',
  'sslip.io',
  'tencentcloudcr.com',
  'trafficmanager.net',
  'trycloudflare.com',
  'vercel.app',
  'volces.com',
  'web.app',
  'windows.net',
  'workers.dev',
]);
const SECOND_LEVEL: ReadonlySet<string> = new Set(['info', 'nhs', 'govt', 'school', 'sch', 'asso', 'gouv', 'firm', 'name']);
/** Alibaba Cloud's token servers, which stand beside its registries under a shared domain. */
const ALIBABA_TOKEN_SERVER = /^dockerauth[a-z-]{0,16}\.[a-z0-9-]{1,32}\.aliyuncs\.com$/;

/** Whether two hosts (names or addresses, without ports) are run by the same people, as far as their names tell. */
export function isSameSite(registry: string, other: string): boolean {
  const [a, b] = [canonical(registry), canonical(other)];
  if (a === b) return true;
  if (a.endsWith('.aliyuncs.com')) return ALIBABA_TOKEN_SERVER.test(b);
  const site = siteOf(a);
  return site !== undefined && site === siteOf(b);
}

function canonical(host: string): string {
  return host.toLowerCase().replace(/\.$/, '');
}

/** The domain that the host is registered under; undefined if it is a site of its own. */
function siteOf(host: string): string | undefined {
  const labels = host.split('.');
  if (isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0 || labels.length < 2) return undefined;
  if (labels.some((_, from) => LET_TO_STRANGERS.has(labels.slice(from).join('.')))) return undefined;
  const [second = '', top = ''] = labels.slice(-2);
  const isSuffix = top.length === 2 && (second.length <= 3 || SECOND_LEVEL.has(second));
  const size = isSuffix ? 3 : 2;
  return labels.length < size ? undefined : labels.slice(-size).join('.');
}
