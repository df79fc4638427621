package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/crl"
	"github.com/notaryproject/notation-core-go/revocation/purpose"
	"github.com/notaryproject/notation-go/verifier"
)

// networkAnswers is what responders and distribution points say, by URL; null or absent: nobody is there.
type networkAnswers struct {
	OCSP map[string]*string `json:"ocsp"`
	CRL  map[string]*string `json:"crl"`
}

func (n networkAnswers) validators() (verifier.VerifierOptions, error) {
	codeSigning, err := n.validator(purpose.CodeSigning)
	if err != nil {
		return verifier.VerifierOptions{}, err
	}
	timestamping, err := n.validator(purpose.Timestamping)
	if err != nil {
		return verifier.VerifierOptions{}, err
	}
	return verifier.VerifierOptions{RevocationCodeSigningValidator: codeSigning, RevocationTimestampingValidator: timestamping}, nil
}

func (n networkAnswers) validator(of purpose.Purpose) (revocation.Validator, error) {
	fetcher, err := crl.NewHTTPFetcher(&http.Client{Transport: crlTransport(n.CRL)})
	if err != nil {
		return nil, err
	}
	return revocation.NewWithOptions(revocation.Options{
		OCSPHTTPClient:   &http.Client{Transport: ocspTransport(n.OCSP)},
		CRLFetcher:       fetcher,
		CertChainPurpose: of,
	})
}

type crlTransport map[string]*string

func (answers crlTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	return response(request, answers[request.URL.String()])
}

type ocspTransport map[string]*string

// RoundTrip finds the responder whose URL the request begins with: a GET carries the question behind it.
func (answers ocspTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	asked := request.URL.String()
	if body, ok := answers[asked]; ok {
		return response(request, body)
	}
	var found *string
	longest := -1
	for url, body := range answers {
		prefix := strings.TrimSuffix(url, "/") + "/"
		if strings.HasPrefix(asked, prefix) && len(prefix) > longest {
			found, longest = body, len(prefix)
		}
	}
	return response(request, found)
}

func response(request *http.Request, body *string) (*http.Response, error) {
	if body == nil {
		return nil, errors.New("connection refused")
	}
	content, err := base64.StdEncoding.DecodeString(*body)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode:    http.StatusOK,
		Status:        "200 OK",
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        http.Header{},
		Body:          io.NopCloser(bytes.NewReader(content)),
		ContentLength: int64(len(content)),
		Request:       request,
	}, nil
}
