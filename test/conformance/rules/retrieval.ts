import type { Area } from '../types.ts';

/** Where an image's signatures come from. */
export const RETRIEVAL: readonly Area[] = [
  {
    name: 'Reference and retrieval',
    rules: [
      [
        'One good signature is enough; signatures are tried one by one until one is good.',
        'Trust: FAQ; Workflow: OCI artifact verification',
        [1, 28, 29],
        ['policy all', 'ranking'],
      ],
      ['A tag is resolved to a digest once; everything after that is about the digest.', 'Workflow: Verification Prerequisites', [2]],
      [
        'A trust policy is looked up for `registry/repository@digest`; a tag, or no registry, has no statement, also where one has scope `*`.',
        'Trust: Selecting a trust policy',
        [4, 5],
        ['spelling'],
      ],
      ['A digest is sha256, sha384 or sha512 in lower-case hex of its length.', 'image-spec: Digests', [6, 8]],
      [
        'The registry answers with the digest that was asked for; where it names none, the one that was asked for counts.',
        'distribution-spec: Pulling manifests; CVE-2023-33959',
        [9, 10],
      ],
      [
        'Media type and size of the image are those that HEAD gives, and are compared with what was signed; HEAD without a size is refused.',
        'reference: oras-go registry/remote/repository.go',
        [12, 13, 14],
        ['HEAD'],
      ],
      [
        'Without the referrers API, signatures are listed in the index under the referrers tag, each with its artifact type.',
        'distribution-spec: Unavailable Referrers API',
        [16, 22],
        ['referrers answer'],
      ],
      [
        'A referrers API that fails, or that does not know the repository, is not taken for one that is not there.',
        'distribution-spec: Listing Referrers',
        [17, 18],
      ],
      [
        'Only referrers with the artifact type of a signature are looked at, filtered again whatever the registry says that it filtered.',
        'Signature: Signature Discovery',
        [20, 21],
        ['filters'],
      ],
      ['Pages of referrers are followed, to a bound.', 'distribution-spec: Listing Referrers', [24, 25], ['pages', 'links']],
      ['A bounded number of signatures is tried.', 'reference: notation-go notation.go', [26, 30], ['attempts']],
    ],
  },
  {
    name: 'Manifest',
    rules: [
      [
        'A signature is an image manifest with the artifact type, or in the legacy form, or an OCI artifact manifest.',
        'Signature: Storage',
        [32, 33, 34],
        ['config'],
      ],
      [
        'In an image layout, the subject is the image in media type, digest and size.',
        'reference: notation-go registry/repository.go',
        [36, 37],
      ],
      ['A manifest whose subject is another artifact is no signature of this one.', 'Signature: Storage', [38], ['D25']],
      [
        'Manifest and envelope have a size that is bounded before they are read.',
        'reference: notation-go registry/repository.go',
        [40, 41],
        ['sizes'],
      ],
      [
        'Content has exactly the size and the digest of its descriptor.',
        'image-spec: Descriptor; reference: notation-go registry/repository.go',
        [42, 44, 45, 46],
        ['D18'],
      ],
      ['No other media type of a manifest is read.', 'Signature: Storage', [48]],
      [
        "The layer's media type says which envelope it is, byte for byte; the bytes are never guessed from.",
        'Trust: Validate Integrity; Signature: Storage',
        [49, 50, 52],
      ],
      ['The annotation with thumbprints decides nothing.', 'reference: notation-go registry/repository.go', [53]],
      ['The manifest is JSON with exactly one layer.', 'Signature: Storage', [54, 'A-R-36']],
    ],
  },
];
