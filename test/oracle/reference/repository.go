package main

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// repository holds one artifact with one signature, whatever it is asked for.
type repository struct {
	found signatureCase
}

func (r *repository) Resolve(context.Context, string) (ocispec.Descriptor, error) {
	return r.found.Subject, nil
}

func (r *repository) ListSignatures(_ context.Context, _ ocispec.Descriptor, fn func([]ocispec.Descriptor) error) error {
	return fn([]ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("manifest"), Size: 8}})
}

func (r *repository) FetchSignatureBlob(context.Context, ocispec.Descriptor) ([]byte, ocispec.Descriptor, error) {
	envelope := r.found.Envelope
	return envelope, ocispec.Descriptor{MediaType: r.found.MediaType, Digest: digest.FromBytes(envelope), Size: int64(len(envelope))}, nil
}

func (r *repository) PushSignature(context.Context, string, []byte, ocispec.Descriptor, map[string]string) (ocispec.Descriptor, ocispec.Descriptor, error) {
	return ocispec.Descriptor{}, ocispec.Descriptor{}, errors.New("read only")
}
