package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/notaryproject/notation-go/dir"
	"github.com/notaryproject/notation-go/verifier/truststore"
)

var storeName = regexp.MustCompile(`^[a-zA-Z0-9_.-]*[a-zA-Z0-9_-][a-zA-Z0-9_.-]*$`)

// writeTrustStores lays the stores out as notation-go reads them, a file for each text, so that its own rules about files and certificates
// hold. Stores that no trust policy can name are left out.
func writeTrustStores(parent string, stores map[string][]string) (string, error) {
	root, err := os.MkdirTemp(parent, "case-")
	if err != nil {
		return "", err
	}
	for key, texts := range stores {
		kind, name, _ := strings.Cut(key, ":")
		if !isStoreType(kind) || !storeName.MatchString(name) {
			continue
		}
		folder := filepath.Join(root, dir.X509TrustStoreDir(kind, name))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return root, err
		}
		for i, text := range texts {
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d.pem", i)), []byte(text), 0o600); err != nil {
				return root, err
			}
		}
	}
	return root, nil
}

func isStoreType(kind string) bool {
	for _, known := range truststore.Types {
		if string(known) == kind {
			return true
		}
	}
	return false
}

func removeTrustStores(root string) {
	_ = os.RemoveAll(root)
}
