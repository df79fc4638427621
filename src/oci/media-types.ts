export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
/** Of the release candidates of OCI 1.1; signatures of that time have it. */
export const ARTIFACT_MANIFEST = 'application/vnd.oci.artifact.manifest.v1+json';

/** What an image may be. Docker's schema 1 is not among them: its digest covers less than its bytes. */
const IMAGE_TYPES: readonly string[] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST];

/** An `Accept` for any image. */
export const ACCEPT_IMAGE = IMAGE_TYPES.join(', ');

export function isImageType(mediaType: string): boolean {
  return IMAGE_TYPES.includes(mediaType);
}

/** The media type of a Content-Type without its parameters, as written; the empty string for none. */
export function withoutParameters(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim() ?? '';
}
