package main

import (
	"encoding/json"
	"io"
)

// answerPrinter prints the answers of commands.
type answerPrinter struct {
	out  io.Writer
	json bool
}

// printAnswer prints an answer as JSON or as text.
func (p answerPrinter) printAnswer(answer any, words func(io.Writer)) error {
	if !p.json {
		words(p.out)
		return nil
	}
	encoder := json.NewEncoder(p.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answer)
}
