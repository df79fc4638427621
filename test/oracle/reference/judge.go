package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/dir"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

type signatureCase struct {
	ID           json.RawMessage     `json:"id"`
	MediaType    string              `json:"mediaType"`
	Envelope     []byte              `json:"envelope"`
	Subject      ocispec.Descriptor  `json:"subject"`
	Reference    string              `json:"reference"`
	TrustPolicy  json.RawMessage     `json:"trustPolicy"`
	TrustStores  map[string][]string `json:"trustStores"`
	Now          *string             `json:"now"`
	Revocation   networkAnswers      `json:"revocation"`
	UserMetadata map[string]string   `json:"userMetadata"`
}

func judge(found signatureCase, trustStores string) answer {
	document := &trustpolicy.Document{}
	if err := json.Unmarshal(found.TrustPolicy, document); err != nil {
		return failed(nil, "misconfigured", "policy", "malformed trust policy: "+err.Error())
	}
	root, err := writeTrustStores(trustStores, found.TrustStores)
	if err != nil {
		return failed(nil, "misconfigured", "CASE_INVALID", err.Error())
	}
	defer removeTrustStores(root)
	options, err := found.Revocation.validators()
	if err != nil {
		return failed(nil, "misconfigured", "CASE_INVALID", err.Error())
	}
	// No plugins: a nil manager, as a verifier without them has.
	inner, err := verifier.NewWithOptions(document, truststore.NewX509TrustStore(dir.NewSysFS(root)), nil, options)
	if err != nil {
		return failed(nil, "misconfigured", "policy", err.Error())
	}
	watched := &watchedVerifier{inner: inner}
	_, _, err = notation.Verify(context.Background(), watched, &repository{found}, notation.VerifyOptions{
		ArtifactReference:    found.Reference,
		MaxSignatureAttempts: 100,
		UserMetadata:         found.UserMetadata,
	})
	return answerOf(err, watched.outcome)
}

// watchedVerifier keeps the outcome that notation.Verify leaves out when it fails.
type watchedVerifier struct {
	inner   notation.Verifier
	outcome *notation.VerificationOutcome
}

func (v *watchedVerifier) Verify(ctx context.Context, desc ocispec.Descriptor, signature []byte, opts notation.VerifierVerifyOptions) (*notation.VerificationOutcome, error) {
	outcome, err := v.inner.Verify(ctx, desc, signature, opts)
	v.outcome = outcome
	return outcome, err
}

// SkipVerify is asked for by notation.Verify before anything is fetched.
func (v *watchedVerifier) SkipVerify(ctx context.Context, opts notation.VerifierVerifyOptions) (bool, *trustpolicy.VerificationLevel, error) {
	skipper := v.inner.(interface {
		SkipVerify(context.Context, notation.VerifierVerifyOptions) (bool, *trustpolicy.VerificationLevel, error)
	})
	return skipper.SkipVerify(ctx, opts)
}

func answerOf(err error, outcome *notation.VerificationOutcome) answer {
	given := answer{Outcome: "accepted", Results: []result{}}
	var decisive *notation.ValidationResult
	if outcome != nil {
		for _, found := range outcome.VerificationResults {
			given.Results = append(given.Results, resultOf(found))
			if found.Error != nil && found.Action == trustpolicy.ActionEnforce {
				decisive = found
			}
		}
	}
	if err == nil {
		given.Reason = reason{"VERIFIED", ""}
		return given
	}
	given.Outcome, given.Reason = classOf(err, decisive)
	return given
}

func resultOf(found *notation.ValidationResult) result {
	given := result{Type: string(found.Type), Action: string(found.Action)}
	if found.Error != nil {
		message := found.Error.Error()
		given.Error = &message
	}
	return given
}

// classOf names the step that decided, or what it was if none of the five, and the outcome by design.md 2.
func classOf(err error, decisive *notation.ValidationResult) (string, reason) {
	message := err.Error()
	if decisive != nil {
		return outcomeOf(decisive), reason{string(decisive.Type), message}
	}
	var noPolicy notation.ErrorNoApplicableTrustPolicy
	var retrieval notation.ErrorSignatureRetrievalFailed
	var metadata notation.ErrorUserMetadataVerificationFailed
	var inconclusive notation.ErrorVerificationInconclusive
	switch {
	case errors.As(err, &noPolicy):
		return "refused", reason{"reference", message}
	case errors.As(err, &retrieval):
		return "refused", reason{"retrieval", message}
	case errors.As(err, &metadata):
		return "refused", reason{"metadata", message}
	case errors.As(err, &inconclusive), strings.Contains(message, "extended attribute"), strings.Contains(message, "Extended attribute"):
		return "refused", reason{"plugin", message}
	}
	return "refused", reason{"payload", message}
}

func outcomeOf(decisive *notation.ValidationResult) string {
	var store truststore.TrustStoreError
	var certificate truststore.CertificateError
	message := decisive.Error.Error()
	switch {
	case errors.As(decisive.Error, &store), errors.As(decisive.Error, &certificate), strings.Contains(message, "failed to load tsa trust store"):
		return "misconfigured"
	case strings.HasSuffix(message, "revocation status is unknown"):
		return "unavailable"
	}
	return "refused"
}
