// Command gitops asks what GitOps tools make of our objects: the Lua interpreter that Argo CD links runs our scripts, and
// the kstatus that Flux links judges our conditions. It reads one JSON array from stdin and writes one, of equal length.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// answer is what became of one question: a value, or why there is none.
type answer struct {
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gitops:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	programs := map[string]func(json.RawMessage) (any, error){"lua": runScript, "kstatus": statusOf}
	if len(args) != 1 || programs[args[0]] == nil {
		return fmt.Errorf("usage: gitops lua|kstatus, with a JSON array on stdin")
	}
	var questions []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		return fmt.Errorf("reading stdin: %w", err)
	}
	answers := make([]answer, len(questions))
	for i, question := range questions {
		value, err := programs[args[0]](question)
		answers[i] = answer{Value: value}
		if err != nil {
			answers[i] = answer{Error: err.Error()}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}
