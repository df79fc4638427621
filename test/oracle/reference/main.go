// Command oracle answers signature cases with the verdict of notation-go: one case a line in, one answer a line out, in order, in the
// shape of `countersign judge`. It reads the real clock; a case that gives a time is no case.
//
// `oracle read` answers what the readers below notation-go make of some bytes: one question a line in, one reading a line out.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "read" {
		exitOn(answerLines(os.Stdin, os.Stdout, func(line []byte) any { return readingOf(line) }))
		return
	}
	trustStores, err := os.MkdirTemp("", "oracle-")
	exitOn(err)
	err = answerLines(os.Stdin, os.Stdout, func(line []byte) any { return answerTo(line, trustStores) })
	_ = os.RemoveAll(trustStores)
	exitOn(err)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answerLines(in io.Reader, out io.Writer, answerTo func(line []byte) any) error {
	reader := bufio.NewReaderSize(in, 1<<20)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		line, err := reader.ReadBytes('\n')
		if len(line) > 0 {
			if err := encoder.Encode(answerTo(line)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

type reason struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type result struct {
	Type   string  `json:"type"`
	Action string  `json:"action"`
	Error  *string `json:"error"`
}

type answer struct {
	ID      json.RawMessage `json:"id"`
	Outcome string          `json:"outcome"`
	Reason  reason          `json:"reason"`
	Results []result        `json:"results"`
}

// answerTo never fails: what is no case is misconfigured, and a panic of notation-go is an answer too.
func answerTo(line []byte, trustStores string) (given answer) {
	id := json.RawMessage("null")
	defer func() {
		if panicked := recover(); panicked != nil {
			given = failed(id, "panicked", "PANIC", fmt.Sprint(panicked))
		}
	}()
	var found signatureCase
	if err := json.Unmarshal(line, &found); err != nil {
		return failed(id, "misconfigured", "CASE_INVALID", err.Error())
	}
	if len(found.ID) > 0 {
		id = found.ID
	}
	if found.Now != nil {
		return failed(id, "misconfigured", "CASE_INVALID", "this judge has no clock but the real one: expected now to be null")
	}
	given = judge(found, trustStores)
	given.ID = id
	return given
}

func failed(id json.RawMessage, outcome, code, message string) answer {
	return answer{ID: id, Outcome: outcome, Reason: reason{code, message}, Results: []result{}}
}
