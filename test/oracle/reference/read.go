package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-core-go/signature/cose"
	"github.com/notaryproject/notation-core-go/signature/jws"
	corex509 "github.com/notaryproject/notation-core-go/x509"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/tspclient-go"
	"golang.org/x/crypto/ocsp"
)

// question asks what a reader makes of some bytes. Issuer is the DER of the certificate that must have signed them or above who did, Subject
// of the one that they are about, Message what a timestamp is of.
type question struct {
	Kind    string `json:"kind"`
	Bytes   []byte `json:"bytes"`
	Issuer  []byte `json:"issuer"`
	Subject []byte `json:"subject"`
	Message []byte `json:"message"`
}

// reading is the answer: whether the bytes read, and what in them two readers should agree on.
type reading struct {
	Accepts bool     `json:"accepts"`
	Why     string   `json:"why"`
	Says    []string `json:"says"`
}

type reader func(asked question) (says []string, err error)

var readers = map[string]reader{
	"policy":      readPolicy,
	"identity":    readIdentity,
	"certificate": readCertificate,
	"pem":         readPEM,
	"crl":         readCRL,
	"ocsp":        readOCSP,
	"jws":         readEnvelope(jws.MediaTypeEnvelope),
	"cose":        readEnvelope(cose.MediaTypeEnvelope),
	"cms":         readCMS,
}

// readingOf never fails: a panic is an answer too.
func readingOf(line []byte) (given reading) {
	defer func() {
		if panicked := recover(); panicked != nil {
			given = reading{Why: fmt.Sprint("panicked: ", panicked)}
		}
	}()
	var asked question
	if err := json.Unmarshal(line, &asked); err != nil {
		return reading{Why: err.Error()}
	}
	read, known := readers[asked.Kind]
	if !known {
		return reading{Why: "no such kind: " + asked.Kind}
	}
	says, err := read(asked)
	if err != nil {
		return reading{Why: err.Error()}
	}
	return reading{Accepts: true, Says: says}
}

func readPolicy(asked question) ([]string, error) {
	document := &trustpolicy.Document{}
	if err := json.Unmarshal(asked.Bytes, document); err != nil {
		return nil, err
	}
	return nil, document.Validate()
}

func readIdentity(asked question) ([]string, error) {
	document := &trustpolicy.Document{Version: "1.0", TrustPolicies: []trustpolicy.TrustPolicy{{
		Name:                  "identity",
		RegistryScopes:        []string{"*"},
		SignatureVerification: trustpolicy.SignatureVerification{VerificationLevel: "strict"},
		TrustStores:           []string{"ca:acme"},
		TrustedIdentities:     []string{"x509.subject:" + string(asked.Bytes)},
	}}}
	return nil, document.Validate()
}

func readCertificate(asked question) ([]string, error) {
	cert, err := x509.ParseCertificate(asked.Bytes)
	if err != nil {
		return nil, err
	}
	return []string{
		cert.Subject.String(),
		cert.Issuer.String(),
		cert.NotBefore.UTC().Format(time.RFC3339),
		cert.NotAfter.UTC().Format(time.RFC3339),
		fmt.Sprint(cert.Version, " ", cert.BasicConstraintsValid && cert.IsCA, " ", int(cert.KeyUsage)),
		fmt.Sprint(cert.OCSPServer),
		fmt.Sprint(cert.CRLDistributionPoints),
	}, nil
}

func readPEM(asked question) ([]string, error) {
	var says []string
	for block, rest := pem.Decode(asked.Bytes); block != nil; block, rest = pem.Decode(rest) {
		says = append(says, fmt.Sprintf("%x", block.Bytes))
	}
	if says == nil {
		return nil, errors.New("no block")
	}
	return says, nil
}

func readCRL(asked question) ([]string, error) {
	issuer, subject, err := asked.certificates()
	if err != nil {
		return nil, err
	}
	list, err := x509.ParseRevocationList(asked.Bytes)
	if err != nil {
		return nil, err
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		return nil, err
	}
	says := []string{fmt.Sprint(list.NextUpdate.UTC().Unix())}
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(subject.SerialNumber) == 0 {
			says = append(says, fmt.Sprint(entry.RevocationTime.Unix(), " ", entry.ReasonCode))
		}
	}
	return says, nil
}

func readOCSP(asked question) ([]string, error) {
	issuer, subject, err := asked.certificates()
	if err != nil {
		return nil, err
	}
	response, err := ocsp.ParseResponseForCert(asked.Bytes, subject, issuer)
	if err != nil {
		return nil, err
	}
	return []string{statuses[response.Status], fmt.Sprint(response.NextUpdate.Unix())}, nil
}

var statuses = map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}

func (asked question) certificates() (issuer, subject *x509.Certificate, err error) {
	if issuer, err = x509.ParseCertificate(asked.Issuer); err != nil {
		return nil, nil, err
	}
	subject, err = x509.ParseCertificate(asked.Subject)
	return issuer, subject, err
}

func readEnvelope(mediaType string) reader {
	return func(asked question) ([]string, error) {
		envelope, err := signature.ParseEnvelope(mediaType, asked.Bytes)
		if err != nil {
			return nil, err
		}
		content, err := envelope.Verify()
		if err != nil {
			return nil, err
		}
		return []string{
			content.Payload.ContentType,
			fmt.Sprintf("%x", content.Payload.Content),
			string(content.SignerInfo.SignedAttributes.SigningScheme),
			fmt.Sprint(content.SignerInfo.SignedAttributes.Expiry.Unix()),
			fmt.Sprintf("%x", content.SignerInfo.Signature),
		}, nil
	}
}

// readCMS takes what reads; the last line says whether it is also a timestamp of the message by an authority under the issuer.
func readCMS(asked question) ([]string, error) {
	token, err := tspclient.ParseSignedToken(asked.Bytes)
	if err != nil {
		return nil, err
	}
	info, err := token.Info()
	if err != nil {
		return nil, err
	}
	verdict := "verified"
	if err := verifyToken(token, info, asked); err != nil {
		verdict = err.Error()
	}
	return []string{
		fmt.Sprint(info.Version, " ", info.Policy, " ", info.MessageImprint.HashAlgorithm.Algorithm),
		fmt.Sprintf("%x", info.MessageImprint.HashedMessage),
		info.GenTime.UTC().Format("2006-01-02T15:04:05.000000000Z"),
		fmt.Sprint(info.Accuracy.Seconds, " ", info.Accuracy.Milliseconds, " ", info.Accuracy.Microseconds),
		verdict,
	}, nil
}

// verifyToken is what notation-go does with a countersignature, but for revocation and the certificates of the envelope.
func verifyToken(token *tspclient.SignedToken, info *tspclient.TSTInfo, asked question) error {
	timestamp, err := info.Validate(asked.Message)
	if err != nil {
		return err
	}
	root, err := x509.ParseCertificate(asked.Issuer)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	chain, err := token.Verify(context.Background(), x509.VerifyOptions{CurrentTime: timestamp.Value, Roots: roots})
	if err != nil {
		return err
	}
	return corex509.ValidateTimestampingCertChain(chain)
}
